"""What the stage `packages` of a Dockerfile makes, without an engine: a virtual environment from a lock.

The image's interpreter is not asked for either: what is installed is compiled by one of the same release.
"""

import os
import shutil
import sys
from pathlib import Path

from cluster import commands
from cluster.errors import ClusterError
from cluster.recipes import versions
from images.dockerfile import NotUnderstood, Stage
from images.recipe import ROOT


def requirements(stage: Stage) -> Path:
    """The lock that the stage installs."""
    for text in stage.all("COPY"):
        source, _, target = text.partition(" ")
        if target == "/tmp/requirements.txt":
            return ROOT / source
    raise NotUnderstood(f"stage {stage.name}: no COPY to /tmp/requirements.txt")


def environment(lock: Path, folder: Path) -> None:
    """A virtual environment for the image's interpreter, with the packages of a lock.

    Raises:
        ClusterError: uv is missing, or cannot fetch a package.
    """
    python = versions().python
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to("/usr/bin/python3")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    target = folder / "lib" / f"python{python}" / "site-packages"
    demand_release()
    install = ["uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    install += ["--python", sys.executable, "--compile-bytecode", "--link-mode=copy", f"--target={target}"]
    env = {**os.environ, "PYC_INVALIDATION_MODE": "UNCHECKED_HASH"}  # the files of a layer have no times to compare
    commands.run([*install, "--requirement", str(lock)], env=env)
    shutil.rmtree(target / "bin", ignore_errors=True)  # commands of packages, which name this machine's interpreter


def demand_release() -> None:
    """See that what is compiled here can be read there.

    Raises:
        ClusterError: this interpreter is of another release than the image's.
    """
    here, there = f"{sys.version_info[0]}.{sys.version_info[1]}", versions().python
    if here != there:
        raise ClusterError(
            f"images are made by Python {there}, and this is {here}", f"apt-get install python{there}-venv"
        )
