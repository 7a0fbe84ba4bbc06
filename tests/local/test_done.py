"""When a finite pipeline is at its end, and when it never will be."""

from dataclasses import replace

import pytest

from mesoscale import document
from mesoscale.graph.build import build
from mesoscale_local.done import STALLED, Judge, Verdict, endless
from mesoscale_local.observe import Reading

EDGE = {"producer": "a", "consumer": "b", "produced": 9, "consumed": 9, "lag": 0, "offset_lag": 0}
DONE = Reading(at="1", nodes={"a": {"read": 9}}, edges=(EDGE,), problems=(), drained=True, tables={})
BUSY = replace(DONE, drained=False, edges=(EDGE | {"consumed": 4, "lag": 5, "offset_lag": 5},))


def look(judge: Judge, *readings: Reading, ended: bool = True, clock: float = 0) -> Verdict | None:
    verdict = None
    for reading in readings:
        verdict = judge.look(reading, ended, clock)
    return verdict


def test_a_drained_and_closed_ledger_is_the_end() -> None:
    assert look(Judge(), DONE, replace(DONE, at="2")) == Verdict(())


def test_a_reading_from_before_the_last_commit_is_not_believed() -> None:
    assert look(Judge(), DONE, DONE, DONE) is None


def test_nothing_is_the_end_while_a_source_runs() -> None:
    judge = Judge()
    assert look(judge, DONE, replace(DONE, at="2"), replace(DONE, at="3"), ended=False) is None
    assert look(judge, replace(DONE, at="4")) is None


def test_nothing_is_the_end_while_records_lie_in_between() -> None:
    assert look(Judge(), *(replace(BUSY, at=str(i)) for i in range(9))) is None


def test_a_drained_ledger_that_stays_open_is_told() -> None:
    wrong = replace(DONE, problems=("a: read 9 but told 8",))
    assert look(Judge(), *(replace(wrong, at=str(i)) for i in range(2))) is None
    assert look(Judge(), *(replace(wrong, at=str(i)) for i in range(3))) == Verdict(("a: read 9 but told 8",))


def test_a_pipeline_in_which_nothing_moves_is_given_up_with_what_lies_in_it() -> None:
    judge = Judge()
    assert look(judge, BUSY, replace(BUSY, at="2")) is None
    verdict = look(judge, replace(BUSY, at="3"), clock=STALLED + 1)
    assert verdict is not None
    assert "a → b: produced 9, consumed 4" in verdict.problems


def test_an_answer_that_does_not_come_is_no_verdict() -> None:
    judge = Judge()
    assert judge.look(None, True, 0) is None
    assert look(judge, DONE) is None


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("replay: {dataset: nyc-2013}", ()),
        ("synthetic: {perSecond: 5, count: 100}", ()),
        ("synthetic: {perSecond: 5}", ("a",)),
    ],
)
def test_a_made_up_stream_without_a_count_never_ends(source: str, names: tuple[str, ...]) -> None:
    contract = "observation" if "replay" in source else "transaction"
    text = f"""
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: p}}
spec:
  sources: [{{name: a, contract: {contract}, {source}}}]
  sinks: [{{name: b, from: a, table: {{}}}}]
"""
    assert endless(build(document.parse(text, "p.yaml").pipeline)) == names
