"""A `meso run` in a folder of its own: started, asked, signalled, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 240.0  # seconds; what takes ten on an idle machine takes minutes on one that runs other tests
MESO = [sys.executable, "-c", "from mesoscale_local.cli import main; main()"]


class MesoRun:
    """One `meso run DOCUMENT` whose home is `folder`/.meso."""

    def __init__(self, folder: Path, document: Path, *options: str) -> None:
        self.folder = folder
        self._stderr = folder / "stderr.txt"
        with self._stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*MESO, "run", str(document), *options],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    def status(self) -> dict[str, Any]:
        """status.json of the only pipeline, empty before there is one."""
        for file in self.folder.glob(".meso/*/status.json"):
            told: dict[str, Any] = json.loads(file.read_text())
            return told
        return {}

    def wait_for(
        self, condition: Callable[[dict[str, Any]], Any], what: str, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The first status for which the condition holds."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if status and condition(status):
                return status
            assert self.process.poll() is None, f"ended while waiting for {what}:\n{self.stderr}"
            assert time.monotonic() < deadline, f"no {what} in {seconds} s:\n{self.stderr}\n{json.dumps(status)}"
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGINT, seconds: float = PATIENCE) -> tuple[int, str]:
        """Exit code and standard output after the signal."""
        self.process.send_signal(number)
        return self.finish(seconds)

    def finish(self, seconds: float = PATIENCE) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, out

    def left_behind(self) -> list[str]:
        """Command lines of processes that still work for or in this folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                where = str((process / "cwd").readlink())
            except OSError:
                continue
            if f"{self.folder}/.meso" in command or where.startswith(f"{self.folder}/.meso"):
                found.append(command)
        return found

    def leaves_nothing(self, seconds: float = PATIENCE) -> bool:
        deadline = time.monotonic() + seconds
        while self.left_behind() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.left_behind()


@pytest.fixture
def meso_run(tmp_path: Path) -> Iterator[Callable[..., MesoRun]]:
    """Starts runs in the test's folder; what still runs at its end is killed."""
    runs: list[MesoRun] = []

    def start(document: Path, *options: str) -> MesoRun:
        runs.append(MesoRun(tmp_path, document, "--no-dashboard-open", *options))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        assert run.leaves_nothing(), run.left_behind()


@pytest.fixture
def meso(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs another `meso` command in the same folder to its end."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MESO_")}
        return subprocess.run(
            [*MESO, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment
        )

    return call
