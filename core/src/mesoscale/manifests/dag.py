"""ConfigMap: what Airflow is to run, as data. The file that makes DAGs of it is part of Airflow's image (`dags/`).

Code never travels this way: whoever may write a ConfigMap beside a pipeline could else run programs inside Airflow.
"""

from typing import TypedDict

from mesoscale.manifests import jsontext, spark
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.job import Job

LABEL = "mesoscale.dev/dag"  # by which whoever brings them to Airflow finds them
VERSION = 1  # of the shape below
_EXECUTOR, _FOLDER, _TEMPLATE = "meso-executor", "/mesoscale/spark", "executor.yaml"
_DRIVER_PORT, _BLOCKS_PORT = 7078, 7079


class Task(TypedDict):
    """One pod to run, as the API server takes it: metadata and spec."""

    taskId: str
    pod: Manifest


class Dag(TypedDict):
    """Tasks with one schedule (cron in UTC, or null: started by hand); `dagId` is unique over all namespaces."""

    dagId: str
    description: str
    schedule: str | None
    namespace: str
    tags: list[str]
    retries: int
    tasks: list[Task]


class Dags(TypedDict):
    """All of one pipeline, in one file `NAMESPACE.PIPELINE.json`."""

    version: int
    pipeline: str
    dags: list[Dag]


def children(target: Target) -> list[Child]:
    """One, where Airflow is there and has anything to run."""
    if not (target.installation.airflow.enabled and target.jobs):
        return []
    dags = Dags(version=VERSION, pipeline=target.pipeline, dags=[_dag(target, job) for job in target.jobs])
    manifest = target.manifest("v1", "ConfigMap", target.name("dag"), "dag")
    manifest["metadata"]["labels"][LABEL] = "true"
    manifest["data"] = {f"{target.namespace}.{target.pipeline}.json": jsontext.indented(dags)}
    return [Child(manifest, "OrchestrationReady"), _executor(target)]


def _executor(target: Target) -> Child:
    """The template of the executors, which Spark in client mode wants as a file beside the driver."""
    manifest = target.manifest("v1", "ConfigMap", target.name(_EXECUTOR), "dag")
    manifest["data"] = {_TEMPLATE: jsontext.indented({"spec": spark.executor(target)})}
    return Child(manifest, "OrchestrationReady")


def _dag(target: Target, job: Job) -> Dag:
    """A DAG for each job, since each has a schedule of its own."""
    return Dag(
        dagId=f"{target.namespace}.{target.pipeline}.{job.name}",
        description=f"job {job.name} of pipeline {target.pipeline}",
        schedule=job.schedule,
        namespace=target.namespace,
        tags=["mesoscale", target.pipeline],
        retries=2,
        tasks=[Task(taskId=job.name, pod=_pod(target, job))],
    )


def _pod(target: Target, job: Job) -> Manifest:
    """Spark's driver as the task itself, so that Airflow has its log and its end; it starts the executors."""
    spec = spark.driver(target, job)
    size, [container] = target.installation.spark, spec["containers"]
    container |= {
        "name": "base",  # what Airflow calls the container that it waits for
        "image": spark.image(target, job),
        "imagePullPolicy": target.installation.image_pull_policy,
        "command": ["/opt/spark/bin/spark-submit", *_arguments(target, job)],
        "env": [_of_pod("POD_NAME", "metadata.name"), _of_pod("POD_IP", "status.podIP")],
        "resources": {"requests": {"cpu": size.core_request}},
    }
    container["volumeMounts"].append({"name": "executor", "mountPath": _FOLDER, "readOnly": True})
    spec["volumes"].append({"name": "executor", "configMap": {"name": target.name(_EXECUTOR)}})
    spec |= {"serviceAccountName": target.name(job.name), "restartPolicy": "Never"}
    if secrets := target.installation.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in secrets]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": target.namespace, "labels": target.labels("job", job.name)},
        "spec": spec,
    }


def _of_pod(name: str, field: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}


def _arguments(target: Target, job: Job) -> list[str]:
    """Client mode: https://spark.apache.org/docs/latest/running-on-kubernetes.html#client-mode"""
    conf = {**spark.CONF, **_driver_conf(target), **_executor_conf(target, job)}
    pairs = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    master = ["--master", "k8s://https://kubernetes.default.svc", "--deploy-mode", "client"]
    return [*master, "--name", target.name(job.name), *pairs, spark.program(job)]


def _driver_conf(target: Target) -> dict[str, str]:
    return {
        "spark.kubernetes.namespace": target.namespace,
        "spark.kubernetes.driver.pod.name": "$(POD_NAME)",  # its executors end with it
        "spark.driver.host": "$(POD_IP)",
        "spark.driver.port": str(_DRIVER_PORT),
        "spark.driver.blockManager.port": str(_BLOCKS_PORT),
        "spark.driver.memory": target.installation.spark.driver_memory,
    }


def _executor_conf(target: Target, job: Job) -> dict[str, str]:
    size, least, most = target.installation.spark, job.executors.min, job.executors.max
    labels = target.selector("job", job.name)
    count = {"spark.executor.instances": str(least)}
    if least < most:
        count = {
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.shuffleTracking.enabled": "true",
            "spark.dynamicAllocation.minExecutors": str(least),
            "spark.dynamicAllocation.maxExecutors": str(most),
        }
    return {
        "spark.kubernetes.container.image": spark.image(target, job),
        "spark.kubernetes.container.image.pullPolicy": target.installation.image_pull_policy,
        "spark.kubernetes.executor.podTemplateFile": f"{_FOLDER}/{_TEMPLATE}",
        "spark.kubernetes.executor.request.cores": size.core_request,
        "spark.executor.cores": str(size.cores),
        "spark.executor.memory": size.executor_memory,
        **count,
        **{f"spark.kubernetes.executor.label.{name}": value for name, value in labels.items()},
    }
