"""Frames as PostgreSQL's binary COPY stream."""

import polars as pl
from pgpq import ArrowToPostgresBinaryEncoder

_COMPATIBLE = pl.CompatLevel.oldest()  # the encoder knows no string views


def encode(frame: pl.DataFrame) -> bytes:
    """All rows of `frame`, header and trailer included, columns in order."""
    table = frame.to_arrow(compat_level=_COMPATIBLE)
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    stream = bytearray(encoder.write_header())
    for batch in table.to_batches():
        stream += encoder.write_batch(batch)
    stream += encoder.finish()
    return bytes(stream)
