"""A step that hangs, crashes or takes all memory: told, ended, started anew, and the rest of the records goes on."""

import functools
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import fix_counting as counting
import orjson
import pytest
from confluent_kafka import KafkaException
from fix_pipeline import Pipeline, ids, payments, until

pytestmark = pytest.mark.timeout(500)

MakePipeline = Callable[[str, str], Pipeline]
COUNT = 400
STEPS = """\
import ctypes
import re
import time

BAD = {bad!r}

def step(frame):
    if frame["transaction_id"].is_in(BAD).any():
        {what}
    return frame
"""
LEAK = """\
KEPT = []

def step(frame):
    KEPT.append(bytearray(80 << 20))
    return frame
"""
SPEC = """\
  sources:
    - {name: given, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - {name: work, from: given, step: "bad_steps:step", stepTimeout: 2s, memoryLimit: 400MiB}
  sinks: []
"""
HEAD, NAMED = "def number(frame, state):\n", "contract: numbered\n"  # of the step that counts, and of its stage
HANGS = "time.sleep(3600)"
HOLDS_THE_LOCK = 're.match(r"(a+)+$", "a" * 60 + "b")'
CRASHES = "ctypes.string_at(0)"
SWELLS = "kept = [bytearray(50 << 20) for _ in range(100) if not time.sleep(0.1)]"


def keep_running(here: Pipeline, done: Callable[[], bool], stage: str = "work", seconds: float = 400) -> list[int]:
    """Start the stage anew whenever it ends, until all is done → its exit codes."""
    deadline, codes = time.monotonic() + seconds, []
    process = here.start(stage)
    while not answers(done):
        assert time.monotonic() < deadline, f"{codes}\n{here.log()}"
        if process.poll() is not None:
            codes.append(process.returncode)
            process = here.start(stage)
        time.sleep(0.2)
    process.terminate()  # unless its last batch is its end, too
    return codes + [code for code in [process.wait(40)] if code]


def answers(done: Callable[[], bool]) -> bool:
    """Whether it is done; a broker that does not know the group yet has no answer."""
    try:
        return done()
    except KafkaException:
        return False


def logged(here: Pipeline, stage: str) -> list[dict[str, str]]:
    lines = (here.folder / f"{stage}.0.log").read_bytes().splitlines()
    return [orjson.loads(line) for line in lines if line.startswith(b"{")]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (HANGS, "the step of work has had a batch for 2 s and hangs in"),
        (HOLDS_THE_LOCK, "Timeout (0:00:04)!"),
        (CRASHES, "Segmentation fault"),
        (SWELLS, "and its memoryLimit is 400 MiB"),
    ],
    ids=["hangs", "holds-the-lock", "crashes", "swells"],
)
def test_the_record_that_does_it_becomes_a_letter_and_all_others_go_on(
    pipeline: MakePipeline, tmp_path: Path, what: str, told: str, request: pytest.FixtureRequest
) -> None:
    sent = payments(COUNT)
    bad = [orjson.loads(sent[n][1] or b"")["transaction_id"] for n in (57,)]
    (tmp_path / "bad_steps.py").write_text(STEPS.format(bad=bad, what=what))
    # To take memory takes time on a busy machine; it is not to end for that.
    spec = SPEC.replace("stepTimeout: 2s", "stepTimeout: 1m") if what == SWELLS else SPEC
    here = pipeline(f"bad-{request.node.callspec.id}", spec)
    here.send("given", sent)
    codes = keep_running(here, lambda: len(here.letters("given")) == 1 and here.stage_done("work", "given"))
    assert len(codes) <= 5
    assert told in (tmp_path / "work.0.log").read_text()
    [letter] = here.letters("given")
    assert ids([letter.value()]) == dict.fromkeys(bad, 1)
    assert dict(letter.headers() or [])["meso-reason"] == b"StepDied"
    assert ids(here.values("work")) + ids([letter.value()]) == ids(value for _, value in sent)


@pytest.mark.parametrize(
    ("what", "told"),
    [(HANGS, "the step of count has had a batch for 2 s and hangs in"), (CRASHES, "Segmentation fault")],
    ids=["hangs", "crashes"],
)
def test_a_step_that_remembers_goes_on_without_the_record_that_does_it(
    pipeline: MakePipeline, tmp_path: Path, what: str, told: str, request: pytest.FixtureRequest
) -> None:
    sent = payments(COUNT)
    bad = orjson.loads(sent[57][1] or b"")["transaction_id"]
    trap = f"    if (frame['transaction_id'] == {bad!r}).any():\n        {what}\n"
    (tmp_path / "own_steps.py").write_text("import ctypes, time\n" + counting.STEP.replace(HEAD, HEAD + trap))
    spec = counting.SPEC.replace(NAMED, f"{NAMED}      stepTimeout: 2s\n")
    here = pipeline(f"bad-count-{request.node.callspec.id}", spec)
    here.send("payments", sent)
    done = functools.partial(here.stage_done, "count", "payments")
    codes = keep_running(here, lambda: len(here.letters("payments")) == 1 and done(), "count")
    assert len(codes) <= 5
    assert told in (tmp_path / "count.0.log").read_text()
    [letter] = here.letters("payments")
    assert (letter.value(), dict(letter.headers() or [])["meso-reason"]) == (sent[57][1], b"StepDied")
    assert counting.told(here) == counting.numbered([*sent[:57], *sent[58:]])


def leak(here: Pipeline, stage: str, source: str) -> None:
    """Feed a stage that keeps 80 MiB of each batch, and see it end itself between two of them, again and again."""
    sent, fed = payments(COUNT), 0

    def feed() -> bool:
        """A few records when those before are done, so that there are many batches."""
        nonlocal fed
        if not here.stage_done(stage, source):
            return False
        few = sent[fed : fed + 50]
        here.send(source, few)
        fed += len(few)
        return not few

    codes = keep_running(here, feed, stage)
    assert codes
    assert set(codes) == {4}
    told = [line for line in logged(here, stage) if line["level"] == "error"]
    assert all("and its memoryLimit is 400 MiB" in line["message"] for line in told)
    assert here.letters(source) == []


def test_a_leak_ends_the_program_between_two_batches_and_is_told(pipeline: MakePipeline, tmp_path: Path) -> None:
    (tmp_path / "bad_steps.py").write_text(LEAK)
    here = pipeline("bad-leak", SPEC)
    leak(here, "work", "given")
    assert ids(here.values("work")) == ids(value for _, value in payments(COUNT))


def test_a_leak_in_a_step_that_remembers_costs_it_nothing_of_that(pipeline: MakePipeline, tmp_path: Path) -> None:
    kept = "    KEPT.append(bytearray(80 << 20))\n"
    (tmp_path / "own_steps.py").write_text("KEPT = []\n" + counting.STEP.replace(HEAD, HEAD + kept))
    here = pipeline("bad-count-leak", counting.SPEC.replace(NAMED, f"{NAMED}      memoryLimit: 400MiB\n"))
    leak(here, "count", "payments")
    assert counting.told(here) == counting.numbered(payments(COUNT))


def test_killing_a_stage_again_and_again_condemns_no_record(pipeline: MakePipeline, tmp_path: Path) -> None:
    (tmp_path / "bad_steps.py").write_text("def step(frame):\n    return frame\n")
    here, sent = pipeline("bad-kills", SPEC), payments(1_200)
    for start in range(0, 1_200, 300):  # of which two batches of a hundred are done before the death
        here.send("given", sent[start : start + 300])
        doomed: subprocess.Popen[bytes] = here.start("work", sabotage="stage-before-commit")
        assert doomed.wait(60) == -signal.SIGKILL
    whole = here.start("work")
    until(lambda: here.stage_done("work", "given"), "all is done")
    here.stop(whole)
    assert here.letters("given") == []
    assert ids(here.values("work")) == ids(value for _, value in sent)
