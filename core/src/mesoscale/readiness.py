"""Readiness: a live object → its state, in words, and what a person can do next. By codes and numbers, never by texts.

An object of a kind that is not named here is ready as soon as it is there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Word = Literal["Ready", "Progressing", "Failed", "Skipped", "Orphaned"]
Live = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """`message` says what is seen, `next_step` what to do about it; of programs, how many of how many are ready."""

    state: Word
    message: str = ""
    next_step: str = ""
    ready: int = 0
    programs: int = 0


READY = State("Ready")


def of(live: Live) -> State:
    """The state of an object as the API server gives it."""
    if "deletionTimestamp" in live["metadata"]:
        return State("Progressing", "is being deleted")
    look = _BY_KIND.get(live["kind"])
    return look(live) if look else READY


def _seen(live: Live) -> bool:
    """Whether its controller has looked at the object as it is now."""
    generation = live["metadata"].get("generation", 0)
    return bool(_status(live).get("observedGeneration", 0) >= generation)


def _status(live: Live) -> Mapping[str, Any]:
    status: Mapping[str, Any] = live.get("status") or {}
    return status


def _condition(live: Live, kind: str) -> Mapping[str, Any]:
    """The condition of that type, or an empty one."""
    found: Iterable[Mapping[str, Any]] = _status(live).get("conditions") or ()
    return next((one for one in found if one.get("type") == kind), {})


def _told(condition: Mapping[str, Any], otherwise: str) -> str:
    """What a condition says of itself."""
    words = [condition.get(part, "") for part in ("reason", "message")]
    return ": ".join(filter(None, words)) or otherwise


def _describe(live: Live) -> str:
    namespace, name = live["metadata"].get("namespace", "default"), live["metadata"]["name"]
    return f"kubectl -n {namespace} describe {live['kind'].lower()} {name}"


def _logs(live: Live) -> str:
    namespace, name = live["metadata"].get("namespace", "default"), live["metadata"]["name"]
    return f"kubectl -n {namespace} logs {live['kind'].lower()}/{name}"


def _stateful_set(live: Live) -> State:
    status, wanted = _status(live), live.get("spec", {}).get("replicas", 1)
    ready, newest = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    return _programs(live, wanted, ready, newest, status.get("replicas", 0))


def _deployment(live: Live) -> State:
    status, wanted = _status(live), live.get("spec", {}).get("replicas", 1)
    progress = _condition(live, "Progressing")
    if _seen(live) and progress.get("reason") == "ProgressDeadlineExceeded":
        return State("Failed", _told(progress, ""), _logs(live), status.get("readyReplicas", 0), wanted)
    ready, newest = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    return _programs(live, wanted, ready, newest, status.get("replicas", 0))


def _programs(live: Live, wanted: int, ready: int, newest: int, there: int) -> State:
    if not _seen(live):
        return State("Progressing", "is not looked at yet", "", min(ready, wanted), wanted)
    if there > wanted:
        return State("Progressing", f"{there - wanted} too many are being stopped", "", min(ready, wanted), wanted)
    if newest < wanted:
        return State("Progressing", f"{newest} of {wanted} are of the newest revision", _describe(live), ready, wanted)
    if ready < wanted:
        return State("Progressing", f"{ready} of {wanted} ready", _logs(live), ready, wanted)
    return State("Ready", f"{ready} of {wanted} ready", "", ready, wanted)


def _job(live: Live) -> State:
    if live.get("spec", {}).get("suspend"):
        return State("Ready", "begins when the pipeline ends")
    if _condition(live, "Complete").get("status") == "True":
        return State("Ready", "done")
    failed = _condition(live, "Failed")
    if failed.get("status") == "True":
        namespace, name = live["metadata"].get("namespace", "default"), live["metadata"]["name"]
        way_out = f"{_logs(live)}; when that is put right: kubectl -n {namespace} delete job {name}"
        return State("Failed", _told(failed, "gave up"), way_out)
    attempts = _status(live).get("failed", 0)
    again = f", after {attempts} attempt{'s' if attempts > 1 else ''} that failed" if attempts else ""
    return State("Progressing", f"is running{again}", _logs(live) if attempts else "")


def _by_condition(ready: str, who: str) -> Callable[[Live], State]:
    """Objects whose controller `who` says with the condition `ready` what it made of them."""

    def look(live: Live) -> State:
        condition = _condition(live, ready)
        if not condition or not _current(live):
            return State(
                "Progressing", f"{who} has not answered yet", f"see that {who} runs and watches this namespace"
            )
        if condition["status"] == "True":
            return READY
        return State("Failed", _told(condition, f"{who} cannot make it so"), _describe(live))

    return look


def _current(live: Live) -> bool:
    """Controllers that do not tell which generation they have seen are taken to have seen this one."""
    return "observedGeneration" not in _status(live) or _seen(live)


def _cluster(live: Live) -> State:
    status, wanted = _status(live), live.get("spec", {}).get("instances", 1)
    ready = status.get("readyInstances", 0)
    if not status:
        return State("Progressing", "CloudNativePG has not answered yet", "see that its operator runs")
    if _condition(live, "Ready").get("status") == "True" and ready >= wanted:
        return State("Ready", f"{ready} of {wanted} instances ready")
    phase = _sentence(status.get("phaseReason") or status.get("phase"))
    return State("Progressing", f"{ready} of {wanted} instances ready{phase}", _describe(live))


def _sentence(text: str | None) -> str:
    return f": {text}" if text else ""


def _database(live: Live) -> State:
    status = _status(live)
    if "applied" not in status or not _seen(live):
        return State("Progressing", "waits for its cluster")
    if status["applied"]:
        return READY
    return State("Failed", status.get("message") or "cannot be applied", _describe(live))


def _horizontal(live: Live) -> State:
    """Without metrics it changes nothing; what it scales goes on with as many processes as it has."""
    able = _condition(live, "ScalingActive")
    if not able:
        return State("Progressing", "is not looked at yet")
    if able["status"] == "True" or able.get("reason") == "ScalingDisabled":
        return READY
    return State("Progressing", _told(able, "has no metrics"), "see that metrics-server runs")


def _spark(live: Live) -> State:
    told = _status(live).get("applicationState") or {}
    state, why = told.get("state", ""), told.get("errorMessage", "")
    if state in ("RUNNING", "COMPLETED", "SUCCEEDING"):
        return State("Ready", state.lower())
    if state == "FAILED":
        return State("Failed", f"failed{_sentence(why)}", _driver_logs(live))
    if not state:
        return State(
            "Progressing", "Spark's operator has not answered yet", "see that it runs and watches this namespace"
        )
    return State("Progressing", f"{state.lower()}{_sentence(why)}", _describe(live))


def _driver_logs(live: Live) -> str:
    pod = (_status(live).get("driverInfo") or {}).get("podName")
    namespace = live["metadata"].get("namespace", "default")
    return f"kubectl -n {namespace} logs {pod}" if pod else _describe(live)


def _scheduled_spark(live: Live) -> State:
    state = _status(live).get("scheduleState", "")
    if state == "FailedValidation":
        return State("Failed", _status(live).get("reason") or "its schedule cannot be read", _describe(live))
    if live.get("spec", {}).get("suspend"):
        return State("Ready", "rests")
    if state == "Scheduled":
        return READY
    return State("Progressing", "Spark's operator has not answered yet", "see that it runs and watches this namespace")


_BY_KIND: Mapping[str, Callable[[Live], State]] = {
    "StatefulSet": _stateful_set,
    "Deployment": _deployment,
    "Job": _job,
    "KafkaTopic": _by_condition("Ready", "Strimzi's topic operator"),
    "KafkaUser": _by_condition("Ready", "Strimzi's user operator"),
    "Cluster": _cluster,
    "Database": _database,
    "ScaledObject": _by_condition("Ready", "KEDA"),
    "HorizontalPodAutoscaler": _horizontal,
    "SparkApplication": _spark,
    "ScheduledSparkApplication": _scheduled_spark,
}
