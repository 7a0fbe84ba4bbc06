"""Which records of a batch are probably the bad ones: a guess at the price of another read, that decides nothing.

Polars says that a line is wrong, and not which. Told to bear errors, it leaves a null where a value has the wrong type,
so nulls where there should be none lead to most bad records at once. Whoever asks has to prove that the rest is good.
"""

from collections.abc import Sequence

import orjson
import polars as pl
from polars.exceptions import ComputeError

from mesoscale.contract.types import Contract
from mesoscale_streams.records.instants import Instants
from mesoscale_streams.records.schema import wire_schema
from mesoscale_streams.records.suspects import Suspects

_NOTHING = b"null"  # a line that is read as a row of nulls


class Guess:
    """Guesses for one contract."""

    def __init__(self, contract: Contract, suspects: Suspects) -> None:
        self._schema = wire_schema(contract)
        self._required = [column.name for column in contract.columns if not column.nullable]
        # A wrong text is never null, but what is no number where one may be missing is found by its text only.
        self._optional = [
            column.name for column in contract.columns if column.nullable and self._schema[column.name] != pl.String()
        ]
        self._instants = Instants(contract)
        self._suspects = suspects

    def bad(self, values: Sequence[bytes | None], text: pl.DataFrame | None) -> list[int]:
        """Indices of records that are probably bad, in order; none where there is no telling.

        Args:
            values: the records.
            text: what Polars makes of them, if it bears no errors; None where it makes nothing of them.
        """
        lines = [value if value and b"\n" not in value else _NOTHING for value in values]
        text = self._read(lines, self._schema) if text is None else text
        if text is None:
            lines = [line if _is_json(line) else _NOTHING for line in lines]
            text = self._read(lines, self._schema)
        if text is None or text.height != len(values):
            return []
        found = {index for index, line in enumerate(lines) if line is _NOTHING}
        found.update(self._suspects.rows(text, b"\n".join(lines), values))
        for flags in (self._missing(text), self._unread(text, lines), self._instants.wrong(text)):
            found.update(flags.arg_true())
        return sorted(found)

    def _missing(self, text: pl.DataFrame) -> pl.Series:
        return text.select(pl.any_horizontal(pl.lit(value=False), pl.col(self._required).is_null())).to_series()

    def _unread(self, text: pl.DataFrame, lines: list[bytes]) -> pl.Series:
        """Optional values that are null in `text` and something in the lines."""
        as_text = self._read(lines, pl.Schema(dict.fromkeys(self._optional, pl.String()))) if self._optional else None
        if as_text is None:
            return pl.Series([False])
        something = [(text[name].is_null() & as_text[name].is_not_null()).alias(name) for name in self._optional]
        return pl.DataFrame(something).select(pl.any_horizontal(pl.all())).to_series()

    @staticmethod
    def _read(lines: list[bytes], schema: pl.Schema) -> pl.DataFrame | None:
        try:
            return pl.read_ndjson(b"\n".join(lines), schema=schema, ignore_errors=True)
        except ComputeError:
            return None


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
