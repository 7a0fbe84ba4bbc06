"""A file of newline-delimited records, as it was when opened; what is in a line does not matter."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import orjson

from mesoscale.errors import DocumentRefused, Problem, Reason, nearest
from mesoscale_streams.sources import pacing
from mesoscale_streams.sources.types import Batch, Position

MAX_LINE = 32 << 20  # bytes of one record; the rest of a longer line is left out, so that memory stays bounded
MAX_BATCH = 16 << 20  # bytes after which a batch is closed, whatever the number of its records


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its ending, and where the next one begins."""

    value: bytes
    next_offset: int


class Lines:
    """A file as a source; the position is `{"offset": bytes done, "line": lines done}`.

    Every line is a record, a blank or broken one too, in whatever charset. LF and CRLF end a line and the
    end of the file ends the last. What is appended after opening is not read.
    """

    def __init__(self, path: Path, speed: float | None = None, event_time: str | None = None) -> None:
        self._path = path
        self._clock = None if speed is None or event_time is None else _Clock(speed, event_time)

    @classmethod
    def beside(cls, folder: Path, name: str, speed: float | None, event_time: str | None) -> "Lines":
        """The file `name` in `folder` or below it.

        Raises:
            DocumentRefused: there is no such file, or the name leads out of the folder.
        """
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            message = f'the file "{name}" does not lie in the folder of the document ({folder})'
            raise DocumentRefused(Problem(Reason.INVALID_VALUE, message, hint="copy it there"))
        if not path.is_file():
            others = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
            message = f'there is no file "{name}" in the folder of the document ({folder})'
            raise DocumentRefused(Problem(Reason.INVALID_VALUE, message, hint=nearest(name, others)))
        return cls(path, speed, event_time)

    def batches(self, position: Position | None, max_records: int) -> Iterator[Batch]:
        offset, number = (int(position["offset"]), int(position["line"])) if position else (0, 0)
        with self._path.open("rb") as file:
            size = self._path.stat().st_size
            if offset > size:
                raise DocumentRefused(_shrunk(self._path, size, offset))
            lines = _lines(file, offset, size)
            for batch in _batches(lines, self._clock, max_records):
                number += len(batch.values)
                yield Batch(batch.values, batch.position | {"line": number}, batch.due)


class _Clock:
    """When lines are due, by the event time they carry; one without is due with the line before it."""

    def __init__(self, speed: float, event_time: str) -> None:
        self._speed = speed
        self._event_time = event_time
        self._first: float | None = None
        self._due = 0.0

    def due(self, value: bytes) -> float:
        """Seconds since opening; they never fall."""
        seconds = self._seconds(value)
        if seconds is not None:
            self._first = seconds if self._first is None else self._first
            self._due = max(self._due, (seconds - self._first) / self._speed)
        return self._due

    def _seconds(self, value: bytes) -> float | None:
        try:
            moment = datetime.fromisoformat(orjson.loads(value)[self._event_time])
        except (ValueError, TypeError, KeyError, IndexError):
            return None  # not JSON, not an object, no such column or not a time: the contract will say which
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _lines(file: IO[bytes], offset: int, size: int) -> Iterator[Line]:
    """The lines from `offset` up to `size`, never more than MAX_LINE bytes of one in memory."""
    file.seek(offset)
    while offset < size:
        piece = file.readline(min(MAX_LINE, size - offset))
        if not piece:
            return  # the file has become shorter while it was read
        offset += len(piece)
        value = piece
        while not piece.endswith(b"\n") and offset < size:
            piece = file.readline(min(MAX_LINE, size - offset))
            if not piece:
                return
            offset += len(piece)
        yield Line(_without_ending(value), offset)


def _without_ending(line: bytes) -> bytes:
    return line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")


def _batches(lines: Iterator[Line], clock: _Clock | None, max_records: int) -> Iterator[Batch]:
    """Lines in batches of at most `max_records`, MAX_BATCH bytes (or one line) and, if paced, one tick."""
    values: list[bytes] = []
    held, offset, due = 0, 0, 0.0

    def batch() -> Batch:
        return Batch(values, {"offset": offset}, None if clock is None else due)

    for line in lines:
        line_due = 0.0 if clock is None else clock.due(line.value)
        full = len(values) == max_records or held + len(line.value) > MAX_BATCH
        if values and (full or line_due // pacing.TICK != due // pacing.TICK):
            yield batch()
            values, held = [], 0
        values.append(line.value)
        held, offset, due = held + len(line.value), line.next_offset, line_due
    if values:
        yield batch()


def _shrunk(path: Path, size: int, offset: int) -> Problem:
    message = f"{path} has {size} bytes, but {offset} were read before: it is not the same file any more"
    return Problem(Reason.INVALID_VALUE, message, hint="begin again with --fresh")
