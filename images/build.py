"""A recipe becomes an archive, without an engine: a Debian root, the packages of a lock, and our code on top.

Root and packages are things of the cluster's store, made once. Our code is the last layer and a small one.
"""

import tempfile
from pathlib import Path

from cluster import image, rootfs, store
from images import code, packages
from images.dockerfile import NotUnderstood
from images.recipe import ROOT, Part, Recipe

LAYER = "layer.tar"
ARCHIVES = ROOT / "dist" / "images"
MADE_HERE = ["packages", "code"]  # stages, in the order of their layers


def archive(recipe: Recipe) -> Path:
    """Write the image and tell where; `docker load`, kind and the bare cluster read it.

    Raises:
        ClusterError: something that it is made with is missing.
        NotUnderstood: it takes in what only an engine can make.
    """
    stages = [part.stage for part in recipe.parts]
    if stages != MADE_HERE:
        raise NotUnderstood(
            f"image {recipe.name} is made of {stages or 'packages of Debian only'}: that takes an engine"
        )
    below, top = recipe.parts
    bases = [store.provide(_root(recipe)) / rootfs.TAR, store.provide(_packages(recipe, below)) / LAYER]
    written = ARCHIVES / f"{recipe.name}.tar"
    with tempfile.TemporaryDirectory() as folder:
        code.fill(recipe.stages[top.stage], Path(folder), top.target)
        image.write(written, recipe.tag, bases, [image.Addition(Path(folder), top.target)], recipe.config)
    return written


def _root(recipe: Recipe) -> store.Thing:
    hooks = tuple(f'chroot "$1" {command}' for command in recipe.commands)
    return rootfs.of("mesoscale", rootfs.Root(recipe.packages, hooks))


def _packages(recipe: Recipe, part: Part) -> store.Thing:
    lock = packages.requirements(recipe.stages[part.stage])

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as made:
            packages.environment(lock, Path(made))
            image.layer(folder / LAYER, [image.Addition(Path(made), part.target)])

    how = Path(packages.__file__).read_text(encoding="utf-8")
    return store.Thing(f"packages-{recipe.name}", (lock.read_text(encoding="utf-8"), part.target, how), fill)
