"""Small Debian root file systems for images to stand on, as things of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, store
from cluster.errors import ClusterError
from cluster.recipes import versions

SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
TAR = "root.tar"
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


@dataclass(frozen=True, slots=True)
class Root:
    """Packages, and what is done in the root before and after they come. In hooks, $1 is the root's folder."""

    packages: tuple[str, ...]
    hooks: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


ROOTS = {
    # busybox of its own package; the static one crashes on name look-ups
    "debian": Root(("busybox", "procps", "iproute2", "curl", "ca-certificates")),
    "python": Root(("python3", "python3-venv", "ca-certificates", "curl")),
    # initdb and Spark ask who they are: both users must be known, with a home
    "postgresql": Root(
        ("postgresql-15", "postgresql-15-cron", "ca-certificates"),
        ('chroot "$1" usermod --uid 26 postgres', 'rm -rf "$1"/var/lib/postgresql/15'),
    ),
    "java": Root(
        ("openjdk-17-jre-headless", "python3", "procps", "tini", "ca-certificates"),
        (
            'chroot "$1" useradd --uid 185 --gid 0 --home-dir /tmp --no-create-home spark',
            'chroot "$1" useradd --uid 1001 --gid 0 --home-dir /tmp --no-create-home kafka',
        ),
        before=('mkdir -p "$1"/usr/share/man/man1',),  # where its packages must be able to make links
    ),
}


def root(name: str) -> store.Thing:
    """One of ROOTS."""
    return of(name, ROOTS[name])


def of(name: str, made_of: Root) -> store.Thing:
    """A folder with the file `root.tar`, not compressed."""
    release = versions().debian
    recipe = (release, *made_of.packages, *made_of.hooks, *made_of.before)
    return store.Thing(f"root-{name}", recipe, lambda folder: _make(release, made_of, folder))


def _make(release: str, made_of: Root, folder: Path) -> None:
    options: Sequence[str] = [
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(made_of.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        *(f"--essential-hook={hook}" for hook in made_of.before),
        *(f"--customize-hook={hook}" for hook in made_of.hooks),
    ]
    # from wherever the machine itself installs, so that a mirror or proxy of it serves here too
    commands.run(["mmdebstrap", *options, release, folder / TAR, _sources()])


def _sources() -> Path:
    for file in SOURCES:
        if file.exists() and file.read_text(encoding="utf-8").strip():
            return file
    raise ClusterError(
        "no list of Debian's package sources was found",
        f"one of {', '.join(str(file) for file in SOURCES)} has to name them",
    )
