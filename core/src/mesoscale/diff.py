"""Plan that runs and plan that is wanted → Changes: what a driver has to do, what is lost by it, what it must refuse.

Pure: nothing is looked at but the two plans. A change that loses data says which; a driver asks before it makes one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from mesoscale.contract import compatibility
from mesoscale.contract.types import Contract
from mesoscale.plan.types import Plan, Table, Topic, Workload

Action = Literal["create", "change", "remove"]
Kind = Literal["contract", "topic", "table", "workload"]
_Part = TypeVar("_Part", Contract, Topic, Table, Workload)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `detail` says in words what becomes of it; `forbidden_reason` why it cannot be made, if so."""

    action: Action
    kind: Kind
    name: str
    detail: str = ""
    loses_data: bool = False
    forbidden_reason: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """All differences: contracts first, then topics, tables and workloads."""

    changes: tuple[Change, ...]

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def forbidden(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.forbidden_reason)

    @property
    def losing(self) -> tuple[Change, ...]:
        """Those that lose data and could be made."""
        return tuple(change for change in self.changes if change.loses_data and not change.forbidden_reason)

    def of(self, kind: Kind, *actions: Action) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == kind and change.action in actions)


def diff(old: Plan | None, new: Plan) -> Changes:
    """What leads from `old` (None: nothing exists) to `new`."""
    before = old or Plan(pipeline=new.pipeline, contracts=(), topics=(), tables=(), workloads=())
    return Changes(
        (
            *_compare("contract", _by_name(before.contracts), _by_name(new.contracts), _contract, _no_contract),
            *_compare("topic", _by_name(before.topics), _by_name(new.topics), _topic, _no_topic),
            *_compare("table", _tables(before), _tables(new), _table, _no_table),
            *_compare("workload", _workloads(before), _workloads(new), _workload, _no_workload),
        )
    )


def _compare(
    kind: Kind,
    old: Mapping[str, _Part],
    new: Mapping[str, _Part],
    changed: Callable[[_Part, _Part], Iterable[Change]],
    removed: Callable[[str], Change],
) -> Iterator[Change]:
    for name, part in new.items():
        if name not in old:
            yield Change("create", kind, name, _what_is_new(part))
        elif old[name] != part:
            yield from changed(old[name], part)
    for name in old:
        if name not in new:
            yield removed(name)


def _by_name(parts: Iterable[Any]) -> dict[str, Any]:
    return {part.name: part for part in parts}


def _tables(plan: Plan) -> dict[str, Table]:
    return {f"{table.schema_name}.{table.name}": table for table in plan.tables}


def _workloads(plan: Plan) -> dict[str, Workload]:
    return {workload.node: workload for workload in plan.workloads}


def _what_is_new(part: Contract | Topic | Table | Workload) -> str:
    match part:
        case Contract():
            return f"version {part.version}, {_count(len(part.columns), 'column')}"
        case Topic():
            return f"{part.role}, {_count(part.partitions, 'partition')}"
        case Table():
            cut = f", partitioned by {part.partitions.column} every {part.partitions.every}" if part.partitions else ""
            return f"contract {part.contract}{cut}"
        case Workload():
            return f"{part.kind}, {_count(part.replicas, 'process', 'processes')}"


def _contract(old: Contract, new: Contract) -> Iterator[Change]:
    detail = f"version {old.version} → {new.version}"
    reasons = compatibility.breaks(old, new)
    yield Change("change", "contract", new.name, detail, forbidden_reason="; ".join(reasons))


def _no_contract(name: str) -> Change:
    return Change("remove", "contract", name, "no topic carries it any more")


def _topic(old: Topic, new: Topic) -> Iterator[Change]:
    if old.partitions != new.partitions:
        detail = f"partitions {old.partitions} → {new.partitions}"
        forbidden = ""
        if new.partitions < old.partitions:
            forbidden = "partitions may grow but never shrink, as a record's partition follows from its key"
        elif new.role == "state":
            forbidden = (
                "what a stage remembers lies in the partitions of what it reads, and keys would move to others;"
                " give the source or stage that it reads from, and the stage, other names"
            )
        yield Change("change", "topic", new.name, detail, forbidden_reason=forbidden)
    if old.replicas != new.replicas:
        detail = f"replicas {old.replicas} → {new.replicas}"
        forbidden = "the replicas of a topic that exists cannot be changed"
        yield Change("change", "topic", new.name, detail, forbidden_reason=forbidden)
    for key in sorted(old.config.keys() | new.config.keys()):
        if old.config.get(key) != new.config.get(key):
            yield _topic_config(new.name, key, old.config.get(key), new.config.get(key))


def _topic_config(topic: str, key: str, old: str | None, new: str | None) -> Change:
    detail = f"{key} {old or 'default'} → {new or 'default'}"
    if key == "retention.ms" and old is not None and new is not None and 0 <= int(new) < int(old):
        return Change("change", "topic", topic, f"{detail}: records older than that are deleted", loses_data=True)
    return Change("change", "topic", topic, detail)


def _no_topic(name: str) -> Change:
    return Change("remove", "topic", name, "its records are deleted", loses_data=True)


def _table(old: Table, new: Table) -> Iterator[Change]:
    name = f"{new.schema_name}.{new.name}"
    if old.contract != new.contract:
        detail = f"contract {old.contract} → {new.contract}"
        forbidden = "a table keeps its contract: its rows have those columns; give the sink another name"
        yield Change("change", "table", name, detail, forbidden_reason=forbidden)
    elif old.partitions != new.partitions:
        detail = f"partitioned {_cut(old)} → {_cut(new)}"
        forbidden = "a table that exists cannot be cut in another way; give the sink another name"
        yield Change("change", "table", name, detail, forbidden_reason=forbidden)
    elif old.statements != new.statements:
        yield Change("change", "table", name, _statements(old, new))


def _statements(old: Table, new: Table) -> str:
    more = len(set(new.statements) - set(old.statements))
    fewer = set(old.statements) - set(new.statements)
    indexes = [statement for statement in fewer if statement.lstrip().upper().startswith("CREATE INDEX")]
    kept = f"; {_count(len(indexes), 'index', 'indexes')} no longer asked for" if indexes else ""
    return f"{_count(more, 'statement')} to run{kept}"


def _cut(table: Table) -> str:
    return f"by {table.partitions.column} every {table.partitions.every}" if table.partitions else "not at all"


def _no_table(name: str) -> Change:
    return Change("remove", "table", name, "its rows are deleted", loses_data=True)


def _workload(old: Workload, new: Workload) -> Iterator[Change]:
    parts = [
        f"{field} {_text(getattr(old, field))} → {_text(getattr(new, field))}"
        for field in Workload.model_fields
        if getattr(old, field) != getattr(new, field)
    ]
    forbidden = ""
    if old.reads and new.reads and old.reads != new.reads:
        forbidden = f"how far it has come in {old.reads} means nothing in {new.reads}; give the source another name"
    if old.remembers and old.remembers != new.remembers and not new.resets:
        forbidden = (
            f"what it remembers is {old.remembers}, which means nothing to {new.remembers or 'a stage without state'};"
            " give the stage another name, or state: {reset: true} to begin with nothing"
        )
    yield Change("change", "workload", new.node, ", ".join(parts), forbidden_reason=forbidden)


def _no_workload(name: str) -> Change:
    return Change("remove", "workload", name, "its processes are stopped")


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
