"""What a scrape finds: the ledger as it is now, though nobody ever opened the page."""

import asyncio

import pytest

from mesoscale.ledger import Ledger
from mesoscale_dashboard import watch
from mesoscale_dashboard.hub import Hub
from mesoscale_dashboard.metrics import Metrics


class Truth:
    """A ledger without nodes, which adds up unless it has problems; `away` is what reading it raises."""

    def __init__(self) -> None:
        self.problems: tuple[str, ...] = ()
        self.away: OSError | None = None

    def read(self) -> Ledger:
        if self.away:
            raise self.away
        return Ledger({}, (), self.problems)

    def table_rows(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def closed(metrics: Metrics) -> list[str]:
    """The lines of a scrape about the ledger."""
    lines = asyncio.run(metrics.text()).decode().splitlines()
    return [line for line in lines if line.startswith("mesoscale_ledger_closed")]


def scraped(truth: Truth) -> Metrics:
    async def state() -> dict[str, int]:
        return {}

    seen = watch.Watch(lambda: truth)
    return Metrics("nyc", seen, Hub(state, seen.rates.history, None, dict, None), None)


def test_the_first_scrape_reads_the_ledger() -> None:
    assert closed(scraped(Truth())) == ['mesoscale_ledger_closed{pipeline="nyc"} 1.0']


def test_a_ledger_that_does_not_add_up_is_zero() -> None:
    truth = Truth()
    truth.problems = ("weather: 3 read, 2 accepted",)
    assert closed(scraped(truth)) == ['mesoscale_ledger_closed{pipeline="nyc"} 0.0']


def test_a_ledger_that_cannot_be_read_is_not_told_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FRESH", 0.0)
    monkeypatch.setattr(watch, "RARELY", 0.0)
    truth = Truth()
    metrics = scraped(truth)
    for away, lines in ((None, 1), (OSError("no broker answers"), 0), (None, 1)):
        truth.away = away
        assert len(closed(metrics)) == lines
