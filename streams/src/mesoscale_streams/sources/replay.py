"""Recorded records, again: a shipped data set, at once or at a chosen speed of event time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale.model.source import Replay
from mesoscale_streams.sources import nyc, pacing
from mesoscale_streams.sources.lines import Lines
from mesoscale_streams.sources.types import Batch, Position, Source

DATASETS = {"nyc-2013": nyc.observations, "nyc-stations": nyc.stations}
_EVENT_TIME = "observed_at"


class Rows:
    """A frame as a source; the position is `{"row": number of rows that are done}`."""

    def __init__(self, frame: pl.DataFrame, speed: float | None) -> None:
        self._frame = frame
        self._speed = speed
        self._opened_at: int | None = None  # the row from which time is counted

    def batches(self, position: Position | None, max_records: int) -> Iterator[Batch]:
        first = int(position["row"]) if position else 0
        self._opened_at = first if self._opened_at is None else self._opened_at
        rest = self._frame.slice(first)
        due = self._due(first)
        for start, end in pacing.cuts(np.zeros(rest.height) if due is None else due, max_records):
            values = rest[start:end].write_ndjson().encode().splitlines()
            yield Batch(values, {"row": first + end}, None if due is None else float(due[end - 1]))

    def _due(self, first: int) -> NDArray[np.float64] | None:
        """Seconds since opening per row; None where nothing waits: no speed given, or rows without a time."""
        if self._speed is None or _EVENT_TIME not in self._frame.columns:
            return None
        opened_at = min(first, self._opened_at or 0)
        times = self._frame[_EVENT_TIME].slice(opened_at).str.to_datetime(time_zone="UTC")
        return pacing.offsets(times.dt.epoch("us").to_numpy() / 1e6, self._speed)[first - opened_at :]


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
