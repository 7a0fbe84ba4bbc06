"""Hub: one pump sends all who listen the state and what is new, each second; without them it rests."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import orjson

from mesoscale_dashboard.feed import Feed
from mesoscale_dashboard.panels import Event, Panel
from mesoscale_dashboard.processes import Processes

EVERY = 1.0  # seconds between two rounds
LINGER = 10.0  # seconds that topics are still tailed when the last listener has left: a page may reload
PROCESSES_EVERY = 5.0  # seconds between two looks at the processes
LISTENERS = 64  # at most
WAITING = 32  # events that wait for a slow listener; then the oldest go
RETRY = 2_000  # milliseconds after which a browser comes back when the connection broke


class Hub:
    """`state` and `history` give what those events carry; `panels` makes empty panels, edge → panel."""

    def __init__(
        self,
        state: Callable[[], Awaitable[Any]],
        history: Callable[[], Any],
        feed: Feed | None,
        panels: Callable[[], Mapping[str, Panel]],
        processes: Processes | None,
    ) -> None:
        self._state = state
        self._history = history
        self._feed = feed
        self._make_panels = panels
        self._panels = panels()
        self._processes = processes
        self._next_look = 0.0
        self._usage: Any = {}
        self._queues: set[asyncio.Queue[bytes]] = set()
        self._pump: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        return len(self._queues)

    @property
    def full(self) -> bool:
        return self.listeners >= LISTENERS

    @property
    def resting(self) -> bool:
        """Whether neither the pump nor the feed runs."""
        return self._pump is None

    async def listen(self) -> AsyncIterator[bytes]:
        """Server-sent events for one listener, until it goes."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        try:
            if self._pump is None:
                self._pump = asyncio.create_task(self._run())
            yield f"retry: {RETRY}\n\n".encode()
            for event in await self._opening():
                yield encoded(event)
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def close(self) -> None:
        """Stop the pump and the feed."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    async def _opening(self) -> list[Event]:
        known = [panel.opening() for panel in self._panels.values()]
        first: list[Event] = [
            ("state", await self._state()),
            ("history", self._history()),
            ("processes", self._usage),
        ]
        return first + [event for event in known if event is not None]

    async def _run(self) -> None:
        if self._feed is not None:
            self._feed.start()
        left = time.monotonic()
        try:
            while self._queues or time.monotonic() - left < LINGER:
                begun = time.monotonic()
                if self._queues:
                    left = begun
                    await self._round()
                await asyncio.sleep(max(0.0, EVERY - (time.monotonic() - begun)))
        finally:
            self._pump = None
            if self._feed is not None:
                self._feed.stop()
            self._panels = self._make_panels()

    async def _round(self) -> None:
        self._send(("state", await self._state()))
        for event in self._news():
            self._send(event)
        if self._processes is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + PROCESSES_EVERY
            self._usage = await asyncio.to_thread(self._processes.look)
            self._send(("processes", self._usage))

    def _send(self, event: Event) -> None:
        data = encoded(event)
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(data)

    def _news(self) -> Iterator[Event]:
        if self._feed is None:
            return
        for edge, records in self._feed.drain():
            self._panels[edge].add(records, time.monotonic())
        for panel in self._panels.values():
            event = panel.changed()
            if event is not None:
                yield event


def encoded(event: Event) -> bytes:
    """One event on the wire, as the HTML standard describes it (9.2.6)."""
    name, payload = event
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(payload) + b"\n\n"
