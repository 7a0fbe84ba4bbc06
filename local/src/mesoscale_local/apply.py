"""What is to be: topics and tables as the plan wants them, and what must not be done without being asked."""

from collections.abc import Sequence

from mesoscale.bindings import Bindings
from mesoscale.diff import Change, Changes
from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.plan.types import Plan
from mesoscale_local.services import removal, tables, topics


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


def apply(old: Plan | None, new: Plan, changes: Changes, bindings: Bindings) -> None:
    """Delete what is no longer wanted, then bring about everything that is; a second call does nothing.

    All of `new` is brought about, not only the differences: somebody may have deleted a topic by hand.

    Raises:
        PlanRefused: a topic that exists has more partitions than are wanted.
        ServiceUnavailable: a service does not answer, or refuses.
    """
    if old is not None:
        _remove(old, changes, bindings)
    if bindings.kafka is not None:
        topics.apply_topics(bindings.kafka.bootstrap_servers, new.topics)
    if bindings.postgresql is not None:
        tables.apply_tables(bindings.postgresql, new.tables)


def _remove(old: Plan, changes: Changes, bindings: Bindings) -> None:
    if bindings.kafka is not None:
        broker = bindings.kafka.bootstrap_servers
        removal.delete_topics(broker, _names(changes.of("topic", "remove")))
        removal.forget_nodes(broker, old.pipeline, _names(changes.of("workload", "remove")))
    if bindings.postgresql is not None:
        gone = set(_names(changes.of("table", "remove")))
        for table in old.tables:
            if f"{table.schema_name}.{table.name}" in gone:
                removal.drop_table(bindings.postgresql, table.schema_name, table.name, table.sink)


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
