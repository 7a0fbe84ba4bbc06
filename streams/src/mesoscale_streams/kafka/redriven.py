"""Which dead letters were sent back, and how many to whom: keys of a compacted topic.

    letter/EDGE/OFFSET/MILLISECONDS   a letter that was sent back, and when; taken away when the letter itself is gone
    count/EDGE                        reader → records that were sent back to it alone; the empty name: to all

Both are written in the transaction that sends the records, so they are always exactly what was sent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka.compacted import CompactedReader

TO_ALL = ""
_LETTER, _COUNT = "letter/", "count/"


@dataclass(frozen=True, slots=True)
class Redriven:
    """`letters`: the mark of a letter → when it was sent back. `counts`: edge → reader → records."""

    letters: Mapping[str, str]
    counts: Mapping[str, Mapping[str, int]]

    def to(self, edge: str, reader: str) -> int:
        """How many records the reader gets of the edge beside those that its producer made."""
        counts = self.counts.get(edge, {})
        return counts.get(TO_ALL, 0) + counts.get(reader, 0)


class RedrivenReader:
    """Follows the topic; `read` is cheap when nothing has changed."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._topic = CompactedReader(kafka, topic)

    def read(self) -> Redriven:
        """All that is committed now.

        Raises:
            KafkaException: the topic cannot be read to its end within 30 seconds.
        """
        entries = self._topic.read()
        return Redriven(
            letters={key.removeprefix(_LETTER): value.decode() for key, value in entries.items() if _is(key, _LETTER)},
            counts={key.removeprefix(_COUNT): json.loads(value) for key, value in entries.items() if _is(key, _COUNT)},
        )

    def close(self) -> None:
        self._topic.close()


def letter_key(mark: str) -> bytes:
    """The key of a letter that was sent back; its value is when."""
    return f"{_LETTER}{mark}".encode()


def count_key(edge: str) -> bytes:
    """The key of an edge's counts, which go on from the beginning until now."""
    return f"{_COUNT}{edge}".encode()


def _is(key: str, kind: str) -> bool:
    return key.startswith(kind)
