"""Runs, their median, and the conditions they were measured under."""

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

LOADTEST = Path(__file__).parents[1]
RESULTS = LOADTEST / "results"
RUNS = 5
VERSIONS = ("polars", "confluent-kafka", "psycopg", "pgpq")
CPU_TICKS = os.sysconf("SC_CLK_TCK")  # a second


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: the median of `runs`; `detail` are the conditions that are its own."""

    what: str
    unit: str
    runs: Sequence[float]
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return statistics.median(self.runs)


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of all processors together."""

    wall: float
    cpu: float

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


def now() -> Spent:
    """The clock, and what this process has used of the processors; only differences mean something."""
    return Spent(time.monotonic(), time.process_time())


def process_cpu(pid: int) -> float:
    """Seconds of processor, user and system, that a running process and its ended children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / CPU_TICKS


def resident_mib(pid: int) -> float:
    """MiB that a running process has in memory."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def collect_as_our_programs_do() -> None:
    """What is measured beside our programs has Python's cycle collector set as they have it (`loop.py`)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def conditions() -> dict[str, Any]:
    """The machine, the versions, and how busy the machine was: above `cores`, others were in the way."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(":")[2].strip() for line in cpuinfo if "model name" in line), platform.processor())
    git = ["git", "-C", str(LOADTEST), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in VERSIONS},
        "commit": commit,
        "command": f"python -m loadtest.bench {' '.join(sys.argv[1:])}".strip(),
        "date": time.strftime("%Y-%m-%d"),
        "load of the last minute": round(os.getloadavg()[0], 1),
    }


def save(name: str, figures: Sequence[Figure], shared: dict[str, Any]) -> None:
    """Write loadtest/results/NAME.json."""
    rows = [
        {
            "what": figure.what,
            "value": round(figure.value, 3),
            "unit": figure.unit,
            "runs": [round(run, 3) for run in figure.runs],
            "conditions": shared | figure.detail,
        }
        for figure in figures
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def show(figures: Sequence[Figure]) -> None:
    """Print the figures as a table."""
    wide = max(len(figure.what) for figure in figures)
    for figure in figures:
        spread = f"{min(figure.runs):,.3g} … {max(figure.runs):,.3g}"
        print(f"{figure.what:{wide}}  {figure.value:>12,.4g} {figure.unit:14} ({spread})", flush=True)
