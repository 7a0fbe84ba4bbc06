"""A cluster that somebody else keeps: only asked, never brought up or down."""

from pathlib import Path

from cluster import commands
from cluster.errors import ClusterError

VARIABLE = "MESO_KUBECONFIG"


class Given:
    """The cluster of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.name = f"the cluster of {VARIABLE}={kubeconfig}"

    def build(self) -> None:
        """It is built already."""

    def up(self, audit: bool) -> None:
        """See that it answers. What it logs is its keeper's business.

        Raises:
            ClusterError: it does not.
        """
        if not self.kubeconfig.is_file():
            raise ClusterError(f"{VARIABLE} names {self.kubeconfig}, which is no file", f"unset {VARIABLE}")
        ask = [
            str(self.kubectl()),
            f"--kubeconfig={self.kubeconfig}",
            "--request-timeout=10s",
            "version",
            "--output=json",
        ]
        try:
            commands.run(ask, seconds=30)
        except ClusterError as error:
            raise ClusterError(
                f"{self.name} does not answer: {error.message}", f"unset {VARIABLE}, or repair it"
            ) from error

    def kubectl(self) -> Path:
        """The user's own client."""
        return Path("kubectl")

    def load(self, archive: Path) -> None:
        """Not possible: there is no one way into other people's nodes.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(
            f"{archive.name} cannot be loaded into {self.name}", "push it to where that cluster pulls from"
        )

    def down(self) -> None:
        """Nothing of ours is there."""
