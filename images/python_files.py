"""What the stages `packages` and `code` of a Dockerfile make, without an engine: a virtual environment, and our code.

The interpreter of the image is not asked for either: packages are wheels for it, unpacked, and compiled by one of the
same release.
"""

import compileall
import os
import py_compile
import shutil
import sys
from pathlib import Path

from cluster import commands
from cluster.errors import ClusterError
from cluster.recipes import versions
from images.dockerfile import NotUnderstood, Stage
from images.recipe import ROOT

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH  # the files of a layer have no times to compare


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
    env = {**os.environ, "PYC_INVALIDATION_MODE": "UNCHECKED_HASH"}
    commands.run([*install, "--requirement", str(lock)], env=env)
    shutil.rmtree(target / "bin", ignore_errors=True)  # commands of packages, which name this machine's interpreter


def code(stage: Stage, folder: Path, target: str) -> None:
    """Our own packages, compiled, as they lie in `target` of the image."""
    demand_release()
    for text in stage.all("COPY"):
        *sources, _ = text.split()
        for source in sources:
            shutil.copytree(ROOT / source, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    compileall.compile_dir(folder, quiet=1, invalidation_mode=UNCHECKED, stripdir=folder, prependdir=target)


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
