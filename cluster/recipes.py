"""Which versions there are, and how each command is built: versions.toml as values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class GoCommands:
    """Commands that one Go module of ours builds out of another one by package path."""

    name: str
    module: str  # empty where the source is ours
    version: str
    commands: Mapping[str, str]  # name of the binary -> its package, below `module`; "." is our own main.go
    staging: bool  # whether the module replaces its siblings by folders in its own tree
    tags: tuple[str, ...]  # of the build
    stamp: tuple[str, ...]  # packages that are told the version when they are linked

    @property
    def folder(self) -> Path:
        """Where go.mod and go.sum lie."""
        return FOLDER / "go" / self.name

    def package(self, command: str) -> str:
        """The import path to build."""
        below = self.commands[command]
        return below if below == "." else f"{self.module}/{below}".rstrip("/")

    def link_flags(self) -> str:
        """Small binaries that know their version: without it kubelet and API server call each other too old."""
        major, minor = self.version.removeprefix("v").split(".")[:2] if self.stamp else ("", "")
        facts = {"gitVersion": self.version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        return " ".join(["-s -w", *(f"-X {p}.{key}={value}" for p in self.stamp for key, value in facts.items())])


@dataclass(frozen=True, slots=True)
class Versions:
    """The whole of versions.toml."""

    debian: str
    go: str
    python: str
    pyspark: str
    strimzi: str
    components: Mapping[str, GoCommands]


@cache
def versions() -> Versions:
    """The versions of this checkout."""
    table = tomllib.loads((FOLDER / "versions.toml").read_text(encoding="utf-8"))
    return Versions(
        debian=table["machine"]["debian"],
        go=table["machine"]["go"],
        python=table["machine"]["python"],
        pyspark=table["pypi"]["pyspark"],
        strimzi=table["maven"]["strimzi"],
        components={name: _go_commands(name, entry) for name, entry in table["go"].items()},
    )


def _go_commands(name: str, entry: Mapping[str, object]) -> GoCommands:
    commands, tags, stamp = entry["commands"], entry.get("tags", []), entry.get("stamp", [])
    assert isinstance(commands, dict)
    assert isinstance(tags, list)
    assert isinstance(stamp, list)
    return GoCommands(
        name=name,
        module=str(entry.get("module", "")),
        version=str(entry["version"]),
        commands=commands,
        staging=bool(entry.get("staging", False)),
        tags=tuple(tags),
        stamp=tuple(stamp),
    )
