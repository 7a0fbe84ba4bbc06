"""What a stage may take, in time and in memory: a program that takes more says so, and ends itself.

A watcher on a thread of its own looks a few times a second. A step that holds the interpreter's lock keeps it from
looking, so faulthandler, whose clock needs no lock, ends the program a little later in its place.
"""

import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any

from mesoscale import units
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.model.stage import Stage
from mesoscale_streams import logs
from mesoscale_streams.work import Inlet

log = logging.getLogger(__name__)

LOOK = 0.2  # seconds between two looks
GRACE = 2.0  # seconds that the watcher has to say it better than faulthandler
BEYOND = 1.5  # times the limit of memory, at which a step is not waited for
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limits:
    """Those of one program; entered while its step has a batch."""

    def __init__(self, node: str, seconds: float, nbytes: int | None) -> None:
        """Args:
        node: whose step it is.
        seconds: that the step may have a batch.
        nbytes: that the program may hold; None: all that there is.
        """
        self._node = node
        self._seconds = seconds
        self._bytes = nbytes
        self._deadline: float | None = None
        self._main = threading.get_ident()
        threading.Thread(target=self._watch, name="limits", daemon=True).start()

    @classmethod
    def of(cls, stage: Stage) -> "Limits":
        """Those that the document sets."""
        most = units.size_bytes(stage.memory_limit) if stage.memory_limit else None
        return cls(stage.name, units.seconds(stage.step_timeout), most)

    def __enter__(self) -> None:
        faulthandler.dump_traceback_later(self._seconds + GRACE, exit=True)
        self._deadline = time.monotonic() + self._seconds

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._deadline = None
        faulthandler.cancel_dump_traceback_later()

    def exceeded(self) -> ServiceUnavailable | None:
        """What to end with between two batches, if the program holds too much by now."""
        held = resident()
        return None if self._bytes is None or held <= self._bytes else self._too_much(held)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK)
            deadline = self._deadline
            if deadline is None:
                continue
            if time.monotonic() > deadline:
                self._end(self._hung())
            if self._bytes is not None and (held := resident()) > BEYOND * self._bytes:
                self._end(self._too_much(held))

    def _end(self, error: ServiceUnavailable) -> None:
        """Nothing of the batch is committed, so nothing is lost by a hard end."""
        log.error("%s", error, extra={**logs.problems(error), "stack": self._stack()})
        sys.stderr.flush()
        os._exit(error.exit_code)

    def _stack(self) -> list[str]:
        frame = sys._current_frames().get(self._main)
        return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_stack(frame)] if frame else []

    def _hung(self) -> ServiceUnavailable:
        where = (self._stack() or ["unknown"])[-1]
        message = f"the step of {self._node} has had a batch for {self._seconds:g} s and hangs in {where}"
        hint = "a batch that takes so long in good order wants a longer `stepTimeout`"
        return ServiceUnavailable(Problem(Reason.STEP_HUNG, message, hint=hint))

    def _too_much(self, held: int) -> ServiceUnavailable:
        limit = (self._bytes or 0) >> 20
        message = f"the program of {self._node} holds {held >> 20} MiB, and its memoryLimit is {limit} MiB"
        hint = "does its step keep what it has seen? What a stage is to remember, more processes can share (scale)"
        return ServiceUnavailable(Problem(Reason.MEMORY_EXCEEDED, message, hint=hint))


class BoundedReader:
    """An inlet that ends where the program holds too much: between two batches, when all that was read is safe."""

    def __init__(self, inlet: Inlet, limits: Limits) -> None:
        self._inlet = inlet
        self._limits = limits
        self.exceeded: ServiceUnavailable | None = None

    @property
    def ended(self) -> bool:
        return self.exceeded is not None or self._inlet.ended

    @property
    def ready(self) -> bool:
        return self._inlet.ready

    def read(self) -> Any:
        self.exceeded = self._limits.exceeded()
        return None if self.exceeded is not None else self._inlet.read()

    def rewind(self) -> None:
        self._inlet.rewind()

    def close(self) -> None:
        self._inlet.close()


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm", "rb") as told:  # noqa: PTH123  # five times a second
        return int(told.read().split()[1]) * _PAGE
