"""Recorded records, again: a shipped data set, at once or at a chosen speed of event time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mesoscale.model.source import Replay
from mesoscale_streams.sources import nyc, pacing
from mesoscale_streams.sources.lines import Lines
from mesoscale_streams.sources.types import Batch, Position, Source

DATASETS = {"nyc-2013": nyc.observations, "nyc-stations": nyc.stations}
_EVENT_TIME = "observed_at"


@dataclass(frozen=True)
class Rows:
    """A frame as a source; the position is `{"row": number of rows that are done}`."""

    frame: pl.DataFrame
    speed: float | None

    def batches(self, position: Position | None, max_records: int) -> Iterator[Batch]:
        first = int(position["row"]) if position else 0
        rest = self.frame.slice(first)
        due = self._due(rest)
        for start, end in pacing.cuts(np.zeros(rest.height) if due is None else due, max_records):
            values = rest[start:end].write_ndjson().encode().splitlines()
            yield Batch(values, {"row": first + end}, None if due is None else float(due[end - 1]))

    def _due(self, rest: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
        """Seconds since opening per row; None where nothing waits: no speed asked for, or rows without a time."""
        if self.speed is None or _EVENT_TIME not in rest.columns:
            return None
        seconds = rest[_EVENT_TIME].str.to_datetime(time_zone="UTC").dt.epoch("us").to_numpy() / 1e6
        return pacing.offsets(seconds, self.speed)


def open_replay(section: Replay, folder: Path, event_time: str | None = None) -> Source:
    """The source for a `replay:` section.

    Args:
        section: names a data set, or a file in `folder`.
        folder: where the document lies.
        event_time: the contract's event time column, by which the lines of a file are paced.

    Raises:
        DocumentRefused: the file is not there or lies outside `folder`.
        ServiceUnavailable: the package with the data set is not installed.
    """
    if section.dataset is not None:
        return Rows(DATASETS[section.dataset](), section.speed)
    return Lines.beside(folder, str(section.file), section.speed, event_time)
