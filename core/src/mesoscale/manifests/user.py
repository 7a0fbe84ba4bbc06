"""KafkaUser: who a pipeline's programs are to Strimzi's brokers; they may touch what bears its name and no more."""

from typing import Any

from mesoscale import naming
from mesoscale.manifests import brokers
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child


def children(target: Target) -> list[Child]:
    """One user, where Strimzi's listener asks who somebody is."""
    found = brokers.of(target)
    if not (found.cluster and found.secret):
        return []
    manifest = target.manifest("kafka.strimzi.io/v1", "KafkaUser", found.secret, "user")
    manifest["metadata"]["labels"][brokers.CLUSTER_LABEL] = found.cluster
    installed = target.installation.kafka
    manifest["spec"] = {"authentication": {"type": installed.authentication}}
    if installed.authorization:  # a cluster that checks nothing refuses users with rules
        manifest["spec"]["authorization"] = {"type": "simple", "acls": _rules(target.pipeline)}
    return [Child(manifest, "TopicsReady")]


def _rules(pipeline: str) -> list[dict[str, Any]]:
    """A pipeline's name holds no dot, so that of another never begins with this one and a dot."""
    prefix = naming.topic(pipeline, "")
    kinds = (
        ("topic", ["Describe", "DescribeConfigs", "Read", "Write"]),
        ("group", ["Describe", "Read"]),
        ("transactionalId", ["Describe", "Write"]),
    )
    return [
        {"resource": {"type": kind, "name": prefix, "patternType": "prefix"}, "operations": operations}
        for kind, operations in kinds
    ]
