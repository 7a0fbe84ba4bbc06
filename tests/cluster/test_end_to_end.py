"""From `kubectl apply` to the last object's end, on a real cluster: the steps of one pipeline's life, in this order.

Restricted Pod Security is enforced everywhere. What arrived is counted by content: the payments of a seed are made
again here and compared with the rows in PostgreSQL.
"""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from fix_proof import Object, Proof, contains

from mesoscale.model.source import Synthetic
from mesoscale_streams.sources.synthetic import Payments

NAME = "life"
COUNT, PER_SECOND, SEED = 80_000, 500, 11
START = "2024-03-01T00:00:00Z"
OBSERVATIONS = 26_114  # of 26,115, one is refused
CHANCE = 20_261_124  # what is killed when
PAUSE = (0.5, 4.0)  # seconds from one kill to the next
PARTS = ("operator", "broker", "database", "payments", "pass/0", "pass/1", "rows")
IN_TIME = 5.0  # seconds until drift is put right
GONE = 60.0  # seconds until a deleted pipeline, or a namespace, is gone

DOCUMENT = f"""\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: {NAME}}}
spec:
  sources:
    - name: payments
      contract: transaction
      synthetic: {{perSecond: {PER_SECOND}, seed: {SEED}, count: {COUNT}, start: "{START}"}}
    - {{name: weather, contract: observation, replay: {{dataset: nyc-2013}}}}
  stages:
    - {{name: pass, from: payments, use: forward}}
  sinks:
    - {{name: rows, from: pass, table: {{partitionBy: {{column: occurred_at, every: 1d}}}}}}
    - {{name: observations, from: weather, table: {{}}}}
  services: {{postgresql: {{storage: 1GiB}}}}
"""


def document(**changed: Any) -> Object:
    whole: Object = yaml.safe_load(DOCUMENT)
    return whole | {"spec": whole["spec"] | changed}


def wanted() -> Iterator[str]:
    """The payments of the seed."""
    section = Synthetic(per_second=PER_SECOND, seed=SEED, count=COUNT, start=START)
    for batch in Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, 10_000):
        yield from (orjson.loads(value)["transaction_id"] for value in batch.values)


def uids(proof: Proof, *but: str) -> dict[str, str]:
    """The pods of the pipeline's nodes, except those of some."""
    pods = proof.every("pods", f"mesoscale.dev/pipeline={NAME},mesoscale.dev/node")
    metadata = (pod["metadata"] for pod in pods)
    return {one["name"]: one["uid"] for one in metadata if one["labels"]["mesoscale.dev/node"] not in but}


def become(proof: Proof, body: Object, deadline: float) -> float:
    """Apply a document and wait until it is Ready as it stands; the seconds that it took."""
    proof.apply(body)
    return proof.until("Ready", lambda: proof.ready(NAME), deadline)


def count(proof: Proof, table: str) -> int:
    lines = proof.query(NAME, f"SELECT count(*) FROM {NAME}.{table}")
    return int(lines[0]) if lines else 0


def test_a_document_becomes_ready_and_rows_arrive(
    proof: Proof, meso: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "life.yaml").write_text(DOCUMENT)
    checked = meso("validate", str(tmp_path / "life.yaml"))
    assert checked.returncode == 0, checked.stderr
    become(proof, document(), 180)
    proof.until("rows of both sinks", lambda: count(proof, "rows") and count(proof, "observations"), 30)


def test_what_is_there_is_what_render_prints(
    proof: Proof, meso: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "life.yaml").write_text(DOCUMENT)
    (tmp_path / "installation.yaml").write_text(yaml.safe_dump(proof.installation()))
    printed = meso("render", str(tmp_path / "life.yaml"), "--target", "cluster", "--namespace", proof.here,
                   "--installation", str(tmp_path / "installation.yaml"))  # fmt: skip
    for manifest in yaml.safe_load_all(printed.stdout):
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind in ("PodMonitor", "PrometheusRule"):
            continue  # kinds that a cluster need not have
        group = manifest["apiVersion"].rpartition("/")[0]
        if kind != "ConfigMap" or "data" in manifest:
            assert contains(proof.get(f"{kind}.{group}" if group else kind, name), manifest), (kind, name)


def test_scaling_a_stage_restarts_nothing(proof: Proof) -> None:
    before = uids(proof)
    become(proof, document(stages=[scaled()]), 60)
    after = uids(proof)
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {f"{NAME}-pass-1"}


def scaled() -> Object:
    return {"name": "pass", "from": "payments", "use": "forward", "scale": {"min": 2, "max": 2}}


def changed() -> Object:
    """The document that all later steps keep up: two processes of the stage, an index on the table."""
    rows, observations = document()["spec"]["sinks"]
    table = rows["table"] | {"indexes": [["account", "occurred_at"]]}
    return document(stages=[scaled()], sinks=[rows | {"table": table}, observations])


def test_a_changed_sink_rolls_that_sink_alone(proof: Proof) -> None:
    before, others = uids(proof), uids(proof, "rows")
    become(proof, changed(), 90)
    assert uids(proof, "rows") == others
    assert uids(proof).keys() == before.keys()
    made = proof.query(NAME, f"SELECT count(*) FROM pg_indexes WHERE schemaname = '{NAME}' AND tablename = 'rows'")
    assert int(made[0]) > 1


@pytest.mark.parametrize(
    ("what", "patch"),
    [
        (f"statefulset/{NAME}-rows", {"spec": {"replicas": 0}}),
        (f"configmap/{NAME}-document", {"data": {"document.yaml": "something else"}}),
        (f"service/{NAME}-dashboard", {"metadata": {"labels": {"mesoscale.dev/pipeline": "another"}}}),
        (f"poddisruptionbudget/{NAME}-pass", {"metadata": {"labels": {"mesoscale.dev/pipeline": None}}}),
        (f"networkpolicy/{NAME}-rows", None),
    ],
)
def test_drift_is_put_right_in_time(proof: Proof, what: str, patch: Object | None) -> None:
    kind, name = what.split("/")
    before = proof.get(kind, name)
    kept = {part: before[part] for part in ("data", "spec") if part in before}
    kept |= {"metadata": {"labels": before["metadata"]["labels"]}}
    if patch is None:
        proof.kubectl("delete", what, f"--namespace={proof.here}")
    else:
        proof.kubectl("patch", what, f"--namespace={proof.here}", "--type=merge", f"--patch={json.dumps(patch)}")
    proof.until(f"{what} is as it was", lambda: contains(proof.get(kind, name), kept), IN_TIME, every=0.2)


def test_a_bad_document_is_refused_and_the_last_good_one_goes_on(proof: Proof) -> None:
    before, rows = uids(proof), count(proof, "rows")
    bad = changed()
    bad["spec"]["models"] = [{"name": "fraud", "use": "fraud"}]
    proof.apply(bad)
    proof.until("it is refused", lambda: proof.condition(NAME, "Accepted").get("status") == "False", 20)
    proof.until("rows arrive all the same", lambda: count(proof, "rows") > rows, 20)
    assert uids(proof) == before
    good = changed()
    good["spec"]["models"] = []
    become(proof, good, 30)


@pytest.mark.timeout(420)
def test_kills_under_load_lose_nothing_and_double_nothing(proof: Proof) -> None:
    chance = random.Random(CHANCE)
    kills = [(part, act) for part in PARTS for act in (proof.delete_pod, proof.kill)]
    chance.shuffle(kills)
    assert count(proof, "rows") < COUNT, "no load is left to kill under"
    for part, act in kills:
        time.sleep(chance.uniform(*PAUSE))
        act(part)
    order = f"{CHANCE}: {[(part, act.__name__) for part, act in kills]}"
    proof.until(f"all rows after {order}", lambda: count(proof, "rows") >= COUNT, 150)
    proof.until("Ready again", lambda: proof.ready(NAME), 90)
    proof.until("the ledger is closed", lambda: closed(proof), 60)
    assert_exact(proof, order)


def closed(proof: Proof) -> bool:
    ledger = proof.status(NAME).get("ledger", {})
    return bool(ledger.get("closed")) and ledger["lag"] == 0


def assert_exact(proof: Proof, order: str) -> None:
    """Every payment of the seed once, and every observation once."""
    stored = Counter(proof.query(NAME, f"SELECT transaction_id FROM {NAME}.rows"))
    expected = Counter(wanted())
    assert expected.total() == COUNT
    assert not expected - stored, f"lost after {order}"
    assert not stored - expected, f"doubled after {order}"
    distinct = f"SELECT count(*), count(DISTINCT (station, observed_at)) FROM {NAME}.observations"
    assert proof.query(NAME, distinct) == [f"{OBSERVATIONS}|{OBSERVATIONS}"]
    ledger = proof.status(NAME)["ledger"]
    # Payments at a source, a stage and a sink; the weather at a source and a sink, where one is refused at the first.
    assert ledger["read"] == 3 * COUNT + 2 * OBSERVATIONS + 1
    assert (ledger["accepted"], ledger["rejected"]) == (ledger["read"] - 1, 1)


KINDS = (
    "statefulsets,deployments,jobs,pods,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets,"
    "roles,rolebindings,kafkatopics,kafkausers,clusters.postgresql.cnpg.io,databases.postgresql.cnpg.io"
)


def left(proof: Proof) -> set[str]:
    """Everything that bears the pipeline's label."""
    found = proof.every(KINDS, f"mesoscale.dev/pipeline={NAME}")
    return {f"{one['kind']}/{one['metadata']['name']}" for one in found}


def test_a_deleted_document_leaves_its_data_and_nothing_else(proof: Proof) -> None:
    proof.kubectl("delete", "weatherpipeline", NAME, f"--namespace={proof.here}", f"--timeout={GONE:.0f}s")
    kept = {f"Cluster/{NAME}-database", f"Database/{NAME}-database"}
    database = {f"Pod/{pod['metadata']['name']}" for pod in proof.pods("database")}
    proof.until("nothing else is left", lambda: left(proof) - database == kept, 10)


def test_the_same_document_takes_its_data_up_again(proof: Proof) -> None:
    become(proof, changed(), 120)
    proof.until("the ledger is closed", lambda: closed(proof), 60)
    assert_exact(proof, "a deletion and a new beginning")


def test_a_namespace_goes_as_a_whole(proof: Proof) -> None:
    began = time.monotonic()
    proof.kubectl("delete", "namespace", proof.here, f"--timeout={GONE:.0f}s")
    assert time.monotonic() - began < GONE
