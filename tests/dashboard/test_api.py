"""What the dashboard answers, asked over HTTP while examples/nyc.yaml runs on real Kafka and PostgreSQL."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from fix_meso import MesoRun
from fix_nyc import NYC, free_port

from mesoscale_dashboard import hub

Event = tuple[str, Any]


def get(address: str, path: str) -> Any:
    with urlopen(address + path, timeout=10) as answer:
        return json.load(answer)


def events(address: str, seconds: float) -> Iterator[Event]:
    """Server-sent events until the deadline, as (name, payload)."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("GET", "/api/events")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    deadline, name = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        line = answer.readline().decode()
        if line.startswith("event: "):
            name = line.removeprefix("event: ").strip()
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
    connection.close()


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"no {what} in {seconds} s"
        time.sleep(0.2)
    return found


def test_the_state_says_the_whole_truth(dashboard: str) -> None:
    state = get(dashboard, "/api/state")
    names = {"weather", "stations", "payments", "felt"} | {
        "observations",
        "comfort-by-hour",
        "station-list",
        "payment-history",
    }
    assert state["pipeline"] == "nyc"
    assert state["away"] == []
    assert set(state["ledger"]["nodes"]) == set(state["rates"]) == names
    assert {node["name"] for node in state["graph"]["nodes"]} == names
    assert state["ledger"]["closed"] is True, state["ledger"]["problems"]
    assert set(state["tables"]) == {"observations", "comfort-by-hour", "station-list", "payment-history"}
    for counts in state["ledger"]["nodes"].values():
        assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["late"]
    for edge in state["ledger"]["edges"]:
        assert edge["produced"] == edge["consumed"] + edge["lag"]
        assert edge["lag"] >= 0


def test_the_rates_are_those_of_the_document(dashboard: str) -> None:
    def settled() -> bool:
        rate = get(dashboard, "/api/state")["rates"]["payments"]["produced_per_s"]
        return bool(400 < rate < 600)  # 500 a second, in batches

    wait_for(settled, "about 500 payments a second")


def test_a_reading_serves_all_who_ask_within_a_second(dashboard: str) -> None:
    def readings() -> float:
        with urlopen(dashboard + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        [line] = [one for one in lines if one.startswith("mesoscale_dashboard_readings_total{")]
        return float(line.split()[-1])

    before, begun = readings(), time.monotonic()
    for _ in range(100):
        get(dashboard, "/api/state")
    assert readings() - before <= time.monotonic() - begun + 2


def test_a_state_is_at_most_a_few_seconds_old(dashboard: str) -> None:
    at = datetime.fromisoformat(get(dashboard, "/api/state")["at"])
    assert abs(datetime.now(at.tzinfo).timestamp() - at.timestamp()) < 5


def test_who_listens_hears_the_state_each_second_and_the_records_as_they_come(dashboard: str) -> None:
    heard = list(events(dashboard, 8))
    names = [name for name, _ in heard]
    assert names[:2] == ["state", "history"]
    assert 6 <= names.count("state") <= 11
    totals = [payload["ledger"]["nodes"]["payments"]["read"] for name, payload in heard if name == "state"]
    assert totals == sorted(totals)
    assert totals[-1] > totals[0]
    assert {"weather", "payments", "records", "processes"} <= set(names)


def test_weather_and_payments_are_what_was_read(dashboard: str) -> None:
    heard = dict(events(dashboard, 6))
    stations = heard["weather"]["stations"]
    assert set(stations) == {"EWR", "JFK", "LGA"}
    for station in stations.values():
        assert station["observed_at"] == sorted(station["observed_at"])
        assert -90 <= station["latest"]["temperature"] <= 60
    payment = heard["payments"]["payments"][-1]
    assert payment["amount"] > 0
    assert len(payment["currency"]) == 3
    assert heard["records"]["columns"][0] == "station"


def test_payments_on_the_page_are_a_sample_however_many_there_are(dashboard: str) -> None:
    begun = time.monotonic()
    batches = [payload["payments"] for name, payload in events(dashboard, 8) if name == "payments"][1:]
    shown = [payment["transaction_id"] for batch in batches for payment in batch]
    assert shown
    assert len(shown) <= 20 * (time.monotonic() - begun + 1)
    assert len(set(shown)) == len(shown)


def test_nodes_show_what_their_processes_take(dashboard: str) -> None:
    heard: list[Any] = []
    for name, payload in events(dashboard, 15):
        if name == "processes" and payload:
            heard.append(payload)
            break
    assert heard, "no process answered"
    assert heard[0]["payment-history"]["processes"] == 1
    assert heard[0]["payment-history"]["resident_bytes"] > 1_000_000


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/static/js/main.js", "/nothing/here"])
def test_every_answer_forbids_what_does_not_come_from_here(dashboard: str, path: str) -> None:
    try:
        with urlopen(dashboard + path, timeout=10) as answer:
            headers, status = answer.headers, answer.status
    except HTTPError as error:
        headers, status = error.headers, error.code
    assert status == (404 if path == "/nothing/here" else 200)
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/api/state", "/api/events"])
def test_it_can_only_be_read(dashboard: str, method: str, path: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(dashboard + path, method=method, data=b""), timeout=10)
    assert refused.value.code == 405


def test_a_path_out_of_the_page_leads_nowhere(dashboard: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(dashboard).netloc, timeout=10)
    connection.request("GET", "/static/../app.py")
    assert connection.getresponse().status == 404
    connection.close()


def test_more_listeners_than_it_serves_are_asked_to_come_back_and_places_become_free(dashboard: str) -> None:
    def listen() -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(urlsplit(dashboard).netloc, timeout=10)
        connection.request("GET", "/api/events")
        return connection

    held = [listen() for _ in range(hub.LISTENERS)]
    try:
        assert all(connection.getresponse().status == 200 for connection in held)
        refused = listen()
        answer = refused.getresponse()
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")
        refused.close()
    finally:
        for connection in held:
            connection.close()

    def free() -> bool:
        again = listen()
        status = again.getresponse().status
        again.close()
        return status == 200

    wait_for(free, "free place", 20)


def test_a_broker_that_is_away_is_told_and_its_return_too(meso_run: Callable[..., MesoRun]) -> None:
    run = meso_run(NYC, "--fresh", "--dashboard-port", str(free_port()))
    status = run.wait_for(lambda now: now.get("tables", {}).get("payment-history", 0) > 0, "payments")
    broker = status["services"]["kafka"]["pid"]
    ask = lambda: get(status["dashboard"], "/api/state")  # noqa: E731
    os.kill(broker, signal.SIGSTOP)
    try:
        state = wait_for(lambda: (now := ask())["away"] and now, "word of the broker")
        assert state["ledger"] is not None, "what was known is shown on"
    finally:
        os.kill(broker, signal.SIGCONT)
    read = state["ledger"]["nodes"]["payments"]["read"]
    wait_for(lambda: not (now := ask())["away"] and now["ledger"]["nodes"]["payments"]["read"] > read, "recovery")


class Alone:
    """A dashboard without any service around it."""

    def __init__(self, folder: Path, listen: str) -> None:
        bindings = folder / "bindings"
        for name, text in {
            "kafka/type": "kafka",
            "kafka/bootstrap-servers": f"127.0.0.1:{free_port()}",
            "postgresql/type": "postgresql",
            "postgresql/host": "127.0.0.1",
            "postgresql/port": str(free_port()),
            "postgresql/database": "meso",
            "postgresql/username": "meso",
            "postgresql/password": "wrong",
        }.items():
            (bindings / name).parent.mkdir(parents=True, exist_ok=True)
            (bindings / name).write_text(text)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mesoscale_dashboard", "--document", str(NYC)),
                *("--bindings", str(bindings), "--listen", listen),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )


def test_with_no_service_at_all_it_answers_says_so_and_ends_in_order(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{(port := free_port())}"
    alone = Alone(tmp_path, f"127.0.0.1:{port}")

    def up() -> bool:
        assert alone.process.poll() is None
        try:
            return bool(urlopen(address + "/readyz", timeout=5).status == 200)
        except OSError:
            return False

    def told() -> Any:
        with pytest.raises(HTTPError) as refused:
            get(address, "/api/state")
        assert refused.value.code == 503
        state = json.load(refused.value)
        assert state["ledger"] is None
        return state["away"]

    try:
        wait_for(up, "answer")
        wait_for(told, "word of the services")
        alone.process.send_signal(signal.SIGTERM)
        assert alone.process.wait(20) == 0
    finally:
        alone.process.kill()
        alone.process.communicate()


@pytest.mark.parametrize("listen", ["taken", "127.0.0.1:nonsense", "192.0.2.1:8080"])
def test_an_address_that_cannot_be_had_is_a_sentence_and_exit_code_4(tmp_path: Path, listen: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}" if listen == "taken" else listen
        alone = Alone(tmp_path, address)
        _, told = alone.process.communicate(timeout=30)
    assert alone.process.returncode == 4
    assert f"the dashboard cannot listen at {address}" in told
    assert "Traceback" not in told
