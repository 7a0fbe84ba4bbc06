"""ConfigMap: a Grafana dashboard of the pipeline, found by Grafana's sidecar through its label."""

from mesoscale.manifests import jsontext
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest

LABEL = "grafana_dashboard"  # the one that the sidecar of Grafana's chart looks for
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 12, 8  # of 24 columns; in rows


def children(target: Target) -> list[Child]:
    """One."""
    if not target.installation.monitoring:
        return []
    manifest = target.manifest("v1", "ConfigMap", target.name("meso-grafana"), "monitoring")
    manifest["metadata"]["labels"] |= {LABEL: "1"} | target.installation.monitoring_labels
    manifest["data"] = {f"mesoscale-{target.namespace}-{target.pipeline}.json": jsontext.indented(_dashboard(target))}
    return [Child(manifest, "MonitoringReady")]


def _dashboard(target: Target) -> Manifest:
    """https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/"""
    panels = _panels(f'{{namespace="{target.namespace}", pipeline="{target.pipeline}"}}')
    return {
        "uid": f"meso-{target.name()}"[:40],
        "title": f"Mesoscale: {target.namespace}/{target.pipeline}",
        "tags": ["mesoscale"],
        "timezone": "utc",
        "refresh": "10s",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [{**panel, "id": place + 1, "gridPos": _position(place)} for place, panel in enumerate(panels)],
    }


def _panels(ours: str) -> list[Manifest]:
    def rate(what: str, by: str = "node") -> str:
        return f"sum by ({by}) (rate(mesoscale_{what}_total{ours}[1m]))"

    slow = f"sum by (node, le) (rate(mesoscale_batch_duration_seconds_bucket{ours}[5m]))"
    return [
        _graph("Records read a second", rate("records_read"), "{{node}}", "short"),
        _graph("Records written a second", rate("records_produced"), "{{node}}", "short"),
        _graph("Lag", f"sum by (node) (mesoscale_consumer_lag_records{ours})", "{{node}}", "short"),
        _graph(
            "Rejected a second, by reason", rate("records_rejected", "node, reason"), "{{node}} {{reason}}", "short"
        ),
        _single("Ledger", f"max(mesoscale_ledger_closed{ours})"),
        _graph("Batch, 99th percentile", f"histogram_quantile(0.99, {slow})", "{{node}}", "s"),
        _graph("Seconds since the last commit", _since(ours), "{{node}}", "s"),
        _graph("Begun again, by cause", rate("retries", "node, cause"), "{{node}} {{cause}}", "short"),
    ]


def _since(ours: str) -> str:
    return f"time() - max by (node) (mesoscale_last_commit_timestamp_seconds{ours})"


def _position(place: int) -> dict[str, int]:
    return {"x": place % 2 * _WIDTH, "y": place // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}


def _query(expr: str, legend: str) -> Manifest:
    return {"refId": "A", "datasource": _SOURCE, "expr": expr, "legendFormat": legend}


def _graph(title: str, expr: str, legend: str, unit: str) -> Manifest:
    defaults = {"unit": unit, "min": 0}
    return {
        "type": "timeseries",
        "title": title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [_query(expr, legend)],
    }


def _single(title: str, expr: str) -> Manifest:
    """One number that is 1 where all is well."""
    words = {"0": {"text": "open", "color": "red"}, "1": {"text": "closed", "color": "green"}}
    defaults = {"mappings": [{"type": "value", "options": words}]}
    return {
        "type": "stat",
        "title": title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"]}},
        "targets": [_query(expr, "")],
    }
