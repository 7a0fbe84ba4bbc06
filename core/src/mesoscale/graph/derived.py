"""What comes out of a stage that remembers: a contract that follows from what goes in and what is asked for."""

from collections.abc import Iterable, Sequence

from mesoscale.contract import catalogue
from mesoscale.contract.types import Column, ColumnType, Contract
from mesoscale.model.stage import Stage
from mesoscale.model.stateful import Aggregate, Session, Window
from mesoscale.naming import sql_name

WINDOW_BOUNDS = ("window_start", "window_end")
SESSION_BOUNDS = ("session_start", "session_end")


def outgoing(stage: Stage, incoming: Contract, beside: Contract | None) -> Contract:
    """The contract of what `stage` makes, named after it.

    Args:
        stage: it and the contracts fit each other, as `fit.wrong` tells.
        incoming: what it reads.
        beside: what it reads beside that, in a join or to enrich.
    """
    if stage.window:
        return _windows(stage, incoming, stage.window, WINDOW_BOUNDS)
    if stage.session:
        return _windows(stage, incoming, stage.session, SESSION_BOUNDS)
    if stage.use:
        return _scored(stage, incoming)
    if stage.rolling:
        return _with_more(stage, incoming, [aggregated(incoming, feature) for feature in stage.rolling.features])
    assert beside is not None
    left = _type(stage) == "left"
    return _with_more(stage, incoming, list(_looked_up(stage, beside, nullable=left)))


def aggregated(contract: Contract, one: Aggregate) -> Column:
    """The column of one result."""
    if one.function == "count":
        return Column(name=one.name, type="int64", min=0, description=one.value)
    assert one.column is not None
    column = contract.column(one.column)
    if one.function in ("sum", "mean"):
        kind: ColumnType = "float64" if one.function == "mean" else column.type
        return Column(name=one.name, type=kind, unit=column.unit, nullable=column.nullable, description=one.value)
    return column.model_copy(update={"name": one.name, "description": one.value})


def beside_columns(stage: Stage, contract: Contract) -> tuple[str, ...]:
    """Which columns of what is read beside go into the result: all but those that both have in their key."""
    if stage.enrich and stage.enrich.columns:
        return stage.enrich.columns
    return tuple(column.name for column in contract.columns if column.name not in contract.key)


def beside_name(stage: Stage, column: str) -> str:
    """What a column is called once it stands beside ours: `stations_name`."""
    return f"{sql_name(stage.beside or '')}_{column}"


def _windows(stage: Stage, incoming: Contract, section: Window | Session, bounds: tuple[str, str]) -> Contract:
    start, end = (Column(name=name, type="timestamp") for name in bounds)
    by = [incoming.column(name) for name in section.by]
    results = [aggregated(incoming, one) for one in section.aggregates]
    # Windows come out in the order of their starts, sessions in that of their ends.
    at = start if isinstance(section, Window) else end
    return _contract(stage, [*by, start, end, *results], incoming.key, (*section.by, start.name), at.name)


def _scored(stage: Stage, incoming: Contract) -> Contract:
    if incoming == catalogue.TRANSACTION:
        return catalogue.FRAUD_SCORE
    return _with_more(stage, incoming, catalogue.SCORE_COLUMNS)


def _looked_up(stage: Stage, contract: Contract, nullable: bool) -> Iterable[Column]:
    for name in beside_columns(stage, contract):
        column = contract.column(name)
        changes = {"name": beside_name(stage, name), "nullable": column.nullable or nullable}
        yield column.model_copy(update=changes)


def _with_more(stage: Stage, incoming: Contract, more: Sequence[Column]) -> Contract:
    identity = () if stage.join else incoming.identity  # a record may be in several pairs
    return _contract(stage, [*incoming.columns, *more], incoming.key, identity, incoming.event_time)


def _contract(
    stage: Stage, columns: Iterable[Column], key: tuple[str, ...], identity: tuple[str, ...], event_time: str | None
) -> Contract:
    return Contract(
        name=stage.name,
        description=f"What stage {stage.name} makes.",
        columns=tuple(columns),
        key=key,
        identity=identity,
        event_time=event_time,
    )


def _type(stage: Stage) -> str:
    section = stage.join or stage.enrich
    assert section is not None
    return section.type
