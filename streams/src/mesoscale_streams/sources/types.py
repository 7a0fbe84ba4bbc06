"""Batch and Source: what every source gives, whatever it reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Position = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that travel together.

    `values` are the records as bytes, `position` is where to go on after them (JSON takes it as it is), and
    `due` is when they may go out, in seconds since the source was opened; None is at once.
    """

    values: list[bytes]
    position: dict[str, Any]
    due: float | None


class Source(Protocol):
    """Something that can be read from any position it has ever given.

    A source never sleeps: it says through `due` when a batch may go out, so whoever waits can also stop
    waiting.
    """

    def batches(self, position: Position | None, max_records: int) -> Iterator[Batch]:
        """The records after `position` (None: all), at most `max_records` a batch; it ends with the source.

        Where batches are cut may differ from call to call; the records and their order do not. The first call
        opens the source. A later one, which goes back after a failure, does not start its clock again.
        """
        ...
