"""What a row of state looks like: its key, its columns, and when it is due."""

import hashlib
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class StateSpec:
    """The shape of a state table.

    Args:
        key: the names of the columns that, with the input partition, name a row; never null.
        columns: all columns of a row in order, those of the key included: Int64, Float64, Boolean, String, Date,
            Datetime in microseconds, Duration in microseconds, other integers and floats, or `pl.Array` of numbers.
            All but the key's may be null.
        due: the column (Datetime or Int64, in the same unit for all rows) that says when a row is due: `StateTable.due`
            gives rows by it without looking at any other row. Empty where rows are never due.

    Raises:
        ValueError: a column of the key, or `due`, is none of the columns.
    """

    key: tuple[str, ...]
    columns: pl.Schema
    due: str = ""

    def __post_init__(self) -> None:
        missing = [name for name in (*self.key, *([self.due] if self.due else [])) if name not in self.columns]
        if missing or not self.key:
            raise ValueError(f"state has no column {', '.join(missing) or 'for its key'}")

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are not of the key, in order."""
        return tuple(name for name in self.columns if name not in self.key)

    def layout(self, version: str) -> str:
        """A short mark of the shape and of the `version` of whoever fills it. Equal marks read each other's rows."""
        text = repr((self.key, [(name, str(dtype)) for name, dtype in self.columns.items()], self.due, version))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
