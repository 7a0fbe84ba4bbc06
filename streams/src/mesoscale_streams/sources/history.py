"""A stretch of made-up payments as a file, in the order of arrival: what a model learns from before a stream."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from mesoscale.errors import DocumentRefused, Problem, Reason, nearest
from mesoscale.graph.types import Graph
from mesoscale.model.source import Synthetic
from mesoscale_streams.sources.payments.episodes import Episodes
from mesoscale_streams.sources.payments.frame import Stream

START = datetime(2024, 3, 1, 12, tzinfo=UTC)  # fixed: the same seed gives the same file on any day
AT_ONCE = 65_536  # payments


def section(graph: Graph, source: str | None) -> Synthetic:
    """The settings of a document's synthetic source; without a name, of the only one.

    Raises:
        DocumentRefused: there is none, no such one, or several to choose from.
    """
    synthetic = {one.name: one.synthetic for one in graph.pipeline.spec.sources if one.synthetic}
    if source is None and len(synthetic) == 1:
        [source] = synthetic
    found = synthetic.get(source or "")
    if found is None:
        which = f'"{source}" is not a synthetic source' if source else "name one synthetic source"
        message = f"{which} ({', '.join(synthetic) or 'the document has none'})"
        raise DocumentRefused(Problem(Reason.UNKNOWN_REFERENCE, message, hint=nearest(source or "", list(synthetic))))
    return found


def write(of: Synthetic, seed: int, records: int, out: Path) -> None:
    """`records` payments such as a source with these settings makes, but by another seed, as an Arrow file."""
    stream = Stream(Episodes(seed, of.per_second, of.fraud_rate, of.accounts), START.timestamp())
    parts = [stream.make(first, min(first + AT_ONCE, records)) for first in range(0, records, AT_ONCE)]
    at = pl.col("occurred_at").str.to_datetime(time_unit="us", time_zone="UTC")
    pl.concat(parts).with_columns(at).write_ipc(out)
