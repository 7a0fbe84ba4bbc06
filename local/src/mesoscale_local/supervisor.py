"""Keeps one program running: starts it, watches it, starts it again after a crash, and ends it when told.

A crash never ends the supervisor: a program that fails at once, again and again, rests longer and longer in between
and the rest of the pipeline goes on.
"""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mesoscale_local import child
from mesoscale_local.backoff import Backoff
from mesoscale_local.child import Program
from mesoscale_local.logfile import LogFile

State = Literal["starting", "running", "resting", "ended", "stopped"]
_READ = 1 << 16  # bytes
_PIPE_GRACE = 1.0  # seconds; a grandchild that holds the pipe open must not keep us from seeing the exit


@dataclass(frozen=True, slots=True)
class Crash:
    """How a program died: when (UTC, ISO 8601), how in words, its last log line, and the lines before it."""

    at: str
    reason: str
    last_line: str
    tail: tuple[str, ...]


class Supervised:
    """One program under supervision. All methods belong to the event loop that called `start`."""

    def __init__(self, program: Program, backoff: Backoff | None = None) -> None:
        self.program = program
        self.pid: int | None = None
        self.restarts = 0
        self.crashes_in_a_row = 0
        self.crash: Crash | None = None
        self._backoff = backoff or Backoff()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._ended = False

    @property
    def state(self) -> State:
        """`resting` is the time between a crash and the next start, `ended` means that its work is done."""
        if self._ended:
            return "ended"
        if self.pid is None:
            return "stopped" if self._task is None or self._task.done() else "resting"
        announce = self.program.announce
        return "running" if announce is None or announce.exists() else "starting"

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running(), name=self.program.name)

    async def stop(self, grace: float | None = None) -> None:
        """End the program and wait until nothing of it is left. Twice is once; `grace` replaces the program's own."""
        self._stopping.set()
        if self._process is not None and self.pid is not None:
            patience = self.program.grace if grace is None else grace
            await child.end(self._process, self.program.stop_signal, patience)
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        """kill -9, for users in a hurry; `stop` then returns at once."""
        self._stopping.set()
        if self.pid is not None:
            child.kill_group(self.pid)

    def snapshot(self) -> dict[str, Any]:
        """State, pid, restarts and the last crash, as `meso status` shows them."""
        crash = self.crash
        return {
            "state": self.state,
            "pid": self.pid,
            "restarts": self.restarts,
            "crash": None
            if crash is None
            else {
                "at": crash.at,
                "reason": crash.reason,
                "lastLine": crash.last_line,
                "tail": list(crash.tail),
            },
        }

    async def _keep_running(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            code, tail = await self._once()
            if self._stopping.is_set():
                return
            if code == 0 and self.program.may_end:
                self._ended = True
                return
            self._note_crash(code, tail, time.monotonic() - began)
            await self._rest()

    async def _once(self) -> tuple[int | str, list[str]]:
        """Run it to its exit → its exit code (or why it could not be started) and its last log lines."""
        if self.program.announce is not None:
            self.program.announce.unlink(missing_ok=True)
        try:
            log = LogFile(self.program.log)
        except OSError as error:
            return f"its log cannot be written: {error}", []
        try:
            self._process = await child.start(self.program)
            self.pid = self._process.pid
            if self._stopping.is_set():  # told to stop while it was being started
                child.kill_group(self.pid)
            return await self._watch(self._process, log), log.tail()
        except OSError as error:
            return f"could not be started: {error}", log.tail()
        finally:
            self.pid = None
            log.close()

    async def _watch(self, process: asyncio.subprocess.Process, log: LogFile) -> int:
        output = asyncio.create_task(_copy(process, log))
        code = await process.wait()
        child.kill_group(process.pid)
        with suppress(TimeoutError):
            await asyncio.wait_for(output, _PIPE_GRACE)
        return code

    def _note_crash(self, code: int | str, tail: list[str], lived: float) -> None:
        reason = code if isinstance(code, str) else child.exit_in_words(code)
        if code == 0:
            reason = "ended by itself (exit code 0), though it was to go on"
        last_line = _message(tail[-1]) if tail else ""
        self.crash = Crash(datetime.now(UTC).isoformat(timespec="seconds"), reason, last_line, tuple(tail))
        self.crashes_in_a_row = self._backoff.in_a_row(self.crashes_in_a_row, lived)

    async def _rest(self) -> None:
        rest = self._backoff.rest(self.crashes_in_a_row, random.random())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), rest)
            return
        self.restarts += 1


async def _copy(process: asyncio.subprocess.Process, log: LogFile) -> None:
    assert process.stdout is not None
    while data := await process.stdout.read(_READ):
        log.write(data)


def _message(line: str) -> str:
    """What a log line says, without the rest of its JSON."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    message = str(entry.get("message", line)).partition("\n")[0]
    exception = str(entry.get("exception", "")).strip().rpartition("\n")[2]
    return message if exception in message else f"{message}: {exception}"
