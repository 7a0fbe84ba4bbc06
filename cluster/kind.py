"""A cluster by kind, where Docker runs."""

from pathlib import Path

from cluster import commands, progress, store

NAME = "mesoscale"
CONFIG = Path(__file__).parents[1] / "kind-config.yaml"


class Kind:
    """The cluster of kind-config.yaml."""

    name = f"the kind cluster {NAME}"

    @property
    def kubeconfig(self) -> Path:
        """Beside the user's own one, which is left as it is."""
        return store.root() / f"kind-{NAME}.kubeconfig"

    def build(self) -> None:
        """Kind brings all that it needs."""

    def up(self, audit: bool) -> None:
        """Create it, unless it is there. It has no audit log.

        Raises:
            ClusterError: kind cannot.
        """
        if NAME in commands.run(["kind", "get", "clusters"]).split():
            commands.run(["kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", self.kubeconfig])
            return
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        with progress.step("kind creates the cluster"):
            where = ["--name", NAME, "--config", str(CONFIG), "--kubeconfig", str(self.kubeconfig)]
            commands.run(["kind", "create", "cluster", *where, "--wait", "120s"])

    def kubectl(self) -> Path:
        """The user's own client."""
        return Path("kubectl")

    def load(self, archive: Path) -> None:
        """Give an image to the node."""
        commands.run(["kind", "load", "image-archive", archive, "--name", NAME])

    def down(self) -> None:
        """Delete it."""
        commands.run(["kind", "delete", "cluster", "--name", NAME])
        self.kubeconfig.unlink(missing_ok=True)


def possible() -> bool:
    """Whether kind is there and has a Docker that runs."""
    return commands.present("kind") and commands.present("docker") and commands.succeeds(["docker", "info"])
