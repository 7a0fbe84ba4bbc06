"""The programs that are measured, as processes: what they have used of the machine, what they say, and their end."""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from loadtest.bench.measure import process_cpu
from loadtest.bench.operator.room import Room

END = 20.0  # seconds to end after being asked to
LOOKS = "meso_operator_reconcile_duration_seconds_count"
LEADS = "meso_operator_leading"
BUSY = ("meso_operator_queue_depth", "meso_operator_reconcile_in_progress_start_time_seconds")
WRITES = ("apply", "patch", "create", "delete")  # verbs that change documents and children; `update` renews the Lease


class Program:
    """A process, and its log."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                list(words), env=os.environ | environment, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of processor so far.

        Raises:
            RuntimeError: it has ended, with the last lines that it wrote.
        """
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args!r} has ended:\n{self._log.read_text()[-3000:]}")
        return process_cpu(self.pid)

    def peak_mib(self) -> float:
        """The most that it ever had in memory."""
        [line] = [one for one in Path(f"/proc/{self.pid}/status").read_text().splitlines() if one.startswith("VmHWM")]
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help."""
        self._process.terminate()
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()


class Operator(Program):
    """Ours, serving one namespace, with the Lease beside the documents."""

    def __init__(self, room: Room, folder: Path, identity: str = "operator") -> None:
        installation = folder / "installation.yaml"
        installation.write_text("replicasOverride: 0\n")
        self._port = free_port()
        words = [sys.executable, "-m", "mesoscale_operator", "--namespace", room.namespace, "--identity", identity]
        words += ["--lease-namespace", room.namespace, "--listen", f"127.0.0.1:{self._port}"]
        words += ["--installation", str(installation)]
        super().__init__(words, {"KUBECONFIG": str(room.kubeconfig)}, folder / f"{identity}.log")

    def metrics(self) -> dict[str, float]:
        """Each sample that it shows, by name and labels; none while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
                lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        except OSError:
            return {}
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def reconciles(self) -> float:
        """Looks at a document so far."""
        return self._sum(LOOKS)

    def writes(self) -> float:
        """Requests so far that changed a document or a child, answered or not."""
        return sum(self._sum("meso_operator_api_requests_total", f'verb="{verb}"') for verb in WRITES)

    def leads(self) -> bool:
        return self._sum(LEADS) == 1.0

    def is_ready(self) -> bool:
        """Whether it knows everything, be it to work or to stand by."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def is_idle(self, documents: int) -> bool:
        """Whether it leads, has looked at every document, and has nothing to do."""
        found = self.metrics()
        looked = sum(value for key, value in found.items() if key.startswith(f"{LOOKS}{{"))
        return looked >= documents and found[LEADS] == 1.0 and not any(found[name] for name in BUSY)

    def _sum(self, name: str, label: str = "") -> float:
        return sum(value for key, value in self.metrics().items() if key.startswith(name) and label in key)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def folder() -> Iterator[Path]:
    """For files and logs of programs."""
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as name:
        yield Path(name)


@contextmanager
def ending(program: Program) -> Iterator[Program]:
    """The program is gone afterwards."""
    try:
        yield program
    finally:
        program.stop()
