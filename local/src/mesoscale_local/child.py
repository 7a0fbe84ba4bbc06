"""One operating system process: started so that it cannot outlive us, ended with its whole group."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to end it.

    `may_end` says that exit code 0 means its work is done; all others are to run until they are told to stop.
    `announce` is the file in which the program says that it is ready; without one it is ready when it runs.
    `death_signal` reaches it when we die, however we die. `grace` is in seconds. `sockets` are descriptors that it gets
    from us, under the same numbers.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    announce: Path | None = None
    may_end: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 20.0
    sockets: tuple[int, ...] = ()


async def start(program: Program) -> asyncio.subprocess.Process:
    """Start it as the leader of its own session, its output (both streams) in one pipe.

    Raises:
        OSError: it cannot be started.
    """
    return await asyncio.create_subprocess_exec(
        *program.argv,
        env={**os.environ, **program.env},
        cwd=program.cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        pass_fds=program.sockets,
        preexec_fn=_die_with(os.getpid(), program.death_signal),
    )


async def end(process: asyncio.subprocess.Process, stop_signal: signal.Signals, grace: float) -> None:
    """Ask it to stop, and after `grace` seconds make it; then nothing of its group is left."""
    with suppress(ProcessLookupError):
        process.send_signal(stop_signal)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), grace)
    kill_group(process.pid)
    await process.wait()


def kill_group(leader: int) -> None:
    """kill -9 for every process of the group that `leader` leads or led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def exit_in_words(returncode: int) -> str:
    """`exit code 3`, `killed by SIGKILL`."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died between fork and prctl, so no signal will come
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child
