"""Job: makes the topics of brokers that are not Strimzi's, and the tables; another plan is another Job.

A finished Job stays as the record that its work is done. If it went by itself after a time, it would be missing, be
made again, and do its work again; the one of an older plan goes because the plan no longer names it.
"""

from mesoscale.manifests import account, brokers, database, pods, statefulset
from mesoscale.manifests.fields import hash_of
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.status import Aspect

ATTEMPTS = 20  # with pauses of up to six minutes: about an hour and a half
HOPELESS = [2, 3]  # exit codes after which another attempt would end the same: document refused, plan refused


def children(target: Target) -> list[Child]:
    """None where there is nothing to make."""
    topics = [] if brokers.of(target).cluster else [_topics(target)]
    return [*topics, *([_schema(target)] if database.used(target) else [])]


def _topics(target: Target) -> Child:
    made = [topic.model_dump(mode="json") for topic in target.plan.topics]
    return _job(target, "topics", "TopicsReady", ("kafka",), made)


def _schema(target: Target) -> Child:
    made = [table.model_dump(mode="json") for table in target.plan.tables]
    return _job(target, "schema", "SchemaReady", ("postgresql",), made)


def _job(target: Target, program: str, condition: Aspect, services: tuple[str, ...], made: list[Manifest]) -> Child:
    adopt = ["--adopt"] if target.graph.pipeline.spec.adoption == "adopt" else []
    command = ["python", "-m", "mesoscale_streams", program, *adopt]
    images, resources = target.installation.images, target.installation.resources
    container = pods.container(target, program, images.streams, command, resources.preparation, services)
    metadata = {"labels": target.labels(program), "annotations": {statefulset.REVISION: hash_of(made)}}
    spec = pods.pod(target, container, account.preparation(target), restartPolicy="Never")
    give_up = {"action": "FailJob", "onExitCodes": {"containerName": program, "operator": "In", "values": HOPELESS}}
    job = {
        "backoffLimit": ATTEMPTS,
        "podFailurePolicy": {"rules": [give_up]},
        "template": {"metadata": metadata, "spec": spec},
    }
    manifest = target.manifest("batch/v1", "Job", target.name(program, hash_of(job, 8)), program)
    idle = {"parallelism": 0} if target.installation.replicas_override == 0 else {}
    return Child(manifest | {"spec": job | idle}, condition)
