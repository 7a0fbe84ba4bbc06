"""Keys with times become numbers that stand to each other as the pairs do, however far apart the times are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale_streams.stages.keys import placed

NEAR = st.integers(-50, 50)
FAR = st.integers(-(1 << 61), 1 << 61)
PAIRS = st.lists(st.tuples(st.integers(0, 9), st.one_of(NEAR, FAR)), max_size=20)


@given(PAIRS, PAIRS)
@settings(max_examples=300, deadline=None)
def test_numbers_stand_to_each_other_as_pairs_do(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    arrays = [np.array(pairs, np.int64).reshape(-1, 2).T for pairs in (some, others)]
    first, second = placed((arrays[0][0], arrays[0][1]), (arrays[1][0], arrays[1][1]))
    numbers = dict(zip([*some, *others], [*first.tolist(), *second.tolist()], strict=True))
    for pair, number in zip([*some, *others], [*first.tolist(), *second.tolist()], strict=True):
        assert numbers[pair] == number  # equal pairs, equal numbers
    assert sorted(numbers, key=numbers.__getitem__) == sorted(numbers)
    assert len(set(numbers.values())) == len(numbers)
