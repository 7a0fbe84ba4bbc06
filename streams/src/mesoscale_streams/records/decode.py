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
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.guess import Guess
from mesoscale_streams.records.instants import Instants
from mesoscale_streams.records.schema import polars_schema, wire_schema
from mesoscale_streams.records.strict import Strict
from mesoscale_streams.records.suspects import Suspects

LARGEST_RECORD = 1 << 20  # bytes
CLOSE = 1000  # records that are looked at one by one together; reading fewer at once saves little
FEW = 50  # records that are looked at one by one at once; a guess would cost more
_NEWLINE = ord("\n")
_PIECE = 1 << 16  # bytes


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
        self._instants = Instants(contract)
        self._checks = Checks(contract)
        self._suspects = Suspects(contract)
        self._guess = Guess(contract, self._suspects)

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """Every index of `values` is either accepted or rejected."""
        if not values:
            return Decoded(pl.DataFrame(schema=self._schema), None, [])
        text, frame = self._read_all(values)
        if frame is not None:
            return self._checked(frame, None, [])
        if len(values) > FEW and (decoded := self._decode_by_guess(values, text)) is not None:
            return decoded
        if len(values) > CLOSE:
            return self._decode_in_parts(values)
        return self._decode_closely(values)

    def _decode_by_guess(self, values: Sequence[bytes | None], text: pl.DataFrame | None) -> Decoded | None:
        """A close look at the records that seem bad only, or None where the others are not all good.

        Args:
            values: the records.
            text: what `_read_all` made of them.
        """
        doubtful = self._guess.bad(values, text)
        if 2 * len(doubtful) > len(values):
            return self._decode_closely(values)
        if not doubtful:
            return None
        rest = np.delete(np.arange(len(values)), doubtful).tolist()
        _, frame = self._read_all([values[index] for index in rest], text[rest] if text is not None else None)
        if frame is None:
            return None
        good, close = self._checked(frame, rest, []), self._decode_closely([values[index] for index in doubtful])
        return _merged(good, close, doubtful)

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

    def _read_all(
        self, values: Sequence[bytes | None], text: pl.DataFrame | None = None
    ) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
        """The fast path: a row for each value, as JSON has it and as the contract has it, or None where it fails.

        Args:
            values: the records.
            text: the rows as JSON has them, where they are known.
        """
        try:
            lines = b"\n".join(values)  # type: ignore[arg-type]  # None raises, as it should
        except TypeError:
            return None, None
        text = self._read(lines, values) if text is None else text
        if text is None or any(self._strict.look(values[row]) for row in self._suspects.rows(text, lines, values)):
            return text, None
        return text, self._instants.parse(text)

    def _read(self, lines: bytes, values: Sequence[bytes | None]) -> pl.DataFrame | None:
        """The lines, if they are the values one by one."""
        if _newlines(lines) != len(values) - 1 or self._has_oversize(lines, values):
            return None
        try:
            text = pl.read_ndjson(lines, schema=self._wire_schema)
        except ComputeError:
            return None
        return text if text.height == len(values) else None

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
            return [self._instants.parse_known(text)], indices
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
    """Several times faster than `bytes.count`, which stops at each; piece by piece, so that it stays in the cache."""
    seen = np.frombuffer(lines, np.uint8)
    pieces = range(0, len(seen), _PIECE)
    return sum(int(np.count_nonzero(seen[start : start + _PIECE] == _NEWLINE)) for start in pieces)


def _merged(good: Decoded, close: Decoded, indices: list[int]) -> Decoded:
    """Both as one, in the order of the batch; `indices` are the records of the batch that `close` is about."""
    assert good.accepted is not None
    of_close = range(len(indices)) if close.accepted is None else close.accepted
    accepted = good.accepted + [indices[index] for index in of_close]
    rejected = good.rejected + [Rejected(indices[one.index], one.reason, one.detail) for one in close.rejected]
    order = np.argsort(accepted)
    frame = pl.concat([good.frame, close.frame])[order] if close.frame.height else good.frame
    return Decoded(frame, sorted(accepted) if rejected else None, sorted(rejected, key=lambda one: one.index))
