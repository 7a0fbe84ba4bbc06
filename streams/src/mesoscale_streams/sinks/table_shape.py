"""A table as it is beside the table that is wanted: whether one may become the other, and whether it has to. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mesoscale.contract import compatibility, ddl
from mesoscale.contract.types import Contract
from mesoscale.errors import Problem, Reason
from mesoscale.plan.types import Table, TablePartitions

AS_PLANNED = "table"  # the kind of relation that rows can be written into


@dataclass(frozen=True, slots=True)
class Wanted:
    """A table, the contract of its rows and the names of its indexes."""

    table: Table
    contract: Contract
    indexes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.table.schema_name}.{self.table.name}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column in PostgreSQL's words; `filled` says that a row may come without a value for it."""

    type: str
    required: bool
    filled: bool


@dataclass(frozen=True, slots=True)
class Made:
    """What a table was made or changed from last."""

    contract: Contract
    partitions: TablePartitions | None


@dataclass(frozen=True, slots=True)
class Observed:
    """A relation that bears a table's name: `kind` in words, the columns it is cut by and unique over, its indexes.

    `made` is None where we have not noted it: the table is of somebody else, or of before we noted anything.
    """

    kind: str
    columns: Mapping[str, Column]
    cut_by: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    indexes: frozenset[str] = frozenset()
    made: Made | None = None


def problems(found: Observed, wanted: Wanted) -> Iterator[Problem]:
    """What keeps the table from becoming what is wanted; nothing if it may."""
    if found.made is not None:
        for sentence in _against_history(found.made, wanted):
            yield _problem(Reason.INCOMPATIBLE_CONTRACT, wanted, sentence)
    for sentence in _against_catalogue(found, wanted):
        yield _problem(Reason.FORBIDDEN_CHANGE, wanted, sentence)


def complete(found: Observed, wanted: Wanted) -> bool:
    """Whether there is nothing to do: looking again is cheap, while the statements would hold up who writes rows."""
    return (
        found.made == Made(wanted.contract, wanted.table.partitions)
        and all(column.name in found.columns for column in wanted.contract.columns)
        and not any(found.columns[name].required for name in _nullable(wanted))
        and found.indexes.issuperset(wanted.indexes)
    )


def added(found: Observed | None, wanted: Wanted) -> list[str]:
    """The columns that the table gets."""
    there = found.columns if found is not None else {}
    return [column.name for column in wanted.contract.columns if column.name not in there]


def _against_history(made: Made, wanted: Wanted) -> Iterator[str]:
    old, new = made.contract, wanted.contract
    if old.name != new.name:
        yield f"its contract is {old.name} and cannot become {new.name}"
    else:
        yield from (f"{old.label} cannot become {new.label}: {why}" for why in compatibility.breaks(old, new))
    before, after = made.partitions, wanted.table.partitions
    if before and after and before.column == after.column and before.every != after.every:
        yield f"its partitions are of {before.every} each and cannot become {after.every}"


def _against_catalogue(found: Observed, wanted: Wanted) -> Iterator[str]:
    if found.kind != AS_PLANNED:
        yield f"there is a {found.kind} of that name"
        return
    by = wanted.table.partitions.column if wanted.table.partitions else None
    cut_by = (by,) if by else ()
    if found.cut_by != cut_by:
        yield f"it is cut by {_words(found.cut_by)} and cannot be cut by {_words(cut_by)}"
    identity = ddl.identity(wanted.contract, by)
    if set(found.identity) != set(identity):
        yield f"its rows are unique by {_words(found.identity)} and not by {_words(identity)}"
    yield from _columns(found, wanted)


def _columns(found: Observed, wanted: Wanted) -> Iterator[str]:
    optional = _nullable(wanted)
    for column in wanted.contract.columns:
        there = found.columns.get(column.name)
        if there is None and column.name not in optional:
            yield f"it has no column {column.name}, which may not be null and so cannot be added"
        elif there is not None and there.type != ddl.stored_type(column):
            yield f"column {column.name} is {there.type}, not {ddl.stored_type(column)}"
    ours = {column.name for column in wanted.contract.columns}
    for name, there in found.columns.items():
        if name not in ours and there.required and not there.filled:
            yield f"its column {name}, which the contract does not know, demands a value"


def _nullable(wanted: Wanted) -> set[str]:
    by = wanted.table.partitions.column if wanted.table.partitions else None
    required = {*ddl.identity(wanted.contract, by), by}
    return {column.name for column in wanted.contract.columns if column.nullable and column.name not in required}


def _problem(reason: Reason, wanted: Wanted, sentence: str) -> Problem:
    hint = "give the sink another name: a new table is made beside the old one and filled from the topic"
    return Problem(reason, f"table {wanted.name}: {sentence}", hint=hint)


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
