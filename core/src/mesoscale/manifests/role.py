"""Role and RoleBinding: what Spark's drivers may do to run executors, and Airflow's workers to run tasks."""

from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.status import Aspect

API = "rbac.authorization.k8s.io/v1"

# By the audit log of runs with a fixed and a changing number of executors; `delete` is for executors that fail.
DRIVER = [
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["create", "delete", "deletecollection", "get", "list", "watch"],
    },
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "deletecollection"]},  # of the executors
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["deletecollection", "list"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["deletecollection"]},
]
WORKER = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "get", "list", "patch", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
]


def children(target: Target) -> list[Child]:
    """A pair for each driver, and one for Airflow."""
    drivers = [
        child
        for job in target.jobs
        for child in _pair(target, target.name(job.name), DRIVER, _account(target, job.name), "BatchReady")
    ]
    return [*drivers, *_airflow(target)]


def _airflow(target: Target) -> list[Child]:
    airflow = target.installation.airflow
    if not (airflow.enabled and target.jobs):
        return []
    worker = {"kind": "ServiceAccount", "name": airflow.service_account, "namespace": airflow.namespace}
    return _pair(target, target.name("meso-airflow"), WORKER, worker, "OrchestrationReady")


def _account(target: Target, job: str) -> Manifest:
    return {"kind": "ServiceAccount", "name": target.name(job), "namespace": target.namespace}


def _pair(target: Target, name: str, rules: list[Manifest], subject: Manifest, condition: Aspect) -> list[Child]:
    role = target.manifest(API, "Role", name, "access") | {"rules": rules}
    binding = target.manifest(API, "RoleBinding", name, "access") | {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [subject],
    }
    return [Child(role, condition), Child(binding, condition)]
