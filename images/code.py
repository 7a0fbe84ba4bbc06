"""What the stage `code` of a Dockerfile makes, without an engine: our own files, compiled."""

import os
import shutil
import sys
from pathlib import Path

from cluster import commands
from images import packages
from images.dockerfile import Stage
from images.recipe import ROOT


def fill(stage: Stage, folder: Path, target: str) -> None:
    """What the stage copies, as it lies in `target` of the image."""
    packages.demand_release()
    for text in stage.all("COPY"):
        *sources, _ = text.split()
        for source in sources:
            _copy(ROOT / source, folder)
    _compile(folder, target)


def _compile(folder: Path, target: str) -> None:
    """In a process of its own with a fixed order of sets, so that equal code gives equal files."""
    words = [
        "-q",
        "--invalidation-mode=unchecked-hash",
        "-s",
        str(folder),
        "-p",
        target,
        str(folder),
    ]  # no times in layers
    commands.run([sys.executable, "-m", "compileall", *words], env={**os.environ, "PYTHONHASHSEED": "0"})


def _copy(source: Path, folder: Path) -> None:
    """As COPY does it: what is in a folder, or the file."""
    if source.is_dir():
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, folder)
