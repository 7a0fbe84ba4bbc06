"""What waits for a stage starts programs of it, by KEDA; Prometheus has every number and knows every alert.

KEDA's operator and Prometheus are parts that the tests' cluster has where they are built (`cluster/README.md`). The
payments are counted by content afterwards, since each further program is a rebalance under load.
"""

import json
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import yaml
from fix_installed import Kubectl
from fix_proof import Object, Proof

from mesoscale.model.source import Synthetic
from mesoscale_streams.sources.synthetic import Payments

pytestmark = pytest.mark.timeout(600)  # seconds for one step

INSTALLED = {"autoscaling": "keda"}  # read by the fixture `proof`

NAME = "surge"
COUNT, PER_SECOND, SEED = 90_000, 3_000, 23
START = "2024-03-01T00:00:00Z"
MOST = 3  # programs of the stage
MOST_LAG = 100  # records, above which there is an alert
UNTIL_SCALED = 150  # seconds: KEDA looks at the lag every 15, and so does the autoscaler that it makes
NEEDED = {"keda": ("deployment/keda-operator", "keda"), "prometheus": ("prometheus/all", "monitoring")}

STEPS = """\
import time

import polars as pl


def slow(records: pl.DataFrame) -> pl.DataFrame:
    time.sleep(records.height / 1_000)
    return records
"""

DOCUMENT = f"""\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: {NAME}}}
spec:
  code: {{configMap: {NAME}-code}}
  sources:
    - name: payments
      contract: transaction
      topic: {{partitions: 6}}
      synthetic: {{perSecond: {PER_SECOND}, seed: {SEED}, count: {COUNT}, start: "{START}"}}
  stages:
    - {{name: slow, from: payments, step: "steps:slow", scale: {{min: 0, max: {MOST}, lagPerReplica: 1000}}}}
  sinks:
    - {{name: rows, from: slow, table: {{}}}}
  services: {{postgresql: {{storage: 1GiB}}}}
  slo: {{maxLag: {MOST_LAG}}}
"""


@pytest.fixture(scope="module")
def surging(proof: Proof, kubectl: Kubectl) -> Proof:
    """The pipeline, applied and with all its payments on their way."""
    for part, (what, namespace) in NEEDED.items():
        if not kubectl("get", what, f"--namespace={namespace}", "--ignore-not-found", check=False):
            pytest.skip(f"!!! NOT TESTED: scaling by lag, and alerts; `python -m cluster part {part}` is missing")
    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{NAME}-code"}, "data": {"steps.py": STEPS}}
    proof.apply(code, yaml.safe_load(DOCUMENT))
    return proof


def wanted() -> Iterator[str]:
    """The payments of the seed."""
    section = Synthetic(per_second=PER_SECOND, seed=SEED, count=COUNT, start=START)
    for batch in Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, 10_000):
        yield from (orjson.loads(value)["transaction_id"] for value in batch.values)


def programs(proof: Proof) -> int:
    """How many programs of the stage are ready."""
    status: Object = proof.get("statefulset", f"{NAME}-slow").get("status", {})
    return int(status.get("readyReplicas", 0))


def ask(proof: Proof, path: str, **words: str) -> Any:
    """What Prometheus answers, through the API server."""
    query = urllib.parse.urlencode(words)
    address = f"/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/{path}?{query}"
    said = json.loads(proof.kubectl("get", "--raw", address))
    assert said["status"] == "success", said
    return said["data"]


def numbers(proof: Proof, query: str) -> list[Object]:
    found: list[Object] = ask(proof, "query", query=query)["result"]
    return found


def test_lag_starts_programs_from_none_to_the_most_that_are_allowed(surging: Proof) -> None:
    surging.until("KEDA takes the stage over", lambda: programs(surging) >= 1, 240)
    surging.until("as many programs as are allowed", lambda: programs(surging) == MOST, UNTIL_SCALED)


def test_the_alert_of_lag_is_raised_and_no_rule_fails(surging: Proof) -> None:
    surging.until("Prometheus sees the lag", lambda: rule(surging, "MesoscaleLag").get("state") == "pending", 60)
    rules = ours(surging)
    assert {one["name"] for one in rules} >= {"MesoscaleLag", "MesoscaleLedgerOpen", "MesoscaleNodeDown"}
    assert [one for one in rules if one["health"] != "ok"] == []


def ours(proof: Proof) -> list[Object]:
    groups = [one for one in ask(proof, "rules")["groups"] if one["name"] == f"mesoscale.{NAME}"]
    return [one for group in groups if proof.here in group["file"] for one in group["rules"]]


def rule(proof: Proof, name: str) -> Object:
    return next((one for one in ours(proof) if one["name"] == name), {})


def test_every_payment_is_stored_once_whatever_was_scaled(surging: Proof) -> None:
    def stored() -> Counter[str]:
        return Counter(surging.query(NAME, f"SELECT transaction_id FROM {NAME}.rows"))

    surging.until("all rows", lambda: stored().total() >= COUNT, 240, every=2)
    expected, found = Counter(wanted()), stored()
    assert expected.total() == COUNT
    assert (expected - found, found - expected) == (Counter(), Counter())


def test_prometheus_counts_what_the_status_counts(surging: Proof) -> None:
    """One program of each node, but of the stage, whose further programs are counted together."""

    def read() -> dict[str, float]:
        query = f'sum by (node) (mesoscale_records_read_total{{namespace="{surging.here}", pipeline="{NAME}"}})'
        return {one["metric"]["node"]: float(one["value"][1]) for one in numbers(surging, query)}

    counted = dict.fromkeys(("payments", "slow", "rows"), float(COUNT))
    surging.until("every node's records are counted", lambda: read() == counted, 90)


def test_every_panel_of_the_dashboard_shows_something(surging: Proof) -> None:
    [text] = surging.get("configmap", f"{NAME}-meso-grafana")["data"].values()
    panels = {panel["title"]: panel["targets"][0]["expr"] for panel in json.loads(text)["panels"]}
    nothing = {"Rejected a second, by reason", "Begun again, by cause"}  # as nothing was refused or begun again

    def shown() -> set[str]:
        return {title for title, query in panels.items() if numbers(surging, query)}

    surging.until("every panel shows something", lambda: shown() | nothing >= panels.keys(), 90)
