"""A container image without an engine: layers and a config in the archive that `ctr`, `docker load` and kind read.

The format is the one of `docker save` (Moby's image specification v1.2): manifest.json names the config and the layers.
Equal content gives an equal image, for times and owners are fixed.
"""

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Config:
    """How a container of the image starts."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # PATH is Debian's unless it is here
    user: str = ""
    workdir: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """As the archive has it."""
        return {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Env": [f"{name}={value}" for name, value in {"PATH": PATH, **self.env}.items()],
            "User": self.user,
            "WorkingDir": self.workdir,
            "Labels": dict(self.labels),
        }


@dataclass(frozen=True, slots=True)
class Addition:
    """A file, link or folder of this machine, and its path in the image."""

    source: Path
    target: str

    def files(self) -> Iterable[tuple[Path, str]]:
        """All that it brings, in an order that is always the same."""
        target = self.target.strip("/")
        yield self.source, target
        if self.source.is_dir() and not self.source.is_symlink():
            for path in sorted(self.source.rglob("*")):
                yield path, str(PurePosixPath(target) / path.relative_to(self.source))


def write(archive: Path, name: str, bases: Iterable[Path], additions: Iterable[Addition], config: Config) -> None:
    """Write the image; the archive takes its name only when it is whole.

    Args:
        archive: the file to write.
        name: the image's name with its tag.
        bases: uncompressed tars of root file systems, the lowest first.
        additions: become one more layer, above those. Modes are kept, owners become root.
        config: how it starts.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".image-", dir=archive.parent) as scratch:
        layers = [*bases]
        if additions := [*additions]:
            layers.append(Path(scratch) / "added.tar")
            layer(layers[-1], additions)
        partial = Path(scratch) / "image.tar"
        _pack(partial, name, layers, config)
        partial.replace(archive)


def layer(tar_file: Path, additions: Iterable[Addition]) -> None:
    """Write additions as the tar of one layer."""
    made: set[PurePosixPath] = set()
    with tarfile.open(tar_file, "w", format=tarfile.PAX_FORMAT) as tar:
        for source, target in (pair for addition in additions for pair in addition.files()):
            for parent in reversed(PurePosixPath(target).parents[:-1]):
                if parent not in made:
                    tar.addfile(_folder(str(parent)))
                    made.add(parent)
            if source.is_dir() and not source.is_symlink():
                made.add(PurePosixPath(target))
            tar.add(source, target, recursive=False, filter=_plain)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info


def _pack(archive: Path, name: str, layers: list[Path], config: Config) -> None:
    sums = [_sum(layer) for layer in layers]
    document = json.dumps(
        {
            "architecture": MACHINES[platform.machine()],
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": config.document(),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one}" for one in sums]},
        }
    ).encode()
    document_name = f"{hashlib.sha256(document).hexdigest()}.json"
    layer_names = [f"{one}/layer.tar" for one in sums]
    manifest = json.dumps([{"Config": document_name, "RepoTags": [name], "Layers": layer_names}]).encode()
    with tarfile.open(archive, "w") as tar:
        for layer, layer_name in zip(layers, layer_names, strict=True):
            tar.add(layer, layer_name, filter=_plain)
        for data, data_name in ((document, document_name), (manifest, "manifest.json")):
            info = tarfile.TarInfo(data_name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
