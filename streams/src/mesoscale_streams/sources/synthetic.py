"""Card payments made up by seed, as fast or as slow as the document says."""

from collections.abc import Iterator
from datetime import UTC, datetime

from mesoscale.errors import DocumentRefused, Problem, Reason
from mesoscale.model.source import Synthetic
from mesoscale_streams.sources import pacing
from mesoscale_streams.sources.payments.episodes import Episodes
from mesoscale_streams.sources.payments.frame import Stream
from mesoscale_streams.sources.types import Batch, Position

AHEAD = 8192  # payments made in one go: enough for vectorised work to pay, a few megabytes as JSON


class Payments:
    """A stream of payments as a source; the position is `{"index": number of payments that are done}`.

    Payment i arrives i / perSecond after `start`. Without a `start`, the first payment after the position
    arrives at `now`, so that a stream that is taken up again goes on in the present.

    Raises:
        DocumentRefused: `start` is no time.
    """

    def __init__(self, section: Synthetic, now: datetime) -> None:
        self._episodes = Episodes(section.seed, section.per_second, section.fraud_rate, section.accounts)
        self._count = section.count
        self._start = _moment(section.start)
        self._now = now
        self._opened_at: int | None = None  # the index from which time is counted

    def batches(self, position: Position | None, max_records: int) -> Iterator[Batch]:
        first = int(position["index"]) if position else 0
        opened_at = self._opened_at = first if self._opened_at is None else self._opened_at
        rate = self._episodes.per_second
        size = max(1, min(max_records, int(rate * pacing.TICK)))
        made = first
        stream = Stream(self._episodes, self._origin(opened_at))
        while self._count is None or made < self._count:
            end = made + max(size, AHEAD // size * size)
            end = end if self._count is None else min(end, self._count)
            values = stream.make(made, end).write_ndjson().encode().splitlines()
            for start in range(made, end, size):
                stop = min(start + size, end)
                yield Batch(values[start - made : stop - made], {"index": stop}, (stop - 1 - opened_at) / rate)
            made = end

    def _origin(self, opened_at: int) -> float:
        """When payment 0 arrives, in seconds since 1970."""
        if self._start is not None:
            return self._start.timestamp()
        return self._now.timestamp() - opened_at / self._episodes.per_second


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f'synthetic.start: "{text}" is not a time such as 2024-03-01T00:00:00Z'
        raise DocumentRefused(Problem(Reason.INVALID_VALUE, message)) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
