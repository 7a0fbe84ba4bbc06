"""A supervised program is started again after a crash, rests longer and longer, and is gone when told to stop."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mesoscale_local import child
from mesoscale_local.backoff import Backoff
from mesoscale_local.child import Program
from mesoscale_local.supervisor import Supervised

QUICK = Backoff(first=0.05, longest=0.4, healthy_after=60, jitter=0)


def program(tmp_path: Path, code: str, **fields: object) -> Program:
    argv = (sys.executable, "-u", "-c", textwrap.dedent(code))
    return Program(name="p", argv=argv, log=tmp_path / "p.log", **fields)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_crashed_program_is_started_again_and_its_last_words_are_kept(tmp_path: Path) -> None:
    async def scene() -> None:
        supervised = Supervised(program(tmp_path, "print('before'); raise ValueError('no such station')"), QUICK)
        supervised.start()
        await until(lambda: supervised.restarts >= 2)
        assert supervised.crash is not None
        assert supervised.crash.reason == "exit code 1"
        assert supervised.crash.last_line == "ValueError: no such station"
        assert "before" in supervised.crash.tail
        await supervised.stop()
        assert supervised.state == "stopped"

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "disk on fire"),
        ({"exception": "Traceback:\n  line 1\nOSError: hot"}, "disk on fire: OSError: hot"),
        ({"exception": "Traceback:\nOSError: hot", "message": "OSError: hot"}, "OSError: hot"),
        ({"message": "no module\n\nhint: look there"}, "no module"),
    ],
)
def test_the_last_words_of_a_json_log_are_its_message(tmp_path: Path, fields: dict[str, str], words: str) -> None:
    line = json.dumps({"level": "error", "message": "disk on fire"} | fields)

    async def scene() -> None:
        supervised = Supervised(program(tmp_path, f"print({line!r}); raise SystemExit(7)"), QUICK)
        supervised.start()
        await until(lambda: supervised.crash is not None)
        assert supervised.crash is not None
        assert (supervised.crash.reason, supervised.crash.last_line) == ("exit code 7", words)
        await supervised.stop()

    asyncio.run(scene())


def test_a_killed_program_comes_back_and_the_signal_is_named(tmp_path: Path) -> None:
    async def scene() -> None:
        supervised = Supervised(program(tmp_path, "import time; time.sleep(60)"), QUICK)
        supervised.start()
        await until(lambda: supervised.pid is not None)
        first = supervised.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervised.pid not in (None, first))
        assert supervised.crash is not None
        assert supervised.crash.reason == "killed by SIGKILL"
        await supervised.stop()
        assert not alive(first)

    asyncio.run(scene())


@pytest.mark.parametrize(("may_end", "state"), [(True, "ended"), (False, "stopped")])
def test_exit_code_0_is_the_end_of_a_source_and_a_crash_of_all_others(
    tmp_path: Path, may_end: bool, state: str
) -> None:
    async def scene() -> None:
        supervised = Supervised(program(tmp_path, "print('done')", may_end=may_end), QUICK)
        supervised.start()
        await until(lambda: supervised.state == "ended" or supervised.restarts >= 1)
        assert (supervised.crash is None) == may_end
        await supervised.stop()
        assert supervised.state == state

    asyncio.run(scene())


def test_a_program_that_ignores_the_signal_is_made_to_stop_with_its_children(tmp_path: Path) -> None:
    code = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(grandchild.pid)
        time.sleep(60)
    """

    async def scene() -> None:
        supervised = Supervised(program(tmp_path, code, grace=0.3), QUICK)
        supervised.start()
        log = tmp_path / "p.log"
        await until(lambda: log.exists() and log.read_text().endswith("\n"))
        pids = [supervised.pid, int(log.read_text())]
        await asyncio.wait_for(supervised.stop(), 10)
        await until(lambda: not any(alive(pid) for pid in pids if pid))

    asyncio.run(scene())


def test_a_program_that_cannot_be_started_rests_and_says_why(tmp_path: Path) -> None:
    async def scene() -> None:
        missing = Program(name="p", argv=("/no/such/program",), log=tmp_path / "p.log")
        supervised = Supervised(missing, QUICK)
        supervised.start()
        await until(lambda: supervised.crash is not None)
        assert supervised.crash is not None
        assert "No such file" in supervised.crash.reason
        assert supervised.state == "resting"
        await supervised.stop()

    asyncio.run(scene())


def test_it_is_starting_until_it_announces_itself_and_a_stale_announcement_does_not_count(
    tmp_path: Path,
) -> None:
    announce = tmp_path / "p.json"
    announce.write_text("stale")
    code = f"import pathlib, time; time.sleep(0.5); pathlib.Path({str(announce)!r}).write_text('me'); time.sleep(60)"

    async def scene() -> None:
        supervised = Supervised(program(tmp_path, code, announce=announce), QUICK)
        supervised.start()
        await until(lambda: supervised.pid is not None)
        assert supervised.state == "starting"
        await until(lambda: supervised.state == "running")
        await supervised.stop()

    asyncio.run(scene())


def test_kill_9_of_the_parent_leaves_nothing(tmp_path: Path) -> None:
    parent_code = f"""
        import asyncio, sys
        from pathlib import Path
        from mesoscale_local.child import Program
        from mesoscale_local.supervisor import Supervised

        async def main():
            for name in ("a", "b"):
                argv = (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(120)")
                supervised = Supervised(Program(name=name, argv=argv, log=Path({str(tmp_path)!r}) / name))
                supervised.start()
                while supervised.pid is None:
                    await asyncio.sleep(0.01)
                print(supervised.pid, flush=True)
            await asyncio.sleep(120)

        asyncio.run(main())
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(parent_code)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    assert all(alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    asyncio.run(until(lambda: not any(alive(pid) for pid in pids)))


@pytest.mark.parametrize(("crashes", "chance", "rest"), [(1, 0, 0.5), (2, 0, 1), (4, 0, 4), (40, 0, 30), (2, 1, 0.75)])
def test_rests_double_up_to_a_limit_less_some_chance(crashes: int, chance: float, rest: float) -> None:
    assert Backoff().rest(crashes, chance) == rest


def test_a_minute_of_health_forgets_earlier_crashes() -> None:
    assert Backoff().in_a_row(7, lived=59) == 8
    assert Backoff().in_a_row(7, lived=61) == 1


def test_a_log_rolls_over_by_size_and_keeps_the_older_half(tmp_path: Path) -> None:
    code = "\nfor i in range(2000): print('line', i)"

    async def scene() -> None:
        from mesoscale_local.logfile import LogFile

        log = LogFile(tmp_path / "p.log", largest=10_000)
        process = await child.start(program(tmp_path, code))
        assert process.stdout is not None
        log.write(await process.stdout.read())
        log.write(b"after\n")
        log.close()
        assert (tmp_path / "p.log").read_text() == "after\n"
        assert (tmp_path / "p.log.1").stat().st_size > 10_000
        assert log.tail()[-2:] == ["line 1999", "after"]

    asyncio.run(scene())
