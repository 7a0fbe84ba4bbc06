"""Sinks: topic → store, or whom to call. Each has exactly one kind: table, collection, lake or webhook."""

from typing import Annotated, Literal

from pydantic import Field

from mesoscale.model.base import (
    CALL_PATTERN,
    RECEIVER_PATTERN,
    SOME_TIME_PATTERN,
    ColumnName,
    DeletionPolicy,
    Duration,
    Name,
    Section,
    Text,
)
from mesoscale.model.stage import MOST_ATTEMPTS, Retries, Scale

KINDS = ("table", "collection", "lake", "webhook")


class PartitionBy(Section):
    """Table partitions of one day, month or year of a timestamp or date column, made ahead of the rows."""

    column: ColumnName
    every: Literal["1d", "1mo", "1y"] = "1d"


class Table(Section):
    """A PostgreSQL table.

    `indexes` lists columns looked up together (`[[station, observed_at]]`); `keep` is how long rows stay,
    in whole days or weeks, and `then` what becomes of the table partitions that have passed it. `deletionPolicy`
    is what becomes of the rows with the pipeline: its own database goes only where each table in it may go.
    """

    partition_by: PartitionBy | None = None
    indexes: Annotated[
        tuple[Annotated[tuple[ColumnName, ...], Field(min_length=1, max_length=8)], ...],
        Field(max_length=16),  # not a SET: server-side apply knows no sets of lists
    ] = ()
    keep: Duration | None = None
    then: Literal["drop", "archive"] | None = None
    deletion_policy: DeletionPolicy | None = None


class Collection(Section):
    """A MongoDB collection."""

    keep: Duration | None = None


class Lake(Section):
    """Partitioned Parquet files in a folder or object store."""

    path: Text = "lake"


class CallRetries(Retries):
    """When a record is sent again to a receiver that cannot take it now; for about 4 h by default."""

    attempts: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)] = 8
    delay: Annotated[str, Field(pattern=SOME_TIME_PATTERN, max_length=7)] = "5s"
    factor: Annotated[float, Field(ge=1, le=10)] = 3


class Webhook(Section):
    """POSTs each record, signed as in Standard Webhooks.

    `secret` has the entries `key` (whsec_...) and `url`, if that is not here. `timeout` and `concurrency` are of calls.
    """

    secret: Name
    url: Annotated[str, Field(pattern=RECEIVER_PATTERN, max_length=2048)] | None = None
    timeout: Annotated[str, Field(pattern=CALL_PATTERN, max_length=3)] = "10s"
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    retries: CallRetries = CallRetries()


class Sink(Section):
    """topic → store, or whom to call."""

    name: Name
    from_: Annotated[Name, Field(alias="from")]
    table: Table | None = None
    collection: Collection | None = None
    lake: Lake | None = None
    webhook: Webhook | None = None
    scale: Scale = Scale()

    @property
    def kind(self) -> str:
        """Which of KINDS it is; a rule of the document says there is exactly one."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)
