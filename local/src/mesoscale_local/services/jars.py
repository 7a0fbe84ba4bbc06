"""Kafka's jars: which they are (a lock with checksums), and how they come whole into the user's cache."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_local.services import disk
from mesoscale_local.services.service import Progress

LOCK = "kafka-jars.lock"
AT_ONCE = 4  # downloads side by side
TRIES = 3  # for each jar; a busy network drops a connection now and then


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> Path:
        """Where a Maven repository keeps it."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)

    def is_whole(self, file: Path) -> bool:
        """Whether `file` is this jar to the last byte; all 46 take 0.1 s, so no cheaper sign is trusted."""
        try:
            if file.stat().st_size != self.size:
                return False
            with file.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


def locked() -> tuple[Jar, ...]:
    """All jars of the lock."""
    return parsed(files(__package__).joinpath(LOCK).read_text(encoding="utf-8"))


def parsed(lock: str) -> tuple[Jar, ...]:
    """All jars of a lock's text."""
    return tuple(_parse(line) for line in lock.splitlines() if not line.startswith("#"))


def cache_folder() -> Path:
    """Where Mesoscale keeps what it fetched: below `XDG_CACHE_HOME`, or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mesoscale"


def provide(progress: Progress, folder: Path | None = None, jars: Iterable[Jar] | None = None) -> Path:
    """The folder with every jar in it, whole; what is missing or broken is fetched anew.

    Args:
        progress: told one line when something must be fetched, and one for each jar that came.
        folder: by default one in the user's cache, named after the lock, so that versions lie side by side.
        jars: by default all of the lock.

    Raises:
        ServiceUnavailable: DiskFull, or ServiceFailed where a jar cannot be had.
    """
    jars = locked() if jars is None else tuple(jars)
    folder = folder or cache_folder() / f"kafka-{_fingerprint(jars)}"
    missing = [jar for jar in jars if not jar.is_whole(folder / jar.file_name)]
    if missing:
        disk.demand(folder, 2 * sum(jar.size for jar in missing), "Kafka's jars")
        _fetch_all(missing, folder, progress)
    return folder


def _fetch_all(missing: list[Jar], folder: Path, progress: Progress) -> None:
    total = sum(jar.size for jar in missing)
    progress(f"fetching {len(missing)} jars, {total / 1e6:.1f} MB, into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        fetched = pool.map(lambda jar: _fetch(jar, folder, Path(scratch) / jar.artifact), missing)
        for number, jar in enumerate(fetched, 1):
            done += jar.size
            megabytes = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
            progress(f"{number} of {len(missing)} jars, {megabytes}: {jar.file_name}")


def _fetch(jar: Jar, folder: Path, scratch: Path) -> Jar:
    """Into `scratch`, and from there in one step into `folder`: no reader ever sees half a jar."""
    found = ""
    for attempt in range(TRIES):
        try:
            file = _resolve(jar, scratch / str(attempt))
        except (OSError, RuntimeError) as error:  # what the network does is an OSError too
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise disk.full(folder, jar.size, "Kafka's jars") from error
            found = str(error)
            continue
        if jar.is_whole(file):
            file.replace(folder / jar.file_name)
            return jar
        found = "what came has another checksum than the lock"
    message = f"{jar.group}:{jar.artifact}:{jar.version} cannot be fetched: {found}"
    hint = "it is needed once, from Maven Central; with the network back, `make setup` goes on where it stopped"
    raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint))


def _resolve(jar: Jar, scratch: Path) -> Path:
    """From the user's own Maven repository where it lies there whole, else from Maven Central."""
    own = Path.home() / ".m2" / "repository" / jar.repository_path
    if jar.is_whole(own):
        copy = scratch / jar.file_name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(own.read_bytes())
        return copy
    maven = MavenContext(resolver=PythonResolver(), repo_cache=scratch, timeout=60)
    resolved: Path = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact("", "jar").resolve()
    return resolved


def _parse(line: str) -> Jar:
    coordinate, sha256, size = line.split()
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, sha256, int(size))


def _fingerprint(jars: tuple[Jar, ...]) -> str:
    return hashlib.sha256("".join(jar.sha256 for jar in jars).encode()).hexdigest()[:12]
