"""What is to be: topics and tables as the plan wants them, and what must not be done without being asked."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mesoscale.diff import Change, Changes
from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.plan.types import Plan
from mesoscale_local import programs, provision
from mesoscale_local.home import Home


def refuse(changes: Changes, accept_data_loss: bool) -> None:
    """Raises:
    PlanRefused: a change is forbidden, or loses data and the user has not said that it may.
    """
    forbidden = [_forbidden(change) for change in changes.forbidden]
    if forbidden:
        raise PlanRefused(forbidden)
    losing = [] if accept_data_loss else [_losing(change) for change in changes.losing]
    if losing:
        raise PlanRefused(losing)


async def apply(old: Plan | None, new: Plan, changes: Changes, document: Path, home: Home) -> None:
    """Delete what is no longer wanted, then bring about everything that is; a second call does nothing.

    All of `new` is brought about, not only the differences: somebody may have deleted a topic by hand.

    Raises:
        PlanRefused: a topic or table that exists cannot become what is wanted.
        ServiceUnavailable: a service does not answer, or refuses.
    """
    if old is not None:
        await _remove(old, changes, home)
    needs = {need for workload in new.workloads for need in workload.needs}
    wanted = [what for what, service in (("topics", "kafka"), ("schema", "postgresql")) if service in needs]
    running = [provision.run(programs.provider(what, document, home)) for what in wanted]
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if outcome is not None:
            raise outcome


async def _remove(old: Plan, changes: Changes, home: Home) -> None:
    topics, nodes = _names(changes.of("topic", "remove")), _names(changes.of("workload", "remove"))
    gone = set(_names(changes.of("table", "remove")))
    sinks = [table.sink for table in old.tables if f"{table.schema_name}.{table.name}" in gone]
    if topics or nodes or sinks:
        await provision.run(programs.remover(old.pipeline, topics, nodes, sinks, home))


def _names(changes: Sequence[Change]) -> list[str]:
    return [change.name for change in changes]


def _forbidden(change: Change) -> Problem:
    reason = Reason.INCOMPATIBLE_CONTRACT if change.kind == "contract" else Reason.FORBIDDEN_CHANGE
    message = f"{change.kind} {change.name}: {change.detail} cannot be made: {change.forbidden_reason}"
    return Problem(reason, message, hint="`meso run --fresh` starts over, without what is stored now")


def _losing(change: Change) -> Problem:
    message = f"{change.kind} {change.name} ({change.action}): {change.detail}"
    hint = "`meso run --accept-data-loss` goes on all the same; `meso plan` shows all changes"
    return Problem(Reason.FORBIDDEN_CHANGE, message, hint=hint)
