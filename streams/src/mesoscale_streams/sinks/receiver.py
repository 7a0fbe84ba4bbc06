"""Who is called over HTTP: many calls at once, none of which takes longer than it may, whatever the receiver does.

A call has a thread of its own, which may hang where no time-out reaches: in the resolver, or with a receiver that sends
a byte now and then. Nobody waits for it beyond its time; its connection is shut, so that it ends by itself.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from mesoscale.bindings import PEM
from mesoscale_streams.sinks.answers import Answer, retry_after

MOST_READ = 64 << 10  # bytes of an answer; what is longer costs its connection
BEGIN_WITHIN = 2.0  # seconds from the first call of a round in which others are begun


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent. `headers` are made at the last moment, as they tell the time."""

    body: bytes
    headers: Callable[[], Mapping[str, str]]


class Receiver:
    """One address; keeps connections to it open between calls."""

    def __init__(self, url: str, timeout: float, concurrency: int, ca: str = "") -> None:
        """Args:
        url: where it is.
        timeout: seconds for one call, from its beginning to the end of the answer.
        concurrency: calls at once.
        ca: a certificate, as PEM text or a path, that vouches for the receiver's; empty: those of the system.
        """
        self._url = urlsplit(url)
        self._path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        self._timeout = timeout
        self._concurrency = concurrency
        self._trust = _trust(ca) if self._url.scheme == "https" else None
        self._idle: queue.LifoQueue[HTTPConnection] = queue.LifoQueue()

    def send(self, calls: Sequence[Call], stop: threading.Event, told: Callable[[Answer, float], None]) -> list[Answer]:
        """Make the first of `calls`, as many as can be begun within BEGIN_WITHIN and before `stop`, and one at least.

        Args:
            calls: what to send, in order.
            stop: no further call is begun when it is set.
            told: called with each answer and the seconds it took.
        """
        began = time.monotonic()
        heard: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        answers: dict[int, Answer] = {}
        running: dict[int, _Running] = {}
        begun = 0
        while True:
            while (
                begun < len(calls) and len(running) < self._concurrency and (begun == 0 or self._goes_on(began, stop))
            ):
                running[begun] = _Running(self, calls[begun], self._timeout, begun, heard)
                begun += 1
            if not running:
                return [answers[index] for index in range(begun)]
            for index, answer in _next(running, heard):
                if index in running:  # what comes from a call that was given up is of no use any more
                    answers[index] = answer
                    told(answer, running.pop(index).seconds)

    def _goes_on(self, began: float, stop: threading.Event) -> bool:
        return not stop.is_set() and time.monotonic() - began < BEGIN_WITHIN

    def post(self, call: Call, run: "_Running") -> Answer:
        """One call, on its own thread."""
        try:
            # One that is open may have been closed by the receiver meanwhile, or by who gave the call up.
            with suppress(queue.Empty, ConnectionError, HTTPException, ssl.SSLError):
                return self._on(self._idle.get_nowait(), call, run)
            return Answer(None, "given up") if run.given_up else self._on(self._connection(), call, run)
        except TimeoutError:
            return run.too_late()
        except (OSError, HTTPException) as error:
            return Answer(None, f"{type(error).__name__}: {error}".rstrip(": "))

    def _on(self, connection: HTTPConnection, call: Call, run: "_Running") -> Answer:
        """Raises:
        OSError, HTTPException: there is no answer.
        """
        run.connection = connection
        try:
            connection.timeout = run.left
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(run.left)
            headers = {"Content-Type": "application/json", "User-Agent": "Mesoscale", **call.headers()}
            connection.request("POST", self._path, call.body, headers)
            response = connection.getresponse()
            answer = _answer(response)
        except BaseException:
            connection.close()
            raise
        if response.isclosed() and not response.will_close and not run.given_up:
            self._idle.put(connection)
        else:
            connection.close()
        return answer

    def _connection(self) -> HTTPConnection:
        host = self._url.hostname or ""
        if self._trust is None:
            return HTTPConnection(host, self._url.port)
        return HTTPSConnection(host, self._url.port, context=self._trust)


class _Running:
    """A call that is being made; `connection` is the one that it uses now."""

    def __init__(
        self,
        receiver: Receiver,
        call: Call,
        timeout: float,
        index: int,
        heard: "queue.SimpleQueue[tuple[int, Answer]]",
    ) -> None:
        self._began = time.monotonic()
        self._timeout = timeout
        self.connection: HTTPConnection | None = None
        self.given_up = False
        threading.Thread(target=lambda: heard.put((index, receiver.post(call, self))), name="call", daemon=True).start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds; never none at all, which a socket takes for no time-out."""
        return max(self._timeout - self.seconds, 0.001)

    @property
    def overdue(self) -> bool:
        return self.seconds >= self._timeout

    def too_late(self) -> Answer:
        return Answer(None, f"no answer within {self._timeout:g} s")

    def give_up(self) -> Answer:
        """Whatever it still waits for ends with its connection."""
        self.given_up = True
        sock = self.connection.sock if self.connection is not None else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        return self.too_late()


def _next(running: Mapping[int, _Running], heard: "queue.SimpleQueue[tuple[int, Answer]]") -> list[tuple[int, Answer]]:
    """The answer that comes next, or those of calls whose time is over."""
    with suppress(queue.Empty):
        return [heard.get(timeout=min(one.left for one in running.values()))]
    return [(index, one.give_up()) for index, one in running.items() if one.overdue]


def _answer(response: HTTPResponse) -> Answer:
    text = response.read(MOST_READ).decode(errors="replace")
    if not response.isclosed():
        response.read(1)  # the end of an answer is seen by reading beyond it
    return Answer(response.status, text, retry_after(response.getheader("Retry-After"), datetime.now(UTC)))


def _trust(ca: str) -> ssl.SSLContext:
    if ca.startswith(PEM):
        return ssl.create_default_context(cadata=ca)
    return ssl.create_default_context(cafile=ca or None)
