"""A document that was run to its end by `meso run --until-done`, and the database that it left behind."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mesoscale_local.services import postgres

PATIENCE = 480  # seconds; what takes one minute on an idle machine takes several on one that runs other tests


@dataclass(frozen=True)
class Finished:
    """What the run printed, and a connection to its database."""

    report: dict[str, Any]
    database: psycopg.Connection


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Finished]]:
    with ExitStack() as stack:

        def run(document: Path) -> Finished:
            home = tmp_path_factory.mktemp(document.stem) / ".meso"
            report = _run(document, home)
            [server] = home.glob("*/postgres")
            return Finished(report, stack.enter_context(_database(server)))

        yield run


def _run(document: Path, home: Path) -> dict[str, Any]:
    command = [str(Path(sys.executable).parent / "meso"), "run", str(document)]
    command += ["--home", str(home), "--fresh", "--until-done", "--output", "json"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        stdout, stderr = run.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGINT)  # not a kill, which would leave its services running
        pytest.fail(f"the run does not end: {run.communicate(timeout=60)[1][-4000:]}")
    assert run.returncode == 0, stderr[-4000:]
    printed: dict[str, Any] = json.loads(stdout)
    return printed


@contextmanager
def _database(folder: Path) -> Iterator[psycopg.Connection]:
    server = postgres.Server(folder)
    server.prepare()
    command = server.command()
    process = subprocess.Popen(command.argv, cwd=command.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not server.ready():
            assert process.poll() is None, "the database has ended"
            assert time.monotonic() < deadline, "the database does not answer"
            time.sleep(0.1)
        with postgres.connect(server.binding()) as connection:
            yield connection
    finally:
        process.send_signal(command.stop)
        process.wait(timeout=60)
