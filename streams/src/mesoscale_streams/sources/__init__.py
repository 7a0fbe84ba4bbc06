"""record → topic: where records come from. `open_source` picks the program for a section of the document."""

from datetime import datetime
from pathlib import Path

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.model.source import Replay, Synthetic
from mesoscale.model.source import Source as Section
from mesoscale_streams.sources.replay import open_replay
from mesoscale_streams.sources.synthetic import Payments
from mesoscale_streams.sources.types import Batch, Position, Source

__all__ = ["Batch", "Position", "Source", "open_source"]


def open_source(section: Section, folder: Path, now: datetime, event_time: str | None = None) -> Source:
    """The source that a section of the document asks for.

    Args:
        section: one of `spec.sources`.
        folder: where the document lies; files are looked for there.
        now: the present, with a time zone; made-up records without a fixed start begin here.
        event_time: the contract's event time column, by which a file's lines are paced.

    Raises:
        DocumentRefused: the section names a file that is not there, or a start that is no time.
        ServiceUnavailable: the package with a data set is not installed.
        PlanRefused: no program for this kind of source exists yet.
    """
    match section.settings:
        case Replay() as replay:
            return open_replay(replay, folder, event_time)
        case Synthetic() as synthetic:
            return Payments(synthetic, now)
        case _:
            message = f'source "{section.name}": kind {section.kind} is not built yet (replay, synthetic)'
            raise PlanRefused(Problem(Reason.NOT_BUILT, message))
