"""`meso run`: how soon the first row stands in its table, and what a pipeline at rest costs."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from loadtest.bench.measure import RUNS, Figure, process_cpu, resident_mib
from mesoscale_local.services.postgres import Server, connect

EXAMPLES = Path(__file__).parents[2] / "examples"
REST = 30.0  # seconds of watching a pipeline that has nothing to do
MESO = [sys.executable, "-c", "from mesoscale_local.cli import main; main()"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*MESO, "run", *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait(90)


def first_row(folder: Path) -> float:
    """Seconds from the command to the first row in PostgreSQL."""
    began = time.monotonic()
    process = start(folder, str(EXAMPLES / "minimal.yaml"), "--fresh")
    server = Server(folder / ".meso" / "minimal" / "postgres")
    try:
        while not _has_rows(server):
            assert time.monotonic() - began < 120
            time.sleep(0.05)
        return time.monotonic() - began
    finally:
        stop(process)


def _has_rows(server: Server) -> bool:
    try:
        with connect(server.binding(), patience=1) as connection:
            return connection.execute("SELECT 1 FROM minimal.observations LIMIT 1").fetchone() is not None
    except (psycopg.Error, OSError, KeyError, ValueError):
        return False


def at_rest(folder: Path) -> list[dict[str, Any]]:
    """What the sink costs after its source has ended: share of a core and MiB."""
    process = start(folder, str(EXAMPLES / "minimal.yaml"))
    try:
        announced = folder / ".meso" / "minimal" / "run" / "observations-0.json"
        deadline = time.monotonic() + 60
        while not announced.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(10)
        pid = json.loads(announced.read_text())["pid"]
        costs = []
        for _ in range(RUNS):
            before = process_cpu(pid)
            time.sleep(REST)
            costs.append({"cpu": (process_cpu(pid) - before) / REST * 100, "resident": resident_mib(pid)})
        return costs
    finally:
        stop(process)


def measure() -> list[Figure]:
    """First rows in fresh folders, then a rest in one that is full."""
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as name:
        folder = Path(name)
        os.chdir(folder)
        rows = [first_row(folder) for _ in range(RUNS)]
        time.sleep(1)
        finished = start(folder, str(EXAMPLES / "minimal.yaml"), "--fresh", "--until-done", "--output", "json")
        finished.wait(120)
        costs = at_rest(folder)
    return [
        Figure("from `meso run --fresh` to the first row", "s", rows, {"document": "examples/minimal.yaml"}),
        Figure("a table sink at rest", "% of a core", [cost["cpu"] for cost in costs], {"watched seconds": REST}),
        Figure("a table sink at rest, resident", "MiB", [cost["resident"] for cost in costs], {}),
    ]
