"""What the stage `code` of a Dockerfile makes, without an engine: our own files, compiled."""

import compileall
import py_compile
import shutil
from pathlib import Path

from images import packages
from images.dockerfile import Stage
from images.recipe import ROOT

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH  # the files of a layer have no times to compare


def fill(stage: Stage, folder: Path, target: str) -> None:
    """What the stage copies, as it lies in `target` of the image."""
    packages.demand_release()
    for text in stage.all("COPY"):
        *sources, _ = text.split()
        for source in sources:
            _copy(ROOT / source, folder)
    compileall.compile_dir(folder, quiet=1, invalidation_mode=UNCHECKED, stripdir=folder, prependdir=target)


def _copy(source: Path, folder: Path) -> None:
    """As COPY does it: what is in a folder, or the file."""
    if source.is_dir():
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, folder)
