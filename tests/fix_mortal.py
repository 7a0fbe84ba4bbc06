"""Operators that live for one change each: killed by kill -9 before they hear that it was made."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from fix_operator import NO_PODS, Forked, Process, World
from fix_proxy import Call, Fault, Swallow

MOST_LIVES = 120


class Mortal:
    """Lets one change of each life through, and kills the operator with kill -9 before it hears of it."""

    def __init__(
        self, world: World, concerns: Callable[[Call], bool] = lambda call: True, installed: str = NO_PODS
    ) -> None:
        """`concerns` says which changes count."""
        self._world = world
        self._concerns = concerns
        self._installed = installed
        self.kills = 0
        self._spent = False
        world.proxy.before = self._only_one
        world.proxy.after = self._kill

    def _only_one(self, call: Call) -> Fault | None:
        if not self._counts(call):
            return None
        if self._spent:
            return Swallow(asked=False)
        self._spent = True
        return None

    def _kill(self, call: Call) -> None:
        if self._counts(call) and (process := self._world.operators[-1]).ended is None:
            os.kill(process.pid, signal.SIGKILL)
            self.kills += 1

    async def live_until(self, done: Callable[[], Any]) -> None:
        """Start operator after operator, until one lives because there is nothing left to change."""
        for _ in range(MOST_LIVES):
            self._spent = False
            process = self._world.start(installed=self._installed, of=Forked)
            while process.ended is None:
                if await self._rests(process) and await done():
                    process.kill()
                    return
                await asyncio.sleep(0.05)
        raise AssertionError(f"not done after {MOST_LIVES} lives")

    async def _rests(self, process: Process) -> bool:
        """It reconciled something and nothing is waiting."""
        worked = process.metric("meso_operator_reconcile_duration_seconds_count") > 0
        return worked and process.metric("meso_operator_queue_depth") == 0

    def _counts(self, call: Call) -> bool:
        return call.changes and self._concerns(call)
