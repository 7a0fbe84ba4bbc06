"""Which offsets a replay reads is decided by tables of values."""

from datetime import UTC, datetime, timedelta

import pytest

from mesoscale.errors import DocumentRefused
from mesoscale_streams.replay.bounds import Bound, parse, spans

NOW = datetime(2024, 3, 2, tzinfo=UTC)
KEPT = {0: (10, 100), 1: (0, 50)}
ALL = {0: 100, 1: 50}


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("earliest", Bound(word="earliest")),
        ("0:1200,1:0", Bound(offsets={0: 1200, 1: 0})),
        ("7:1", Bound(offsets={7: 1})),
        ("15m", Bound(moment=NOW - timedelta(minutes=15))),
        ("2024-03-01", Bound(moment=datetime(2024, 3, 1, tzinfo=UTC))),
        ("2024-03-01T01:00:00+01:00", Bound(moment=datetime(2024, 3, 1, tzinfo=UTC))),
    ],
)
def test_a_bound_is_a_word_a_time_or_offsets(text: str, bound: Bound) -> None:
    assert parse("--from", text, NOW) == bound


@pytest.mark.parametrize("text", ["", "yesterday", "0:", "1200", "0:1,", "15"])
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(DocumentRefused, match="is no instant, duration or offsets"):
        parse("--from", text, NOW)


@pytest.mark.parametrize(
    ("begin", "end", "times", "done", "found"),
    [
        (Bound("earliest"), Bound("latest"), ({}, {}), ALL, {0: (10, 100), 1: (0, 50)}),
        (Bound("earliest"), Bound("latest"), ({}, {}), {0: 40}, {0: (10, 40)}),
        (Bound("latest"), Bound("latest"), ({}, {}), ALL, {}),
        (Bound(offsets={0: 5}), Bound(offsets={0: 20}), ({}, {}), ALL, {0: (10, 20), 1: (0, 50)}),
        (Bound(offsets={0: 30}), Bound(offsets={0: 20}), ({}, {}), ALL, {1: (0, 50)}),
        (Bound(moment=NOW), Bound("latest"), ({0: 60}, {}), ALL, {0: (60, 100)}),
        (Bound("earliest"), Bound(moment=NOW), ({}, {0: 60}), ALL, {0: (10, 60), 1: (0, 50)}),
    ],
)
def test_what_is_read_again(
    begin: Bound,
    end: Bound,
    times: tuple[dict[int, int], dict[int, int]],
    done: dict[int, int],
    found: dict[int, tuple[int, int]],
) -> None:
    assert spans((begin, end), KEPT, times, done) == found
