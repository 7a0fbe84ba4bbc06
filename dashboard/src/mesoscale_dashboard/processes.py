"""Processes: what memory and processor each node takes, by the metrics its processes announced.

Announce files are a courtesy of whoever started the processes; in a cluster nobody does, and nothing shows.
"""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

PATIENCE = 0.5  # seconds that a process has to answer
AT_ONCE = 8  # processes asked at the same time
MUCH = 1 << 20  # bytes of metrics that are read at most

_SAMPLE = re.compile(rb"^process_(resident_memory_bytes|cpu_seconds_total) (\S+)$", re.MULTILINE)
_OPENER = build_opener(ProxyHandler({}))  # the processes are neighbours; no proxy lies in between


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment: bytes resident, seconds of processor since it began, and when that was."""

    resident: float
    cpu: float
    clock: float


class Processes:
    """Remembers the last look, to tell how much processor was used since."""

    def __init__(self, announce_dir: Path) -> None:
        self._folder = announce_dir
        self._last: dict[str, Usage] = {}

    def look(self) -> dict[str, dict[str, float]]:
        """Node → `processes` that answer, their `resident_bytes` and their `cpu` (1.0 is one core)."""
        announced = _announced(self._folder)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            usages = dict(zip(announced, pool.map(_usage, announced), strict=True))
        found: dict[str, dict[str, float]] = {}
        for address, usage in usages.items():
            if usage is None:
                continue
            node = found.setdefault(announced[address], {"processes": 0, "resident_bytes": 0.0, "cpu": 0.0})
            node["processes"] += 1
            node["resident_bytes"] += usage.resident
            node["cpu"] += _share(self._last.get(address), usage)
        self._last = {address: usage for address, usage in usages.items() if usage is not None}
        return found


def _announced(folder: Path) -> dict[str, str]:
    """Address of the metrics → node."""
    announced = {}
    for file in sorted(folder.glob("*.json")):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            announced[str(told["metrics"])] = str(told["node"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # gone meanwhile, or not an announcement
    return announced


def _usage(address: str) -> Usage | None:
    if not address.startswith("http://"):
        return None
    try:
        with _OPENER.open(address, timeout=PATIENCE) as answer:
            samples = dict(_SAMPLE.findall(answer.read(MUCH)))
        return Usage(float(samples[b"resident_memory_bytes"]), float(samples[b"cpu_seconds_total"]), time.monotonic())
    except (OSError, ValueError, KeyError):
        return None  # the process is gone or busy; the ledger, not this, says whether that matters


def _share(before: Usage | None, after: Usage) -> float:
    if before is None or after.cpu < before.cpu or after.clock <= before.clock:
        return 0.0
    return round((after.cpu - before.cpu) / (after.clock - before.clock), 4)
