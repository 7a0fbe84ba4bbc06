"""What the platform drives, from packages alone: one module a part, installed into whichever cluster is used."""

from cluster.choose import Cluster
from cluster.errors import ClusterError
from cluster.parts import cloudnative_pg, kafka, keda, prometheus, spark, strimzi
from cluster.parts.part import Part

_PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        strimzi.PART,
        keda.TYPES,
        prometheus.TYPES,
        cloudnative_pg.PART,
        kafka.PART,
        spark.PART,
        prometheus.PART,
        keda.PART,
    )
}
NAMES = tuple(_PARTS)
# The operators of KEDA and Prometheus are left out, as they take long to build: tests want their types only.
FOR_TESTS = ("strimzi-crds", "keda-crds", "prometheus-crds", "cloudnative-pg", "kafka", "spark")


def build(name: str) -> None:
    """Make all that a part needs, without a cluster.

    Raises:
        ClusterError: it cannot be made.
    """
    _named(name).build()


def missing_for_tests(cluster: Cluster) -> list[str]:
    """Parts that tests want, that are built, and that are not in the cluster as they would be now."""
    return [name for name in FOR_TESTS if _PARTS[name].is_built() and not _PARTS[name].is_installed(cluster)]


def install(name: str, cluster: Cluster) -> None:
    """Install a part, or bring it up to date.

    Raises:
        ClusterError: it cannot be made, or does not come up.
    """
    _named(name).install(cluster)


def _named(name: str) -> Part:
    if name not in _PARTS:
        raise ClusterError(f"there is no part {name!r}", f"parts are {', '.join(NAMES)}")
    return _PARTS[name]
