"""Lines of log files: the last few, then new ones as they come, and how a JSON line looks to a person."""

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from mesoscale_local.logfile import older

POLL = 0.2  # seconds between two looks for new lines
_SHOWN_FIRST = ("time", "level", "message", "pipeline", "stage", "exception")


def read(files: Mapping[str, Path], tail: int, follow: bool) -> Iterator[tuple[str, str]]:
    """(name, line) of the last `tail` lines of each file; with `follow`, for ever after those that are added."""
    ends = {}
    for name, path in files.items():
        lines, ends[name] = _last(path, tail)
        yield from ((name, line) for line in lines)
    while follow:
        time.sleep(POLL)
        for name, path in files.items():
            lines, ends[name] = _new(path, ends[name])
            yield from ((name, line) for line in lines)


def for_people(line: str) -> str:
    """`08:31:04.120 info  committed 5,000 partition=3`; a line that is no JSON stays as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "message" not in entry:
        return line
    clock = str(entry.get("time", ""))[11:23]
    extra = "".join(f" {key}={value}" for key, value in entry.items() if key not in _SHOWN_FIRST)
    exception = f"\n{entry['exception']}" if entry.get("exception") else ""
    return f"{clock} {entry.get('level', ''):<7} {entry['message']}{extra}{exception}"


def _last(path: Path, count: int) -> tuple[list[str], int]:
    """The last `count` lines, of the older file too where the newer has just begun, and the size seen."""
    lines: deque[str] = deque(maxlen=count)
    for file in (older(path), path):
        if file.exists():
            with file.open(encoding="utf-8", errors="replace") as stream:
                lines.extend(line.rstrip("\n") for line in stream)
    return list(lines), path.stat().st_size if path.exists() else 0


def _new(path: Path, seen: int) -> tuple[list[str], int]:
    """Whole lines after byte `seen`, and how far that is; a file smaller than that is new, and the older goes first."""
    try:
        rest = b""
        if path.stat().st_size < seen:
            rest, seen = _after(older(path), seen), 0
        data = _after(path, seen)
    except OSError:  # just being rolled over
        return [], seen
    whole = data[: data.rfind(b"\n") + 1]
    return (rest + whole).decode("utf-8", "replace").splitlines(), seen + len(whole)


def _after(path: Path, seen: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(seen)
        return stream.read()
