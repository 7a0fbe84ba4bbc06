"""A sample is small, even, in order, and keeps what matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesoscale_dashboard import sample
from mesoscale_dashboard.sample import Budget


@pytest.mark.parametrize(
    ("items", "limit", "expected"),
    [
        ([], 5, []),
        ([1, 2, 3], 5, [1, 2, 3]),
        ([1, 2, 3], 0, []),
        ([1, 2, 3], -1, []),
        ([1, 2, 3, 4, 5, 6], 3, [2, 4, 6]),
        ([1, 2, 3, 4, 5, 6, 7], 1, [7]),
    ],
)
def test_a_spread_takes_even_steps_and_ends_with_the_last(items: list[int], limit: int, expected: list[int]) -> None:
    assert sample.spread(items, limit) == expected


@given(st.lists(st.integers()), st.integers(-2, 60))
def test_a_pick_is_bounded_in_order_and_drops_nothing_that_matters_while_there_is_room(
    items: list[int], limit: int
) -> None:
    numbered = list(enumerate(items))
    chosen = sample.pick(numbered, limit, lambda item: item[1] % 7 == 0)
    assert chosen == sorted(chosen)
    assert len(chosen) == min(len(items), max(0, limit))
    matter = [item for item in numbered if item[1] % 7 == 0]
    assert set(matter) <= set(chosen) if len(matter) <= limit else set(chosen) <= set(matter)


def test_a_budget_gives_so_many_a_second_and_saves_for_one_second_at_most() -> None:
    budget = Budget(20)
    assert budget.available(100.0) == 20
    budget.take(20)
    assert budget.available(100.0) == 0
    assert budget.available(100.25) == 5
    budget.take(5)
    assert budget.available(1000.0) == 20
