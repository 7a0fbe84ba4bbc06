"""How far sources have read: the last record of each source's name in a compacted topic."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mesoscale.bindings import Kafka
from mesoscale.ledger import Counts
from mesoscale_streams.kafka.compacted import CompactedReader

NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """`position` is the source's own; `ended` says that nothing will follow."""

    position: Mapping[str, Any] | None = None
    counts: Counts = NOTHING
    ended: bool = False

    def encode(self) -> bytes:
        return json.dumps({"position": self.position, "counts": self.counts.as_dict(), "ended": self.ended}).encode()

    @classmethod
    def decode(cls, value: bytes) -> "SourcePosition":
        fields = json.loads(value)
        return cls(fields["position"], Counts(**fields["counts"]), fields["ended"])


class PositionsReader:
    """Follows the positions topic; `read` is cheap when nothing has changed."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._topic = CompactedReader(kafka, topic)

    def read(self) -> dict[str, SourcePosition]:
        """Source → its position, of all that is committed now.

        Raises:
            KafkaException: the topic cannot be read to its end within 30 seconds.
        """
        return {name: SourcePosition.decode(value) for name, value in self._topic.read().items()}

    def close(self) -> None:
        self._topic.close()
