"""The folder of one pipeline, `.meso/NAME`: what lies where in it, and who may write there.

Everything that `meso run` keeps is below it, so deleting it starts over.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.model import Pipeline
from mesoscale.plan.types import Plan

_Kept = TypeVar("_Kept", Plan, Pipeline)


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below `.meso/NAME`; `root` is absolute."""

    root: Path

    @classmethod
    def of(cls, home: Path, pipeline: str) -> "Home":
        return cls((home / pipeline).absolute())

    @property
    def pipeline(self) -> str:
        return self.root.name

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def bindings(self) -> Path:
        return self.root / "bindings"

    @property
    def announced(self) -> Path:
        return self.root / "run"

    @property
    def state(self) -> Path:
        """Copies of what stages remember; Kafka has it, too."""
        return self.root / "state"

    @property
    def models(self) -> Path:
        """Trained models are those of all pipelines here."""
        return self.root.parent / "models"

    @property
    def secrets(self) -> Path:
        """What a cluster has as Secrets: a folder for each, a file for each entry; those of all pipelines here."""
        return self.root.parent / "secrets"

    @property
    def applied(self) -> Path:
        return self.root / "applied.json"

    @property
    def document(self) -> Path:
        return self.root / "document.json"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def service_log(self, name: str) -> Path:
        """Beside the nodes' logs, not among them: a node may be called `kafka` too."""
        return self.logs / "services" / f"{name}.log"

    def read_applied(self) -> Plan | None:
        """The plan that was applied last, or None before the first time.

        Raises:
            ServiceUnavailable: the file is there but was not written by this version.
        """
        return _read(self.applied, Plan)

    def read_document(self) -> Pipeline | None:
        """The pipeline of the plan that was applied last.

        Raises:
            ServiceUnavailable: as for `read_applied`.
        """
        return _read(self.document, Pipeline)

    def write_applied(self, plan: Plan, pipeline: Pipeline) -> None:
        write(self.document, pipeline.model_dump_json(by_alias=True, exclude_none=True, indent=2))
        write(self.applied, plan.model_dump_json(by_alias=True, indent=2))

    def read_status(self) -> dict[str, Any] | None:
        """What the last run said about itself, or None if there was none."""
        try:
            status = json.loads(self.status.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return status if isinstance(status, dict) else None

    def write_status(self, status: Mapping[str, Any]) -> None:
        write(self.status, json.dumps(status, indent=1))

    def write_bindings(self, files: Mapping[str, str]) -> None:
        """One file per entry, readable by nobody else: one of them is a password."""
        for name, text in files.items():
            path = self.bindings / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write(path, text)

    def clear(self) -> None:
        """Delete everything but the lock, which we hold.

        First out of the way, then gone: a server of a run that was killed may still be writing its last files.
        """
        trash = self.root / f".deleted-{os.getpid()}"
        trash.mkdir(exist_ok=True)
        for path in self.root.iterdir():
            if path not in (self.lock, trash):
                path.rename(trash / path.name)
        shutil.rmtree(trash, ignore_errors=True)

    def make_folders(self) -> None:
        for folder in (self.logs / "services", self.bindings, self.announced):
            folder.mkdir(parents=True, exist_ok=True)

    def runner(self) -> int | None:
        """The pid of the `meso run` that holds the lock now, or None."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(descriptor, 32, 0) or b"0")
        finally:
            os.close(descriptor)
        return None

    @contextmanager
    def locked(self) -> Iterator["Lock"]:
        """Hold the folder; the kernel lets go of it when we die, however we die.

        Raises:
            ServiceUnavailable: another run holds it, or the folder cannot be made.
        """
        descriptor = self._open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(descriptor, 32, 0).decode() or "unknown"
            os.close(descriptor)
            message = f'pipeline "{self.pipeline}" is already running in {self.root} (pid {pid})'
            hint = f"stop it with Ctrl-C or `kill {pid}`, or give this run its own folder with --home"
            raise ServiceUnavailable(Problem(Reason.ALREADY_RUNNING, message, hint=hint)) from error
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield Lock(self, os.fstat(descriptor).st_ino)
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            full = error.errno == errno.ENOSPC
            reason = Reason.DISK_FULL if full else Reason.SERVICE_FAILED
            raise ServiceUnavailable(
                Problem(reason, f"the folder {self.root} cannot be written: {error.strerror}")
            ) from error


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock that we hold, which is gone when somebody deletes or replaces the folder."""

    home: Home
    inode: int

    def still_there(self) -> bool:
        try:
            return self.home.lock.stat().st_ino == self.inode
        except OSError:
            return False


def write(path: Path, text: str) -> None:
    """Replace the file at once: a reader sees the old text or the new one, never half of either."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _read(path: Path, what: type[_Kept]) -> _Kept | None:
    try:
        return what.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = f"{path} cannot be understood: {str(error).splitlines()[0]}"
        hint = "meso run --fresh starts over without it"
        raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint)) from error


def pipelines(home: Path) -> list[str]:
    """The pipelines that have a folder below `home`."""
    return sorted(path.parent.name for path in home.glob("*/lock"))
