"""What is given to a step with care, and what is not given to it at all, is decided by tables of values."""

import pytest

from mesoscale_streams.trial import COARSE, NO_CARE, Care, Note, Piece, cut, judge


@pytest.mark.parametrize(
    ("note", "noted_at", "position", "care"),
    [
        (None, -1, 0, NO_CARE),
        (Note(10_000, 10_000, given_back=True), 0, 0, NO_CARE),
        (Note(10_000, 10_000, given_back=False), 0, 10_000, NO_CARE),  # it went on, so something else ended it
        (Note(10_000, 10_000, given_back=False), 0, 0, Care(coarse=10_000)),
        (Note(101, 150, given_back=False), 7, 7, Care(coarse=150)),
        (Note(100, 300, given_back=False, coarse=900), 200, 200, Care(coarse=900, fine=300)),
        (Note(1, 251, given_back=False, coarse=900, fine=300), 250, 250, Care(900, 300, condemned=250)),
        (Note(1, 251, given_back=True, coarse=900, fine=300), 250, 260, Care(900, 300)),
        (Note(1, 251, given_back=True, coarse=900, fine=300), 250, 900, NO_CARE),
        (Note(1, 8, given_back=False), 7, 7, Care(condemned=7)),
    ],
)
def test_care_follows_from_where_a_program_ended(note: Note | None, noted_at: int, position: int, care: Care) -> None:
    assert judge(note, noted_at, position) == care
    assert note is None or Note.decode(note.encode()) == note


@pytest.mark.parametrize(
    ("offsets", "care", "pieces"),
    [
        (range(5), NO_CARE, []),
        (range(5), Care(fine=2), [(0, 1), (1, 2)]),
        ([10, 12, 14], Care(fine=13), [(0, 1), (1, 2)]),
        (range(250), Care(coarse=1_000), [(0, 100), (100, 200), (200, 250)]),
        (range(250), Care(coarse=150), [(0, 100), (100, 150)]),
        (range(3), Care(condemned=0), [(0, 1, True)]),
        (range(3), Care(coarse=3, fine=2, condemned=0), [(0, 1, True), (1, 2), (2, 3)]),
        ([], Care(condemned=0), []),
    ],
)
def test_what_needs_care_is_cut_small(offsets: list[int], care: Care, pieces: list[tuple[int, ...]]) -> None:
    assert list(cut(list(offsets), care)) == [Piece(*piece) for piece in pieces]


def test_a_record_that_ends_each_program_is_found_within_five() -> None:
    culprit, records, note, at, programs = 6_789, 10_000, None, 0, 1  # the first one ends without a note
    position = 5_000
    while True:
        programs += 1
        care = judge(note, at, position)
        if care.condemned is not None:
            break
        offsets = list(range(position, records))
        pieces = [*cut(offsets, care)]
        done = pieces[-1].last if pieces else 0
        pieces += [Piece(done, len(offsets))] if done < len(offsets) else []
        died = next(piece for piece in pieces if culprit < offsets[piece.last - 1] + 1)
        assert offsets[died.first] <= culprit
        at = position = offsets[died.first]
        note = Note(died.last - died.first, offsets[died.last - 1] + 1, False, care.coarse, care.fine)
    assert (care.condemned, programs) == (culprit, 5)
    assert care.end - culprit <= records
    assert COARSE == 100
