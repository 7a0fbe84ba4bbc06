"""`meso run` as a table of contents: lock, compare, services, apply, nodes, watch, stop."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mesoscale.diff import diff
from mesoscale.errors import DocumentRefused, PlanRefused, Problem, Reason, ServiceUnavailable
from mesoscale.plan.types import Plan
from mesoscale_local import apply, backing, models, observe, secrets
from mesoscale_local.crew import Crew
from mesoscale_local.documents import Read
from mesoscale_local.done import Judge, Verdict, endless
from mesoscale_local.home import Home, Lock
from mesoscale_local.observe import Reading
from mesoscale_local.screen import Screen
from mesoscale_local.services import disk, ports
from mesoscale_local.signals import Stop

TICK = 1.0  # seconds between two looks at the pipeline
DRAIN = 5.0  # seconds after the last source in which stages and sinks may work off what lies between them
LAST_LOOK = 4.0  # seconds in which the ledger after the last commit is to be read
QUICK = 5.0  # seconds that a program gets to stop when its folder or its disk is gone
HURRY = 3.0  # seconds that services get after a second Ctrl-C
DASHBOARD_PORT = 8642


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. `dashboard_port` None: the usual one, or any if it is taken. `min_free` in bytes."""

    home: Path
    fresh: bool = False
    until_done: bool = False
    accept_data_loss: bool = False
    dashboard_port: int | None = None
    min_free: int = 200 * disk.MIB
    on_dashboard: Callable[[str], object] = lambda address: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the last reading, and the verdict if the pipeline came to its end by itself."""

    reading: Reading | None
    verdict: Verdict | None


def run(read: Read, options: Options, screen: Screen) -> Outcome:
    """Run the pipeline until it is done or we are told to stop.

    Raises:
        DocumentRefused: it is to run until done but never ends, or it does not come from a file.
        PlanRefused: parts are not built, or the way from what runs to what is wanted is not free.
        ServiceUnavailable: the folder is in use or gone, the disk is full, a service or a runtime is not to be had.
    """
    if read.path is None:
        hint = "save it to a file: stages read it too, and look for their steps beside it"
        raise DocumentRefused(Problem(Reason.RULE_BROKEN, "meso run needs a document in a file", hint=hint))
    plan = read.plan()
    if options.until_done and (names := endless(read.graph)):
        raise DocumentRefused(_endless(names))
    home = Home.of(options.home, plan.pipeline)
    with home.locked() as lock:
        if options.fresh:
            home.clear()
        home.make_folders()
        return asyncio.run(_Run(read, plan, lock, options, screen).main())


class _Run:
    def __init__(self, read: Read, plan: Plan, lock: Lock, options: Options, screen: Screen) -> None:
        assert read.path is not None
        self._read = read
        self._document = read.path
        self._plan = plan
        self._lock = lock
        self._home = lock.home
        self._options = options
        self._screen = screen
        self._crew = Crew(lock.home)
        self._stop = Stop()
        self._phase = "starting"
        self._started_at = _now()
        self._listener: socket.socket | None = None  # held as long as we run: the dashboard may crash, its port stays
        self._dashboard: str | None = None
        self._latest: Reading | None = None  # of the last look; None when the dashboard did not answer
        self._last: Reading | None = None  # the last one there was

    async def main(self) -> Outcome:
        """Work until done, told to stop or unable to go on; then stop everything in order."""
        self._stop.listen()
        ticking = asyncio.create_task(self._tick_on())
        hurrying = asyncio.create_task(self._hurry())
        verdict, failed = None, True
        try:
            verdict = await self._work_until_told(ticking)
            failed = False
        finally:
            await self._wind_down(calm=not failed and verdict is None, grace=QUICK if failed else None)
            hurrying.cancel()
            ticking.cancel()
            self._phase = "stopped"
            self._write_status()
            self._screen.finish()
        return Outcome(self._last, verdict)

    async def _work_until_told(self, ticking: asyncio.Task[None]) -> Verdict | None:
        """The verdict, or None when told to stop. A clock that stands still would hide the end, so it counts too."""
        working = asyncio.create_task(self._work())
        told = asyncio.create_task(self._stop.asked.wait())
        await asyncio.wait({working, told, ticking}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return ticking.result() if ticking.done() else None

    async def _work(self) -> Verdict:
        if forbidden := self._read.forbidden_changes(self._home.read_document()):
            raise PlanRefused(forbidden)
        old = self._home.read_applied()
        changes = diff(old, self._plan)
        apply.refuse(changes, self._options.accept_data_loss)
        webhooks = secrets.webhooks(self._read.graph, self._home)
        self._listener = self._listen()
        disk.demand(self._home.root, self._options.min_free, "the pipeline")
        await models.provide(self._read.graph, self._document, self._home, self._screen.say)
        bindings = await backing.start(self._plan, self._home, self._screen.say, self._crew.add_service)
        self._home.write_bindings(replace(bindings, webhooks=webhooks).files())
        await apply.apply(old, self._plan, changes, self._document, self._home)
        self._home.write_applied(self._plan, self._read.graph.pipeline)
        self._crew.start_nodes(self._plan, self._document)
        self._crew.start_dashboard(self._document, self._listener.fileno())
        self._dashboard = f"http://{ports.LOOPBACK}:{self._listener.getsockname()[1]}"
        self._phase = "running"
        return await self._watch()

    async def _watch(self) -> Verdict:
        """Until the verdict; without --until-done there is none, and only a signal or an error ends it."""
        judge = Judge()
        while True:
            self._demand_ground()
            if self._options.until_done:
                if hopeless := tuple(self._crew.hopeless()):
                    return Verdict(hopeless)
                verdict = judge.look(self._latest, self._crew.sources_ended, time.monotonic())
                if verdict is not None:
                    return verdict
            await asyncio.sleep(TICK / 2)

    def _demand_ground(self) -> None:
        """The folder must be there and the disk must have room, or services would break in ways hard to read."""
        if not self._lock.still_there():
            message = f"the folder {self._home.root} was deleted while the pipeline ran"
            hint = "`meso run` starts over from nothing"
            raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint))
        disk.demand(self._home.root, self._options.min_free, "the pipeline to go on")

    async def _wind_down(self, calm: bool, grace: float | None) -> None:
        """Sources first, so that what they committed can be worked off; services last, as all others need them."""
        self._phase = "stopping"
        if self._dashboard is not None:
            self._screen.say("stopping: sources, stages, sinks, services (Ctrl-C again hurries)")
        await self._crew.stop("source", grace)
        if calm:
            await self._fresh_reading(DRAIN, lambda reading: reading.drained)
        await self._crew.stop("stage", grace)
        await self._crew.stop("sink", grace)
        if calm:
            await self._fresh_reading(LAST_LOOK, lambda reading: True)
        if self._listener is not None:
            self._listener.close()  # or whoever asks a dashboard that has stopped would wait for an answer
        await self._crew.stop_services(grace)

    async def _fresh_reading(self, patience: float, good: Callable[[Reading], bool]) -> None:
        """Wait for a good reading, made wholly after this moment: the second new one, as the first may overlap it."""
        seen = {self._last.at} if self._last else set()
        deadline = time.monotonic() + patience
        while self._last is not None and time.monotonic() < deadline and not self._stop.hurried.is_set():
            seen.add(self._last.at)
            if len(seen) > 2 and good(self._last):
                return
            await asyncio.sleep(TICK / 10)

    async def _hurry(self) -> None:
        await self._stop.hurried.wait()
        self._crew.kill_nodes()
        await asyncio.sleep(HURRY)
        self._crew.kill_services()

    async def _tick_on(self) -> None:
        while True:
            if self._dashboard is not None:
                self._latest = await asyncio.to_thread(observe.ask, self._dashboard)
                if self._latest is not None and self._last is None:
                    self._screen.say(f"dashboard: {self._dashboard}")
                    self._options.on_dashboard(self._dashboard)
                self._last = self._latest or self._last
                self._screen.show(self._status())
            self._write_status()
            await asyncio.sleep(TICK)

    def _status(self) -> dict[str, Any]:
        return {
            "pipeline": self._plan.pipeline,
            "document": str(self._document),
            "pid": os.getpid(),
            "phase": self._phase,
            "startedAt": self._started_at,
            "writtenAt": _now(),
            "dashboard": self._dashboard,
            "nodes": [{"name": workload.node, "kind": workload.kind} for workload in self._plan.workloads],
            **self._crew.snapshot(),
            **(self._last.as_dict() if self._last else {}),
        }

    def _write_status(self) -> None:
        """Not where somebody else may run by now; and a full disk is noticed and told of elsewhere."""
        if self._lock.still_there():
            with suppress(OSError):
                self._home.write_status(self._status())

    def _listen(self) -> socket.socket:
        if self._options.dashboard_port is not None:
            return ports.hold(self._options.dashboard_port, "the dashboard")
        return ports.hold_usual(DASHBOARD_PORT)


def _endless(names: tuple[str, ...]) -> Problem:
    message = f"--until-done would wait for ever: {', '.join(names)} never ends"
    hint = "give a synthetic source a `count`, or leave --until-done out"
    return Problem(Reason.RULE_BROKEN, message, hint=hint)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
