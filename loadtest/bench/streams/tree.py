"""A program with all that it starts: what they have cost together, and the most that they had in memory."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.bench.measure import CPU_TICKS, Spent

PAGE = os.sysconf("SC_PAGE_SIZE")
LOOK = 0.2  # seconds between two looks at the memory
END = 30.0  # seconds to end by itself


@dataclass
class Tree:
    """A program that was started as the head of a session of its own; whatever it starts belongs to that session."""

    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=time.monotonic)
    resident: float = 0.0  # MiB, the most so far of all together; pages that two of them share count twice

    def spent(self) -> Spent:
        """Since its start; ended children are in it, as far as somebody waited for them."""
        ticks = sum(sum(map(int, fields[11:15])) for _, fields in self._members())
        return Spent(time.monotonic() - self.began, ticks / CPU_TICKS)

    def look(self) -> None:
        pages = sum(int(fields[21]) for _, fields in self._members())
        self.resident = max(self.resident, pages * PAGE / (1 << 20))

    def told(self, line: str) -> bool:
        """Whether it has printed that line."""
        return line in self.log.read_text(errors="replace").splitlines()

    def end(self) -> None:
        """Ask the program to end, and make it and whatever it leaves behind."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for number, _ in list(self._members()):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def _members(self) -> Iterator[tuple[int, list[str]]]:
        """Each process of the session, and what the kernel tells of it in `stat`, from the state on."""
        session = str(self.process.pid)
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                try:
                    fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                except OSError:  # it has ended
                    continue
                if fields[3] == session:
                    yield int(entry.name), fields


@contextmanager
def running(argv: Sequence[str], log: Path, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Tree]:
    """The program, watched, with a pipe for its input; it and all that it started have ended afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    tree, stop = Tree(process, log), threading.Event()
    watch = threading.Thread(target=_watch, args=(tree, stop))
    watch.start()
    try:
        yield tree
    finally:
        stop.set()
        watch.join()
        tree.end()


def _watch(tree: Tree, stop: threading.Event) -> None:
    while not stop.wait(LOOK):
        tree.look()
