"""The topic behind a source or stage: partitions, replicas and retention."""

from typing import Annotated

from pydantic import Field

from mesoscale.model.base import DeletionPolicy, Duration, Section


class TopicSettings(Section):
    """Partitions may grow but never shrink: a record's partition follows from its key and their number.

    `deletionPolicy` is what becomes of the records when the topic leaves the document; without it, the pipeline's.
    """

    partitions: Annotated[int, Field(ge=1, le=256)] = 6
    replicas: Annotated[int, Field(ge=1, le=7)] = 1
    retention: Duration = "7d"
    deletion_policy: DeletionPolicy | None = None
