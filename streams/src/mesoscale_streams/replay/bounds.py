"""The ends of a range as a command line has them: a time, offsets, or the very beginning or end. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mesoscale import units
from mesoscale.errors import DocumentRefused, Problem, Reason

_OFFSETS = re.compile(r"[0-9]+:[0-9]+(,[0-9]+:[0-9]+)*")
WORDS = ("earliest", "latest")


@dataclass(frozen=True, slots=True)
class Bound:
    """One of a `moment`, `offsets` by partition, or a `word`: the beginning or the end."""

    word: str = ""
    moment: datetime | None = None
    offsets: Mapping[int, int] | None = None


def parse(option: str, text: str, now: datetime) -> Bound:
    """`15m` is a quarter of an hour before `now`, `0:1200,1:0` are partitions with offsets.

    Raises:
        DocumentRefused: it is none of them.
    """
    if text in WORDS:
        return Bound(word=text)
    if _OFFSETS.fullmatch(text):
        return Bound(offsets={int(p): int(at) for p, _, at in (part.partition(":") for part in text.split(","))})
    try:
        return Bound(moment=units.moment(text, now))
    except ValueError:
        message = f'{option}: "{text}" is no instant, duration or offsets'
        hint = "2024-03-01T12:00:00Z, 15m for a quarter of an hour ago, 0:1200,1:0 for partitions, earliest, latest"
        raise DocumentRefused(Problem(Reason.INVALID_VALUE, message, hint=hint)) from None


def spans(
    bounds: tuple[Bound, Bound],
    kept: Mapping[int, tuple[int, int]],
    times: tuple[Mapping[int, int], Mapping[int, int]],
    done: Mapping[int, int],
) -> dict[int, tuple[int, int]]:
    """Partition → offsets from and to which it is read again; partitions that give nothing are left out.

    Args:
        bounds: of the range.
        kept: partition → the oldest offset and the end of what the topic still holds.
        times: partition → the first offset at or after each bound that is a moment; what is not there is the end.
        done: partition → up to where the live node has read; nothing after that is read again.
    """
    found = {}
    for partition, (low, high) in kept.items():
        start = max(low, _offset(bounds[0], times[0], partition, low, high))
        end = min(high, done.get(partition, 0), _offset(bounds[1], times[1], partition, low, high, at_end=True))
        if start < end:
            found[partition] = (start, end)
    return found


def _offset(bound: Bound, times: Mapping[int, int], partition: int, low: int, high: int, at_end: bool = False) -> int:
    if bound.offsets is not None:
        return bound.offsets.get(partition, high if at_end else low)
    if bound.moment is not None:
        return times.get(partition, high)
    return high if bound.word == "latest" else low
