"""The services a plan needs: prepared and started side by side, waited for, and written down as bindings."""

import asyncio
import time
from collections.abc import Callable

from mesoscale.bindings import Bindings
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.plan.types import Plan
from mesoscale_local import programs
from mesoscale_local.home import Home
from mesoscale_local.services import jars, java
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server
from mesoscale_local.supervisor import Supervised

POLL = 0.1  # seconds between two questions "ready?"
PATIENCE = 4.0  # times the longest sane start: a machine that is busy with other things is no failure
HOPELESS = 4  # crashes in a row after which a service that never was ready is given up

Say = Callable[[str], None]
Supervise = Callable[[Supervised], None]


async def start(plan: Plan, home: Home, say: Say, supervise: Supervise) -> Bindings:
    """Start what the workloads need and return where it is.

    Args:
        say: takes one line that tells how far it is.
        supervise: takes each service as soon as it is started, so that it can be stopped whatever happens next.

    Raises:
        ServiceUnavailable: a runtime, a port or disk space is missing, or a service does not come up.
    """
    needs = {need for workload in plan.workloads for need in workload.needs}
    services: list[Broker | Server] = []
    if "kafka" in needs:
        jar_folder = await asyncio.to_thread(jars.provide, say)
        services.append(Broker(home.root / "kafka", await asyncio.to_thread(java.find), jar_folder))
    if "postgresql" in needs:
        services.append(Server(home.root / "postgres"))
    await asyncio.gather(*(_bring_up(service, home, say, supervise) for service in services))
    broker = next((service for service in services if isinstance(service, Broker)), None)
    server = next((service for service in services if isinstance(service, Server)), None)
    return Bindings(
        kafka=broker.binding() if broker else None,
        postgresql=server.binding() if server else None,
    )


async def _bring_up(service: Broker | Server, home: Home, say: Say, supervise: Supervise) -> None:
    began = time.monotonic()
    await asyncio.to_thread(service.prepare)
    program = programs.service(service.name, service.command(), home)
    supervised = Supervised(program)
    supervise(supervised)
    supervised.start()
    while not await asyncio.to_thread(service.ready):
        waited = time.monotonic() - began
        if supervised.crashes_in_a_row >= HOPELESS or waited > PATIENCE * service.wait_hint:
            raise _not_up(supervised, waited)
        await asyncio.sleep(POLL)
    say(f"{service.name} is ready ({time.monotonic() - began:.1f} s)")


def _not_up(supervised: Supervised, waited: float) -> ServiceUnavailable:
    crash = supervised.crash
    why = f"{crash.reason}: {crash.last_line}" if crash else "it runs but does not answer"
    message = f"{supervised.program.name} did not come up in {waited:.0f} s: {why}"
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=f"its log is {supervised.program.log}"))
