"""Deployment: the dashboard, from which people, Prometheus and the operator learn what has been counted."""

from mesoscale.manifests import document, pods
from mesoscale.manifests.fields import hash_of
from mesoscale.manifests.statefulset import REVISION
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest

COMPONENT = "dashboard"
PORT = 8080
HTTP = "http"  # the name of the port


def children(target: Target) -> list[Child]:
    """One: the dashboard keeps nothing, so a second would only read the same twice."""
    override = target.installation.replicas_override
    manifest = target.manifest("apps/v1", "Deployment", name(target), COMPONENT)
    manifest["spec"] = {
        "replicas": 1 if override is None else override,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": target.selector(COMPONENT)},
        "template": _template(target),
    }
    return [Child(manifest, "StreamsReady")]


def name(target: Target) -> str:
    return target.name(COMPONENT)


def _template(target: Target) -> Manifest:
    installed = target.installation
    container = pods.container(
        target,
        COMPONENT,
        installed.images.dashboard,
        ["python", "-m", "mesoscale_dashboard"],
        installed.resources.dashboard,
        target.services,
        {HTTP: PORT},
    )
    container["command"] += ["--listen", f"0.0.0.0:{PORT}"]
    container["livenessProbe"] = pods.probe("/healthz", HTTP, period=10, failures=6)
    container["readinessProbe"] = pods.probe("/readyz", HTTP, period=3, failures=2)
    revision = hash_of([document.text(target.graph), document.entries(target)])
    metadata = {"labels": target.labels(COMPONENT), "annotations": {REVISION: revision}}
    return {"metadata": metadata, "spec": pods.pod(target, container, name(target))}
