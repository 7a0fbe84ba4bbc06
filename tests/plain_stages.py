"""What stateful stages promise, said again as plainly as possible: a record at a time, dicts and loops, no vectors.

Slow on purpose, and written without a look at how `mesoscale_streams.stages` does it; tests hold the two together.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

NEVER = -(1 << 62)


@dataclass(frozen=True)
class Record:
    """One record: its key, its event time (any whole unit), a number and a text, which may be null."""

    key: str
    time: int
    number: float | int | None
    text: str | None = None


Telling = dict[str, tuple[str, str | None]]  # name → (function, "number" | "text" | None for records)


def aggregate(records: list[Record], telling: Telling) -> dict[str, Any]:
    """Records in order of arrival."""
    return {name: _one(records, function, column) for name, (function, column) in telling.items()}


def _one(records: list[Record], function: str, column: str | None) -> Any:
    if column is None:
        return len(records)
    there = [record for record in records if getattr(record, column) is not None]
    values = [getattr(record, column) for record in there]
    if function == "count":
        return len(values)
    if not values:
        return None
    match function:
        case "sum":
            return sum(values) if isinstance(values[0], int) else _exactly(values)
        case "mean":
            exact = sum(map(Fraction, values))
            return float(exact) / len(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "first":
            return getattr(min(there, key=lambda record: record.time), column)
        case _:
            latest = max(record.time for record in there)
            return [getattr(record, column) for record in there if record.time == latest][-1]


def _exactly(values: list[float]) -> float:
    return math.fsum(values)


def watermarks(records: list[Record], disorder: int) -> Iterator[tuple[Record, int]]:
    """Each record of a partition with the watermark as of it."""
    mark = NEVER
    for record in records:
        mark = max(mark, record.time - disorder)
        yield record, mark


def windows(
    records: list[Record], telling: Telling, size: int, every: int, lateness: int, disorder: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Record]]:
    """One partition: the windows that became final, in order, those still open, and the late records."""
    held: dict[tuple[int, str], list[Record]] = defaultdict(list)
    final, late = [], []
    for record, mark in watermarks(records, disorder):
        starts = [start for start in _starts(record.time, size, every) if start + size + lateness > mark]
        if not starts:
            late.append(record)
        for start in starts:
            held[start, record.key].append(record)
        for start, key in sorted(held):
            if start + size + lateness <= mark:
                final.append(_window(start, key, size, held.pop((start, key)), telling))
    open_ = [_window(start, key, size, inside, telling) for (start, key), inside in sorted(held.items())]
    return final, open_, late


def _starts(time: int, size: int, every: int) -> list[int]:
    first = time - size + 1
    return [start for start in range(first, time + 1) if start % every == 0]


def _window(start: int, key: str, size: int, records: list[Record], telling: Telling) -> dict[str, Any]:
    return {"key": key, "start": start, "end": start + size, **aggregate(records, telling)}


def sessions(
    records: list[Record], telling: Telling, gap: int, lateness: int, disorder: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Record]]:
    """One partition: the sessions that became final, in order, those still open, and the late records."""
    held: dict[str, list[list[tuple[int, Record]]]] = defaultdict(list)  # key → sessions of (arrival, record)
    final, late = [], []
    for arrival, (record, mark) in enumerate(watermarks(records, disorder)):
        if record.time + lateness < mark:
            late.append(record)
        else:
            near = [one for one in held[record.key] if any(abs(other.time - record.time) <= gap for _, other in one)]
            rest = [one for one in held[record.key] if one not in near]
            held[record.key] = [*rest, [*(entry for one in near for entry in one), (arrival, record)]]
        closed = [
            (max(other.time for _, other in one), key, one)
            for key, many in held.items()
            for one in many
            if max(other.time for _, other in one) + gap + lateness < mark
        ]
        for _, key, one in sorted(closed, key=lambda entry: entry[:2]):
            held[key].remove(one)
            final.append(_session(key, one, telling))
    open_ = [_session(key, one, telling) for key in sorted(held) for one in held[key]]
    return final, open_, late


def _session(key: str, session: list[tuple[int, Record]], telling: Telling) -> dict[str, Any]:
    records = [record for _, record in sorted(session, key=lambda entry: entry[0])]
    times = [record.time for record in records]
    return {"key": key, "start": min(times), "end": max(times), **aggregate(records, telling)}


def rolling(
    records: list[Record], telling: dict[str, tuple[int, str, str | None]], lateness: int, disorder: int
) -> tuple[list[dict[str, Any]], list[Record]]:
    """One partition: each accepted record with what it sees; `telling`: name → (span, function, column)."""
    before: dict[str, list[Record]] = defaultdict(list)
    told, late = [], []
    for record, mark in watermarks(records, disorder):
        if record.time + lateness < mark:
            late.append(record)
            continue
        before[record.key].append(record)
        row: dict[str, Any] = {"key": record.key, "time": record.time}
        for name, (span, function, column) in telling.items():
            seen = [one for one in before[record.key] if record.time - span < one.time <= record.time]
            row |= aggregate(seen, {name: (function, column)})
        told.append(row)
    return told, late


def joined(
    left: list[Record], right: list[Record], before: int, after: int, lateness: int, disorder: int
) -> tuple[list[tuple[Record, Record]], set[int], list[Record], list[Record]]:
    """One partition of two topics: all pairs, the indices of left records that have none, and the late of each."""
    on_time_left, late_left = _on_time(left, lateness, disorder)
    on_time_right, late_right = _on_time(right, lateness, disorder)
    pairs = [
        (one, other)
        for one in on_time_left
        for other in on_time_right
        if one.key == other.key and one.time - before <= other.time <= one.time + after
    ]
    alone = {i for i, one in enumerate(on_time_left) if not any(first is one for first, _ in pairs)}
    return pairs, alone, late_left, late_right


def _on_time(records: Iterable[Record], lateness: int, disorder: int) -> tuple[list[Record], list[Record]]:
    on_time, late = [], []
    for record, mark in watermarks(list(records), disorder):
        (late if record.time + lateness < mark else on_time).append(record)
    return on_time, late
