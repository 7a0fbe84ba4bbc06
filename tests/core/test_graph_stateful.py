"""What a stage that remembers makes has a contract of its own; what does not fit what it reads is told at its place."""

from typing import Any

import pytest

from mesoscale import document
from mesoscale.contract.types import Contract
from mesoscale.errors import DocumentRefused
from mesoscale.graph.build import build

HEAD = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {name: p}\nspec:\n"
SOURCES = """  contracts:
    - name: login
      key: [account]
      eventTime: at
      columns: [{name: account, type: string}, {name: at, type: timestamp}, {name: phone, type: string}]
    - name: profile
      key: [account]
      columns: [{name: account, type: string}, {name: city, type: string}, {name: age, type: int64, nullable: true}]
    - name: hourly
      columns: [{name: station, type: string}, {name: window_start, type: timestamp}, {name: rows, type: int64}]
    - name: hourly-in-summer
      columns: [{name: station, type: string}, {name: coldest, type: float64, nullable: true, min: 10}]
    - name: hourly-in-tenths
      columns: [{name: rows, type: float64}, {name: warmest, type: float64}, {name: coldest, type: float64}]
  sources:
    - {name: weather, contract: observation, replay: {dataset: nyc-2013}}
    - {name: payments, contract: transaction, synthetic: {}}
    - {name: logins, contract: login, push: {}}
    - {name: profiles, contract: profile, push: {}}
    - {name: few, contract: login, push: {}, topic: {partitions: 2}}
  stages:
"""


def stage(text: str) -> str:
    return f"{HEAD}{SOURCES}    - {text}\n"


def made(text: str) -> Contract:
    return build(document.parse(stage(text), "p.yaml").pipeline).edge("s").contract


def told(text: str) -> list[str]:
    parsed = document.parse(stage(text), "p.yaml")
    with pytest.raises(DocumentRefused) as refused:
        build(parsed.pipeline, parsed.locate)
    return [str(problem).partition(": ")[2].replace("spec.stages[0]", "s") for problem in refused.value.problems]


def columns(contract: Contract) -> dict[str, Any]:
    return {column.name: column.type + ("?" if column.nullable else "") for column in contract.columns}


HOURLY = (
    "{name: s, from: weather, window: {by: [station], size: 1h, aggregates: [{name: rows, value: count(*)},"
    " {name: warmest, value: max(temperature)}, {name: rain, value: sum(precipitation)}]}"
)


def test_windows_have_their_key_their_bounds_and_their_results() -> None:
    contract = made(HOURLY + "}")
    assert columns(contract) == {
        "station": "string",
        "window_start": "timestamp",
        "window_end": "timestamp",
        "rows": "int64",
        "warmest": "float64?",
        "rain": "float64?",
    }
    assert (contract.label, contract.key, contract.identity) == ("s@1", ("station",), ("station", "window_start"))
    assert contract.event_time == "window_start"
    assert (contract.column("warmest").max, contract.column("warmest").unit) == (60, "°C")
    assert contract.column("rain").max is None  # a sum may be more than any of its parts


def test_a_contract_may_name_a_part_of_what_is_made() -> None:
    assert made(HOURLY + ", contract: hourly}").label == "hourly@1"


def test_sessions_are_known_by_their_start_and_come_in_the_order_of_their_ends() -> None:
    contract = made(
        "{name: s, from: payments, session: {by: [account], gap: 30m, aggregates: [{name: spent, value: sum(amount)}]}}"
    )
    assert columns(contract) == {
        "account": "string",
        "session_start": "timestamp",
        "session_end": "timestamp",
        "spent": "int64",
    }
    assert (contract.identity, contract.event_time) == (("account", "session_start"), "session_end")


def test_rolling_features_stand_beside_the_record() -> None:
    contract = made(
        "{name: s, from: payments, rolling: {by: [account], features: [{name: spent, value: mean(amount),"
        " within: 1h}]}}"
    )
    assert (list(columns(contract))[-2:], columns(contract)["spent"]) == (["fraud_pattern", "spent"], "float64")
    assert (contract.key, contract.event_time) == (("account",), "occurred_at")


def test_what_stands_beside_a_record_bears_the_name_of_where_it_is_from() -> None:
    joined = columns(made("{name: s, from: payments, join: {with: logins, before: 1h, after: 0s}}"))
    assert (joined["logins_at"], joined["logins_phone"]) == ("timestamp", "string")
    assert "logins_account" not in joined
    enriched = columns(made("{name: s, from: payments, enrich: {with: profiles, columns: [city]}}"))
    assert (enriched["profiles_city"], "profiles_age" in enriched) == ("string?", False)
    inner = columns(made("{name: s, from: payments, enrich: {with: profiles, type: inner}}"))
    assert (inner["profiles_city"], inner["profiles_age"]) == ("string", "int64?")


def test_nodes_know_both_topics_that_they_read() -> None:
    graph = build(document.parse(stage("{name: s, from: payments, enrich: {with: profiles}}"), "p").pipeline)
    assert graph.node("s").inputs == ("payments", "profiles")
    assert (graph.edge("profiles").consumers, graph.edge("payments").consumers) == (("s",), ("s",))


COUNTS = "aggregates: [{name: rows, value: count(*)}]}}"
WRONG = [
    (
        "{name: s, from: profiles, window: {by: [account], size: 1h, " + COUNTS,
        "s.from: profile@1 has no eventTime, by which a window goes",
    ),
    (
        "{name: s, from: weather, window: {by: [staton], size: 1h, " + COUNTS,
        (
            's.window.by[0]: "staton" is not a column of observation@1 that is never null and no float64'
            ' (station, observed_at)\n\nhint: did you mean "station"?'
        ),
    ),
    (
        "{name: s, from: payments, window: {by: [country], size: 1h, " + COUNTS,
        (
            "s.window.by: account is in the key of transaction@1 and not here, so what belongs together is in several"
            " partitions\n\nhint: add account; or by country, let a stage (use: forward) give it a contract"
            " with that key"
            " first"
        ),
    ),
    (
        "{name: s, from: weather, window: {by: [station], size: 1h, aggregates: [{name: a, value: sum(temprature)}]}}",
        (
            's.window.aggregates[0].value: "temprature" is not a column of observation@1 of type int64 or float64'
            " (temperature, dew_point, relative_humidity, wind_direction, wind_speed, wind_gust, precipitation,"
            " pressure,"
            ' visibility)\n\nhint: did you mean "temperature"?'
        ),
    ),
    (
        "{name: s, from: payments, rolling: {by: [account], features: [{name: a, value: max(device), within: 1h}]}}",
        (
            's.rolling.features[0].value: "device" is not a column of transaction@1 of type int64 or float64 or'
            " timestamp"
            " or date (occurred_at, amount, latitude, longitude)"
        ),
    ),
    (
        "{name: s, from: weather, window: {by: [station], size: 1d, every: 1m, " + COUNTS,
        "s.window.every: each record would be in 1440 windows; at most 1000 are allowed",
    ),
    (
        "{name: s, from: payments, rolling: {by: [account], features: [{name: amount, value: count(*), within: 1h}]}}",
        's.rolling: "amount" would be a column of the result twice\n\nhint: give one of them another name',
    ),
    (
        "{name: s, from: payments, join: {with: weather, before: 1h, after: 1h}}",
        (
            "s.join.with: payments has the key account (string) and weather station (string): records meet only"
            " by a key"
            " of the same columns\n\nhint: let a stage (use: forward) give weather a contract with that key first"
        ),
    ),
    (
        "{name: s, from: payments, join: {with: few, before: 1h, after: 1h}}",
        (
            "s.join.with: payments has 6 partitions and few 2: records of one key meet only where both have as many"
            "\n\nhint: give one of them topic: {partitions: 6}, or a stage (use: forward) with that many to few"
        ),
    ),
    (
        "{name: s, from: payments, join: {with: profiles, before: 1h, after: 1h}}",
        "s.join.with: profile@1 has no eventTime, by which a join goes",
    ),
    (
        "{name: s, from: payments, enrich: {with: profiles, columns: [cty]}}",
        's.enrich.columns[0]: "cty" is not a column of profile@1 (account, city, age)\n\nhint: did you mean "city"?',
    ),
    (
        "{name: s, from: payments, step: 'a:b', state: {key: [device], columns: [{name: seen, type: int64}]}}",
        (
            "s.state.key: account is in the key of transaction@1 and not here, so what belongs together is in several"
            " partitions\n\nhint: add account; or by device, let a stage (use: forward) give it a contract with"
            " that key"
            " first"
        ),
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=lambda value: value[:60])
def test_what_does_not_fit_is_told_at_its_place(text: str, message: str) -> None:
    [only] = told(text)
    assert only == message


def test_a_contract_that_is_no_part_of_what_is_made_is_told_whole() -> None:
    assert [one.partition("s.contract: ")[2] for one in told(HOURLY + ", contract: hourly-in-tenths}")] == [
        'hourly-in-tenths@1 wants "rows" as float64, and it is int64',
        'hourly-in-tenths@1 wants "warmest" never null, and it may be',
        (
            'hourly-in-tenths@1 wants "coldest", which is not made here'
            " (station, window_start, window_end, rows, warmest, rain)"
        ),
    ]


def test_a_contract_with_tighter_limits_than_what_is_made_is_refused() -> None:
    asked = HOURLY.replace("warmest, value: max", "coldest, value: min") + ", contract: hourly-in-summer}"
    assert [one.partition("s.contract: ")[2] for one in told(asked)] == [
        'hourly-in-summer@1 has a min of "coldest" that what is made here may break'
    ]


def test_one_partition_keeps_all_together_whatever_the_key() -> None:
    text = stage("{name: s, from: weather, window: {by: [observed_at], size: 1h, " + COUNTS)
    one = text.replace("{dataset: nyc-2013}}", "{dataset: nyc-2013}, topic: {partitions: 1}}")
    assert build(document.parse(one, "p").pipeline).edge("s").contract.identity == ("observed_at", "window_start")
