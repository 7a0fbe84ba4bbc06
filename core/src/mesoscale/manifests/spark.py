"""SparkApplication and ScheduledSparkApplication: a job with a program of the user's own.

The pods are made by templates, which need no webhook of Spark's operator; Spark fills in the container of its name.
"""

from mesoscale.manifests import pods
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.job import Job

API = "sparkoperator.k8s.io/v1beta2"
RETRY = {
    "type": "OnFailure",
    "onFailureRetries": 2,
    "onFailureRetryInterval": 30,  # seconds
    "onSubmissionFailureRetries": 3,
    "onSubmissionFailureRetryInterval": 30,
}
CONF = {"spark.jars.ivy": "/tmp/.ivy2", "spark.ui.showConsoleProgress": "false"}  # the rest of the disk is read-only


def children(target: Target) -> list[Child]:
    """One for each such job."""
    return [_scheduled(target, job, job.schedule) if job.schedule else _once(target, job) for job in target.jobs]


def _once(target: Target, job: Job) -> Child:
    manifest = target.manifest(API, "SparkApplication", target.name(job.name), "job", job.name)
    manifest["spec"] = _spec(target, job)
    return Child(manifest, "BatchReady")


def _scheduled(target: Target, job: Job, schedule: str) -> Child:
    """Where Airflow keeps the schedules this one rests; a person can still see it, and let it run."""
    manifest = target.manifest(API, "ScheduledSparkApplication", target.name(job.name), "job", job.name)
    manifest["spec"] = {
        "schedule": schedule,
        "timeZone": "UTC",
        "suspend": target.paused or target.installation.airflow.enabled,
        "concurrencyPolicy": "Forbid",
        "successfulRunHistoryLimit": 2,
        "failedRunHistoryLimit": 3,
        "template": _spec(target, job),
    }
    return Child(manifest, "BatchReady")


def image(target: Target, job: Job) -> str:
    return job.image or target.installation.images.spark


def program(job: Job) -> str:
    """Where Spark finds the program in the pod of its driver."""
    return f"local://{pods.CODE if job.image else pods.DOCUMENT}/{job.program}"


def _spec(target: Target, job: Job) -> Manifest:
    size, installed = target.installation.spark, target.installation
    labels = target.selector("job", job.name)
    secrets = installed.image_pull_secrets
    return {
        "type": "Python",
        "pythonVersion": "3",
        "mode": "cluster",
        "sparkVersion": size.version,
        "image": image(target, job),
        "imagePullPolicy": installed.image_pull_policy,
        **({"imagePullSecrets": list(secrets)} if secrets else {}),
        "mainApplicationFile": program(job),
        "sparkConf": CONF,
        "restartPolicy": RETRY,
        "driver": {
            "cores": size.cores,
            "coreRequest": size.core_request,
            "memory": size.driver_memory,
            "serviceAccount": target.name(job.name),
            "labels": labels,
            "template": {"spec": driver(target, job)},
        },
        "executor": {
            "cores": size.cores,
            "coreRequest": size.core_request,
            "memory": size.executor_memory,
            "serviceAccount": target.name(job.name),
            "labels": labels,
            "template": {"spec": executor(target)},
            **({"instances": job.executors.min} if job.executors.min == job.executors.max else {}),
        },
        **_allocation(job),
    }


def _allocation(job: Job) -> Manifest:
    """Executors come and go with the work, where there may be more than the least."""
    least, most = job.executors.min, job.executors.max
    if least == most:
        return {}
    allocation = {"enabled": True, "initialExecutors": least, "minExecutors": least, "maxExecutors": most}
    return {"dynamicAllocation": allocation | {"shuffleTrackingEnabled": True}}


def driver(target: Target, job: Job) -> Manifest:
    """What Spark's driver needs beside what Spark knows of: the document, bindings, code, and a token."""
    mounted = pods.mounts(target.services)
    container = {
        "name": "spark-kubernetes-driver",
        "securityContext": pods.container_security(),
        "volumeMounts": mounted,
    }
    return {
        "securityContext": pods.security(target.installation.spark.user),
        "automountServiceAccountToken": True,
        "containers": [container],
        "volumes": pods.volumes(target, mounted, [job.program or ""]),
    }


def executor(target: Target) -> Manifest:
    """An executor gets its code and data from the driver; it needs a place to write and nothing else."""
    container = {
        "name": "spark-kubernetes-executor",
        "securityContext": pods.container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "securityContext": pods.security(target.installation.spark.user),
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
    }
