"""Room on the disk: refuse to start where services would run into a full one."""

import shutil
from pathlib import Path

from mesoscale.errors import Problem, Reason, ServiceUnavailable

MIB = 1024 * 1024


def demand(folder: Path, needed: int, purpose: str) -> None:
    """Make sure that `needed` bytes are free where `folder` is, or will be.

    Raises:
        ServiceUnavailable: DiskFull.
    """
    if free(folder) < needed:
        raise full(folder, needed, purpose)


def free(folder: Path) -> int:
    """Bytes that are free where `folder` is, or will be."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def full(folder: Path, needed: int, purpose: str) -> ServiceUnavailable:
    """The error that tells how much is free and how much is needed."""
    room = f"{free(folder) // MIB} MiB are free, {-(-needed // MIB)} MiB are needed"
    return ServiceUnavailable(
        Problem(
            Reason.DISK_FULL,
            f"the disk of {folder} is too full for {purpose}: {room}",
            hint="make room there, or choose a folder on another disk (`--home DIR`)",
        )
    )
