"""Dealing indices to episodes, and cutting by due time: arithmetic that must be exact at any index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesoscale_streams.sources import pacing
from mesoscale_streams.sources.payments.slots import Deal, every

DEALS = [
    pytest.param(Deal("a", 1, 0.05, 800.0, 16), id="many lanes"),
    pytest.param(Deal("a", 1, 0.05, 25.0, 8), id="one lane, just in time"),
    pytest.param(Deal("a", 1, 0.01, 4.0, 16), id="bursts"),
    pytest.param(Deal("a", 1, 0.01, 0.3, 16), id="bursts without a gap"),
    pytest.param(Deal("a", 1, 0.9, 5000.0, 8), id="almost all"),
]


@pytest.mark.parametrize("deal", DEALS)
def test_the_indices_that_are_no_slots_are_numbered_without_gap_or_double(deal: Deal) -> None:
    dealt = deal.deal(np.arange(100_000))
    rest = dealt.rest[~dealt.slot]
    assert (rest == np.arange(rest.size)).all()


@pytest.mark.parametrize("deal", DEALS)
def test_the_share_of_slots_is_exact(deal: Deal) -> None:
    slots = int(deal.deal(np.arange(200_000)).slot.sum())
    assert slots == pytest.approx(200_000 * deal.share, abs=deal.length + 2)


@pytest.mark.parametrize("deal", DEALS)
def test_an_episode_has_each_step_once_and_in_order(deal: Deal) -> None:
    dealt = deal.deal(np.arange(200_000))
    episodes: dict[int, list[int]] = {}
    whole: dict[int, bool] = {}
    for episode, step, in_time in zip(
        dealt.episode[dealt.slot].tolist(),
        dealt.step[dealt.slot].tolist(),
        dealt.whole[dealt.slot],
        strict=True,
    ):
        episodes.setdefault(episode, []).append(step)
        whole[episode] = whole.get(episode, True) and bool(in_time)
    for episode, steps in episodes.items():
        assert steps == list(range(steps[0], steps[0] + len(steps)))
        assert whole[episode] == (steps[0] == 0)
    assert sum(len(steps) == deal.length for steps in episodes.values()) > len(episodes) / 2


@pytest.mark.parametrize("deal", DEALS[:1])
def test_the_slots_of_an_episode_are_a_gap_apart_on_average(deal: Deal) -> None:
    index = np.arange(200_000)
    dealt = deal.deal(index)
    gaps = []
    for episode in np.unique(dealt.episode[dealt.slot])[:200]:
        gaps += np.diff(index[dealt.slot & (dealt.episode == episode)]).tolist()
    assert np.mean(gaps) == pytest.approx(deal.gap, rel=0.05)
    assert np.std(gaps) > deal.gap / 4, "gaps are all alike"


@pytest.mark.parametrize("deal", DEALS)
def test_far_along_the_stream_everything_still_adds_up(deal: Deal) -> None:
    start = 8_000_000_000_000  # 250 years at a thousand a second
    dealt = deal.deal(np.arange(start, start + 100_000))
    rest = dealt.rest[~dealt.slot]
    assert (np.diff(rest) == 1).all()
    assert dealt.slot.mean() == pytest.approx(deal.share, rel=0.02)
    assert dealt.episode.min() >= 0


@given(share=st.floats(0, 1), start=st.integers(0, 10**9))
def test_an_even_choice_counts_what_it_has_chosen(share: float, start: int) -> None:
    chosen, before = every(share, np.arange(start, start + 500))
    assert (np.diff(before) == chosen[:-1]).all()
    assert chosen.sum() == pytest.approx(500 * share, abs=1.01)


@pytest.mark.parametrize(
    ("seconds", "speed", "due"),
    [
        ([], 1.0, []),
        ([50.0, 60.0, 80.0], 10.0, [0.0, 1.0, 3.0]),
        ([50.0, 60.0, 55.0, 40.0, 70.0], 10.0, [0.0, 1.0, 1.0, 1.0, 2.0]),
    ],
)
def test_no_record_is_due_before_the_one_in_front_of_it(seconds: list[float], speed: float, due: list[float]) -> None:
    assert pacing.offsets(np.array(seconds), speed).tolist() == due


@pytest.mark.parametrize(
    ("due", "limit", "cuts"),
    [
        ([], 10, []),
        ([0.0, 0.0, 0.0], 10, [(0, 3)]),
        ([0.0, 0.0, 0.0], 2, [(0, 2), (2, 3)]),
        ([0.01, 0.09, 0.11, 5.0, 5.01], 10, [(0, 2), (2, 3), (3, 5)]),
    ],
)
def test_batches_hold_what_is_due_together(due: list[float], limit: int, cuts: list[tuple[int, int]]) -> None:
    assert list(pacing.cuts(np.array(due), limit)) == cuts
