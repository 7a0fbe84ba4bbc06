"""Watch: the truth about the pipeline, read at most once a second, and what to say when it cannot be read."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mesoscale.ledger import Ledger
from mesoscale_dashboard.feed import sentence
from mesoscale_dashboard.rates import Rate, Rates, Reading

log = logging.getLogger(__name__)

T = TypeVar("T")

FRESH = 0.9  # seconds that a reading serves; below one, so that a caller who comes each second finds a new one
SHARE = 0.1  # of the time may go into reading: what takes long is read less often,
RARELY = 10.0  # seconds, but at least this often
OVERDUE = 4.0  # seconds after which a reading that has not come back is told
PATIENCE = 1.5  # seconds that a caller waits for a reading before the last one is given


class Reader(Protocol):
    """Where the truth is: committed state in Kafka and PostgreSQL. It raises when one of them is away."""

    def read(self) -> Ledger:
        """The ledger as it is committed now."""

    def table_rows(self) -> dict[str, int]:
        """Table sink → rows stored."""

    def close(self) -> None:
        """Give the connections back."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last that is known. `away` says what keeps it from being newer; `reading` may be None at first."""

    reading: Reading | None
    rates: dict[str, Rate]
    tables: dict[str, int]
    away: tuple[str, ...]


class Watch:
    """One reader shared by all who ask; readings run in a thread, never two at a time."""

    def __init__(self, connect: Callable[[], Reader]) -> None:
        self._connect = connect
        self._reader: Reader | None = None
        self._running: asyncio.Task[None] | None = None
        self._begun = 0.0
        self._next_read = 0.0
        self._next_count = 0.0
        self._reading: Reading | None = None
        self._tables: dict[str, int] = {}
        self._away: tuple[str, ...] = ()
        self.rates = Rates()
        self.readings = 0
        self.seconds = 0.0  # spent reading

    @property
    def closed(self) -> bool | None:
        """Whether the ledger adds up; None while it cannot be read, as what was true once may not be so now."""
        return None if self._reading is None or self._missing() else self._reading.ledger.closed

    async def look(self) -> Seen:
        """The newest reading, at most a second old where the services answer in time."""
        if self._running is None and time.monotonic() >= self._next_read:
            self._running = asyncio.create_task(self._read())
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=PATIENCE)
        return Seen(self._reading, self.rates.latest(), self._tables, self._missing())

    def _missing(self) -> tuple[str, ...]:
        if self._running is not None and time.monotonic() - self._begun > OVERDUE:
            return (*self._away, "the last reading of the ledger has not come back yet")
        return self._away

    async def _read(self) -> None:
        begun = self._begun = time.monotonic()
        try:
            ledger, tables = await _beside(lambda: self._fetch(begun))
        except Exception as error:  # whatever stops a reading, the page has to say so and the next one comes
            if not self._away:
                log.warning("the ledger cannot be read", exc_info=error)
            self._away = (sentence(error),)
            self._next_read = time.monotonic() + FRESH
        else:
            self._away = ()
            self._next_read = begun + max(FRESH, min(RARELY, (time.monotonic() - begun) / SHARE))
            self._tables = tables
            self._reading = Reading(time.monotonic(), time.time(), ledger)
            self.rates.add(self._reading)
        finally:
            self.readings += 1
            self.seconds += time.monotonic() - begun
            self._running = None

    def _fetch(self, now: float) -> tuple[Ledger, dict[str, int]]:
        reader = self._reader or self._connect()
        # A client keeps what it knew of a broker, and may fail for minutes after its return: a failure ends its use.
        self._reader = None
        with contextlib.ExitStack() as unless_read:
            unless_read.callback(reader.close)
            ledger = reader.read()
            tables = self._tables if now < self._next_count else self._count(reader)
            unless_read.pop_all()
        self._reader = reader
        return ledger, tables

    def _count(self, reader: Reader) -> dict[str, int]:
        """The rows of all tables; counting large ones takes its time and is done less often."""
        begun = time.monotonic()
        tables = reader.table_rows()
        self._next_count = begun + min(RARELY, (time.monotonic() - begun) / SHARE)
        return tables


async def _beside(work: Callable[[], T]) -> T:
    """The result of `work`, done in a thread that no one waits for when the program is told to end.

    The loop's own threads would hold the program until a service that is away has not answered for long enough.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        def unless_cancelled() -> None:
            if not done.cancelled():
                settle()

        with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
            loop.call_soon_threadsafe(unless_cancelled)

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # it is raised again where the result is awaited
            failure = error
            tell(lambda: done.set_exception(failure))
        else:
            tell(lambda: done.set_result(result))

    threading.Thread(target=run, name="reading", daemon=True).start()
    return await done
