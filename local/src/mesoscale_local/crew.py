"""Everything that runs for one pipeline: services, nodes and the dashboard, and how all of it is told to stop."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mesoscale.graph.types import NodeKind
from mesoscale.plan.types import Plan
from mesoscale_local import programs
from mesoscale_local.home import Home
from mesoscale_local.supervisor import Supervised

HOPELESS = 6  # crashes in a row after which nobody who waits for an end should go on waiting


class Crew:
    """Starts and stops; what to start and when is the run's business."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._services: dict[str, Supervised] = {}
        self._nodes: dict[str, tuple[str, NodeKind, Supervised]] = {}

    def add_service(self, supervised: Supervised) -> None:
        """Take over one that is started elsewhere."""
        self._services[supervised.program.name] = supervised

    def start_dashboard(self, document: Path, listener: int) -> None:
        dashboard = Supervised(programs.dashboard(document, self._home, listener))
        self.add_service(dashboard)
        dashboard.start()

    def start_nodes(self, plan: Plan, document: Path) -> None:
        for workload, program in programs.of_plan(plan, document, self._home):
            supervised = Supervised(program)
            self._nodes[program.name] = (workload.node, workload.kind, supervised)
            supervised.start()

    @property
    def sources_ended(self) -> bool:
        return bool(self._nodes) and all(source.state == "ended" for source in self._of_kind("source"))

    def hopeless(self) -> Iterator[str]:
        """A sentence for each program that does nothing but crash."""
        for supervised in self._all():
            crash = supervised.crash
            if crash is not None and supervised.crashes_in_a_row >= HOPELESS and supervised.state != "running":
                last_words = f": {crash.last_line}" if crash.last_line else ""
                times = supervised.crashes_in_a_row
                yield f"{supervised.program.name} crashed {times} times in a row: {crash.reason}{last_words}"

    async def stop(self, kind: NodeKind, grace: float | None = None) -> None:
        """Stop all nodes of that kind, side by side."""
        await _stop(self._of_kind(kind), grace)

    async def stop_services(self, grace: float | None = None) -> None:
        """The dashboard first: it would only complain about the rest."""
        await _stop([one for name, one in self._services.items() if name == "dashboard"], grace)
        await _stop(self._services.values(), grace)

    def kill_nodes(self) -> None:
        for _, _, node in self._nodes.values():
            node.kill()

    def kill_services(self) -> None:
        for service in self._services.values():
            service.kill()

    def snapshot(self) -> dict[str, Any]:
        """`services` and `processes` (of nodes), each by name."""
        return {
            "services": {name: service.snapshot() for name, service in self._services.items()},
            "processes": {
                name: {"node": node} | supervised.snapshot() for name, (node, _, supervised) in self._nodes.items()
            },
        }

    def _of_kind(self, wanted: NodeKind) -> list[Supervised]:
        return [supervised for _, kind, supervised in self._nodes.values() if kind == wanted]

    def _all(self) -> list[Supervised]:
        return [*self._services.values(), *(supervised for _, _, supervised in self._nodes.values())]


async def _stop(programs: Iterable[Supervised], grace: float | None) -> None:
    await asyncio.gather(*(program.stop(grace) for program in programs))
