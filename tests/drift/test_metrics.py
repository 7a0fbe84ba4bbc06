"""Alerts and dashboards ask for metrics that some program of ours has, with labels that it gives them."""

import json
import re
from pathlib import Path

import yaml
from manifest_cases import children
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from mesoscale_streams import metrics

ROOT = Path(__file__).parents[2]
OTHERS = {"up": frozenset({"namespace", "job", "pod"})}  # Prometheus' own
SCRAPED = {"namespace", "pod", "job", "le"}  # what Prometheus adds, and the bounds of histograms

MADE = {child.manifest["kind"]: child.manifest for child in children((ROOT / "examples" / "nyc.yaml").read_text())}
RULES = [rule for group in MADE["PrometheusRule"]["spec"]["groups"] for rule in group["rules"]]
[BOARD] = [json.loads(text) for text in MADE["ConfigMap"]["data"].values()]
QUERIES = [rule["expr"] for rule in RULES] + [t["expr"] for panel in BOARD["panels"] for t in panel["targets"]]


def known() -> dict[str, frozenset[str]]:
    """Name as Prometheus stores it → labels."""
    names = dict(OTHERS)
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            labels = frozenset(metric._labelnames)
            for name in REGISTRY._collector_to_names[metric]:
                names[name] = labels
    text = "\n".join(path.read_text() for path in (ROOT / "dashboard" / "src").rglob("metrics.py"))
    names |= dict.fromkeys(re.findall(r'_gauge\(\s*"(mesoscale_\w+)"', text), frozenset({"pipeline"}))
    text = (ROOT / "operator" / "src" / "mesoscale_operator" / "metrics.py").read_text()
    return names | dict.fromkeys(re.findall(r'"(meso_operator_\w+)"', text), frozenset())


def test_every_query_asks_for_what_a_program_tells() -> None:
    names, asked = known(), set()
    for query in QUERIES:
        for name, labels in re.findall(r"\b(up|meso\w+)(?:\{([^}]*)\})?", re.sub(r'"[^"]*"', '""', query)):
            assert name in names, query
            assert set(re.findall(r"(\w+)=", labels)) <= names[name] | SCRAPED, query
            asked.add(name)
    assert len(asked) >= 9


def test_queries_group_by_labels_that_exist() -> None:
    labels = frozenset().union(*known().values()) | SCRAPED
    for query in QUERIES:
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            assert set(grouped.split(", ")) <= labels, query


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    assert {rule["alert"] for rule in RULES} >= {
        "MesoscaleLag",
        "MesoscaleRejected",
        "MesoscaleLedgerOpen",
        "MesoscaleNodeDown",
        "MesoscaleOperatorDeaf",
    }
    for rule in RULES:
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_the_dashboard_shows_throughput_lag_refusals_and_the_ledger() -> None:
    shown = yaml.safe_dump([panel["title"] for panel in BOARD["panels"]])
    assert all(word in shown for word in ("read", "written", "Lag", "Rejected", "Ledger"))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in BOARD["panels"]]
    assert len(places) == len(set(places))
