"""Job: makes the topics of brokers that are not Strimzi's, and the tables; in the end one deletes such topics.

Another plan is another Job.

A finished Job stays as the record that its work is done. If it went by itself after a time, it would be missing, be
made again, and do its work again; the one of an older plan goes because the plan no longer names it.
"""

from mesoscale.manifests import account, brokers, database, pods, statefulset, topics
from mesoscale.manifests.fields import hash_of
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import TOPICS, Child, Manifest

ATTEMPTS = 20  # with pauses of up to six minutes: about an hour and a half
ATTEMPTS_AT_THE_END = 2
HOPELESS = [2, 3]  # exit codes after which another attempt would end the same: document refused, plan refused


def children(target: Target) -> list[Child]:
    """None where there is nothing to make."""
    kafka = [] if brokers.of(target).cluster else [_topics(target), *_removal(target)]
    return [*kafka, *([_schema(target)] if database.used(target) else [])]


def _topics(target: Target) -> Child:
    made = [topic.model_dump(mode="json") for topic in target.plan.topics]
    job = _job(target, "topics", ("kafka",), ["topics", *_adopting(target)], made)
    return Child(_named(target, "topics", "topics", job), "TopicsReady")


def _schema(target: Target) -> Child:
    made = [table.model_dump(mode="json") for table in target.plan.tables]
    job = _job(target, "schema", ("postgresql",), ["schema", *_adopting(target)], made)
    return Child(_named(target, "schema", "schema", job), "SchemaReady")


def _removal(target: Target) -> list[Child]:
    """What deletes topics that are not to outlive the document; no object stands for them, whose end would be theirs.

    It rests until the document is deleted and all who use the topics are gone; then the operator lets it begin.
    """
    ends = [topic.name for topic in target.plan.topics if topics.policy(target, topic) == "delete"]
    if not ends or target.installation.replicas_override == 0:
        return []
    words = ["remove", "--pipeline", target.pipeline, *(f"--topic={name}" for name in ends)]
    job = _job(target, "topics", ("kafka",), words, ends, pods.WHERE_SERVICES_ARE)
    # The document's end waits for it, and not for long.
    job |= {"suspend": True, "backoffLimit": ATTEMPTS_AT_THE_END}
    return [Child(_named(target, "remove-topics", "topics", job), "TopicsReady", TOPICS)]


def _adopting(target: Target) -> list[str]:
    return ["--adopt"] if target.graph.pipeline.spec.adoption == "adopt" else []


def _job(
    target: Target,
    component: str,
    services: tuple[str, ...],
    words: list[str],
    made: object,
    told: tuple[str, ...] = pods.TOLD,
) -> Manifest:
    """The spec of a Job that runs a program of ours once; `made` is what tells it from one with other work."""
    images, resources = target.installation.images, target.installation.resources
    command = ["python", "-m", "mesoscale_streams", *words]
    container = pods.container(target, component, images.streams, command, resources.preparation, services, told=told)
    metadata = {"labels": target.labels(component), "annotations": {statefulset.REVISION: hash_of(made)}}
    spec = pods.pod(target, container, account.preparation(target), restartPolicy="Never")
    give_up = {"action": "FailJob", "onExitCodes": {"containerName": component, "operator": "In", "values": HOPELESS}}
    return {
        "backoffLimit": ATTEMPTS,
        "podFailurePolicy": {"rules": [give_up]},
        "template": {"metadata": metadata, "spec": spec},
    }


def _named(target: Target, name: str, component: str, job: Manifest) -> Manifest:
    manifest = target.manifest("batch/v1", "Job", target.name(name, hash_of(job, 8)), component)
    idle = {"parallelism": 0} if target.installation.replicas_override == 0 else {}
    return manifest | {"spec": job | idle}
