"""A recipe becomes an archive, without an engine: a Debian root, the packages of a lock, and our code on top.

Root and packages are things of the cluster's store, made once. Our code is the last layer and a small one.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    with folder_of_a_layer() as folder:
        code.fill(recipe.stages[top.stage], folder, top.target)
        image.write(written, recipe.tag, bases, [image.Addition(folder, top.target)], recipe.config)
    return written


@contextmanager
def folder_of_a_layer() -> Iterator[Path]:
    """For a while; everybody may read what becomes a layer of it, as the image's user is nobody's owner."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _root(recipe: Recipe) -> store.Thing:
    hooks = tuple(f'chroot "$1" {command}' for command in recipe.commands)
    return rootfs.of("mesoscale", rootfs.Root(recipe.packages, hooks))


def _packages(recipe: Recipe, part: Part) -> store.Thing:
    lock = packages.requirements(recipe.stages[part.stage])

    def fill(folder: Path) -> None:
        with folder_of_a_layer() as made:
            packages.environment(lock, made)
            image.layer(folder / LAYER, [image.Addition(made, part.target)])

    how = "".join(Path(file).read_text(encoding="utf-8") for file in (packages.__file__, __file__))
    return store.Thing(f"packages-{recipe.name}", (lock.read_text(encoding="utf-8"), part.target, how), fill)
