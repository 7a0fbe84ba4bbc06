"""What is seen of an object is told in words, and by numbers and codes only."""

from typing import Any

import pytest

from mesoscale import readiness
from mesoscale.readiness import State


def live(kind: str, status: dict[str, Any] | None = None, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"kind": kind, "metadata": {"name": "nyc-felt", "namespace": "weather", "generation": 2}, "spec": spec or {}}
    return body | ({} if status is None else {"status": status})


def condition(kind: str, status: str, **more: str) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


STATEFUL = {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2}
DATABASE = {"readyInstances": 2, "conditions": [condition("Ready", "True")], "phase": "Cluster in healthy state"}

TABLE = [
    (live("ConfigMap"), "Ready", ""),
    (live("Service", {"loadBalancer": {}}), "Ready", ""),
    # StatefulSet: how many are wanted, of the newest revision, ready
    (live("StatefulSet", STATEFUL, {"replicas": 2}), "Ready", "2 of 2 ready"),
    (live("StatefulSet", STATEFUL | {"observedGeneration": 1}, {"replicas": 2}), "Progressing", "is not looked at yet"),
    (live("StatefulSet", None, {"replicas": 2}), "Progressing", "is not looked at yet"),
    (live("StatefulSet", STATEFUL | {"readyReplicas": 1}, {"replicas": 2}), "Progressing", "1 of 2 ready"),
    (
        live("StatefulSet", STATEFUL | {"updatedReplicas": 1}, {"replicas": 2}),
        "Progressing",
        "1 of 2 are of the newest revision",
    ),
    (live("StatefulSet", STATEFUL | {"replicas": 3}, {"replicas": 2}), "Progressing", "1 too many are being stopped"),
    (live("StatefulSet", {"observedGeneration": 2, "replicas": 0}, {"replicas": 0}), "Ready", "0 of 0 ready"),
    (
        live("StatefulSet", {"observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}),
        "Ready",
        "1 of 1 ready",
    ),
    # Deployment
    (live("Deployment", STATEFUL, {"replicas": 2}), "Ready", "2 of 2 ready"),
    (
        live(
            "Deployment",
            {
                "observedGeneration": 2,
                "conditions": [condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="late")],
            },
        ),
        "Failed",
        "ProgressDeadlineExceeded: late",
    ),
    # Job
    (live("Job", {"active": 1}), "Progressing", "is running"),
    (live("Job", {"active": 1, "failed": 2}), "Progressing", "is running, after 2 attempts that failed"),
    (live("Job", {"conditions": [condition("Complete", "True")]}), "Ready", "done"),
    (
        live("Job", {"conditions": [condition("Failed", "True", reason="BackoffLimitExceeded", message="too often")]}),
        "Failed",
        "BackoffLimitExceeded: too often",
    ),
    # Strimzi
    (live("KafkaTopic", {"observedGeneration": 2, "conditions": [condition("Ready", "True")]}), "Ready", ""),
    (live("KafkaTopic"), "Progressing", "Strimzi's topic operator has not answered yet"),
    (
        live("KafkaTopic", {"observedGeneration": 1, "conditions": [condition("Ready", "True")]}),
        "Progressing",
        "Strimzi's topic operator has not answered yet",
    ),
    (
        live("KafkaTopic", {"conditions": [condition("Ready", "False", reason="NotSupported", message="fewer")]}),
        "Failed",
        "NotSupported: fewer",
    ),
    (live("KafkaUser", {"conditions": [condition("Ready", "True")]}), "Ready", ""),
    # CloudNativePG
    (live("Cluster", None, {"instances": 2}), "Progressing", "CloudNativePG has not answered yet"),
    (live("Cluster", DATABASE, {"instances": 2}), "Ready", "2 of 2 instances ready"),
    (
        live("Cluster", {"readyInstances": 1, "phase": "Creating a new replica"}, {"instances": 2}),
        "Progressing",
        "1 of 2 instances ready: Creating a new replica",
    ),
    (live("Database"), "Progressing", "waits for its cluster"),
    (live("Database", {"applied": True, "observedGeneration": 2}), "Ready", ""),
    (live("Database", {"applied": True, "observedGeneration": 1}), "Progressing", "waits for its cluster"),
    (live("Database", {"applied": False, "observedGeneration": 2, "message": "no owner"}), "Failed", "no owner"),
    # Autoscaling
    (live("ScaledObject", {"conditions": [condition("Ready", "True")]}), "Ready", ""),
    (
        live("ScaledObject", {"conditions": [condition("Ready", "False", message="no brokers")]}),
        "Failed",
        "no brokers",
    ),
    (live("HorizontalPodAutoscaler"), "Progressing", "is not looked at yet"),
    (live("HorizontalPodAutoscaler", {"conditions": [condition("ScalingActive", "True")]}), "Ready", ""),
    (
        live("HorizontalPodAutoscaler", {"conditions": [condition("ScalingActive", "False", reason="NoMetrics")]}),
        "Progressing",
        "NoMetrics",
    ),
    (
        live(
            "HorizontalPodAutoscaler", {"conditions": [condition("ScalingActive", "False", reason="ScalingDisabled")]}
        ),
        "Ready",
        "",
    ),
    # Spark
    (live("SparkApplication"), "Progressing", "Spark's operator has not answered yet"),
    (live("SparkApplication", {"applicationState": {"state": "SUBMITTED"}}), "Progressing", "submitted"),
    (live("SparkApplication", {"applicationState": {"state": "RUNNING"}}), "Ready", "running"),
    (live("SparkApplication", {"applicationState": {"state": "COMPLETED"}}), "Ready", "completed"),
    (
        live("SparkApplication", {"applicationState": {"state": "FAILED", "errorMessage": "exit 1"}}),
        "Failed",
        "failed: exit 1",
    ),
    (live("ScheduledSparkApplication", {"scheduleState": "Scheduled"}), "Ready", ""),
    (live("ScheduledSparkApplication", {}, {"suspend": True}), "Ready", "rests"),
    (live("ScheduledSparkApplication", {"scheduleState": "FailedValidation", "reason": "cron"}), "Failed", "cron"),
]


@pytest.mark.parametrize(("body", "state", "message"), TABLE, ids=lambda value: value if isinstance(value, str) else "")
def test_the_state_of_an_object_follows_from_what_is_seen_of_it(body: dict[str, Any], state: str, message: str) -> None:
    told = readiness.of(body)
    assert (told.state, told.message) == (state, message)


def test_what_is_being_deleted_is_not_ready_whatever_its_status() -> None:
    body = live("StatefulSet", STATEFUL, {"replicas": 2})
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert readiness.of(body) == State("Progressing", "is being deleted")


def test_whoever_failed_is_told_what_to_do() -> None:
    for body, state, _ in TABLE:
        if state == "Failed":
            assert readiness.of(body).next_step.startswith("kubectl -n weather "), body


def test_programs_are_counted() -> None:
    some = readiness.of(live("StatefulSet", STATEFUL | {"readyReplicas": 1}, {"replicas": 2}))
    assert (some.ready, some.programs) == (1, 2)
