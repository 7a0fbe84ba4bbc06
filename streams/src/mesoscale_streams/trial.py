"""Which records may have ended their stage's program, told from where it was when it ended. Pure.

A program notes in Kafka what it is about to give to the step, and that the step has given it back. It does so for the
first batch of each partition after it was started, and wherever it is careful; everywhere else it costs nothing. If it
ends in between, whoever comes after it reads the note and is careful: it gives the step the same records in pieces of
COARSE, after another end one by one, and a record that ends the program alone is given to the step no more.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

COARSE = 100  # records of a piece


@dataclass(frozen=True, slots=True)
class Note:
    """What stood with the step: `records` of them, up to the offset `end`; `given_back` once the step was done.

    `coarse` and `fine` are the offsets up to which a partition goes in pieces, and one by one.
    """

    records: int
    end: int
    given_back: bool
    coarse: int = 0
    fine: int = 0

    def encode(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def decode(cls, text: str | None) -> "Note | None":
        return cls(**json.loads(text)) if text else None


@dataclass(frozen=True, slots=True)
class Care:
    """How a partition is gone on with: up to `coarse` in pieces, up to `fine` one by one.

    `condemned` is the offset from which the next record ended the program alone; None where none did.
    """

    coarse: int = 0
    fine: int = 0
    condemned: int | None = None

    @property
    def end(self) -> int:
        """From here on nothing is suspected."""
        return max(self.coarse, self.fine)


NO_CARE = Care()


def judge(note: Note | None, noted_at: int, position: int) -> Care:
    """What to do at `position`, where a partition is gone on with, about the note that was made at `noted_at`."""
    if note is None:
        return NO_CARE
    care = Care(note.coarse, note.fine)
    if not note.given_back and noted_at == position:
        if note.records == 1:
            care = replace(care, condemned=position)
        elif note.records <= COARSE:
            care = replace(care, fine=max(note.fine, note.end))
        else:
            care = replace(care, coarse=max(note.coarse, note.end))
    return care if care.end > position or care.condemned is not None else NO_CARE


@dataclass(frozen=True, slots=True)
class Piece:
    """Records from `first` to before `last` of those of a partition in a batch."""

    first: int
    last: int
    condemned: bool = False


def cut(offsets: Sequence[int], care: Care) -> Iterator[Piece]:
    """The pieces of a partition's records with these offsets that need care; those after the last of them do not."""
    first = 0
    if care.condemned is not None and offsets:
        yield Piece(0, 1, condemned=True)
        first = 1
    while first < len(offsets) and offsets[first] < care.end:
        last = first + (1 if offsets[first] < care.fine else COARSE)
        while last > first + 1 and (last > len(offsets) or offsets[last - 1] >= care.end):
            last -= 1
        yield Piece(first, last)
        first = last
