"""Bytes → frame: JSON records of one contract, the good ones as columns, the others with their reason.

The fast path reads all lines at once, as columns. Whatever it cannot take, or might have taken wrongly, is looked at
record by record; what a record is found to be never depends on its neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from polars.exceptions import ComputeError

from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale_streams.records import instants
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.schema import polars_schema, wire_schema
from mesoscale_streams.records.strict import Strict
from mesoscale_streams.records.suspects import Suspects

LARGEST_RECORD = 1 << 20  # bytes
CLOSE = 1000  # records that are looked at one by one together; reading fewer at once saves little
_NEWLINE = ord("\n")


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record at `index` of the batch, and why it is not accepted."""

    index: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """`frame` has a row for each accepted record, in order; `accepted` are their indices, None where all were."""

    frame: pl.DataFrame
    accepted: list[int] | None
    rejected: list[Rejected]


class Decoder:
    """Decodes batches of one contract.

    Fields that the contract does not know are ignored. Where a key stands twice in an object, the first one counts.
    """

    def __init__(self, contract: Contract, max_bytes: int = LARGEST_RECORD) -> None:
        self._strict = Strict(contract, max_bytes)
        self._max_bytes = max_bytes
        self._schema = polars_schema(contract)
        self._wire_schema = wire_schema(contract)
        self._parsers = instants.parsers(contract)
        self._doubts = _named(instants.doubts(contract))
        self._overflows = _named(instants.overflows(contract))
        self._checks = Checks(contract)
        self._suspects = Suspects(contract)

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """Every index of `values` is either accepted or rejected."""
        frame = self._read_all(values)
        if frame is not None:
            return self._checked(frame, None, [])
        if len(values) > CLOSE:
            return self._decode_in_parts(values)
        return self._decode_closely(values)

    def _decode_in_parts(self, values: Sequence[bytes | None]) -> Decoded:
        """Most parts of a batch with few bad records are good, and need no closer look."""
        starts = range(0, len(values), CLOSE)
        parts = [self.decode(values[start : start + CLOSE]) for start in starts]
        rejected = [
            Rejected(start + one.index, one.reason, one.detail)
            for start, part in zip(starts, parts, strict=True)
            for one in part.rejected
        ]
        bad = {one.index for one in rejected}
        accepted = [index for index in range(len(values)) if index not in bad] if bad else None
        return Decoded(pl.concat(part.frame for part in parts), accepted, rejected)

    def _read_all(self, values: Sequence[bytes | None]) -> pl.DataFrame | None:
        """The fast path: a row for each value, or None where a closer look is needed."""
        if not values:
            return pl.DataFrame(schema=self._schema)
        try:
            lines = b"\n".join(values)  # type: ignore[arg-type]  # None raises, as it should
        except TypeError:
            return None
        if _newlines(lines) != len(values) - 1 or self._has_oversize(lines, values):
            return None
        try:
            text = pl.read_ndjson(lines, schema=self._wire_schema)
        except ComputeError:
            return None
        if text.height != len(values):
            return None
        if any(self._strict.look(values[row]) for row in self._suspects.rows(text, lines, values)):
            return None
        return self._parsed(text)

    def _parsed(self, text: pl.DataFrame) -> pl.DataFrame | None:
        """With timestamps and dates as such, or None where one of them is none."""
        if not self._parsers:
            return text
        frame = text.with_columns(self._parsers)
        if (
            frame.null_count().row(0) != text.null_count().row(0)
            or _any(text, self._doubts)
            or _any(frame, self._overflows)
        ):
            return None
        return frame

    def _has_oversize(self, lines: bytes, values: Sequence[bytes | None]) -> bool:
        return len(lines) > self._max_bytes and max(map(len, values)) > self._max_bytes  # type: ignore[arg-type]

    def _decode_closely(self, values: Sequence[bytes | None]) -> Decoded:
        """The slow path: judge each record, then read those that look right."""
        rejected: list[Rejected] = []
        indices: list[int] = []
        lines: list[bytes] = []
        for index, value in enumerate(values):
            finding = self._strict.look(value)
            if finding:
                rejected.append(Rejected(index, *finding))
            else:
                indices.append(index)
                # Raw line breaks stand between tokens only, where any white space will do.
                lines.append((value or b"").replace(b"\n", b" ").replace(b"\r", b" "))
        frames, good = self._halve(lines, indices, rejected)
        frame = pl.concat(frames) if frames else pl.DataFrame(schema=self._schema)
        return self._checked(frame, good if rejected else None, rejected)

    def _halve(
        self, lines: list[bytes], indices: list[int], rejected: list[Rejected]
    ) -> tuple[list[pl.DataFrame], list[int]]:
        """Read lines that look right; what Polars refuses all the same (60 digits) is found by halving."""
        if not lines:
            return [], []
        try:
            text = pl.read_ndjson(b"\n".join(lines), schema=self._wire_schema)
            return [text.with_columns(self._parsers)], indices
        except ComputeError as error:
            if len(lines) == 1:
                rejected.append(Rejected(indices[0], Reason.WRONG_TYPE, str(error).partition("\n")[0]))
                return [], []
        middle = len(lines) // 2
        first, first_good = self._halve(lines[:middle], indices[:middle], rejected)
        second, second_good = self._halve(lines[middle:], indices[middle:], rejected)
        return first + second, first_good + second_good

    def _checked(self, frame: pl.DataFrame, indices: list[int] | None, rejected: list[Rejected]) -> Decoded:
        """Take out the rows that break a rule; `indices` are the records behind the rows (None: all, in order)."""
        violations = self._checks.violations(frame)
        if not violations:
            return Decoded(frame, indices, sorted(rejected, key=lambda one: one.index))
        bad = {violation.row for violation in violations}
        of_row = range(frame.height) if indices is None else indices
        rejected += [Rejected(of_row[one.row], one.reason, one.detail) for one in violations]
        kept = [row for row in range(frame.height) if row not in bad]
        return Decoded(frame[kept], [of_row[row] for row in kept], sorted(rejected, key=lambda one: one.index))


def _newlines(lines: bytes) -> int:
    """Several times faster than `bytes.count`, which stops at each."""
    return int(np.count_nonzero(np.frombuffer(lines, np.uint8) == _NEWLINE))


def _named(flags: list[pl.Expr]) -> list[pl.Expr]:
    return [flag.alias(str(number)) for number, flag in enumerate(flags)]


def _any(frame: pl.DataFrame, flags: list[pl.Expr]) -> bool:
    """Whether any of the flags, each one value for the whole frame, is true."""
    return bool(flags) and any(frame.select(flags).row(0))
