"""One record of a changelog or of a snapshot: rows of one partition at their places, as bytes.

    version (1 byte) | layout (8) | kind (1) | first place (8) | number of places (8) | Arrow IPC stream

A record of kind *delta* says what became of the rows whose places stand in it; one of kind *block* says all of a range
of places: what it does not name is not there.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Rows = NDArray[np.int64]

VERSION = 1
LARGEST = 1 << 20  # bytes of a value; what is larger is cut into several
_HEAD = struct.Struct(">B8sBqq")
_PLACE, _FATE = ".place", ".fate"  # columns of the frame; no column of a contract has a dot in its name


class Kind(IntEnum):
    """What a record says."""

    DELTA = 0
    BLOCK = 1


class Fate(IntEnum):
    """What became of a row of a delta: it has a new key, it has other values, it is gone."""

    NEW = 0
    UPDATED = 1
    REMOVED = 2


class OtherLayout(ValueError):
    """A record was written by a stage whose state has another shape, or by another version of this program."""


@dataclass(frozen=True, slots=True)
class Record:
    """Rows by place, in a frame with the columns of the state; the columns of the key are null in updated rows."""

    kind: Kind
    first: int
    number: int
    places: Rows
    fates: NDArray[np.uint8]
    frame: pl.DataFrame

    def encode(self, layout: str) -> Iterator[bytes]:
        """The record as one value, or as several of at most LARGEST bytes that say the same together.

        A single row that is larger than that stays whole.
        """
        body = io.BytesIO()
        own = [pl.Series(_PLACE, self.places), pl.Series(_FATE, self.fates)]
        self.frame.hstack(own).write_ipc_stream(body, compression="lz4")
        head = _HEAD.pack(VERSION, bytes.fromhex(layout), self.kind, self.first, self.number)
        if len(head) + body.tell() <= LARGEST or len(self.places) < 2:
            yield head + body.getvalue()
        else:
            for half in self._halves():
                yield from half.encode(layout)

    def _halves(self) -> tuple["Record", "Record"]:
        """The rows before the middle one, and it and those behind it; places are ascending in a block."""
        cut = len(self.places) // 2
        between = int(self.places[cut]) if self.kind is Kind.BLOCK else self.first
        first = Record(
            self.kind, self.first, between - self.first, self.places[:cut], self.fates[:cut], self.frame[:cut]
        )
        number = self.number - first.number
        return first, Record(self.kind, between, number, self.places[cut:], self.fates[cut:], self.frame[cut:])


def decode(value: bytes, layout: str) -> Record:
    """The record of a value.

    Raises:
        OtherLayout: it was not written for `layout`.
    """
    if value[0] != VERSION:
        raise OtherLayout(f"format {value[0]}, not {VERSION}")
    _, written, kind, first, number = _HEAD.unpack_from(value)
    if written.hex() != layout:
        raise OtherLayout(f"layout {written.hex()}, not {layout}")
    frame = pl.read_ipc_stream(io.BytesIO(memoryview(value)[_HEAD.size :]))
    own: list[NDArray[Any]] = [frame[name].to_numpy() for name in (_PLACE, _FATE)]
    return Record(Kind(kind), first, number, own[0], own[1], frame.drop(_PLACE, _FATE))
