"""Part: something that the platform drives, its images, and how it is set up in a cluster."""

import functools
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, images, store, waiting
from cluster.choose import Cluster
from cluster.images import PREFIX, Recipe
from cluster.recipes import FOLDER

MARKED = "namespace/kube-system"  # notes which parts there are
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

    def await_types(self, *names: str, seconds: float = 30) -> None:
        """Wait until the API server serves these types.

        `kubectl wait` fails instead of waiting while a type has no conditions yet, as a new one has for a moment.
        """
        for name in names:
            waiting.until(f"the type {name}", seconds, functools.partial(self._serves, name))

    def _serves(self, name: str) -> bool:
        status = json.loads(self("get", f"crd/{name}", "--output=json")).get("status") or {}
        told = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
        return told.get("Established") == "True"


def _none() -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """`set_up` makes its objects and waits until they work; `things` are what is built for it beside the images."""

    name: str
    sign: tuple[str, ...]  # arguments of `kubectl get` for what is there last, and goes first
    set_up: Callable[[Kubectl], None]
    images: Callable[[], tuple[Recipe, ...]] = _none
    things: Callable[[], tuple[store.Thing, ...]] = _none

    def build(self) -> None:
        """Make all that it needs."""
        for thing in self._all_things():
            store.provide(thing)

    def install(self, cluster: Cluster) -> None:
        """Set it up, or bring it up to date.

        Raises:
            ClusterError: it cannot be built, loaded, or does not come up.
        """
        for recipe in self.images():
            cluster.load(store.provide(recipe.thing()) / images.TAR)
        kubectl = Kubectl(cluster.kubectl(), cluster.kubeconfig)
        self.set_up(kubectl)
        kubectl("annotate", "--overwrite", MARKED, f"{self._mark()}={self._key()}")

    def is_installed(self, cluster: Cluster) -> bool:
        """Whether it was set up there as it would be now, and is still there."""
        kubectl = Kubectl(cluster.kubectl(), cluster.kubeconfig)
        marks = json.loads(kubectl("get", MARKED, "--output=json"))["metadata"].get("annotations", {})
        return bool(marks.get(self._mark()) == self._key() and kubectl("get", *self.sign, "--ignore-not-found"))

    def is_built(self) -> bool:
        """Whether it could be installed without building anything."""
        return all(thing.folder.exists() for thing in self._all_things())

    def _all_things(self) -> tuple[store.Thing, ...]:
        return (*self.things(), *(recipe.thing() for recipe in self.images()))

    def _mark(self) -> str:
        return f"parts.mesoscale.dev/{self.name}"

    def _key(self) -> str:
        """Changes with what is built, with any version, and with how parts are set up."""
        sources = [
            FOLDER / "versions.toml",
            *sorted(path for path in FILES.parent.rglob("*.*") if path.suffix != ".pyc"),
        ]
        content = [path.read_bytes() for path in sources if path.is_file()]
        keys = [thing.key.encode() for thing in self._all_things()]
        return hashlib.sha256(b"\0".join([*content, *keys])).hexdigest()[:12]


def localised(manifest: str) -> str:
    """Somebody's manifest, with the images of the same names that were made here."""
    ours = THEIRS.sub(rf"\1{PREFIX}\2", manifest)
    return ours.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
