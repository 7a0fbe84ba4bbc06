"""Durations, sizes and moments as people write them: `15m`, `30d`, `64MiB`, `2024-03-01T12:00:00Z`."""

import re
from datetime import UTC, datetime, timedelta

_DURATION_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

DURATION_PATTERN = r"^[0-9]+(ms|s|m|h|d|w)$"
SIZE_PATTERN = r"^[0-9]+(B|KiB|MiB|GiB|TiB)$"


def seconds(duration: str) -> float:
    """`90s` → 90.0.

    Raises:
        ValueError: the text is not a whole number followed by ms, s, m, h, d or w.
    """
    if not re.match(DURATION_PATTERN, duration):
        raise ValueError(f'"{duration}" is not a duration such as 500ms, 30s, 15m, 12h, 30d or 4w')
    number, unit = re.match(r"([0-9]+)(.*)", duration).groups()  # type: ignore[union-attr]
    return int(number) * _DURATION_UNITS[unit]


def size_bytes(size: str) -> int:
    """`64MiB` → 67108864.

    Raises:
        ValueError: the text is not a whole number followed by B, KiB, MiB, GiB or TiB.
    """
    if not re.match(SIZE_PATTERN, size):
        raise ValueError(f'"{size}" is not a size such as 512KiB, 64MiB or 2GiB')
    number, unit = re.match(r"([0-9]+)(.*)", size).groups()  # type: ignore[union-attr]
    return int(number) * _SIZE_UNITS[unit]


def moment(text: str, now: datetime) -> datetime:
    """`15m` is a quarter of an hour before `now`; `2024-03-01T12:00:00Z` and `2024-03-01` are instants, in UTC.

    Raises:
        ValueError: the text is neither a duration nor an instant.
    """
    try:
        return now - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        told = datetime.fromisoformat(text)
    return told if told.tzinfo else told.replace(tzinfo=UTC)
