"""Runs, their median, and the conditions they were measured under."""

import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
RUNS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: the median of `runs`."""

    what: str
    unit: str
    runs: Sequence[float]
    detail: dict[str, Any]

    @property
    def value(self) -> float:
        return statistics.median(self.runs)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one call cost: seconds by the clock, and of all processors by this process and its ended children."""

    wall: float
    cpu: float


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def spend(call: Callable[[], None]) -> Spent:
    """Call it once."""
    began, cpu = time.monotonic(), cpu_seconds()
    call()
    return Spent(time.monotonic() - began, cpu_seconds() - cpu)


def process_cpu(pid: int) -> float:
    """Seconds of processor that a running process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """MiB that a running process has in memory."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def conditions() -> dict[str, Any]:
    """The machine and the versions."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "polars": version("polars"),
        "confluent-kafka": version("confluent-kafka"),
        "psycopg": version("psycopg"),
        "commit": commit.stdout.strip(),
        "date": time.strftime("%Y-%m-%d"),
    }


def save(name: str, figures: Sequence[Figure]) -> None:
    """Write loadtest/results/NAME.json and print the figures as a table."""
    shared = conditions()
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
    wide = max(len(figure.what) for figure in figures)
    for figure in figures:
        spread = f"{min(figure.runs):,.3g} … {max(figure.runs):,.3g}"
        print(f"{figure.what:{wide}}  {figure.value:>12,.4g} {figure.unit:22} ({spread})", flush=True)
