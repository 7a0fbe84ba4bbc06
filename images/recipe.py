"""Recipe: what an image is made of and how it starts, as its Dockerfile says."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster import image
from images import dockerfile
from images.dockerfile import NotUnderstood, Stage

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "images"
CLEANED = {"apt-get update", "rm -rf /var/lib/apt/lists/*"}  # what a root made anew has no need of
INSTALL = "apt-get install --yes --no-install-recommends "


@dataclass(frozen=True, slots=True)
class Part:
    """What an earlier stage made, and where it lies in the image: `COPY --from=stage source target`.

    Without a stage it comes as it is from the repository.
    """

    stage: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image. `packages` and `commands` make its root file system, `parts` come above it in their order."""

    name: str
    packages: tuple[str, ...]
    commands: tuple[str, ...]
    parts: tuple[Part, ...]
    stages: Mapping[str, Stage]
    config: image.Config

    @property
    def version(self) -> str:
        return self.config.labels["org.opencontainers.image.version"]

    @property
    def tag(self) -> str:
        """The image's name, as the chart's default values have it."""
        return f"mesoscale/{self.name}:{self.version}"


def names() -> list[str]:
    """Every image that there is a Dockerfile for."""
    return sorted(path.parent.name for path in FOLDER.glob("*/Dockerfile"))


def read(name: str) -> Recipe:
    """The recipe of an image.

    Raises:
        NotUnderstood: its Dockerfile does what cannot be done without an engine.
    """
    *earlier, last = dockerfile.read(FOLDER / name / "Dockerfile")
    packages, commands = _root(last)
    return Recipe(
        name=name,
        packages=tuple(packages),
        commands=tuple(commands),
        parts=tuple(_part(text) for text in last.all("COPY")),
        stages={stage.name: stage for stage in earlier},
        config=_config(last),
    )


def _root(stage: Stage) -> tuple[list[str], list[str]]:
    """Debian's packages, and the commands that are run when they are there."""
    packages: list[str] = []
    commands: list[str] = []
    for command in (one.strip() for run in stage.all("RUN") for one in run.split("&&")):
        if command.startswith(INSTALL):
            packages += command.removeprefix(INSTALL).split()
        elif command not in CLEANED:
            commands.append(command)
    return packages, commands


def _part(text: str) -> Part:
    found = re.fullmatch(r"(?:--from=(\S+) )?(.+) (\S+)", text)
    if found is None:
        raise NotUnderstood(f"COPY {text}: from where, and where to?")
    return Part(found[1] or "", found[2], found[3].rstrip("/"))


def _config(stage: Stage) -> image.Config:
    return image.Config(
        entrypoint=tuple(word for text in stage.all("ENTRYPOINT")[-1:] for word in json.loads(text)),
        env=_merged(stage, "ENV"),
        user=stage.all("USER")[-1],
        workdir=stage.all("WORKDIR")[-1],
        labels=_merged(stage, "LABEL"),
    )


def _merged(stage: Stage, word: str) -> dict[str, str]:
    return {name: value for text in stage.all(word) for name, value in dockerfile.pairs(text).items()}
