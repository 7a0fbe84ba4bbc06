"""What is told of a run: to people on a terminal, to people with a log, to scripts."""

import io
from dataclasses import replace
from typing import Any

import pytest

from mesoscale_local import observe, report
from mesoscale_local.observe import Reading
from mesoscale_local.screen import Screen

COUNTS = {"read": 26115, "accepted": 26110, "rejected": 5, "late": 0, "produced": 26110}
READING = Reading(
    at="2013-01-01T00:00:00Z",
    nodes={"weather": COUNTS, "rows": COUNTS | {"read": 20000}},
    edges=(
        {
            "producer": "weather",
            "consumer": "rows",
            "produced": 26110,
            "consumed": 20000,
            "lag": 6110,
            "offset_lag": 6115,
        },
    ),
    problems=(),
    drained=False,
    tables={"rows": 20000},
    rates={"weather": {"read_per_s": 2100.4}, "rows": {"read_per_s": 0.0}},
)
CRASH = {"at": "2013-01-01T00:00:00+00:00", "reason": "killed by SIGKILL", "lastLine": "", "tail": []}
PROCESS = {"state": "running", "pid": 7, "restarts": 0, "crash": None}


def status(reading: Reading | None = READING, **crash: Any) -> dict[str, Any]:
    return {
        "nodes": [{"name": "weather", "kind": "source"}, {"name": "rows", "kind": "sink"}],
        "services": {"kafka": PROCESS},
        "processes": {
            "weather": PROCESS | {"node": "weather"},
            "rows": PROCESS | {"node": "rows", "restarts": 2},
            "rows.1": PROCESS | {"node": "rows", "restarts": 1, "state": "resting"} | crash,
        },
    } | (reading.as_dict() if reading else {})


def test_progress_is_a_table_with_the_worst_state_of_a_nodes_processes() -> None:
    assert report.progress(status()) == [
        "NODE     STATE      READ  ROWS/S  REJECTED  LATE    LAG  RESTARTS",
        "weather  running  26,115   2,100         5     0                0",
        "rows     resting  20,000       0         5     0  6,110         3",
    ]


def test_progress_before_the_first_reading_shows_states() -> None:
    assert report.progress(status(None))[1].split() == ["weather", "running", "0"]


def test_the_line_before_the_first_reading_counts_what_runs() -> None:
    assert report.line(status(None), 3) == "3 s  starting: 2 of 3 processes run"


def test_the_line_for_logs_has_rates_lag_and_rejected() -> None:
    assert report.line(status(), 12.3) == (
        "12 s  weather 26,115 (2,100/s, rejected 5)  rows 20,000 (0/s, lag 6,110, rejected 5)"
    )


def test_a_reading_survives_the_way_through_json() -> None:
    assert observe.reading(status()) == READING
    assert observe.reading({"ledger": None}) is None


@pytest.mark.parametrize(("problems", "ledger"), [((), "closed"), (("a: no",), ["a: no"])])
def test_the_object_for_scripts_is_closed_or_says_what_does_not_add_up(
    problems: tuple[str, ...], ledger: object
) -> None:
    told = report.result(READING, problems)
    assert told["ledger"] == ledger
    assert told["nodes"]["weather"] == COUNTS
    assert told["tables"] == {"rows": 20000}


def test_a_ledger_that_was_never_read_is_not_closed() -> None:
    assert report.result(None, ()) == {"nodes": {}, "tables": {}, "ledger": ["the ledger was never read"]}
    assert report.conclusion(None, ())[-2:] == ["ledger: open", "  the ledger was never read"]


def test_people_are_told_the_counts_and_the_verdict() -> None:
    lines = report.conclusion(READING, ())
    assert lines[0].split() == ["NODE", "READ", "ACCEPTED", "REJECTED", "LATE", "PRODUCED"]
    assert lines[-2:] == ["table rows: 20,000 rows", "ledger: closed"]
    assert report.ledger(status(replace(READING, problems=("a: no",))))[-2:] == ["ledger: open", "  a: no"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_table_that_is_drawn_again() -> None:
    terminal = Terminal()
    screen = Screen(terminal)
    screen.show(status())
    screen.show(status())
    screen.say("done")
    assert terminal.getvalue().count("\x1b[3F\x1b[J") == 2
    assert terminal.getvalue().endswith("\x1b[3F\x1b[Jdone\n")


def test_a_log_gets_a_line_now_and_then_each_crash_once_and_no_escapes() -> None:
    log = io.StringIO()
    screen = Screen(log)
    for _ in range(3):
        screen.show(status(crash=CRASH))
    assert log.getvalue() == "rows.1 crashed at 2013-01-01T00:00:00+00:00: killed by SIGKILL\n"
