"""Part: something that the platform drives, its images, and how it is set up in a cluster."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, images, store
from cluster.choose import Cluster
from cluster.images import PREFIX, Recipe

FILES = Path(__file__).parent / "files"
THEIRS = re.compile(r"([ =])[\w-]+(?:\.[\w-]+)+/(?:[\w-]+/)*([\w-]+:[\w.-]+)$", re.M)  # host/folders/name:tag


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The client, for one cluster."""

    program: Path
    kubeconfig: Path

    def __call__(self, *arguments: str | Path, text: str = "", seconds: float = 180) -> str:
        """Its standard output.

        Raises:
            ClusterError: it failed, or took too long.
        """
        argv = [self.program, f"--kubeconfig={self.kubeconfig}", *arguments]
        return commands.run(argv, text=text, seconds=seconds)

    def apply(self, text: str) -> None:
        """Make the objects as they stand here."""
        self("apply", "--server-side", "--force-conflicts", "--filename=-", text=text)

    def await_rollout(self, namespace: str, workload: str, seconds: int = 180) -> None:
        """Wait until all pods of a workload are ready."""
        arguments = (f"--namespace={namespace}", "rollout", "status", workload, f"--timeout={seconds}s")
        self(*arguments, seconds=seconds + 10)


def _none() -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """`set_up` makes its objects and waits until they work; `things` are what is built for it beside the images."""

    name: str
    set_up: Callable[[Kubectl], None]
    images: Callable[[], tuple[Recipe, ...]] = _none
    things: Callable[[], tuple[store.Thing, ...]] = _none

    def build(self) -> None:
        """Make all that it needs."""
        for thing in (*self.things(), *(recipe.thing() for recipe in self.images())):
            store.provide(thing)

    def install(self, cluster: Cluster) -> None:
        """Set it up, or bring it up to date.

        Raises:
            ClusterError: it cannot be built, loaded, or does not come up.
        """
        for recipe in self.images():
            cluster.load(store.provide(recipe.thing()) / images.TAR)
        self.set_up(Kubectl(cluster.kubectl(), cluster.kubeconfig))


def localised(manifest: str) -> str:
    """Somebody's manifest, with the images of the same names that were made here."""
    ours = THEIRS.sub(rf"\1{PREFIX}\2", manifest)
    return ours.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
