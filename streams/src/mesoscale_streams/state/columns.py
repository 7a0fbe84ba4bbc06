"""One column of a state table: values by row in numpy, written and read many rows at a time."""

from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

TEXT_OVERHEAD = 57  # bytes of a Python text beside its characters, and of the pointer to it


class Column(Protocol):
    """Values by row; rows beyond the last `grow` do not exist."""

    def grow(self, rows: int) -> None:
        """Have so many rows; new ones are null."""

    def take(self, rows: Rows) -> pl.Series:
        """The values of rows; where a row is -1, null."""

    def put(self, rows: Rows, values: pl.Series) -> None:
        """Write values, one a row."""

    def clear(self, rows: Rows) -> None:
        """Make rows null."""

    @property
    def nbytes(self) -> int: ...


def column(name: str, dtype: pl.DataType) -> Column:
    """The column that can keep values of `dtype`.

    Raises:
        ValueError: none can.
    """
    if dtype == pl.String:
        return Text(name)
    if isinstance(dtype, pl.Array):
        return Numbers(name, dtype, _physical(name, dtype.inner), dtype.shape)
    return Numbers(name, dtype, _physical(name, dtype), ())


def _physical(name: str, dtype: Any) -> np.dtype[Any]:
    if not (dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean) or dtype.is_decimal():
        raise ValueError(f"state column {name} is a {dtype}; use a number, boolean, text, time or array of numbers")
    physical: np.dtype[Any] = pl.Series([], dtype=dtype).to_physical().to_numpy().dtype
    return physical


class Numbers:
    """Numbers, times, booleans, and arrays of them."""

    def __init__(self, name: str, dtype: pl.DataType, physical: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._name, self._dtype = name, dtype
        self._logical = dtype != pl.Series(np.zeros((0, *shape), physical)).dtype
        self.values: NDArray[Any] = np.zeros((0, *shape), physical)  # by row; of null rows, 0
        self.valid: Flags = np.zeros(0, np.bool_)

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.valid.nbytes

    def grow(self, rows: int) -> None:
        self.values, self.valid = _grown(self.values, rows), _grown(self.valid, rows)

    def take(self, rows: Rows) -> pl.Series:
        series = pl.Series(self._name, self.values[rows])
        valid = self.valid[rows] & (rows >= 0)
        series = series.cast(self._dtype) if self._logical else series
        return series if valid.all() else _nulled(series, valid)

    def put(self, rows: Rows, values: pl.Series) -> None:
        values = values.cast(self._dtype)
        if values.null_count():
            self.clear(rows)
            kept = values.is_not_null()
            rows, values = rows[kept.to_numpy()], values.filter(kept)
        self.values[rows] = values.to_physical().to_numpy()
        self.valid[rows] = True

    def clear(self, rows: Rows) -> None:
        self.values[rows], self.valid[rows] = 0, False


class Text:
    """Texts, as Python has them: a row costs its object once, when it is written."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values: NDArray[np.object_] = np.zeros(0, np.object_)
        self._written, self._characters = 1, 0

    @property
    def nbytes(self) -> int:
        """An estimate, from the mean length of what was written."""
        return len(self._values) * (TEXT_OVERHEAD + self._characters // self._written)

    def grow(self, rows: int) -> None:
        more: NDArray[np.object_] = np.full(rows - len(self._values), None)
        self._values = np.concatenate([self._values, more])

    def take(self, rows: Rows) -> pl.Series:
        found = self._values[rows]
        found[rows < 0] = None
        return pl.Series(self._name, found.tolist(), pl.String)

    def put(self, rows: Rows, values: pl.Series) -> None:
        self._values[rows] = values.cast(pl.String).to_numpy()
        self._written += len(values)
        self._characters += int(values.str.len_bytes().sum() or 0)

    def clear(self, rows: Rows) -> None:
        self._values[rows] = None


def _grown(values: NDArray[Any], rows: int) -> NDArray[Any]:
    grown = np.zeros((rows, *values.shape[1:]), values.dtype)
    grown[: len(values)] = values
    return grown


def _nulled(series: pl.Series, valid: Flags) -> pl.Series:
    return series.set(pl.Series(~valid), None)  # a third of what an expression over a frame costs
