"""What stands beside a committed offset is read whoever wrote it: before stages remembered, or since."""

import pytest

from mesoscale.ledger import Counts
from mesoscale_streams.kafka import offsets

COUNTS = Counts(10, 8, 1, 1, 5)
BEFORE = '{"read":10,"accepted":8,"rejected":1,"late":1,"produced":5}'


@pytest.mark.parametrize(
    ("metadata", "counts", "beside"),
    [
        ("", Counts(), {}),
        (None, Counts(), {}),
        (BEFORE, COUNTS, {}),
        (offsets.encode(COUNTS), COUNTS, {}),
        (offsets.encode(COUNTS, {"log": 3, "watermark": -5}), COUNTS, {"log": 3, "watermark": -5}),
    ],
)
def test_counts_and_the_rest_are_told_apart(metadata: str | None, counts: Counts, beside: dict[str, int]) -> None:
    assert offsets.decode(metadata) == counts
    assert offsets.beside(metadata) == beside


def test_a_stage_that_remembers_nothing_writes_what_it_wrote_before() -> None:
    assert offsets.encode(COUNTS) == BEFORE
