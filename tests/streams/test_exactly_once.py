"""Each record once, wherever a stage or a sink dies; and a program that commits in a wrong order is seen to do it.

Real Kafka, real PostgreSQL, real processes, which kill themselves with -9 at the moments named in `tests/sabotage.py`.
"""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AdminClient
from fix_pipeline import RECORD, Pipeline, ids, payments, until

COUNT = 1_000
LARGE = b"x" * ((1 << 20) + 1)  # bytes; one more than a record may have
MakePipeline = Callable[[str, str], Pipeline]

SPEC = """\
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - {name: pass, from: payments, use: forward}
  sinks:
    - {name: rows, from: payments, table: {}}
"""


def table(pipeline: Pipeline) -> dict[str, int]:
    """How often each payment stands in the table."""
    found = pipeline.rows("SELECT transaction_id, count(*) FROM rows GROUP BY 1")
    return {str(name): int(str(times)) for name, times in found}


def die_and_go_on(pipeline: Pipeline, node: str, fault: str) -> None:
    """Run the node until the fault kills it, then run it as it is until all is done."""
    doomed = pipeline.start(node, sabotage=fault)
    assert doomed.wait(60) == -signal.SIGKILL, pipeline.log()
    whole = pipeline.start(node)
    done = pipeline.stage_done if node == "pass" else pipeline.sink_done
    until(lambda: done(node, "payments") or whole.poll() is not None, f"{node} is done")
    pipeline.stop(whole)


@pytest.mark.parametrize("moment", ["stage-before-commit", "stage-after-commit"])
def test_a_killed_stage_loses_and_doubles_nothing(pipeline: MakePipeline, moment: str) -> None:
    here, sent = pipeline(moment, SPEC), payments(COUNT)
    here.send("payments", sent)
    die_and_go_on(here, "pass", moment)
    assert ids(here.values("pass")) == ids(value for _, value in sent)


@pytest.mark.parametrize("moment", ["sink-before-commit", "sink-after-commit"])
def test_a_killed_sink_loses_and_doubles_nothing(pipeline: MakePipeline, moment: str) -> None:
    here, sent = pipeline(moment, SPEC), payments(COUNT)
    here.send("payments", sent)
    die_and_go_on(here, "rows", moment)
    assert table(here) == ids(value for _, value in sent)
    assert here.letters("payments") == []


def test_offsets_before_outputs_are_seen_to_lose(pipeline: MakePipeline) -> None:
    here, sent = pipeline("offsets-first", SPEC), payments(COUNT)
    here.send("payments", sent)
    die_and_go_on(here, "pass", "wrong-stage-offsets-first")
    lost = ids(value for _, value in sent) - ids(here.values("pass"))
    assert 0 < lost.total() <= 100


def test_outputs_before_offsets_are_seen_to_double(pipeline: MakePipeline) -> None:
    here, sent = pipeline("outputs-first", SPEC), payments(COUNT)
    here.send("payments", sent)
    die_and_go_on(here, "pass", "wrong-stage-outputs-first")
    doubled = ids(here.values("pass")) - ids(value for _, value in sent)
    assert 0 < doubled.total() <= 100


def test_positions_before_rows_are_seen_to_lose(pipeline: MakePipeline) -> None:
    here, sent = pipeline("positions-first", SPEC), payments(COUNT)
    here.send("payments", sent)
    die_and_go_on(here, "rows", "wrong-sink-positions-first")
    assert 0 < COUNT - len(table(here)) <= 100


def test_a_sink_killed_between_telling_and_committing_tells_each_letter_once(pipeline: MakePipeline) -> None:
    here, sent = pipeline("telling", SPEC), payments(COUNT)
    bad: list[RECORD] = [(key, b"bad %d" % number) for number, (key, _) in enumerate(sent[::10])]
    for tenth, one in enumerate(bad):  # among the good ones, so that each batch has some
        here.send("payments", [one, *sent[10 * tenth : 10 * tenth + 10]])
    here.send("payments", [sent[5]])
    die_and_go_on(here, "rows", "sink-after-telling")
    assert table(here) == ids(value for _, value in sent)
    told = sorted(letter.value() or b"" for letter in here.letters("payments"))
    assert told == sorted([*(value for _, value in bad), sent[5][1] or b""])


def reasons(letters: list[Message]) -> list[tuple[bytes | None, bytes | None, str, str]]:
    """Key, value, reason and who refused it."""
    found = []
    for letter in letters:
        headers = {name: (value or b"").decode() for name, value in letter.headers() or []}
        assert headers["meso-contract"] == "transaction@1"
        assert headers["meso-position"].startswith(f"{letter.topic().removesuffix('.dead-letter')}/")
        value = b"large" if letter.value() == LARGE else letter.value()
        found.append((letter.key(), value, headers["meso-reason"], headers["meso-node"]))
    return sorted(found, key=repr)


def spread_out(record: RECORD) -> RECORD:
    """The same over many lines, as people and other programs write it."""
    key, value = record
    return key, orjson.dumps(orjson.loads(value or b""), option=orjson.OPT_INDENT_2)


def test_what_somebody_else_writes_into_a_topic_is_refused_once_by_each_reader(pipeline: MakePipeline) -> None:
    here, sent = pipeline("strangers", SPEC), payments(COUNT)
    strange = [
        (b"k", b"\xff\xfe not even text", "NotUtf8"),
        (b"k", b"{", "Malformed"),
        (b"k", b"", "Malformed"),
        (b"k", None, "NullValue"),
        (None, None, "NullValue"),
        (None, b"[]", "Malformed"),
        (b"\x00\xff", b"{}", "NullValue"),
        (b"k", LARGE, "TooLarge"),
    ]
    keyless = [(None, value) for _, value in sent[-10:]]
    stage, sink = here.start("pass"), here.start("rows")
    spread = [spread_out(record) for record in sent[500:600]]
    strangers = [(key, value) for key, value, _ in strange]
    here.send("payments", [*sent[:500], *strangers, *spread, *sent[600:-10], *keyless])
    until(lambda: here.stage_done("pass", "payments") and here.sink_done("rows", "payments"), "both are done")
    here.stop(stage)
    here.stop(sink)
    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"):  # the topic itself refuses what is far larger
        here.send("payments", [(b"k", b"x" * 5_000_000)])
    told = [(key, b"large" if value == LARGE else value, reason) for key, value, reason in strange]
    wanted = [(*letter, node) for letter in told for node in ("pass", "rows")]
    assert reasons(here.letters("payments")) == sorted(wanted, key=repr)
    assert ids(here.values("pass")) == table(here) == ids(value for _, value in sent)


STEPS = """\
def none(frame):
    raise ArithmeticError("not one of them")
"""
LARGE_STEP = """\
import polars as pl

def swell(frame):
    return frame.select(text=pl.lit("x" * 2_000_000))
"""
LARGE_SPEC = """\
  contracts:
    - {name: essay, version: 1, columns: [{name: text, type: string}]}
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - {name: pass, from: payments, step: "large_steps:swell", contract: essay}
"""


def test_a_step_that_does_no_record_at_all_ends_its_program_and_commits_nothing(
    pipeline: MakePipeline, tmp_path: Path
) -> None:
    (tmp_path / "own_steps.py").write_text(STEPS)
    here = pipeline("broken", SPEC.replace("use: forward", 'step: "own_steps:none"'))
    here.send("payments", payments(COUNT))
    assert here.start("pass").wait(60) == 1
    assert "StepBroken: the step failed for each of 1000 records" in here.log()
    assert "ArithmeticError: not one of them" in here.log()
    assert (here.values("pass"), here.letters("payments")) == ([], [])
    assert not here.stage_done("pass", "payments")


def members(pipeline: Pipeline) -> int:
    """How many processes of the stage have partitions."""
    group = f"{pipeline.name}.pass"
    admin = AdminClient({"bootstrap.servers": pipeline.kafka.bootstrap_servers})
    described = admin.describe_consumer_groups([group])[group].result(30)
    return sum(bool(member.assignment.topic_partitions) for member in described.members)


def test_processes_that_come_and_go_lose_and_double_nothing(pipeline: MakePipeline) -> None:
    here, sent = pipeline("scaling", SPEC), payments(60_000)
    enough = threading.Event()

    def feed() -> None:
        """500 records every 50 ms; what is left at the end all at once."""
        for start in range(0, len(sent), 500):
            here.send("payments", sent[start : start + 500])
            enough.wait(0.05)

    feeding = threading.Thread(target=feed)
    first = here.start("pass", 0)
    until(lambda: members(here) == 1, "one process has partitions")
    feeding.start()
    others = [here.start("pass", 1), here.start("pass", 2)]
    until(lambda: members(here) == 3, "three processes have partitions")
    time.sleep(1)  # of work by three
    assert feeding.is_alive(), "the load ended before the processes went"
    for one in others:
        here.stop(one)
    until(lambda: members(here) == 1, "the one left has all partitions")
    enough.set()
    feeding.join()
    until(lambda: here.stage_done("pass", "payments"), "all is done")
    here.stop(first)
    assert ids(here.values("pass")) == ids(value for _, value in sent)


def test_a_step_whose_record_no_topic_takes_ends_its_program_and_commits_nothing(
    pipeline: MakePipeline, tmp_path: Path
) -> None:
    (tmp_path / "large_steps.py").write_text(LARGE_STEP)
    here = pipeline("large", LARGE_SPEC)
    here.send("payments", payments(10))
    assert here.start("pass").wait(60) == 1, here.log()
    assert "MSG_SIZE_TOO_LARGE" in here.log()
    assert (here.values("pass"), here.letters("payments")) == ([], [])
    assert not here.stage_done("pass", "payments")
