"""Frames as PostgreSQL's binary COPY stream."""

import polars as pl
from pgpq import ArrowToPostgresBinaryEncoder

_COMPATIBLE = pl.CompatLevel.oldest()  # the encoder knows no string views


def encode(frame: pl.DataFrame) -> bytes:
    """All rows of `frame`, header and trailer included, columns in order."""
    table = frame.to_arrow(compat_level=_COMPATIBLE)
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    return b"".join((encoder.write_header(), *map(encoder.write_batch, table.to_batches()), encoder.finish()))
