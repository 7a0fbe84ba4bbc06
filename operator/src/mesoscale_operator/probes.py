"""Whether this process is any good: /healthz, /readyz and /metrics over HTTP.

A process that runs may still be deaf: a watch can stand open and bring nothing. So health is what was heard. The Lease
that leaders renew every two seconds is watched by every replica, leading or not, as the canary: when it falls silent,
it is read, and if the API server knows a newer version than the watch brought, the process is deaf and not healthy.
When the API server does not answer either, a restart would heal nothing.
"""

import asyncio
import logging

from aiohttp import web

from mesoscale_operator import errors, leader
from mesoscale_operator.kube import Kube
from mesoscale_operator.metrics import Metrics

logger = logging.getLogger(__name__)

DEAF_AFTER = 30.0  # seconds without any event, after which the canary is read


class Hearing:
    """When something was last heard from the API server, and from the canary in particular."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._heard = asyncio.get_running_loop().time()
        self._canary = 0  # resourceVersion

    def heard(self) -> None:
        """A watch brought an event."""
        self._heard = asyncio.get_running_loop().time()

    @property
    def age(self) -> float:
        """Seconds since the last event."""
        return asyncio.get_running_loop().time() - self._heard

    async def listen(self) -> None:
        """Watch the canary until cancelled."""
        while True:
            try:
                async for event in self._kube.watch(leader.RESOURCE, self._namespace, "", "0", leader.NAME):
                    if event.type != "BOOKMARK":
                        self._canary = int(event.object["metadata"]["resourceVersion"])
                    self.heard()
            except errors.ApiError as problem:
                logger.debug("canary: %s", problem)
            await asyncio.sleep(1)

    async def deaf(self) -> bool:
        """Whether the API server has news that no watch brought."""
        if self.age < DEAF_AFTER:
            return False
        seen = self._canary
        try:
            lease = await self._kube.get(leader.RESOURCE, self._namespace, leader.NAME)
        except errors.ApiError:
            return False
        return int(lease["metadata"]["resourceVersion"]) > seen and self.age >= DEAF_AFTER


class Probes:
    """The HTTP server of probes and metrics."""

    def __init__(self, hearing: Hearing, metrics: Metrics, ready: asyncio.Event) -> None:
        self._hearing = hearing
        self._metrics = metrics
        self._ready = ready

    async def serve(self, host: str, port: int) -> web.AppRunner:
        """Begin to serve; the caller ends it by `cleanup()`."""
        application = web.Application()
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._prometheus)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner

    async def _healthz(self, request: web.Request) -> web.Response:
        if await self._hearing.deaf():
            return web.Response(status=503, text=f"deaf: no watch event for {self._hearing.age:.0f} s\n")
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self._ready.is_set():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not everything was listed yet\n")

    async def _prometheus(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})
