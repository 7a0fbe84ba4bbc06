"""From `kubectl apply` to the last object's end, on a real cluster: the steps of one pipeline's life, in this order.

Restricted Pod Security is enforced everywhere. What arrived is counted by content: the payments of a seed are made
again here and compared with the rows in PostgreSQL.
"""

import json
import random
import subprocess
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from fix_proof import Object, Proof, contains

from cluster import layout
from mesoscale.manifests import role, types
from mesoscale.model.source import Synthetic
from mesoscale_operator import rights
from mesoscale_streams.sources.synthetic import Payments

pytestmark = pytest.mark.timeout(600)  # seconds for one step; images may have to be made before the first

Meso = Callable[..., subprocess.CompletedProcess[str]]
Kill = Callable[[str], None]

NAME = "life"
COUNT, PER_SECOND, SEED = 60_000, 400, 11
START = "2024-03-01T00:00:00Z"
OBSERVATIONS = 26_114  # of 26,115, one is refused
CHANCE = 20_261_124  # what is killed when
PAUSE = (0.5, 4.0)  # seconds from one kill to the next
RUNS = 3  # at most, where the broker forgets what it decided
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


def test_a_document_becomes_ready_and_rows_arrive(proof: Proof, meso: Meso, tmp_path: Path) -> None:
    (tmp_path / "life.yaml").write_text(DOCUMENT)
    checked = meso("validate", str(tmp_path / "life.yaml"))
    assert checked.returncode == 0, checked.stderr
    become(proof, document(), 180)
    proof.until("rows of both sinks", lambda: count(proof, "rows") and count(proof, "observations"), 30)


def test_what_is_there_is_what_render_prints(proof: Proof, meso: Meso, tmp_path: Path) -> None:
    there = {types.key(one): one for one in proof.every(kinds(proof))}
    for manifest in rendered(proof, meso, tmp_path, document()):
        assert contains(there.get(types.key(manifest)), manifest), types.key(manifest)


def rendered(proof: Proof, meso: Meso, folder: Path, body: Object) -> list[Object]:
    """What `meso render` prints of a document for the cluster, without kinds that it does not have."""
    (folder / "document.yaml").write_text(yaml.safe_dump(body))
    (folder / "installation.yaml").write_text(yaml.safe_dump(proof.installation()))
    where = ("--namespace", proof.here, "--installation", str(folder / "installation.yaml"))
    printed = meso("render", str(folder / "document.yaml"), "--target", "cluster", *where)
    assert printed.returncode == 0, printed.stderr
    there = kinds(proof).split(",")
    return [manifest for manifest in yaml.safe_load_all(printed.stdout) if plural(manifest) in there]


def plural(manifest: Object) -> str:
    """Its kind in kubectl's words."""
    kind = types.kind_of(manifest)
    return f"{kind.plural}.{kind.api_version.rpartition('/')[0]}".rstrip(".")


def test_scaling_a_stage_restarts_nothing(proof: Proof) -> None:
    before = uids(proof)
    become(proof, document(stages=[scaled()]), 60)
    after = uids(proof)
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {f"{NAME}-pass-1"}


def scaled() -> Object:
    return {"name": "pass", "from": "payments", "use": "forward", "scale": {"min": 2, "max": 2}}


def test_a_bad_document_is_refused_and_the_last_good_one_goes_on(proof: Proof) -> None:
    before, rows = uids(proof), count(proof, "rows")
    bad = document(stages=[scaled()])
    bad["spec"]["models"] = [{"name": "fraud", "use": "fraud"}]
    proof.apply(bad)
    proof.until("it is refused", lambda: proof.condition(NAME, "Accepted").get("status") == "False", 20)
    proof.until("rows arrive all the same", lambda: count(proof, "rows") > rows, 20)
    assert uids(proof) == before
    good = document(stages=[scaled()])
    good["spec"]["models"] = []
    become(proof, good, 30)


@pytest.mark.timeout(1_500)  # seconds, of all runs
def test_kills_under_load_lose_nothing_and_double_nothing(proof: Proof) -> None:
    chance = random.Random(CHANCE)
    kills = [(part, act) for part in PARTS for act in (proof.delete_pod, proof.kill)]
    for number in range(1, RUNS + 1):
        chance.shuffle(kills)
        order = f"{CHANCE}: {[(part, act.__name__) for part, act in kills]}"
        if arrive(proof, kills, chance, order):
            break
        warnings.warn(f"!!! run {number} counts for nothing: the broker forgot a decided transaction", stacklevel=1)
        begin_anew(proof)
    proof.until("Ready again", lambda: proof.ready(NAME), 90)
    proof.until("the ledger is closed", lambda: closed(proof), 60)
    assert_exact(proof, order)


def arrive(proof: Proof, kills: Iterable[tuple[str, Kill]], chance: random.Random, order: str) -> bool:
    """Whether all rows arrive while parts are killed; False where the broker forgot what it decided."""
    before = proof.forgotten()
    assert count(proof, "rows") < COUNT, "no load is left to kill under"
    for part, act in kills:
        time.sleep(chance.uniform(*PAUSE))
        act(part)
    proof.until(f"all rows after {order}", lambda: count(proof, "rows") >= COUNT or proof.forgotten() > before, 400)
    return count(proof, "rows") >= COUNT


def begin_anew(proof: Proof) -> None:
    """Leave nothing of the pipeline, not even its data, and have it there again."""
    proof.apply(document(stages=[scaled()], deletionPolicy="delete"))
    gone(proof, NAME, lambda: left(proof, NAME) == set())
    become(proof, document(stages=[scaled()]), 180)
    proof.until("rows", lambda: count(proof, "rows") and count(proof, "observations"), 60)


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
    kept: Object = {part: before[part] for part in ("data", "spec") if part in before}
    kept |= {"metadata": {"labels": before["metadata"]["labels"]}}
    if patch is None:
        proof.kubectl("delete", what, f"--namespace={proof.here}")
    else:
        proof.kubectl("patch", what, f"--namespace={proof.here}", "--type=merge", f"--patch={json.dumps(patch)}")
    proof.until(f"{what} is as it was", lambda: contains(proof.get(kind, name), kept), IN_TIME, every=0.2)


BATCH = "batch"


def batch(proof: Proof) -> Object:
    """A document with children of as many kinds as one installation can have; none of its programs ever gets to run."""
    spec = {
        "sources": [{"name": "stations", "contract": "station", "replay": {"dataset": "nyc-stations"}}],
        "stages": [{"name": "copy", "from": "stations", "use": "forward", "scale": {"min": 1, "max": 2}}],
        "sinks": [{"name": "rows", "from": "copy", "table": {}}],
        "jobs": [
            {"name": "sum", "program": "job.py", "executors": {"min": 1, "max": 1}},
            {"name": "nightly", "program": "job.py", "schedule": "0 3 * * *"},
        ],
        "services": {"kafka": {"cluster": "absent"}, "postgresql": {"storage": "1GiB"}},
        "adoption": "adopt",
        "deletionPolicy": "delete",
    }
    metadata = {"name": BATCH, "namespace": proof.here}
    return {"apiVersion": document()["apiVersion"], "kind": document()["kind"], "metadata": metadata, "spec": spec}


def test_what_was_there_before_is_taken_over_and_what_goes_missing_is_made_anew(
    proof: Proof, meso: Meso, tmp_path: Path
) -> None:
    before = rendered(proof, meso, tmp_path, batch(proof))
    strange = ({"name": one["metadata"]["name"], "labels": {"made": "by-hand"}} for one in before)
    proof.apply(*(one | {"metadata": metadata} for one, metadata in zip(before, strange, strict=True)))
    proof.apply(batch(proof))
    proof.until("all is taken over", lambda: held(proof, BATCH) >= len(before), 60)
    everything = [f"{plural(one)}/{one['metadata']['name']}" for one in before]
    proof.kubectl("delete", *everything, f"--namespace={proof.here}", "--wait=false")
    proof.until("all is there again", lambda: held(proof, BATCH) >= len(before), 60)


def held(proof: Proof, pipeline: str) -> int:
    """How many objects bear the mark that only the operator gives, and are not about to go."""
    found = (one["metadata"] for one in proof.every(kinds(proof), f"mesoscale.dev/pipeline={pipeline}"))
    ours = (one for one in found if "mesoscale.dev/hash" in one.get("annotations", {}))
    return sum("deletionTimestamp" not in one for one in ours)


def kinds(proof: Proof) -> str:
    """All kinds of children that the cluster has."""
    there = proof.kubectl("api-resources", "--output=name").split()
    names = (f"{kind.plural}.{kind.api_version.rpartition('/')[0]}".rstrip(".") for kind in types.KINDS)
    return ",".join(name for name in names if name in there)


def test_a_pipeline_whose_brokers_never_came_goes_in_time(proof: Proof) -> None:
    gone(proof, BATCH, lambda: left(proof, BATCH) == set())


def gone(proof: Proof, pipeline: str, nothing_else: Callable[[], bool]) -> None:
    """Delete a document and see it and what is its own end, both in time; pods go a little after their owners."""
    began = time.monotonic()
    proof.kubectl("delete", "weatherpipeline", pipeline, f"--namespace={proof.here}", f"--timeout={GONE:.0f}s")
    proof.until(f"nothing else is left of {pipeline}", nothing_else, GONE - (time.monotonic() - began))


def left(proof: Proof, pipeline: str) -> set[str]:
    """Everything that bears a pipeline's label."""
    found = proof.every(f"pods,{kinds(proof)}", f"mesoscale.dev/pipeline={pipeline}")
    return {f"{one['kind']}/{one['metadata']['name']}" for one in found}


def test_a_deleted_document_leaves_its_data_and_nothing_else(proof: Proof) -> None:
    kept = {f"Cluster/{NAME}-database", f"Database/{NAME}-database"}
    database = {f"Pod/{pod['metadata']['name']}" for pod in proof.pods("database")}
    gone(proof, NAME, lambda: left(proof, NAME) - database == kept)


PROGRAM = """\
from pyspark.sql import SparkSession

session = SparkSession.builder.getOrCreate()
total = session.range(100_000).selectExpr("sum(id) AS total").first()["total"]
assert total == 4_999_950_000, total
session.stop()
"""


@pytest.mark.timeout(900)
def test_the_same_document_takes_its_data_up_again_and_a_job_of_the_users_own_completes(proof: Proof) -> None:
    name = {"name": f"{NAME}-code"}
    proof.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"job.py": PROGRAM}})
    with_job = changed()
    once = {"name": "sum", "program": "job.py", "executors": {"min": 1, "max": 1}}
    with_job["spec"]["jobs"] = [once] if spark(proof) else []
    proof.apply(with_job)
    proof.until("all programs run", lambda: proof.condition(NAME, "StreamsReady").get("status") == "True", 120)
    proof.until("the ledger is closed", lambda: closed(proof), 60)
    assert_exact(proof, "a deletion and a new beginning")
    if not spark(proof):
        pytest.skip("!!! NOT TESTED: Spark jobs in a cluster; `python -m cluster part spark` is missing")
    proof.until("the job has ended", lambda: job(proof) in ("COMPLETED", "FAILED"), 480, every=2)
    assert job(proof) == "COMPLETED"
    proof.until("Ready", lambda: proof.ready(NAME), 20)


def spark(proof: Proof) -> bool:
    """Whether somebody runs Spark's jobs."""
    operator = "--selector=app.kubernetes.io/name=spark-operator"
    return bool(proof.kubectl("get", "deployments", "--all-namespaces", operator, "--output=name"))


def job(proof: Proof) -> str:
    status = proof.get("sparkapplications.sparkoperator.k8s.io", f"{NAME}-sum").get("status", {})
    return str(status.get("applicationState", {}).get("state"))


Right = tuple[str, str, str]  # group, resource, verb

# What the operator may do and these steps do not make it do.
SELDOM: set[Right] = {
    *(("keda.sh", kind, verb) for kind in ("scaledobjects", "triggerauthentications") for verb in rights.CHILDREN),
    *(("postgresql.cnpg.io", "scheduledbackups", verb) for verb in rights.CHILDREN),  # asks for a target of backups
    ("", "namespaces", "get"),  # asked only where kept data holds a namespace back
}


def expanded(rules: Iterable[Object]) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked(proof: Proof) -> Iterator[Object]:
    """What the operator asked the API server for since the installation, out of the audit log."""
    name = f"system:serviceaccount:{proof.home}:{proof.operator}"
    with layout.AUDIT_LOG.open() as lines:
        for line in lines:
            if f'"{name}"' in line:
                yield json.loads(line)


def used(event: Object) -> Iterator[Right]:
    what = event["objectRef"]
    group, resource = what.get("apiGroup", ""), "/".join(filter(None, (what["resource"], what.get("subresource"))))
    yield group, resource, event["verb"]
    if event["verb"] == "patch" and event["responseStatus"]["code"] == 201:
        yield group, resource, "create"


def test_every_right_that_is_granted_is_used_and_nothing_is_denied(proof: Proof) -> None:
    events = list(asked(proof)) if layout.AUDIT_LOG.exists() else []
    if not events:
        pytest.skip("!!! NOT TESTED: that rights are minimal (no audit log); `python -m cluster up --audit` writes one")
    denied = [event for event in events if event.get("annotations", {}).get("authorization.k8s.io/decision") != "allow"]
    assert denied == []
    granted = expanded(proof.get("role", proof.operator)["rules"])
    granted |= expanded(proof.get("role", f"{proof.operator}-election", proof.home)["rules"])
    handed_on = expanded([*role.DRIVER, *role.WORKER])  # nobody may grant what he may not do himself
    idle = granted - {right for event in events if "objectRef" in event for right in used(event)}
    assert idle - handed_on - SELDOM == set()


def test_a_namespace_goes_as_a_whole(proof: Proof) -> None:
    began = time.monotonic()
    proof.kubectl("delete", "namespace", proof.here, f"--timeout={GONE:.0f}s")
    assert time.monotonic() - began < GONE
