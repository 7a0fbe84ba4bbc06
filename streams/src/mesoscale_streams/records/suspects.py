"""Records that Polars read too kindly: text made of what is none, and characters made of halves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mesoscale.contract.types import Column, Contract

_HALF_OR_NUL = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")  # escapes of UTF-16 surrogates, and of NUL
_MADE_OF_OTHERS = r"(?s)^(?:-?[0-9][0-9.eE+-]*|true|false|\[.*\]|\{.*\})$"
_WORDS = ("true", "false")
_BEFORE_TEXT = (b':"', b":null", b': "', b": null")  # as compact and as spaced JSON have it


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """`rows` is true for the records that want a close look on account of one column, if `_alarms` says so for it."""

    name: str
    key: bytes
    rows: pl.Expr


class Suspects:
    """Finds the records of one contract that want a close look, though Polars took them."""

    def __init__(self, contract: Contract) -> None:
        self._suspicions = [_suspicion(column) for column in contract.columns if _may_be_made(column)]

    def rows(self, frame: pl.DataFrame, lines: bytes, values: Sequence[bytes | None]) -> set[int]:
        """Indices of suspect records: those of no other one are what they seem.

        Args:
            frame: what Polars made of `lines`, a row for each of `values`.
            lines: `values` joined.
            values: the records.
        """
        found: set[int] = set()
        has_escapes = b"\\" in lines  # one byte is found many times faster than two
        if has_escapes:
            found.update(row for row, value in enumerate(values) if value and _HALF_OR_NUL.search(value))
        for suspicion in self._alarmed(frame, lines):
            if has_escapes or not _always_text(lines, suspicion.key):
                found.update(frame.select(suspicion.rows).to_series().arg_true())
        return found

    def _alarmed(self, frame: pl.DataFrame, lines: bytes) -> list[_Suspicion]:
        if b"[" in lines:  # a list may stand anywhere
            return self._suspicions
        return [suspicion for suspicion in self._suspicions if _alarms(frame[suspicion.name])]


def _may_be_made(column: Column) -> bool:
    """Not where few strings are allowed, and none of them looks like a number, a list or an object."""
    plain = column.one_of and all(word[:1].isalpha() and word not in ("true", "false") for word in column.one_of)
    return column.type == "string" and not plain


def _suspicion(column: Column) -> _Suspicion:
    rows = pl.col(column.name).str.contains(_MADE_OF_OTHERS).fill_null(False)
    return _Suspicion(column.name, f'"{column.name}"'.encode(), rows)


def _alarms(texts: pl.Series) -> bool:
    """Whether any of the texts may be made of others. Least and greatest tell it for most columns, and cost little."""
    least, most = texts.min(), texts.max()
    if not isinstance(least, str) or not isinstance(most, str):  # all are null
        return False
    return least < ":" or most >= "{" or any(least <= word <= most and (texts == word).any() for word in _WORDS)


def _always_text(lines: bytes, key: bytes) -> bool:
    """Whether the key, wherever it stands, has a text or null after it. Account numbers are texts, all made of digits.

    It proves that only where there are no escapes: these could hide a key, or the quote that ends it.
    """
    left = lines.count(key)
    for follower in _BEFORE_TEXT:
        left -= lines.count(key + follower) if left else 0
    return left == 0
