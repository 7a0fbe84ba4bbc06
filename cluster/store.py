"""What was built once, kept in the user's cache under its recipe's key: whole, or not there.

A thing is made in a folder of its own, listed with sizes and sums, and takes its name in one step. It is held against
its list before each use, so neither a killed build nor a damaged disk is ever taken for a good one.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import progress

LIST = "contents.json"
KEPT = 3  # of each name; checkouts of other versions want theirs too, but not for ever
_seen: set[Path] = set()  # found whole by this process


def root() -> Path:
    """Where all of it lies: below `XDG_CACHE_HOME`, or `~/.cache`. Any of it may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mesoscale" / "cluster"


@dataclass(frozen=True, slots=True)
class Thing:
    """A folder of files that follows from its recipe."""

    name: str
    recipe: tuple[str, ...]  # all that decides what comes out; keys of other things stand for those
    fill: Callable[[Path], None]  # makes the files in an empty folder

    @property
    def key(self) -> str:
        """The recipe in 12 digits."""
        return hashlib.sha256("\0".join((self.name, *self.recipe)).encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return root() / f"{self.name}-{self.key}"

    def is_whole(self) -> bool:
        """Whether every file is there with every byte."""
        try:
            listed = json.loads((self.folder / LIST).read_text(encoding="utf-8"))
            return bool(listed == _contents(self.folder))
        except (OSError, ValueError):
            return False


def provide(thing: Thing) -> Path:
    """The thing's folder; it is made where it is missing or damaged.

    Raises:
        ClusterError: it cannot be made.
    """
    if thing.folder not in _seen and not thing.is_whole():
        root().mkdir(parents=True, exist_ok=True)
        with _alone(thing):
            if not thing.is_whole():  # another one may have made it meanwhile
                _make(thing)
    _seen.add(thing.folder)
    os.utime(thing.folder)  # those used last are kept
    return thing.folder


def _make(thing: Thing) -> None:
    mark = f".{thing.name}-{thing.key}-"
    for left in root().glob(f"{mark}*"):  # of a build that was killed: nobody else is at it, we are alone
        shutil.rmtree(left)
    scratch = Path(tempfile.mkdtemp(prefix=mark, dir=root()))
    try:
        with progress.step(f"making {thing.name}"):
            thing.fill(scratch)
        (scratch / LIST).write_text(json.dumps(_contents(scratch)), encoding="utf-8")
        scratch.chmod(0o755)
        shutil.rmtree(thing.folder, ignore_errors=True)
        scratch.rename(thing.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    same = [path for path in root().iterdir() if re.fullmatch(rf"{thing.name}-[0-9a-f]{{12}}", path.name)]
    for old in sorted(same, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old)


def _contents(folder: Path) -> dict[str, list[int | str]]:
    """Size and sum of each file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LIST)
    return {str(path.relative_to(folder)): [path.stat().st_size, _sum(path)] for path in files}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(thing: Thing) -> Iterator[None]:
    """Hold the thing's lock; two checkouts that want the same thing build it once."""
    lock = root() / "locks" / thing.name
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"{thing.name} is being made by another process; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
