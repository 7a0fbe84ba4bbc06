"""What of a stage does not fit the contracts and topics that it reads, each with its place.

Stages that remember ask the most; a stateless step of the user's own asks nothing that a document could tell.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mesoscale import units
from mesoscale.contract import catalogue, compatibility
from mesoscale.contract.types import Column, Contract
from mesoscale.errors import Reason, nearest
from mesoscale.graph import derived
from mesoscale.model.stage import Stage
from mesoscale.model.stateful import Aggregate, Feature

Path = tuple[str | int, ...]

UNREAD = ("transaction_id", "currency")  # columns of a transaction that its score does not depend on
MOST_WINDOWS = 1000  # that one record may be in
MOST_COLUMNS = 128  # of a contract
LONGEST_NAME = 63  # of a column
_NUMBERS = ("int64", "float64")
_ORDERED = ("int64", "float64", "timestamp", "date")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something at `path` of the document that does not fit."""

    path: Path
    message: str
    hint: str = ""
    reason: Reason = Reason.RULE_BROKEN


@dataclass(frozen=True, slots=True)
class Input:
    """A topic that a stage reads: who fills it, what is in it, and in how many partitions."""

    producer: str
    contract: Contract
    partitions: int


def wrong(stage: Stage, path: Path, incoming: Input, beside: Input | None) -> Iterator[Wrong]:
    """Every such thing; only where there is none has the stage a contract of its own (`derived.outgoing`)."""
    contract = incoming.contract
    if stage.use == "alerts":
        yield from _flagged((*path, "from"), contract)
    if not stage.stateful:
        return
    if stage.kind != "enrich" and contract.event_time is None and stage.kind != "step":
        yield Wrong((*path, "from"), f"{contract.label} has no eventTime, by which a {stage.kind} goes")
    if stage.rolling is not None:
        yield from _aggregated(stage, path, incoming, stage.rolling.by, "features", stage.rolling.features)
    elif section := stage.window or stage.session:
        yield from _aggregated(stage, path, incoming, section.by, "aggregates", section.aggregates)
    if stage.state is not None and stage.state.key:
        yield from _by(stage.state.key, (*path, "state", "key"), incoming)
    if stage.use:
        yield from _payments((*path, "from"), incoming)
    if stage.window and stage.window.every:
        yield from _overlap(stage, (*path, "window", "every"))
    if beside is not None:
        yield from _beside(stage, path, incoming, beside)
    yield from _names(stage, path, incoming.contract, beside)


def _aggregated(
    stage: Stage, path: Path, incoming: Input, by: tuple[str, ...], field: str, each: Sequence[Aggregate]
) -> Iterator[Wrong]:
    """The key, and every aggregate of the list that stands in `field` of the stage's section."""
    yield from _by(by, (*path, stage.kind, "by"), incoming)
    for i, one in enumerate(each):
        yield from _aggregate(one, (*path, stage.kind, field, i, "value"), incoming.contract)


def unfit(stage: Stage, path: Path, made: Contract, named: Contract) -> Iterator[Wrong]:
    """What keeps the contract that a stage names from being a part of what it makes."""
    columns = {column.name: column for column in made.columns}
    at = (*path, "contract")
    for wanted in named.columns:
        found = columns.get(wanted.name)
        if found is None:
            message = f'{named.label} wants "{wanted.name}", which is not made here ({", ".join(columns)})'
            yield Wrong(at, message, nearest(wanted.name, list(columns)))
        elif found.type != wanted.type:
            yield Wrong(at, f'{named.label} wants "{wanted.name}" as {wanted.type}, and it is {found.type}')
        elif found.nullable and not wanted.nullable:
            yield Wrong(at, f'{named.label} wants "{wanted.name}" never null, and it may be')
        else:
            for limit in compatibility.tightened(found, wanted):
                yield Wrong(at, f'{named.label} has a {limit} of "{wanted.name}" that what is made here may break')


def _by(names: tuple[str, ...], path: Path, incoming: Input) -> Iterator[Wrong]:
    """The columns of a key: they are there, and records that agree in them are in one partition."""
    contract = incoming.contract
    allowed = [column.name for column in contract.columns if _names_a_key(column)]
    unknown = [(i, name) for i, name in enumerate(names) if name not in allowed]
    for i, name in unknown:
        message = f'"{name}" is not a column of {contract.label} that is never null and no float64'
        hint = nearest(name, allowed)
        yield Wrong((*path, i), f"{message} ({', '.join(allowed)})", hint, Reason.UNKNOWN_REFERENCE)
    apart = [name for name in contract.key if name not in names]
    if not unknown and incoming.partitions > 1 and (apart or not contract.key):
        what = f"{', '.join(apart)} is in the key of" if apart else "there is no key in"
        message = f"{what} {contract.label} and not here, so what belongs together is in several partitions"
        way_out = f"by {', '.join(names)}, let a stage (use: forward) give it a contract with that key first"
        yield Wrong(path, message, f"add {', '.join(apart)}; or {way_out}" if apart else way_out)


def _payments(path: Path, incoming: Input) -> Iterator[Wrong]:
    """What scoring payments reads of each: the columns of a transaction but its label, by name and type."""
    label, columns = incoming.contract.label, {column.name: column for column in incoming.contract.columns}
    reads = [one for one in catalogue.TRANSACTION.columns if not one.nullable and one.name not in UNREAD]
    missing = [wanted.name for wanted in reads if wanted.name not in columns]
    if missing:
        hint = f"a score needs those of contract {catalogue.TRANSACTION.name}"
        yield Wrong(path, f"{label} has no column {', '.join(missing)}", hint)
        return
    for wanted in reads:
        found = columns[wanted.name]
        if found.type != wanted.type or found.nullable:
            yield Wrong(path, f'"{wanted.name}" of {label} is not {wanted.type}, never null, which a score needs')
    yield from _by(("account",), path, incoming)


def _flagged(path: Path, contract: Contract) -> Iterator[Wrong]:
    """What `alerts` goes by: a column that says which records are alerts."""
    if not any((column.name, column.type) == ("alert", "boolean") for column in contract.columns):
        yield Wrong(path, f'{contract.label} has no boolean column "alert"', "let it read from a stage with use: fraud")


def _names_a_key(column: Column) -> bool:
    return not column.nullable and column.type != "float64"


def _aggregate(one: Aggregate, path: Path, contract: Contract) -> Iterator[Wrong]:
    if one.column is None:
        return
    kinds = _kinds(one)
    allowed = [column.name for column in contract.columns if not kinds or column.type in kinds]
    if one.column not in allowed:
        which = f" of type {' or '.join(kinds)}" if kinds else ""
        message = f'"{one.column}" is not a column of {contract.label}{which} ({", ".join(allowed) or "there is none"})'
        yield Wrong(path, message, nearest(one.column, allowed), Reason.UNKNOWN_REFERENCE)


def _kinds(one: Aggregate) -> tuple[str, ...]:
    """The types of column that it can be of; none where any will do."""
    if one.function in ("sum", "mean"):
        return _NUMBERS
    if one.function in ("min", "max"):
        return _ORDERED if isinstance(one, Feature) else (*_ORDERED, "string")
    return ()


def _overlap(stage: Stage, path: Path) -> Iterator[Wrong]:
    assert stage.window is not None
    assert stage.window.every is not None
    windows = units.seconds(stage.window.size) / units.seconds(stage.window.every)
    if windows > MOST_WINDOWS:
        yield Wrong(path, f"each record would be in {windows:.0f} windows; at most {MOST_WINDOWS} are allowed")


def _beside(stage: Stage, path: Path, incoming: Input, beside: Input) -> Iterator[Wrong]:
    """Both topics have the same key and as many partitions, so that what belongs together meets in one process."""
    at = (*path, stage.kind, "with")
    ours, theirs = incoming.contract, beside.contract
    if stage.join and theirs.event_time is None:
        yield Wrong(at, f"{theirs.label} has no eventTime, by which a join goes")
    types = [[contract.column(name).type for name in contract.key] for contract in (ours, theirs)]
    if not ours.key or ours.key != theirs.key or types[0] != types[1]:
        message = (
            f"{incoming.producer} has the key {_key(ours)} and {beside.producer} {_key(theirs)}:"
            " records meet only by a key of the same columns"
        )
        yield Wrong(at, message, f"let a stage (use: forward) give {beside.producer} a contract with that key first")
    if incoming.partitions != beside.partitions:
        message = (
            f"{incoming.producer} has {incoming.partitions} partitions and {beside.producer} {beside.partitions}:"
            " records of one key meet only where both have as many"
        )
        hint = f"give one of them topic: {{partitions: {max(incoming.partitions, beside.partitions)}}}, or a stage"
        yield Wrong(at, message, f"{hint} (use: forward) with that many to {_fewer(incoming, beside)}")
    if stage.enrich:
        allowed = [column.name for column in theirs.columns]
        for i, name in enumerate(stage.enrich.columns):
            if name not in allowed:
                message = f'"{name}" is not a column of {theirs.label} ({", ".join(allowed)})'
                where = (*path, "enrich", "columns", i)
                yield Wrong(where, message, nearest(name, allowed), Reason.UNKNOWN_REFERENCE)


def _names(stage: Stage, path: Path, ours: Contract, beside: Input | None) -> Iterator[Wrong]:
    """The columns of the result have names that are short enough, all different, and not too many."""
    section = (*path, stage.kind)
    names = [column.name for column in ours.columns]
    if stage.rolling:
        names += [feature.name for feature in stage.rolling.features]
    elif beside is not None:
        known = {column.name for column in beside.contract.columns}
        looked_up = [name for name in derived.beside_columns(stage, beside.contract) if name in known]
        names += [derived.beside_name(stage, name) for name in looked_up]
    for name, times in Counter(names).items():
        if times > 1:
            yield Wrong(section, f'"{name}" would be a column of the result twice', "give one of them another name")
        if len(name) > LONGEST_NAME:
            yield Wrong(section, f'"{name}" is too long a name for a column: {LONGEST_NAME} characters are allowed')
    if len(names) > MOST_COLUMNS:
        yield Wrong(section, f"the result would have {len(names)} columns; {MOST_COLUMNS} are allowed")


def _key(contract: Contract) -> str:
    columns = (f"{name} ({contract.column(name).type})" for name in contract.key)
    return ", ".join(columns) or "none"


def _fewer(one: Input, other: Input) -> str:
    return min(one, other, key=lambda each: each.partitions).producer
