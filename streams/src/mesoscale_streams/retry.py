"""Retry: what a step raises for records that may well go right later, since a service is away, say."""

from collections.abc import Sequence


class Retry(Exception):
    """Raised by a step: its stage's `retries` say how often and after which delay the records come again.

    What the step did for other records of the frame counts for nothing: it is called again with those that are left.

    Args:
        detail: why, in one line; it is what a dead letter tells when all attempts were in vain.
        rows: the rows of the frame to try again later; without them, all of it.
        after: seconds until then, in place of the stage's delay; at most a day.
    """

    def __init__(self, detail: str, rows: Sequence[int] | None = None, after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.rows = rows
        self.after = after
