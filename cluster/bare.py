"""The bare cluster of this machine: up, down, and what is asked of it in between."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import cgroups, commands, gobuild, images, kernel, layout, node, preflight, programs, progress, store
from cluster.bringup import CTR, bring_up
from cluster.errors import ClusterError

IDENTITY = layout.RUN / "identity.json"


class Bare:
    """A single node, made of packages alone."""

    name = f"the bare single-node cluster in {layout.RUN}"
    kubeconfig = layout.KUBECONFIG

    def build(self) -> None:
        """Make all that it consists of, where that is not done.

        Raises:
            Missing: this machine lacks what it is made with.
            ClusterError: it cannot be made.
        """
        preflight.demand()
        for name in ("pause", "helm"):
            store.provide(gobuild.built(name))
        _folders()
        _archives()

    def is_built(self) -> bool:
        """Whether it could be brought up within seconds."""
        things = [gobuild.built(name) for name in ("pause", "kubernetes", "etcd")]
        return all(thing.folder.exists() for thing in things + [recipe.thing() for recipe in images.of_the_cluster()])

    def up(self, audit: bool) -> None:
        """Bring it up, or put right what of it does not run.

        Args:
            audit: whether the API server writes down what service accounts ask for, in `layout.AUDIT_LOG`.

        Raises:
            ClusterError: it cannot be.
        """
        self.build()
        pause, folders, archives = store.provide(gobuild.built("pause")) / "pause", _folders(), _archives()
        with _alone():
            _demand_own([str(folders), *sorted(str(archive) for archive in archives.values())])
            with progress.step("bringing the cluster up"):
                bring_up(pause, folders, archives, audit)

    def kubectl(self) -> Path:
        """The client of exactly its version."""
        return _folders().kubernetes / "kubectl"

    def load(self, archive: Path) -> None:
        """Give an image to the node; one out of the store is given once.

        Raises:
            ClusterError: it is not up, or the archive is none.
        """
        known = archive.is_relative_to(store.root())  # its folder's name tells its content
        mark = layout.RUN / "loaded" / archive.parent.name
        if known and mark.exists():
            return
        commands.run(node.command(*CTR, "import", "-"), file=archive)
        if known:
            mark.parent.mkdir(exist_ok=True)
            mark.touch()

    def down(self) -> None:
        """Take all of it away; nothing is done where there is nothing.

        Raises:
            ClusterError: something of it stays.
        """
        with _alone():
            _remove()


def _folders() -> programs.Folders:
    return programs.Folders(store.provide(gobuild.built("kubernetes")), store.provide(gobuild.built("etcd")))


def _archives() -> dict[str, Path]:
    return {recipe.name: store.provide(recipe.thing()) / images.TAR for recipe in images.of_the_cluster()}


def _demand_own(recipe: list[str]) -> None:
    """One machine has one cluster: leave one of another recipe alone, and clear away what is left of any."""
    if node.holder() is None:
        _remove()
        layout.RUN.mkdir(parents=True)
        IDENTITY.write_text(json.dumps(recipe), encoding="utf-8")
    elif json.loads(IDENTITY.read_text(encoding="utf-8")) != recipe:
        raise ClusterError("a cluster of other versions is up on this machine", "make cluster-down, then make cluster")


def _remove() -> None:
    cgroups.kill()
    if commands.succeeds(["ip", "link", "show", layout.LINK]):  # the kernel is still at it, or it was half made
        commands.succeeds(["ip", "link", "delete", layout.LINK])
    kernel.restore()
    cgroups.remove()
    if layout.RUN.exists():
        shutil.rmtree(layout.RUN)


@contextmanager
def _alone() -> Iterator[None]:
    """Only one process at a time brings it up or down."""
    layout.LOCK.parent.mkdir(parents=True, exist_ok=True)
    with layout.LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another process brings the cluster up or down; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
