"""Resolve what versions.toml names into locks: go/*/go.mod and go.sum, and pyspark.txt."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from cluster import commands
from cluster.errors import ClusterError
from cluster.recipes import FOLDER, GoCommands

STAGED = re.compile(r"^\s*(\S+) => \./staging/src/", re.M)


def resolve(component: GoCommands) -> None:
    """Write the component's go.mod, and let Go fill in all that it needs.

    Raises:
        ClusterError: Go cannot resolve it.
    """
    component.folder.mkdir(parents=True, exist_ok=True)
    (component.folder / "go.sum").unlink(missing_ok=True)
    (component.folder / "go.mod").write_text("\n".join(_module(component)) + "\n", encoding="utf-8")
    _go(component, "mod", "tidy")


def resolve_pyspark(version: str) -> None:
    """Pin PyPI's package by its sum.

    Raises:
        ClusterError: uv is missing, or cannot find it.
    """
    ask = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-deps", "--generate-hashes", "-"]
    (FOLDER / "pyspark.txt").write_text(commands.run(ask, text=f"pyspark=={version}\n"), encoding="utf-8")


def _module(component: GoCommands) -> Iterator[str]:
    yield f"module mesoscale.dev/cluster/{component.name}"
    yield "\ngo 1.24.0"  # the first that knows `tool`
    if component.module:
        yield f"\nrequire {component.module} {component.version}"
    tools = [component.package(name) for name, package in component.commands.items() if package != "."]
    if tools:
        yield from _block("tool", tools)
    if component.staging:
        yield from _staging(component)


def _staging(component: GoCommands) -> Iterator[str]:
    """Kubernetes' siblings lie in its own tree, which only its own `replace` reaches: each is pinned to its release."""
    found = json.loads(_go(component, "mod", "download", "-json", f"{component.module}@{component.version}"))
    names = STAGED.findall(Path(found["GoMod"]).read_text(encoding="utf-8"))
    release = re.sub(r"^v1\.", "v0.", component.version)
    yield from _block("replace", (f"{name} => {name} {release}" for name in names))


def _block(verb: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"\n{verb} ("
    yield from (f"\t{line}" for line in lines)
    yield ")"


def _go(component: GoCommands, *arguments: str) -> str:
    done = subprocess.run(["go", *arguments], cwd=component.folder, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise ClusterError(f"go {' '.join(arguments)} failed in {component.folder}")
    return done.stdout
