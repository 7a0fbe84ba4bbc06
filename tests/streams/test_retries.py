"""Records that a step wants again wait, come again to it alone, and end in its topic or as dead letters, each once."""

import signal
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from fix_letters import dlq, ledger
from fix_pipeline import Pipeline, ids, payments, until

MakePipeline = Callable[[str, str], Pipeline]
COUNT = 90
STEPS = """\
import pathlib
from mesoscale_streams import Retry

def ask(frame):
    \"\"\"Half of all merchants' banks are away until a file says that they are back.\"\"\"
    away = [row for row, name in enumerate(frame["merchant"]) if sum(name.encode()) % 2]
    if away and not pathlib.Path(__file__).with_name("back").exists():
        raise Retry("the bank is away", rows=away)
    return frame
"""
SPEC = """\
  sources:
    - {name: given, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - {name: ask, from: given, step: "asking_steps:ask", retries: {attempts: 3, delay: 300ms, factor: 2}}
    - {name: same, from: given, use: forward}
  sinks: []
"""


@pytest.fixture
def asking(pipeline: MakePipeline, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    (tmp_path / "asking_steps.py").write_text(STEPS)
    return pipeline(f"retry-{zlib.crc32(request.node.name.encode()):x}", SPEC)


def away() -> Counter[str]:
    return ids(value for _, value in payments(COUNT) if sum(orjson.loads(value or b"")["merchant"].encode()) % 2)


def waiting_and_done(here: Pipeline) -> bool:
    return ids(here.values("ask")).total() >= COUNT - away().total()


def test_records_come_again_to_who_wanted_them_until_it_goes_right(asking: Pipeline) -> None:
    here, sent = asking, payments(COUNT)
    here.start("ask")
    here.start("same")
    here.send("given", sent)
    assert 0 < away().total() < COUNT
    until(lambda: waiting_and_done(here), "the others are done")
    (here.folder / "back").touch()
    until(lambda: ids(here.values("ask")).total() >= COUNT, "all are done")
    until(lambda: all(ledger(here).nodes[name].read == COUNT for name in ("ask", "same")), "both have read all")
    assert ids(here.values("ask")) == ids(value for _, value in sent)
    assert ids(here.values("same")) == ids(value for _, value in sent)
    assert here.letters("given") == []
    counts = ledger(here).nodes
    assert (counts["ask"].read, counts["ask"].accepted, counts["same"].read) == (COUNT, COUNT, COUNT)


def test_what_is_never_right_becomes_a_letter_with_its_cause_and_can_be_sent_back(asking: Pipeline) -> None:
    here, sent = asking, payments(COUNT)
    here.start("ask")
    here.send("given", sent)
    until(lambda: len(here.letters("given")) >= away().total(), "they are given up")
    told = dlq(here, "show", "--limit", "1000")
    assert {(one["reason"], one["detail"], one["attempts"]) for one in told} == {
        ("RetriesExhausted", "tried 4 times: the bank is away", 3)
    }
    assert ids(one["value"]["text"] for one in told) == away()
    assert all(one["origin"].startswith(f"{here.name}.given/") for one in told)
    counts = ledger(here).nodes["ask"]
    assert (counts.read, counts.accepted, counts.rejected) == (COUNT, COUNT - away().total(), away().total())
    (here.folder / "back").touch()
    assert dlq(here, "redrive")["sent"] == away().total()
    until(lambda: ids(here.values("ask")) == ids(value for _, value in sent), "all are done")


@pytest.mark.parametrize("moment", ["retrier-before-commit", "retrier-after-commit", "waiting-before-commit"])
def test_a_stage_that_is_killed_while_records_wait_loses_and_doubles_nothing(asking: Pipeline, moment: str) -> None:
    here, sent = asking, payments(COUNT)
    for start in range(0, COUNT, 10):
        here.send("given", sent[start : start + 10])
    doomed = here.start("ask", sabotage=moment)
    assert doomed.wait(90) == -signal.SIGKILL, here.log()
    (here.folder / "back").touch()
    here.start("ask")
    until(lambda: ids(here.values("ask")).total() + len(here.letters("given")) >= COUNT, "all are done")
    until(lambda: ledger(here).nodes["ask"].read == COUNT, "all is read")
    values = [*here.values("ask"), *(letter.value() for letter in here.letters("given"))]
    assert ids(values) == ids(value for _, value in sent)


def test_a_ledger_counts_what_waits_as_between_the_nodes(asking: Pipeline) -> None:
    here = asking
    text = (here.folder / "pipeline.yaml").read_text()
    (here.folder / "pipeline.yaml").write_text(text.replace("delay: 300ms", "delay: 1h"))
    (here.folder / "given.ndjson").write_bytes(b"\n".join(value or b"" for _, value in payments(COUNT)))
    text = (here.folder / "pipeline.yaml").read_text()
    (here.folder / "pipeline.yaml").write_text(
        text.replace("synthetic: {perSecond: 100}", "replay: {file: given.ndjson}")
    )
    assert here.start("given").wait(90) == 0
    here.start("ask")
    here.start("same")
    until(lambda: ledger(here).nodes["same"].read == COUNT and waiting_and_done(here), "what can be done is done")
    read = ledger(here)
    assert read.closed, read.problems
    assert not read.drained
    assert next(edge.lag for edge in read.edges if edge.consumer == "ask") == away().total()
