"""What the platform drives, from packages alone: installed by name into whichever cluster is used."""

from collections.abc import Callable, Mapping

from cluster.choose import Cluster

_INSTALL: Mapping[str, Callable[[Cluster], None]] = {}
NAMES = tuple(_INSTALL)


def install(name: str, cluster: Cluster) -> None:
    """Install a part, or bring it up to date.

    Raises:
        ClusterError: it cannot be.
    """
    _INSTALL[name](cluster)
