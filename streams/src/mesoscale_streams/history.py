"""What a record has been through, as its headers tell it: whom it is for, how often it was redriven and tried.

Almost every record has no headers at all. Those that were sent back to one reader say which, so that the other readers
of the topic, who have done with the record long ago, leave it out.
"""

from dataclasses import dataclass

FOR = "meso-for"
REDRIVEN = "meso-redriven"
ORIGIN = "meso-origin"
ATTEMPTS = "meso-attempts"
DELAY = "meso-delay-ms"  # of a record that waits: how long from when it was written

Header = tuple[str, str | bytes | None]
Headers = list[Header] | dict[str, str | bytes | None] | None  # as Kafka's client tells them


@dataclass(frozen=True, slots=True)
class History:
    """`reader` is the one node that is to read the record, empty for all.

    `redriven` counts how often it was taken out of the dead letters, `attempts` how often its step was tried in vain
    since, and `origin` is where it stood when it was first refused or tried in vain.
    """

    reader: str = ""
    redriven: int = 0
    origin: str = ""
    attempts: int = 0

    def headers(self) -> list[Header]:
        """Only what there is to tell."""
        told = {FOR: self.reader, REDRIVEN: self.redriven, ORIGIN: self.origin, ATTEMPTS: self.attempts}
        return [(name, str(value).encode()) for name, value in told.items() if value]


NONE = History()


def of(headers: Headers) -> History:
    """The history of a record; headers of others, and what cannot be a number, count for nothing."""
    if not headers:
        return NONE
    told = texts(headers)
    return History(
        reader=told.get(FOR, ""),
        redriven=_number(told.get(REDRIVEN, "")),
        origin=told.get(ORIGIN, ""),
        attempts=_number(told.get(ATTEMPTS, "")),
    )


def texts(headers: Headers) -> dict[str, str]:
    """Headers as texts, the last of each name."""
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value or ""
        for name, value in (headers.items() if isinstance(headers, dict) else headers or ())
    }


def delay(headers: Headers) -> int:
    """Milliseconds that a record is to wait from when it was written."""
    return _number(texts(headers).get(DELAY, ""))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
