"""Dead letters: records that somebody refused, as they came, with who, why and where they stood."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mesoscale.errors import Reason
from mesoscale_streams.history import NONE, History

LARGEST_VALUE = 16 << 20  # bytes; what is larger is kept up to here and marked as cut
LARGEST_DETAIL = 1000  # characters


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record. `position` is `topic/partition/offset`, or a source's own position.

    `history` is that of the record which was refused.
    """

    value: bytes | None
    key: bytes | None
    reason: Reason
    detail: str
    contract: str
    node: str
    position: str
    history: History = NONE

    def headers(self) -> list[tuple[str, str | bytes | None]]:
        headers = {
            "meso-reason": str(self.reason),
            "meso-detail": self.detail[:LARGEST_DETAIL],
            "meso-contract": self.contract,
            "meso-node": self.node,
            "meso-position": self.position,
        }
        if self.value is not None and len(self.value) > LARGEST_VALUE:
            headers["meso-cut-from-bytes"] = str(len(self.value))
        past = replace(self.history, reader="").headers()  # whoever looks at a letter is not who was to read the record
        return [*((name, text.encode()) for name, text in headers.items()), *past]

    def payload(self) -> bytes | None:
        return self.value[:LARGEST_VALUE] if self.value is not None else None


def by_reason(letters: Iterable[DeadLetter]) -> dict[str, int]:
    """How many letters there are for each reason."""
    return dict(Counter(str(letter.reason) for letter in letters))


def topic_offset(position: str) -> tuple[int, int]:
    """`topic/partition/offset` → (partition, offset)."""
    _, partition, offset = position.rsplit("/", 2)
    return int(partition), int(offset)
