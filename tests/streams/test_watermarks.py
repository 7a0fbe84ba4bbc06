"""Event time by partition: it never goes back, an idle partition holds nobody up, one broken clock moves nothing."""

import numpy as np

from mesoscale_streams.stages.watermarks import NEVER, SECOND, Watermarks, far_ahead


def observe(marks: Watermarks, now: float, *records: tuple[int, int]) -> list[int]:
    """The watermark as of each (partition, second)."""
    partitions, times = np.array(records, np.int64).T
    return (marks.observe(partitions.astype(np.int32), times * SECOND, now).watermarks // SECOND).tolist()


def test_each_record_is_judged_by_those_before_it_in_its_partition() -> None:
    marks = Watermarks(disorder=2 * SECOND, idle_after=60)
    marks.assign({0: NEVER, 1: NEVER}, 0)
    assert observe(marks, 0, (0, 10), (1, 3), (0, 7), (0, 12), (1, 4)) == [8, 1, 8, 10, 2]
    assert observe(marks, 0, (1, 1), (0, 11)) == [2, 10]


def test_a_watermark_that_was_committed_holds_for_whoever_goes_on() -> None:
    marks = Watermarks(disorder=0, idle_after=60)
    marks.assign({0: 50 * SECOND}, 0)
    assert observe(marks, 0, (0, 20), (0, 60)) == [50, 60]
    marks.revoke([0])
    assert marks.marks == {}


def test_an_idle_partition_follows_the_busy_ones() -> None:
    marks = Watermarks(disorder=0, idle_after=60)
    marks.assign({0: NEVER, 1: NEVER, 2: NEVER}, 0)
    observe(marks, 0, (0, 5), (1, 900), (2, 7))
    observe(marks, 50, (1, 1000))
    assert marks.rest(59, {0, 1, 2}) == {}
    assert marks.rest(61, {0, 1}) == {0: 1000 * SECOND}  # 2 still has records to be read: it waits for us
    assert marks.rest(62, {0, 1}) == {}
    assert observe(marks, 63, (0, 6)) == [1000]


def test_where_all_are_idle_event_time_goes_on_as_time_does() -> None:
    marks = Watermarks(disorder=0, idle_after=60)
    marks.assign({0: NEVER, 1: NEVER}, 0)
    observe(marks, 0, (0, 5), (1, 100))
    assert marks.rest(59, {0, 1}) == {}
    assert marks.rest(70, {0, 1}) == {0: 110 * SECOND, 1: 110 * SECOND}
    assert marks.rest(75, {0, 1}) == {0: 115 * SECOND, 1: 115 * SECOND}
    assert observe(marks, 76, (0, 120)) == [120]
    assert marks.rest(77, {0, 1}) == {1: 120 * SECOND}


def test_partitions_that_never_had_a_record_do_not_start_time() -> None:
    marks = Watermarks(disorder=0, idle_after=60)
    marks.assign({0: NEVER, 1: NEVER}, 0)
    assert marks.rest(1000, {0, 1}) == {}


def test_only_what_is_further_ahead_than_allowed_is_ahead() -> None:
    stamps = np.array([100, 100, 100], np.int64)
    assert far_ahead(np.array([160, 161, 5], np.int64), stamps, 60).tolist() == [False, True, False]
