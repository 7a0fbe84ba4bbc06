"""A stage that remembers: every record counted once in its state, wherever the stage dies, moves or starts again."""

import re
import signal
import zlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from fix_counting import SPEC, STEP, numbered, told
from fix_pipeline import RECORD, Pipeline, committed, payments, until

from mesoscale import naming
from mesoscale.ledger import Counts
from mesoscale_streams.kafka.groups import Groups

MakePipeline = Callable[[str, str], Pipeline]
COUNT = 3_000


def make(pipeline: MakePipeline, name: str, spec: str = SPEC, step: str = STEP) -> Pipeline:
    here = pipeline(name, spec)
    (here.folder / "own_steps.py").write_text(step)
    return here


def done(here: Pipeline) -> None:
    try:
        until(lambda: here.stage_done("count", "payments"), "count is done")
    except AssertionError as late:
        raise AssertionError(here.log()) from late


def test_what_it_remembers_goes_on_after_an_end_and_after_kill_nine(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "remembers"), payments(COUNT)
    for part, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        here.send("payments", sent[part * 1000 : part * 1000 + 1000])
        running = here.start("count")
        done(here)
        running.send_signal(end)
        running.wait(30)
    assert told(here) == numbered(sent)
    assert "state restored" in here.log()


def die_and_go_on(here: Pipeline, fault: str, then: str | None = None) -> None:
    """Run the stage until the fault kills it, then run it, as it is or with another fault, until all is done."""
    doomed = here.start("count", sabotage=fault)
    assert doomed.wait(60) == -signal.SIGKILL, here.log()
    whole = here.start("count", sabotage=then)
    done(here)
    here.stop(whole)


@pytest.mark.parametrize("moment", ["stage-before-commit", "stage-after-commit"])
def test_a_killed_stage_counts_each_record_once(pipeline: MakePipeline, moment: str) -> None:
    here, sent = make(pipeline, f"remembers-{moment}"), payments(1_000)
    here.send("payments", sent)
    die_and_go_on(here, moment)
    assert told(here) == numbered(sent)


def test_state_before_outputs_is_refused(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "state-first"), payments(1_000)
    here.send("payments", sent)
    assert here.start("count", sabotage="wrong-state-first").wait(60) == -signal.SIGKILL, here.log()
    assert here.start("count").wait(60) == 4
    assert "but the group's offsets tell of" in here.log()


def test_state_before_outputs_is_seen_to_count_twice_where_nobody_guards_it(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "state-first-unguarded"), payments(1_000)
    here.send("payments", sent)
    die_and_go_on(here, "wrong-state-first-unguarded", then="unguarded")
    assert told(here) != numbered(sent)
    assert max(one[2] for one in told(here)) > max(one[2] for one in numbered(sent))


@pytest.mark.parametrize("order", ["wrong-stage-offsets-first", "wrong-stage-outputs-first"])
def test_a_wrong_order_of_outputs_and_offsets_is_seen(pipeline: MakePipeline, order: str) -> None:
    here, sent = make(pipeline, f"remembers-{order}"), payments(1_000)
    here.send("payments", sent)
    die_and_go_on(here, order)
    assert told(here) != numbered(sent)


def test_a_batch_that_begins_again_is_not_remembered_twice(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "again"), payments(1_000)
    here.send("payments", sent)
    running = here.start("count", sabotage="stage-begins-again")
    done(here)
    here.stop(running)
    assert "beginning again" in here.log()
    assert told(here) == numbered(sent)


def test_state_of_another_shape_is_refused_or_reset(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "shapes"), payments(2_000)
    here.send("payments", sent[:1_000])
    running = here.start("count")
    done(here)
    here.stop(running)
    here.write(SPEC.replace("state: {key", "state: {version: 2, key"))
    assert here.start("count").wait(60) == 3
    assert "its state was kept by another version of it" in here.log()
    for reset, part in (("true", sent[1_000:1_500]), ("false", sent[1_500:])):
        here.write(SPEC.replace("state: {key", f"state: {{version: 2, reset: {reset}, key"))
        here.send("payments", part)
        running = here.start("count")
        done(here)
        here.stop(running)
    assert told(here) == sorted(numbered(sent[:1_000]) + numbered(sent[1_000:]))


def test_a_stage_that_would_remember_too_much_ends_and_says_so(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "full", SPEC.replace("state: {key", "state: {maxKeys: 100, key")), payments(1_000)
    here.send("payments", sent)
    assert here.start("count").wait(60) == 3
    assert "100 are allowed" in here.log()
    assert told(here) == []


def test_a_snapshot_spares_reading_what_is_in_it(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "snapshots"), payments(2_000)
    kept = ("--state", "kept")
    for part in (sent[:1_000], sent[1_000:]):
        here.send("payments", part)
        running = here.start("count", more=kept)
        done(here)
        here.stop(running)
    assert told(here) == numbered(sent)
    assert {file.name for file in (here.folder / "kept").iterdir()} == {f"{number}.snapshot" for number in range(6)}
    told_of = [orjson.loads(line) for line in here.log().splitlines() if '"state restored"' in line]
    assert [one["snapshots"] for one in told_of] == [0, 6]


def moved(snapshot: bytes, offset: int) -> bytes:
    """The snapshot as if the changelog went on from another offset."""
    header, _, rest = snapshot[:-4].partition(b"\n")
    content = orjson.dumps(orjson.loads(header) | {"offset": offset}, option=orjson.OPT_NON_STR_KEYS) + b"\n" + rest
    return content + zlib.crc32(content).to_bytes(4, "big")


def test_a_snapshot_after_which_changes_are_missing_is_not_used(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "gaps"), payments(3_000)
    old: dict[Path, bytes] = {}
    for start in (0, 1_000, 2_000):
        here.send("payments", sent[start : start + 1_000])
        running = here.start("count", more=("--state", "kept"))
        done(here)
        here.stop(running)
        for file in (here.folder / "kept").iterdir():
            new = file.read_bytes()
            if start == 1_000:  # an old one, with the place of the new one: as who was frozen may have written it
                file.write_bytes(moved(old[file], orjson.loads(new.partition(b"\n")[0])["offset"]))
            old[file] = new
    assert told(here) == numbered(sent)
    assert "snapshots do not go on in the changelog" in (here.folder / "count.0.log").read_text()


def test_the_ledger_of_a_stage_that_remembers_closes(pipeline: MakePipeline) -> None:
    here, sent = make(pipeline, "closes"), payments(1_000)
    here.send("payments", [*sent[:500], (b"k", b"{"), *sent[500:]])
    running = here.start("count")
    done(here)
    here.stop(running)
    groups = Groups(here.kafka)
    found = groups.read(naming.group(here.name, "count"), naming.topic(here.name, "payments"), 6)
    groups.close()
    assert Counts.total(counts for _, counts in found.values()) == Counts(1001, 1000, 1, 0, 1000)
    assert [value for _, value, *_ in [(one.key(), one.value()) for one in here.letters("payments")]] == [b"{"]


WINDOW = """\
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - name: spend
      from: payments
      window:
        by: [account]
        size: 1s
        lateness: 1s
        idleAfter: 3s
        aggregates: [{name: payments, value: count(*)}]
"""


def in_order(count: int) -> list[RECORD]:
    """Payments in the order of their times."""
    return sorted(payments(count), key=lambda record: str(orjson.loads(record[1] or b"")["occurred_at"]))


def counted(here: Pipeline) -> int:
    return sum(orjson.loads(value or b"")["payments"] for value in here.values("spend"))


def test_windows_of_partitions_that_fell_silent_come_out_and_later_records_are_late_once(
    pipeline: MakePipeline,
) -> None:
    here, sent = pipeline("silent", WINDOW), in_order(1_000)
    here.send("payments", sent)
    running = here.start("spend")
    until(lambda: counted(here) == 1_000, f"all windows are told\n{here.log()}")
    here.stop(running)
    here.send("payments", sent[:50])
    running = here.start("spend")
    until(lambda: here.stage_done("spend", "payments"), "spend is done")
    here.stop(running)
    late = committed(here.kafka, naming.late_topic(here.name, "spend"), 1)
    assert sorted((one.key(), one.value()) for one in late) == sorted(sent[:50])
    for one in late:
        headers = {name: (value or b"").decode() for name, value in one.headers() or []}
        assert (headers["meso-reason"], headers["meso-node"]) == ("Late", "spend")
        assert re.match(r"event time 20\S+, when the watermark was 20\S+$", headers["meso-detail"])
        assert headers["meso-position"].startswith("silent.payments/")
    assert counted(here) == 1_000
    groups = Groups(here.kafka)
    found = groups.read(naming.group(here.name, "spend"), naming.topic(here.name, "payments"), 6)
    groups.close()
    assert Counts.total(counts for _, counts in found.values()) == Counts(
        1_050, 1_000, 0, 50, len(here.values("spend"))
    )


def test_a_clock_that_is_years_ahead_closes_no_window(pipeline: MakePipeline) -> None:
    here, sent = pipeline("ahead", WINDOW), in_order(1_000)
    strange = [(key, value.replace(b"2024-0", b"2099-0")) for key, value in sent[:10] if value]
    here.send("payments", [*strange, *sent])
    running = here.start("spend")
    until(lambda: here.stage_done("spend", "payments"), "spend is done")
    until(lambda: counted(here) == 1_000, f"all windows are told\n{here.log()}")
    here.stop(running)
    assert sorted(one.value() or b"" for one in here.letters("payments")) == sorted(value for _, value in strange)
    assert committed(here.kafka, naming.late_topic(here.name, "spend"), 1) == []
