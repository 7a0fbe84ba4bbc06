"""Contract → Polars schemas: that of its frames, and that of its JSON as it is read."""

import polars as pl

from mesoscale.contract.types import Contract

TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
}


def polars_schema(contract: Contract) -> pl.Schema:
    """The contract's columns in order; timestamps are microseconds in UTC."""
    return pl.Schema({column.name: TYPES[column.type] for column in contract.columns})


def wire_schema(contract: Contract) -> pl.Schema:
    """The same as JSON has it: timestamps and dates are text (see `instants`)."""
    text = ("timestamp", "date")
    return pl.Schema(
        {column.name: pl.String() if column.type in text else TYPES[column.type] for column in contract.columns}
    )
