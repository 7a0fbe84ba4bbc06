"""PodMonitor: where Prometheus finds the numbers of the nodes and of the dashboard."""

from mesoscale.manifests import deployment, statefulset
from mesoscale.manifests.target import PIPELINE, Target
from mesoscale.manifests.types import Child

INTERVAL = "15s"


def children(target: Target) -> list[Child]:
    """One for the whole pipeline: the pods without either port are passed over."""
    if not target.installation.monitoring:
        return []
    manifest = target.manifest("monitoring.coreos.com/v1", "PodMonitor", target.name(), "monitoring")
    ports = (statefulset.METRICS, deployment.HTTP)
    manifest["metadata"]["labels"] |= target.installation.monitoring_labels
    manifest["spec"] = {
        "selector": {"matchLabels": {PIPELINE: target.pipeline}},
        "podMetricsEndpoints": [{"port": port, "path": "/metrics", "interval": INTERVAL} for port in ports],
    }
    return [Child(manifest, "MonitoringReady")]
