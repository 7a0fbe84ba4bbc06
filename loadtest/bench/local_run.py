"""`meso run`: how soon the first row stands in its table, and what each program costs when there is nothing to do."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from loadtest.bench.measure import RUNS, Figure, process_cpu, resident_mib
from loadtest.bench.stand import wait
from mesoscale.errors import ServiceUnavailable
from mesoscale_local.services.postgres import Server, connect

EXAMPLES = Path(__file__).parents[2] / "examples"
QUIET = 60.0  # seconds without input before a pipeline is at rest
REST = 15.0  # seconds of watching it then, for each run
MESO = [sys.executable, "-c", "from mesoscale_local.cli import main; main()"]
DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: rest}
spec:
  sources:
    - {name: weather, contract: observation, replay: {dataset: nyc-2013}}
    - {name: waiting, contract: transaction, synthetic: {perSecond: 0.001}}
  stages: [{name: stage, from: weather, use: forward}]
  sinks: [{name: sink, from: stage, table: {partitionBy: {column: observed_at, every: 1mo}}}]
"""


@contextmanager
def running(folder: Path, document: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `meso run` in the folder, ended as by Ctrl-C."""
    process = subprocess.Popen(
        [*MESO, "run", str(document), "--no-dashboard-open", *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


def first_row(folder: Path) -> float:
    """Seconds from the command to the first row in PostgreSQL; all that is fetched once is here already."""
    began = time.monotonic()
    with running(folder, EXAMPLES / "minimal.yaml", "--fresh") as process:
        server = Server(folder / ".meso" / "minimal" / "postgres")
        wait(lambda: _has_rows(server), process)
        return time.monotonic() - began


def _has_rows(server: Server) -> bool:
    try:
        with connect(server.binding(), patience=1) as connection:
            return connection.execute("SELECT 1 FROM minimal.observations LIMIT 1").fetchone() is not None
    except (psycopg.Error, ServiceUnavailable):  # no schema, no server, no port yet
        return False


def at_rest(folder: Path) -> list[Figure]:
    """Each program of a pipeline whose records are all stored: share of a core and MiB."""
    document = folder / "rest.yaml"
    document.write_text(DOCUMENT)
    home = folder / ".meso" / "rest"
    with running(folder, document) as process:
        wait(lambda: _status(home).get("tables", {}).get("sink", 0) > 26_000, process, pause=1)
        programs = {"meso run itself": process.pid, "dashboard": _dashboard(process.pid)} | {
            node: json.loads((home / "run" / f"{name}-0.json").read_text())["pid"]
            for node, name in (("stage", "stage"), ("table sink", "sink"), ("waiting source", "waiting"))
        }
        time.sleep(QUIET)
        shares: dict[str, list[float]] = {what: [] for what in programs}
        resident: dict[str, list[float]] = {what: [] for what in programs}
        for _ in range(RUNS):
            before = {what: process_cpu(pid) for what, pid in programs.items()}
            began = time.monotonic()
            time.sleep(REST)
            for what, pid in programs.items():
                shares[what].append((process_cpu(pid) - before[what]) / (time.monotonic() - began) * 100)
                resident[what].append(resident_mib(pid))
        ended = not _runs(json.loads((home / "run" / "weather-0.json").read_text())["pid"])
    detail = {"watched seconds": REST, "quiet seconds before": QUIET, "ended source's program is gone": ended}
    return [
        *(Figure(f"{what} at rest", "% of a core", runs, detail) for what, runs in shares.items()),
        *(Figure(f"{what} at rest, resident", "MiB", runs, detail) for what, runs in resident.items()),
    ]


def _status(home: Path) -> dict[str, dict[str, int]]:
    try:
        told: dict[str, dict[str, int]] = json.loads((home / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return told


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _dashboard(parent: int) -> int:
    """The pid of the dashboard that this `meso run` has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            started_by = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if started_by == parent and b"mesoscale_dashboard" in command:
            return int(folder.name)
    raise AssertionError("no dashboard runs")


def measure(_: int) -> list[Figure]:
    """First rows, each in a pipeline that starts over; then a rest."""
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as name:
        folder = Path(name)
        rows = []
        for number in range(1, RUNS + 1):
            print(f"meso run: start {number} of {RUNS}", flush=True)
            rows.append(first_row(folder))
        print("meso run: at rest", flush=True)
        figures = at_rest(folder)
    detail = {"document": "examples/minimal.yaml"}
    return [Figure("from `meso run --fresh` to the first row", "s", rows, detail), *figures]
