"""What a receiver's answer to a call means: delivered, to be sent again, or refused for good. Pure."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

Meaning = Literal["delivered", "again", "refused"]

PASSING = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS))
SHOWN = 200  # characters of a body that a dead letter tells


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None where there was none, and `text` says why, or how the answer begins.

    `after` is how many seconds the receiver asks to be left alone.
    """

    status: int | None
    text: str
    after: float | None = None

    @property
    def meaning(self) -> Meaning:
        """A redirection is refused: records go where the document or its secret says, and nowhere else."""
        if self.status is None or self.status in PASSING or self.status >= 500:
            return "again"
        return "delivered" if 200 <= self.status < 300 else "refused"

    @property
    def detail(self) -> str:
        """In words: `503 Service Unavailable: try later`."""
        if self.status is None:
            return self.text
        told = " ".join(self.text.split())[:SHOWN]
        return f"{self.status} {_phrase(self.status)}".rstrip() + (f": {told}" if told else "")


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds, from a number of them or a date; None where there is neither."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
