"""Panels show the newest, however much comes, and never grow."""

from typing import Any

from mesoscale.graph.build import build
from mesoscale.model import Pipeline
from mesoscale_dashboard import panels
from mesoscale_dashboard.app import followed
from mesoscale_dashboard.panels import Latest, Payments, Scores, Weather


def observation(hour: int, station: str = "JFK", temperature: float | None = 1.5) -> dict[str, Any]:
    day, of_day = divmod(hour, 24)
    return {
        "station": station,
        "observed_at": f"2013-01-{day + 1:02}T{of_day:02}:00:00Z",
        "temperature": temperature,
        "wind_speed": 3.0,
    }


def payment(number: int, amount: int = 1000, fraud: str | None = None) -> dict[str, Any]:
    return {"transaction_id": f"t-{number}", "amount": amount, "currency": "USD", "fraud_pattern": fraud}


def opened(panel: panels.Panel) -> dict[str, Any]:
    event = panel.opening()
    assert event is not None
    payload: dict[str, Any] = event[1]
    return payload


def test_weather_keeps_the_newest_hours_of_every_station_in_their_order() -> None:
    weather = Weather("weather")
    weather.add([observation(hour) for hour in reversed(range(300))], 0.0)
    weather.add([observation(5, "LGA")], 0.0)
    stations = opened(weather)["stations"]
    assert list(stations) == ["JFK", "LGA"]
    assert stations["JFK"]["latest"]["observed_at"] == "2013-01-13T11:00:00Z"
    assert len(stations["JFK"]["temperature"]) == panels.OBSERVATIONS_KEPT
    assert stations["JFK"]["observed_at"] == sorted(stations["JFK"]["observed_at"])


def test_an_observation_that_comes_twice_shows_once() -> None:
    weather = Weather("weather")
    weather.add([observation(1), observation(1, temperature=2.5)], 0.0)
    assert opened(weather)["stations"]["JFK"]["temperature"] == [2.5]


def test_more_stations_than_fit_do_not_grow_the_page() -> None:
    weather = Weather("weather")
    weather.add([observation(1, f"S{number}") for number in range(500)], 0.0)
    assert len(opened(weather)["stations"]) == panels.STATIONS_KEPT


def test_what_is_no_observation_does_not_show() -> None:
    weather = Weather("weather")
    weather.add([{}, {"station": 4, "observed_at": "2013-01-01T00:00:00Z"}, {"station": "JFK"}], 0.0)
    assert weather.opening() is None


def test_a_panel_tells_of_a_change_once() -> None:
    for panel in (Weather("w"), Payments("p"), Latest("l", ["station"])):
        assert panel.changed() is None
        panel.add([observation(1) | payment(1)], 0.0)
        assert panel.changed() is not None
        assert panel.changed() is None
        assert panel.opening() is not None


def test_payments_are_sampled_to_what_is_allowed_and_the_labelled_ones_are_among_them() -> None:
    payments = Payments("payments")
    labelled = {7, 2500, 4999}
    payments.add([payment(i, fraud="travel" if i in labelled else None) for i in range(5000)], 0.0)
    event = payments.changed()
    assert event is not None
    shown = event[1]["payments"]
    assert len(shown) == panels.PAYMENTS_PER_SECOND
    assert {f"t-{i}" for i in labelled} <= {one["transaction_id"] for one in shown}
    payments.add([payment(6000)], 0.0)
    assert payments.changed() is None, "the second's allowance is used up"


def test_every_payment_counts_in_the_distribution_whether_it_shows_or_not() -> None:
    payments = Payments("payments")
    payments.add([payment(i, amount=999) for i in range(5000)] + [payment(1, 1), payment(2, 10**8, "travel")], 0.0)
    amounts = opened(payments)["amounts"]
    assert sum(amounts["honest"]) == 5001
    assert amounts["honest"][8] == 5000  # 10^(8/3) ≤ 999 < 10^(9/3)
    assert amounts["honest"][0] == 1
    assert amounts["labelled"][-1] == 1


def test_an_amount_that_is_none_does_not_show() -> None:
    payments = Payments("payments")
    payments.add([{"amount": "12"}, {"amount": 0}, {"amount": -3}, {}], 0.0)
    assert payments.opening() is None


def test_all_scores_count_and_the_latest_alerts_show() -> None:
    scores = Scores("scores")
    assert scores.opening() is None
    scores.add([payment(i) | {"score": 0.01, "alert": False, "reasons": ""} for i in range(500)], 0.0)
    alerts = [payment(i, fraud="travel") | {"score": 1.0, "alert": True, "reasons": "place"} for i in range(30)]
    scores.add(alerts, 0.0)
    scores.add([{"score": None}, {}], 0.0)
    shown = opened(scores)
    assert [one["transaction_id"] for one in shown["alerts"]] == [f"t-{i}" for i in range(18, 30)]
    assert shown["alerts"][0]["reasons"] == "place"
    assert (shown["scores"]["passed"][0], sum(shown["scores"]["passed"])) == (500, 500)
    assert (shown["scores"]["flagged"][-1], sum(shown["scores"]["flagged"])) == (30, 30)
    assert scores.changed() is not None
    assert scores.changed() is None


def test_other_records_show_their_columns_and_long_texts_are_cut() -> None:
    latest = Latest("felt", ["station", "note"])
    latest.add([{"station": i, "note": "x" * 10_000, "secret": 1} for i in range(100)], 0.0)
    records = opened(latest)["records"]
    assert [record["station"] for record in records] == list(range(92, 100))
    assert records[0] == {"station": 92, "note": "x" * panels.TEXT_KEPT}


def test_a_second_edge_of_weather_or_payments_shows_its_latest_records() -> None:
    weather = {"name": "weather", "contract": "observation", "replay": {"dataset": "nyc-2013"}}
    paid = {"name": "paid", "contract": "transaction", "synthetic": {}}
    stages = [{"name": name, "from": from_, "use": "forward"} for name, from_ in (("a", "weather"), ("b", "paid"))]
    pipeline = Pipeline.model_validate(
        {"metadata": {"name": "p"}, "spec": {"sources": [weather, paid], "stages": stages}}
    )
    chosen = {edge: type(panel) for edge, panel in followed(build(pipeline)).items()}
    assert chosen == {"weather": Weather, "paid": Payments, "a": Latest, "b": Latest}
