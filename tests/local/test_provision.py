"""What a program that ends says of its failure becomes the driver's own; one that was killed is run again."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from mesoscale.errors import PlanRefused, Problem, Reason, ServiceUnavailable
from mesoscale_local import provision
from mesoscale_local.child import Program

REFUSES = """
import json, sys
print("%3|17|FAIL|librdkafka speaks too", file=sys.stderr)
problem = {"reason": "NotOurs", "message": "topic t exists already", "hint": "another name"}
print(json.dumps({"level": "error", "message": "…", "problems": [problem, problem]}), file=sys.stderr)
sys.exit(3)
"""
DIES_TWICE = """
import os, pathlib, signal
lives = pathlib.Path("lives")
lives.write_text(lives.read_text() + "x" if lives.exists() else "x")
if len(lives.read_text()) < 3:
    os.kill(os.getpid(), signal.SIGABRT)
"""


def program(folder: Path, code: str) -> Program:
    return Program(name="topics", argv=(sys.executable, "-c", code), log=folder / "topics.log", cwd=folder, grace=5)


def test_problems_are_told_as_the_program_told_them(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused) as refused:
        asyncio.run(provision.run(program(tmp_path, REFUSES)))
    assert refused.value.problems == (Problem(Reason.NOT_OURS, "topic t exists already", hint="another name"),) * 2
    assert "librdkafka speaks too" in (tmp_path / "topics.log").read_text()


def test_an_end_without_a_reason_names_the_last_line_and_the_log(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match=r"topics failed: exit code 1: ZeroDivisionError") as failed:
        asyncio.run(provision.run(program(tmp_path, "1 / 0")))
    assert str(tmp_path / "topics.log") in failed.value.problems[0].hint


def test_a_program_that_was_killed_is_run_again(tmp_path: Path) -> None:
    asyncio.run(provision.run(program(tmp_path, DIES_TWICE)))
    assert (tmp_path / "lives").read_text() == "xxx"


def test_one_that_is_always_killed_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="killed by SIGABRT"):
        asyncio.run(provision.run(program(tmp_path, "import os; os.abort()")))


def test_a_run_that_is_told_to_stop_leaves_no_program_behind(tmp_path: Path) -> None:
    code = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"

    async def interrupted() -> None:
        running = asyncio.create_task(provision.run(program(tmp_path, code)))
        deadline = time.monotonic() + 30
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(interrupted())
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()
