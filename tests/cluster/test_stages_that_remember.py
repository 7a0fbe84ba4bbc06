"""Stages that remember, in a cluster: a model comes as a ConfigMap, pods are killed under load, nothing is forgotten.

The payments of the seed are made again here, scored in one go and cut into windows by Polars; what arrived in
PostgreSQL has to be the same, to the last bit of each score, also when its primary was killed and the other instance,
which may not have had the last rows yet, took over. A receiver in the cluster is told each record of another source.
"""

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import yaml
from fix_models import Trained
from fix_proof import Object, Proof
from fix_receiver import SECRET, Request

from mesoscale.manifests.pods import container_security, security
from mesoscale.model.source import Synthetic
from mesoscale_models.fraud import history
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_streams.sources.synthetic import Payments

pytestmark = pytest.mark.timeout(600)  # seconds for one step; the first waits for a model to be trained

NAME = "memory"
COUNT, PER_SECOND, SEED = 48_000, 400, 29
ACCOUNTS, FRAUD_RATE = 800, 0.01
START = "2024-03-01T00:00:00Z"
PARTITIONS = 6
SIZE, OUT_OF_ORDER = timedelta(seconds=10), timedelta(seconds=3)
QUIET = timedelta(seconds=5)  # of the source's time; no partition is silent for longer at the end
CHANCE = 20_261_128  # what is killed when
PARTS = ("scores/0", "scores/1", "paces/0", "call", "broker", "primary")
KILLS = 8
PAUSE = (1.0, 4.0)  # seconds from one kill to the next
FEW, FEW_PER_SECOND = 900, 5  # payments that a receiver is told, from before the kills until after them
BUSY = 20  # calls that it asks to have again
RECEIVER = f"""\
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

class Told(BaseHTTPRequestHandler):
    calls = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {{name.lower(): text for name, text in self.headers.items()}}
        print(json.dumps({{"body": body, "headers": headers}}), flush=True)
        Told.calls += 1
        self.send_response(503 if Told.calls <= {BUSY} else 204)
        self.end_headers()

    def log_message(self, *_):
        pass

HTTPServer(("", 8080), Told).serve_forever()
"""

DOCUMENT = f"""\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: {NAME}}}
spec:
  sources:
    - name: payments
      contract: transaction
      topic: {{partitions: {PARTITIONS}}}
      synthetic:
        {{perSecond: {PER_SECOND}, seed: {SEED}, count: {COUNT}, start: "{START}",
          accounts: {ACCOUNTS}, fraudRate: {FRAUD_RATE}}}
    - {{name: few, contract: transaction, synthetic: {{perSecond: {FEW_PER_SECOND}, seed: {SEED}, count: {FEW}}}}}
  stages:
    - {{name: scores, from: payments, use: fraud, scale: {{min: 2, max: 2}}}}
    - {{name: alerts, from: scores, use: alerts, topic: {{deletionPolicy: retain}}}}
    - name: paces
      from: payments
      window:
        by: [account]
        size: {SIZE.seconds}s
        outOfOrderness: {OUT_OF_ORDER.seconds}s
        aggregates: [{{name: payments, value: count(*)}}, {{name: spent, value: sum(amount)}}]
  sinks:
    - {{name: scored, from: scores, table: {{}}}}
    - {{name: flagged, from: alerts, table: {{}}}}
    - {{name: paced, from: paces, table: {{}}}}
    - name: call
      from: few
      webhook: {{secret: receiver, url: "http://receiver:8080/hook", retries: {{attempts: 8, delay: 1s, factor: 2}}}}
  services: {{postgresql: {{storage: 1GiB, instances: 2}}}}
  deletionPolicy: delete
"""


@pytest.fixture(scope="module")
def payments() -> pl.DataFrame:
    """Those of the seed, in the order of arrival."""
    told = {"per_second": PER_SECOND, "accounts": ACCOUNTS, "fraud_rate": FRAUD_RATE}
    section = Synthetic(seed=SEED, count=COUNT, start=START, **told)
    batches = Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, 10_000)
    values = b"\n".join(value for batch in batches for value in batch.values)
    return pl.read_ndjson(values, infer_schema_length=None).with_columns(
        pl.col("occurred_at").str.to_datetime(time_unit="us", time_zone="UTC")
    )


@pytest.fixture(scope="module")
def applied(proof: Proof) -> Proof:
    proof.apply(*receiver(proof.installation()["images"]["streams"]), yaml.safe_load(DOCUMENT))
    return proof


def receiver(image: str) -> Iterator[Object]:
    """A pod that prints each call, the name to reach it by, and the key that calls are signed with."""
    here: Object = {"name": "receiver", "labels": {"app": "receiver"}}
    container = {
        "name": "receiver",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python", "-c", RECEIVER],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": container_security(),
    }
    spec = {"containers": [container], "securityContext": security(), "terminationGracePeriodSeconds": 1}
    yield {"apiVersion": "v1", "kind": "Pod", "metadata": here, "spec": spec}
    ports = {"selector": here["labels"], "ports": [{"port": 8080}]}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": here, "spec": ports}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": here, "stringData": {"key": SECRET}}


def test_a_stage_without_its_model_says_what_it_lacks(applied: Proof) -> None:
    def said() -> str:
        pods = applied.pods("scores/0")
        return applied.kubectl("logs", pods[0]["metadata"]["name"], f"--namespace={applied.here}",
                               check=False) if pods else ""  # fmt: skip

    applied.until("it says what it lacks", lambda: "meso train fraud" in said(), 240)


def test_with_a_model_it_becomes_ready(applied: Proof, trained: Trained) -> None:
    where = f"--namespace={applied.here}"
    applied.kubectl("create", "configmap", f"{NAME}-fraud-model", f"--from-file={trained.version}", where)
    applied.until("Ready", lambda: applied.ready(NAME), 240)


def test_kills_under_load_change_no_score_and_no_window(
    applied: Proof, trained: Trained, payments: pl.DataFrame
) -> None:
    chance, before = random.Random(CHANCE), primary(applied)
    assert len({about(one.body) for one in calls(applied)}) < FEW, "no call was left to kill its caller at"
    for part in (*PARTS, *chance.choices(PARTS, k=KILLS - len(PARTS))):
        (applied.delete_pod if chance.random() < 0.5 else applied.kill)(part)
        time.sleep(chance.uniform(*PAUSE))
    assert len(rows(applied, "transaction_id", "scored")) < COUNT, "the kills came when all was over"
    applied.until("all payments are scored", lambda: len(rows(applied, "transaction_id", "scored")) >= COUNT, 300, 3)
    assert primary(applied) != before, "no other instance took over"
    scorer = Scorer(trained.version)
    scores = scorer.score(history.extract(payments))
    wanted = zip(payments["transaction_id"], scores.probability.tolist(), scores.alert.tolist(), strict=True)
    found = rows(applied, "transaction_id, score, alert, model", "scored")
    assert sorted((one, float(score), alert == "t", model) for one, score, alert, model in found) == sorted(
        (*row, scorer.version) for row in wanted
    )
    flagged = set(payments.filter(pl.Series(scores.alert))["transaction_id"])
    assert len(flagged) > 50
    applied.until("all alerts", lambda: len(rows(applied, "transaction_id", "flagged")) >= len(flagged), 60)
    assert sorted(one for (one,) in rows(applied, "transaction_id", "flagged")) == sorted(flagged)


def primary(proof: Proof) -> str:
    """The instance that the operator of the database says is the first."""
    return str(proof.get("clusters.postgresql.cnpg.io", f"{NAME}-database")["status"]["currentPrimary"])


def test_a_receiver_is_told_each_record_until_it_takes_it(applied: Proof) -> None:
    section = Synthetic(seed=SEED, count=FEW, per_second=FEW_PER_SECOND)
    batches = Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, 10_000)
    wanted = {about(value) for batch in batches for value in batch.values}
    assert len(wanted) == FEW
    applied.until("all are told", lambda: {about(one.body) for one in calls(applied)} >= wanted, 180)
    made = calls(applied)
    assert all(one.signed for one in made)
    assert {about(one.body) for one in made} == wanted
    assert len({one.id for one in made}) == FEW
    assert len(made) >= FEW + BUSY


def calls(proof: Proof) -> list[Request]:
    said = proof.kubectl("logs", "receiver", f"--namespace={proof.here}", "--tail=-1").splitlines()
    lines = [json.loads(line) for line in said if line.startswith("{")]  # a caller that is killed may leave a traceback
    return [Request(one["body"].encode(), one["headers"]) for one in lines]


def about(payment: bytes) -> str:
    return str(json.loads(payment)["transaction_id"])


def test_windows_are_those_of_a_frame(applied: Proof, payments: pl.DataFrame) -> None:
    start = pl.col("occurred_at").dt.truncate(f"{SIZE.seconds}s")
    whole = payments.group_by("account", start.alias("start")).agg(pl.len(), pl.col("amount").sum())
    latest = payments.select(pl.col("occurred_at").max() - SIZE - OUT_OF_ORDER - QUIET).item()
    over = set(whole.filter(pl.col("start") <= latest).rows())
    assert len(over) > COUNT / 10
    applied.until("windows that are over", lambda: over <= set(paces(applied)), 120, every=3)
    found = list(paces(applied))
    assert len(found) == len({row[:2] for row in found})
    assert set(found) <= set(whole.rows())


def paces(proof: Proof) -> Iterator[tuple[str, datetime, int, int]]:
    for account, begin, count, spent in rows(
        proof, "account, extract(epoch from window_start), payments, spent", "paced"
    ):
        yield account, datetime.fromtimestamp(float(begin), UTC), int(count), int(spent)


def rows(proof: Proof, columns: str, table: str) -> list[list[str]]:
    return [line.split("|") for line in proof.query(NAME, f"SELECT {columns} FROM {NAME}.{table}")]


def test_with_the_document_go_the_topics_that_are_not_to_stay(applied: Proof) -> None:
    assert f"{NAME}.payments" in topics(applied)
    applied.kubectl("delete", "weatherpipeline", NAME, f"--namespace={applied.here}", "--timeout=90s")
    assert {topic for topic in topics(applied) if topic.startswith(NAME)} == {
        f"{NAME}.alerts",
        f"{NAME}.alerts.dead-letter",
    }
    left: list[Object] = [*applied.every("statefulsets"), *applied.every("jobs"), *applied.every("clusters")]
    assert left == []


def topics(proof: Proof) -> set[str]:
    """Those of which the broker has a folder; what it is about to delete is named so at once."""
    listed = proof.kubectl("exec", "kafka-0", f"--namespace={proof.brokers}", "--", "ls", "/data/log").split()
    return {folder.rpartition("-")[0] for folder in listed if folder[-1].isdigit()}
