"""A proxy between the operator and the real API server: it counts every call, and can spoil any of them.

All faults of tests are made here, so that the operator itself holds no code for them.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from mesoscale_operator import kube
from mesoscale_operator.kubeconfig import Access

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
NOT_OF_THE_WORK = ("leases", "events")  # of the election, and what is only said


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the operator's."""

    method: str
    path: str
    query: str

    @property
    def watches(self) -> bool:
        return "watch=" in self.query

    @property
    def changes(self) -> bool:
        """It changes something that matters."""
        return self.method in MUTATING and not any(f"/{kind}" in self.path for kind in NOT_OF_THE_WORK)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer so, and do not ask the API server."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Delay:
    """Ask the API server only after this time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Swallow:
    """Ask the API server or not, and answer nothing: the connection is cut."""

    asked: bool = True


Fault = Answer | Delay | Swallow


class Proxy:
    """`before` is asked for a fault of each call, `after` is told of each that the API server has answered."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.calls: list[Call] = []
        self.before: Callable[[Call], Fault | None] = lambda call: None
        self.after: Callable[[Call], None] = lambda call: None
        self.frozen = False  # watches stay open and bring nothing
        self._watches: set[web.StreamResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def changes(self) -> list[Call]:
        """The calls that changed something, in their order."""
        return [call for call in self.calls if call.changes]

    def start(self) -> str:
        """Listen on loopback; returns the address."""
        self._thread.start()
        assert self._started.wait(10)
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def cut_watches(self) -> None:
        """Break every open watch in the middle."""

        def cut() -> None:
            for response in tuple(self._watches):
                if response._req is not None and response._req.transport is not None:
                    response._req.transport.abort()

        self._loop.call_soon_threadsafe(cut)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        application = web.Application(client_max_size=64 << 20)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port = runner.addresses[0][1]
        async with kube.session(self._access) as self._session:
            self._started.set()
            await self._over.wait()
            await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.method, request.path, request.query_string)
        self.calls.append(call)
        fault = self.before(call)
        if isinstance(fault, Answer):
            return web.Response(status=fault.code, headers=fault.headers, body=fault.body)
        if isinstance(fault, Delay):
            await asyncio.sleep(fault.seconds)
        if fault == Swallow(asked=False) and request.transport is not None:
            request.transport.abort()
            return web.Response()
        async with self._forwarded(request) as answer:
            if call.watches and answer.status == 200:
                return await self._stream(request, answer)
            body = await answer.read()
            self.after(call)
            if isinstance(fault, Swallow) and request.transport is not None:
                request.transport.abort()
            headers = {name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers}
            return web.Response(status=answer.status, headers=headers, body=body)

    @asynccontextmanager
    async def _forwarded(self, request: web.Request) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {name: request.headers[name] for name in ("Content-Type", "Accept") if name in request.headers}
        body = await request.read()
        url = self._access.server + request.raw_path
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.request(
            request.method, kube.URL(url, encoded=True), headers=headers, data=body or None, timeout=timeout
        ) as answer:
            yield answer

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": answer.headers["Content-Type"]})
        await response.prepare(request)
        self._watches.add(response)
        try:
            async for chunk in answer.content.iter_any():
                if not self.frozen:
                    await response.write(chunk)
        except (aiohttp.ClientError, ConnectionError):
            pass  # either side went away
        finally:
            self._watches.discard(response)
        return response
