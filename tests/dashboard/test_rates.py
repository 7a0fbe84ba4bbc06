"""Two readings make a rate, and nothing else does."""

from mesoscale.ledger import Counts, Ledger
from mesoscale_dashboard import rates
from mesoscale_dashboard.rates import Rate, Rates, Reading


def reading(clock: float, read: int, rejected: int = 0) -> Reading:
    counts = Counts(read, read - rejected, rejected, 0, read - rejected)
    return Reading(clock, 1_000_000 + clock, Ledger({"payments": counts}, (), ()))


def test_a_rate_is_the_records_between_two_readings_by_the_seconds_between_them() -> None:
    found = rates.between(reading(10.0, 100), reading(12.5, 600, rejected=50))
    assert found == {"payments": Rate(read_per_s=200.0, produced_per_s=180.0, rejected_per_s=20.0)}


def test_a_count_that_went_back_has_no_rate() -> None:
    assert rates.between(reading(10.0, 600), reading(11.0, 3)) == {"payments": Rate()}


def test_two_readings_at_the_same_time_have_no_rate() -> None:
    assert rates.between(reading(10.0, 0), reading(10.0, 600)) == {"payments": Rate()}


def test_a_node_that_appears_counts_from_nothing() -> None:
    before = Reading(1.0, 1.0, Ledger({}, (), ()))
    assert rates.between(before, reading(2.0, 7))["payments"].read_per_s == 7.0


def test_one_reading_has_no_rate_and_no_history() -> None:
    seen = Rates()
    assert seen.latest() == {}
    seen.add(reading(0.0, 100))
    assert seen.latest() == {"payments": Rate()}
    assert seen.history() == {"at": [], "nodes": {}}


def test_the_rate_is_averaged_over_the_window_and_forgets_what_is_older() -> None:
    seen = Rates()
    for clock, read in enumerate([0, 1000, 1000, 1000, 1000, 1000, 1000]):
        seen.add(reading(float(clock), read))
    assert seen.latest()["payments"].read_per_s == 0.0  # the thousand came before the window
    seen.add(reading(7.0, 1400))
    assert seen.latest()["payments"].read_per_s == 400 / rates.WINDOW


def test_a_pause_between_readings_is_averaged_over_itself() -> None:
    seen = Rates()
    seen.add(reading(0.0, 0))
    seen.add(reading(100.0, 1000))
    assert seen.latest()["payments"].read_per_s == 10.0


def test_the_history_is_bounded_and_ends_with_the_newest() -> None:
    seen = Rates()
    for clock in range(rates.HISTORY + 50):
        seen.add(reading(float(clock), clock * 5))
    history = seen.history()
    assert isinstance(history["at"], list)
    assert len(history["at"]) == rates.HISTORY
    assert history["at"][-1] == 1_000_000 + rates.HISTORY + 49
    assert history["nodes"] == {
        "payments": {"read_per_s": [5.0] * rates.HISTORY, "produced_per_s": [5.0] * rates.HISTORY}
    }
