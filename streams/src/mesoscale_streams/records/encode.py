"""Frame → bytes: one compact JSON object a record, and the key that chooses its partition."""

import polars as pl

from mesoscale.contract.types import Contract
from mesoscale_streams.records import instants

BETWEEN = "|"  # between the columns of a key of several


def encode(frame: pl.DataFrame) -> list[bytes]:
    """The rows as JSON, columns in order; timestamps are ISO 8601 in UTC and end in Z."""
    if frame.is_empty():
        return []
    text = frame.with_columns(instants.formatters(frame.schema)).write_ndjson()
    return text.encode().splitlines()


def keys(frame: pl.DataFrame, contract: Contract) -> list[bytes | None]:
    """The key of each row: the text of the contract's key columns; None where the contract has no key."""
    if not contract.key:
        return [None] * frame.height
    text = frame.select(pl.concat_str([pl.col(name).cast(pl.String) for name in contract.key], separator=BETWEEN))
    return text.to_series().cast(pl.Binary).to_list()
