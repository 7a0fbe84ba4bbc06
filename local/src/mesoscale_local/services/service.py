"""What a service looks like to whoever runs it: a folder to prepare, a command, a question "ready?"."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Progress = Callable[[str], None]  # takes one line of text that tells how far something is


@dataclass(frozen=True, slots=True)
class Command:
    """One process, run in `cwd`: `env` is added to the caller's own, `stop` is the signal for a good end."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM


class Service(Protocol):
    """A server that the local driver runs; all of it may be called again and again.

    `prepare` makes the folder ready and settles the port; `command` is to be run after it. `ready` asks the
    server itself, and answers no where another one took the port. `wait_hint`: the longest sane start (seconds).
    """

    name: str
    wait_hint: float

    def prepare(self, port: int | None = None) -> None: ...

    def command(self) -> Command: ...

    def ready(self) -> bool: ...
