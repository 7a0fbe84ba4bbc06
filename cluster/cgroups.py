"""The cluster's control group: made before anything runs, so that every process of it can be found, whatever happened.

Version 1 has a hierarchy for each controller, version 2 has one; the kubelet wants its root in all of them.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from cluster.errors import ClusterError
from cluster.layout import NAME

MOUNTS = Path("/proc/self/mounts")
NEEDED = ("cpuset", "cpu", "memory", "pids")  # of version 2, to be handed down


def hierarchies(*kinds: str) -> list[Path]:
    """Where control groups of these kinds are mounted: `cgroup` is version 1, `cgroup2` version 2."""
    lines = MOUNTS.read_text(encoding="utf-8").splitlines() if MOUNTS.exists() else []
    mounts = [line.split() for line in lines]
    return [Path(folder) for _, folder, kind, *_ in mounts if kind in kinds]


def groups() -> list[Path]:
    """The cluster's group in each hierarchy that manages something: those of version 1, or else that of version 2."""
    return [hierarchy / NAME for hierarchy in hierarchies("cgroup") or hierarchies("cgroup2")]


def create() -> None:
    """Make the group.

    Raises:
        ClusterError: there are no control groups here, or they may not be changed.
    """
    try:
        for group in groups():
            if (control := group.parent / "cgroup.subtree_control").exists():
                control.write_text(" ".join(f"+{name}" for name in NEEDED), encoding="utf-8")
            group.mkdir(exist_ok=True)
    except OSError as error:
        hint = "run it as root, on a machine that is not itself a container"
        raise ClusterError(f"a control group cannot be made: {error}", hint) from error
    if not groups():
        raise ClusterError("no control groups are mounted here", "mount -t cgroup2 none /sys/fs/cgroup")


def entrance() -> Path:
    """The file that takes the pid of whoever joins: a group for programs, beside the one of pods."""
    folder = _tracking() / "programs"
    folder.mkdir(exist_ok=True)
    return folder / "cgroup.procs"


def programs() -> list[int]:
    """Processes of the node itself."""
    return _pids(_tracking() / "programs")


def processes() -> list[int]:
    """Every process of the cluster, those of pods too."""
    return [
        pid for group in groups()[:1] and [_tracking()] for folder in _deepest_first(group) for pid in _pids(folder)
    ]


def end(pid: int, seconds: float = 10) -> None:
    """End one process, politely and then not.

    Raises:
        ClusterError: it does not go.
    """
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline + seconds:
            raise ClusterError(f"process {pid} does not end, not even by SIGKILL", f"look at /proc/{pid}/stack")
        try:
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def kill(seconds: float = 30) -> None:
    """End every process of the cluster.

    Raises:
        ClusterError: one of them does not go.
    """
    deadline = time.monotonic() + seconds
    while pids := processes():
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            raise ClusterError(
                f"processes {pids} of the cluster do not end, not even by SIGKILL", "look at /proc/PID/stack"
            )
        time.sleep(0.05)


def remove(seconds: float = 10) -> None:
    """Take the group away in every hierarchy; nothing may run in it any more.

    Raises:
        ClusterError: one of them stays.
    """
    deadline = time.monotonic() + seconds
    for hierarchy in hierarchies("cgroup", "cgroup2"):  # runc makes one where there is nothing to manage, too
        for folder in _deepest_first(hierarchy / NAME):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as error:  # the kernel lets go of a group a moment after its last process
                    if time.monotonic() > deadline:
                        raise ClusterError(f"the control group {folder} cannot be removed: {error}") from error
                    time.sleep(0.05)


def _tracking() -> Path:
    """The group that is asked who belongs to the cluster."""
    found = [group for group in groups() if group.parent.name == "pids"] or groups()
    return found[0]


def _deepest_first(group: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(group, topdown=False):
        yield Path(folder)


def _pids(group: Path) -> list[int]:
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text(encoding="utf-8").split()]
    except OSError:
        return []
