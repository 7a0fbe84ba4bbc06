"""Stage → operator: what a document asks for, with the columns and types of what the stage reads."""

from collections.abc import Iterable

import polars as pl

from mesoscale import units
from mesoscale.contract.types import Contract
from mesoscale.graph import derived
from mesoscale.model.stage import Stage
from mesoscale.model.stateful import Aggregate as Asked
from mesoscale.model.stateful import EventTime, Rolling, Session, Window
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.stages import enrich, join, rolling, sessions, windows
from mesoscale_streams.stages.aggregates import Aggregate, Aggregates
from mesoscale_streams.stages.stateful import Stateful
from mesoscale_streams.stages.two_inputs import TwoInputs
from mesoscale_streams.stages.watermarks import SECOND


def one_input(stage: Stage, incoming: Contract) -> Stateful:
    """The operator of a stage that reads one topic.

    Raises:
        ValueError: it is none.
    """
    if stage.window:
        return _windows(stage.window, incoming)
    if stage.session:
        return _sessions(stage.session, incoming)
    if stage.rolling:
        return _rolling(stage.rolling, incoming)
    raise ValueError(f"stage {stage.name} does {stage.kind}, which is no operator with one input")


def two_inputs(stage: Stage, ours: Contract, beside: Contract) -> TwoInputs:
    """The operator of a stage that reads two topics.

    Raises:
        ValueError: it is none.
    """
    looked_up = derived.beside_columns(stage, beside)
    names = {name: derived.beside_name(stage, name) for name in looked_up}
    by, wanted = _schema(ours.key, ours), _schema(looked_up, beside)
    if stage.enrich:
        return enrich.Enrich(by, wanted, names, stage.enrich.type)
    if stage.join is None:
        raise ValueError(f"stage {stage.name} does {stage.kind}, which is no operator with two inputs")
    return join.Join(
        by,
        polars_schema(ours),
        wanted,
        names,
        before=microseconds(stage.join.before),
        after=microseconds(stage.join.after),
        lateness=microseconds(stage.join.lateness),
        how=stage.join.type,
    )


def event_time(stage: Stage) -> EventTime:
    """How far records of this stage may be out of order."""
    return stage.window or stage.session or stage.rolling or stage.join or EventTime()


def microseconds(duration: str) -> int:
    """`90s` → 90000000."""
    return round(units.seconds(duration) * SECOND)


def _windows(section: Window, incoming: Contract) -> windows.Windows:
    return windows.Windows(
        _schema(section.by, incoming),
        _aggregates(section.aggregates, incoming),
        size=microseconds(section.size),
        every=microseconds(section.every or section.size),
        lateness=microseconds(section.lateness),
        emit=section.emit,
    )


def _sessions(section: Session, incoming: Contract) -> sessions.Sessions:
    return sessions.Sessions(
        _schema(section.by, incoming),
        _aggregates(section.aggregates, incoming),
        gap=microseconds(section.gap),
        lateness=microseconds(section.lateness),
        emit=section.emit,
    )


def _rolling(section: Rolling, incoming: Contract) -> rolling.Rolling:
    columns = dict.fromkeys(one.column for one in section.features if one.column is not None)
    features = [(microseconds(one.within), _aggregates([one], incoming)) for one in section.features]
    lateness = microseconds(section.lateness)
    return rolling.Rolling(_schema(section.by, incoming), _schema(columns, incoming), features, lateness)


def _schema(names: Iterable[str], incoming: Contract) -> pl.Schema:
    types = polars_schema(incoming)
    return pl.Schema({name: types[name] for name in names})


def _aggregates(asked: Iterable[Asked], incoming: Contract) -> Aggregates:
    types = polars_schema(incoming)
    assert incoming.event_time is not None
    return Aggregates([_aggregate(one, types) for one in asked], incoming.event_time)


def _aggregate(one: Asked, types: pl.Schema) -> Aggregate:
    dtype = types[one.column] if one.column is not None else pl.Int64()
    return Aggregate(one.name, one.function, one.column, dtype)
