"""PrometheusRule: what somebody should be told, each with what it means and what to do.

The metrics are those of `mesoscale_streams.metrics`, of the dashboard and of the operator; `up` is Prometheus' own.
"""

from mesoscale import units
from mesoscale.manifests import statefulset
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.slo import Slo

REJECTED_SHARE = 0.01  # of the records read in ten minutes
FAST_BURN = (
    14.4  # times the errors allowed: a month's budget in two days (https://sre.google/workbook/alerting-on-slos/)
)
SILENT = 300  # seconds without any event, after which the operator is taken for deaf


def children(target: Target) -> list[Child]:
    """One, with a group of alerts."""
    if not target.installation.monitoring:
        return []
    manifest = target.manifest("monitoring.coreos.com/v1", "PrometheusRule", target.name(), "monitoring")
    manifest["metadata"]["labels"] |= target.installation.monitoring_labels
    rules = [*_of_records(target), *_of_objectives(target), *_of_programs(target), _of_the_operator(target)]
    manifest["spec"] = {"groups": [{"name": f"mesoscale.{target.pipeline}", "rules": rules}]}
    return [Child(manifest, "MonitoringReady")]


def _slo(target: Target) -> Slo:
    return target.graph.pipeline.spec.slo or Slo()


def _of_records(target: Target) -> list[Manifest]:
    """What goes wrong with records: too far behind, too many refused, some unaccounted for."""
    ours = _ours(target)
    read, rejected = (
        f"sum by (node) (rate(mesoscale_records_{what}_total{ours}[10m]))" for what in ("read", "rejected")
    )
    return [
        _alert(
            target,
            "MesoscaleLag",
            f"sum by (node) (mesoscale_consumer_lag_records{ours}) > {_slo(target).max_lag}",
            "10m",
            "{{ $labels.node }} is {{ $value }} records behind",
            "Look whether it is ready and how long its batches take; raise scale.max up to the topic's partitions.",
        ),
        _alert(
            target,
            "MesoscaleRejected",
            f"{rejected} / {read} > {REJECTED_SHARE}",
            "10m",
            "{{ $labels.node }} refuses {{ $value | humanizePercentage }} of what it reads",
            "The dead letter topic holds each record with its reason; the label reason of the metric counts them.",
        ),
        _alert(
            target,
            "MesoscaleLedgerOpen",
            f"max(mesoscale_ledger_closed{ours}) == 0",
            "15m",
            "records are unaccounted for",
            "The dashboard and meso status show the node or edge whose counts do not add up.",
            severity="critical",
        ),
    ]


def _of_objectives(target: Target) -> list[Manifest]:
    """What section slo promises, or its defaults."""
    slo = _slo(target)
    fresh, allowed = units.seconds(slo.freshness), round((100 - slo.availability) / 100, 6)
    # A webhook is called when there is something to tell; that there is nothing is no failure.
    stores = "|".join(one.name for one in target.graph.pipeline.spec.sinks if one.webhook is None)
    running = f"avg_over_time(up{_pods(target, '.+')}"
    objectives = [
        _alert(
            target,
            "MesoscaleUnavailable",
            f"(1 - avg({running}[1h]))) > {FAST_BURN} * {allowed}"
            f" and (1 - avg({running}[5m]))) > {FAST_BURN} * {allowed}",
            "2m",
            f"at this pace the {slo.availability:g} % of a month are used up within two days",
            "Look which programs are not ready, and why they restart.",
            severity="critical",
        )
    ]
    stale = _alert(
        target,
        "MesoscaleStale",
        f"time() - max by (node) (mesoscale_last_commit_timestamp_seconds{_ours(target, stores)}) > {fresh:g}",
        "5m",
        "nothing new has reached {{ $labels.node }} for {{ $value | humanizeDuration }}",
        "Look at the lag: with lag the sink is stuck, without it nothing arrives from its source.",
    )
    return [*objectives, *([stale] if stores else [])]


def _of_programs(target: Target) -> list[Manifest]:
    """A node with fewer programs that answer than it should have at least."""
    least = {node.name: node.scale.min for node in target.graph.nodes}
    return [
        _alert(
            target,
            "MesoscaleNodeDown",
            f"(sum(up{_pods(target, statefulset.name(target, node))}) or vector(0)) < {number}",
            "5m",
            f"of the {number} programs of {node} only {{{{ $value }}}} answer",
            f"kubectl -n {target.namespace} describe statefulset {statefulset.name(target, node)}",
            severity="critical",
            node=node,
        )
        for node, number in least.items()
        if number > 0
    ]


def _of_the_operator(target: Target) -> Manifest:
    age = "meso_operator_last_event_age_seconds"
    return _alert(
        target,
        "MesoscaleOperatorDeaf",
        f"min({age}) > {SILENT} or absent({age})",
        "5m",
        "the operator hears nothing from the cluster, so changes and failures wait",
        f"kubectl -n {target.installation.operator_namespace} get pods, and the log of the leader",
    )


def _alert(
    target: Target,
    name: str,
    expr: str,
    wait: str,
    summary: str,
    way_out: str,
    severity: str = "warning",
    node: str = "",
) -> Manifest:
    return {
        "alert": name,
        "expr": expr,
        "for": wait,
        "labels": {"severity": severity, "pipeline": target.pipeline} | ({"node": node} if node else {}),
        "annotations": {"summary": f"Pipeline {target.pipeline}: {summary}.", "description": way_out},
    }


def _ours(target: Target, nodes: str = "") -> str:
    """Selects the series of this pipeline, and of some of its nodes."""
    some = f', node=~"{nodes}"' if nodes else ""
    return f'{{namespace="{target.namespace}", pipeline="{target.pipeline}"{some}}}'


def _pods(target: Target, name: str) -> str:
    """Selects the pods of one node, or of all."""
    job = f"{target.namespace}/{target.name()}"  # as Prometheus calls what a PodMonitor finds
    return f'{{namespace="{target.namespace}", job="{job}", pod=~"{name}-[0-9]+"}}'
