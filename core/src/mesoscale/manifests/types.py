"""Child, Key and Kind: the Kubernetes objects of a pipeline as values, and every kind of them that there may be."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mesoscale.model.base import DeletionPolicy
from mesoscale.model.status import Aspect

Manifest = dict[str, Any]

Project = Literal["Kubernetes", "Strimzi", "CloudNativePG", "KEDA", "Spark operator", "Prometheus operator"]

SOURCES, STAGES, SINKS, TOPICS, REST, DATA = range(6)  # waves of a teardown, in order


class Key(NamedTuple):
    """What identifies an object within its namespace."""

    api_version: str
    kind: str
    name: str


class Kind(NamedTuple):
    """A kind of object that may be a child. `data`: an object whose end is the end of records or rows."""

    api_version: str
    kind: str
    plural: str
    project: Project
    data: bool = False


KINDS = (
    Kind("v1", "ConfigMap", "configmaps", "Kubernetes"),
    Kind("v1", "Service", "services", "Kubernetes"),
    Kind("v1", "ServiceAccount", "serviceaccounts", "Kubernetes"),
    Kind("apps/v1", "Deployment", "deployments", "Kubernetes"),
    Kind("apps/v1", "StatefulSet", "statefulsets", "Kubernetes"),
    Kind("batch/v1", "Job", "jobs", "Kubernetes"),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "Kubernetes"),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "Kubernetes"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "Kubernetes"),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles", "Kubernetes"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", "Kubernetes"),
    Kind("kafka.strimzi.io/v1", "KafkaTopic", "kafkatopics", "Strimzi", data=True),
    Kind("kafka.strimzi.io/v1", "KafkaUser", "kafkausers", "Strimzi"),
    Kind("postgresql.cnpg.io/v1", "Cluster", "clusters", "CloudNativePG", data=True),
    Kind("postgresql.cnpg.io/v1", "Database", "databases", "CloudNativePG", data=True),
    Kind("postgresql.cnpg.io/v1", "ScheduledBackup", "scheduledbackups", "CloudNativePG"),
    Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects", "KEDA"),
    Kind("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications", "KEDA"),
    Kind("sparkoperator.k8s.io/v1beta2", "SparkApplication", "sparkapplications", "Spark operator"),
    Kind("sparkoperator.k8s.io/v1beta2", "ScheduledSparkApplication", "scheduledsparkapplications", "Spark operator"),
    Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors", "Prometheus operator"),
    Kind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules", "Prometheus operator"),
)


@dataclass(frozen=True, slots=True)
class Child:
    """An object to exist. The operator adds its owner; everything else is in the manifest.

    An object with our labels need not be a child: KEDA, Spark's operator and others copy the labels of ours onto what
    they make. What is a child was applied by us and has the pipeline as its owner.

    `condition` is the one it counts for, `wave` when it goes in a teardown, `policy` what becomes of it when the
    document no longer names it; only for those with `data` may that be other than delete.
    """

    manifest: Manifest
    condition: Aspect
    wave: int = REST
    data: bool = False
    policy: DeletionPolicy = "delete"


def key(manifest: Manifest) -> Key:
    """The identity of a manifest or of a live object."""
    return Key(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])


def kind_of(manifest: Manifest) -> Kind:
    """The kind of a manifest.

    Raises:
        KeyError: it is none that a pipeline has.
    """
    return _BY_NAME[manifest["apiVersion"], manifest["kind"]]


_BY_NAME = {(kind.api_version, kind.kind): kind for kind in KINDS}
