"""The images that the cluster itself runs on, and two small ones for whoever needs a shell or a Python in it."""

import platform
from dataclasses import dataclass, replace
from pathlib import Path

from cluster import gobuild, image, rootfs, store
from cluster.recipes import versions

TAR = "image.tar"
MACHINE = image.MACHINES[platform.machine()]  # as images and Debian call it
PREFIX = "localhost/"  # of the names of all images made here: nobody's registry, so nothing is ever pulled


@dataclass(frozen=True, slots=True)
class Recipe:
    """An image made from things of the store and files of this folder."""

    name: str  # with its tag
    config: image.Config
    root: str = ""  # of rootfs.ROOTS; without one it holds nothing but what is added
    commands: tuple[tuple[str, str, str], ...] = ()  # component of versions.toml, its command, path in the image
    files: tuple[image.Addition, ...] = ()  # small files of this folder
    layers: tuple[tuple[store.Thing, str], ...] = ()  # a thing and its tar, a layer each

    def thing(self) -> store.Thing:
        """A folder with the file `image.tar`."""
        parts = [rootfs.root(self.root)] if self.root else []
        parts += [thing for thing, _ in self.layers] + [gobuild.built(component) for component, _, _ in self.commands]
        recipe = (
            repr(replace(self, layers=(), files=())),
            *(part.key for part in parts),
            *(f"{one.target}={one.source.read_text(encoding='utf-8')}" for one in self.files),
        )
        short = self.name.removeprefix(PREFIX).split(":")[0].replace("/", "-")
        return store.Thing(f"image-{short}", recipe, self._write)

    def _write(self, folder: Path) -> None:
        bases = [store.provide(rootfs.root(self.root)) / rootfs.TAR] if self.root else []
        bases += [store.provide(thing) / tar for thing, tar in self.layers]
        binaries = [
            image.Addition(store.provide(gobuild.built(component)) / command, target)
            for component, command, target in self.commands
        ]
        image.write(folder / TAR, self.name, bases, [*binaries, *self.files], self.config)


def single(component: str, command: str, user: str = "65532") -> Recipe:
    """An image that holds one static binary and nothing else."""
    config = image.Config(entrypoint=(f"/{command}",), user=user)
    return Recipe(tag(component), config, commands=((component, command, f"/{command}"),))


def tag(component: str) -> str:
    """The name of a component's image."""
    return f"{PREFIX}{component}:{versions().components[component].version.removeprefix('v')}"


def debian_tag(name: str) -> str:
    """The name of an image that is a root of rootfs.ROOTS and nothing else."""
    release = versions().python if name == "python" else versions().debian
    return f"{PREFIX}{name}:{release}"


def base(name: str) -> Recipe:
    """One of rootfs.ROOTS as it is."""
    return Recipe(debian_tag(name), image.Config(command=("/bin/sh",)), root=name)


def of_the_cluster() -> tuple[Recipe, ...]:
    """All that a cluster without parts needs."""
    return (
        single("pause", "pause"),
        single("coredns", "coredns", user=""),  # its port is 53
        single("metrics-server", "metrics-server"),
        single("local-path", "local-path-provisioner"),
        base("debian"),
        base("python"),
    )
