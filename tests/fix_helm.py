"""Helm, as the cluster's tool builds it, and charts as it renders them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import gobuild

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "mesoscale"
KUBERNETES = "1.34.4"
NAMESPACE = "mesoscale-system"

Objects = list[dict[str, Any]]
Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., Objects]


def command() -> Path | None:
    """Helm of this machine, or the one in the cluster's store."""
    built = gobuild.built("helm")
    found = shutil.which("helm")
    return built.folder / "helm" if built.is_whole() else Path(found) if found else None


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Run Helm with these words, to its end."""
    program = command()
    if program is None:
        pytest.skip("!!! NOT TESTED: charts (no helm); `python -m cluster build` makes it")
    return runs(program)


def runs(program: Path) -> Helm:
    """What runs it with the words that it is given."""

    def run(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        argv = [str(program), *map(str, words)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=280, check=False)
        assert not check or done.returncode == 0, f"helm {' '.join(argv[1:])}: {done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """The objects of the operator's chart, hooks among them."""

    def objects(*options: str | Path) -> Objects:
        where = ("--namespace", NAMESPACE, "--kube-version", KUBERNETES)
        text = helm("template", "mesoscale", CHART, *where, *options).stdout
        return [one for one in yaml.safe_load_all(text) if one]

    return objects
