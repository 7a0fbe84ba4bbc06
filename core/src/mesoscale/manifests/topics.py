"""KafkaTopic: one for each topic of the plan, where Strimzi's topic operator makes them."""

from mesoscale.manifests import brokers
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import DATA, Child
from mesoscale.model.base import DeletionPolicy
from mesoscale.plan.types import Topic


def children(target: Target) -> list[Child]:
    """All topics; none where the brokers are not Strimzi's."""
    cluster = brokers.of(target).cluster
    return [_topic(target, topic, cluster) for topic in target.plan.topics] if cluster else []


def _topic(target: Target, topic: Topic, cluster: str) -> Child:
    manifest = target.manifest("kafka.strimzi.io/v1", "KafkaTopic", object_name(topic), "topic", _producer(topic))
    manifest["metadata"]["labels"][brokers.CLUSTER_LABEL] = cluster
    manifest["spec"] = {
        "topicName": topic.name,
        "partitions": topic.partitions,
        "replicas": topic.replicas,
        "config": topic.config,
    }
    return Child(manifest, "TopicsReady", DATA, data=True, policy=policy(target, topic))


def object_name(topic: Topic) -> str:
    """The topic's own name, which no other pipeline's can be; an empty part, as in that of the positions, is filled."""
    return topic.name.replace("..", ".meso-")


def _producer(topic: Topic) -> str:
    """The node whose records, or whose dead letters, a topic holds; none for what all nodes share."""
    return topic.name.split(".")[1]  # empty in `nyc..positions`


def policy(target: Target, topic: Topic) -> DeletionPolicy:
    """A topic's own policy, or else the pipeline's; what all nodes share follows the pipeline."""
    spec = target.graph.pipeline.spec
    own = {one.name: one.topic for one in spec.sources} | {one.name: one.topic for one in spec.stages}
    settings = own.get(_producer(topic))
    return (settings.deletion_policy if settings else None) or spec.deletion_policy
