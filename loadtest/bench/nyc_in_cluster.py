"""examples/nyc.yaml in the cluster: from its creation until it is Ready with rows, and what its database's end costs.

A release of the chart, a broker and a namespace of its own, as the tests in a cluster have them (`tests/fix_proof.py`).
The payments are bounded so that what arrived can be compared with what their seed makes, payment by payment.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import yaml

from cluster import choose, parts
from cluster.errors import Missing
from loadtest.bench.measure import RUNS, Figure, conditions, show
from loadtest.bench.operator import results
from loadtest.bench.operator.room import bring_up
from mesoscale.model.source import Synthetic
from mesoscale_streams.sources.synthetic import Payments

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))
if TYPE_CHECKING:
    from fix_proof import Proof

PART = "nyc-in-cluster"
NEEDED = ("cloudnative-pg",)
NAME, SCHEMA = "nyc", "nyc"
TABLES = ("observations", "comfort_by_hour", "station_list", "payment_history")
COUNT = 60_000  # payments: two minutes' worth
START = "2024-03-01T00:00:00Z"
SILENCE = 90.0  # seconds without a new payment, after which those that are missing are lost
PATIENCE = 400.0  # seconds for whatever is waited for


def main(arguments: Sequence[str]) -> None:
    """Measure, and keep the figures in operator.json; with fewer runs than usual they are only shown."""
    parser = argparse.ArgumentParser(prog=f"python -m loadtest.bench {PART}", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs: int = parser.parse_args(arguments).runs
    bring_up()
    for name in NEEDED:
        parts.install(name, choose.choose())
    shared = conditions()
    with installed() as proof:
        figures = measure(proof, runs)
    if runs >= RUNS:
        results.keep(PART, figures, shared)
    else:
        show(figures)


@contextmanager
def installed() -> Iterator["Proof"]:
    """The chart with the images of this checkout, which the node has before any clock starts."""
    import fix_helm
    import fix_images
    from fix_cluster import Running
    from fix_proof import Proof

    program = fix_helm.command()
    if program is None:
        raise Missing("there is no Helm", "python -m cluster build")
    running = Running(choose.choose())
    os.environ["KUBECONFIG"] = str(running.kubeconfig)
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as name:
        images = fix_images.provide(running.kubectl)
        proof = Proof(running.kubectl, fix_helm.runs(program), images, Path(name))
        try:
            proof.set_up()
            yield proof
        finally:
            proof.close()


def measure(proof: "Proof", runs: int) -> list[Figure]:
    """Make the pipeline, kill its database under load, count, take it all away; again and again."""
    steps = (ROOT / "examples" / "steps.py").read_text()
    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{NAME}-code"}, "data": {"steps.py": steps}}
    proof.apply(code)
    expected = Counter(wanted())
    ready, back, lost, doubled = [], [], [], []
    for number in range(1, runs + 1):
        print(f"{PART}: {number} of {runs}", flush=True)
        began = time.monotonic()
        proof.apply(document())
        proof.until(
            "Ready, with rows", lambda: proof.ready(NAME) and all(count(proof, one) for one in TABLES), PATIENCE
        )
        ready.append(time.monotonic() - began)
        back.append(_kill(proof))
        _arrive(proof)
        stored = Counter(proof.query(NAME, f"SELECT transaction_id FROM {SCHEMA}.payment_history"))
        lost.append(float((expected - stored).total()))
        doubled.append(float((stored - expected).total()))
        _remove(proof)
    detail = {"document": "examples/nyc.yaml", "payments": COUNT, "killed": "all processes of the primary's pod"}
    return [
        Figure("nyc in a cluster: from kubectl apply to Ready with rows in all tables", "s", ready, detail),
        Figure("nyc in a cluster: database killed, until rows arrive again", "s", back, detail),
        Figure("nyc in a cluster: payments lost", "rows", lost, detail),
        Figure("nyc in a cluster: payments doubled", "rows", doubled, detail),
    ]


def document() -> dict[str, Any]:
    """The example with an end to its payments, and with nothing left of it after its deletion."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "nyc.yaml").read_text())
    spec = whole["spec"] | {"deletionPolicy": "delete"}
    spec["sources"] = [
        one | {"synthetic": one["synthetic"] | {"count": COUNT, "start": START}} if "synthetic" in one else one
        for one in spec["sources"]
    ]
    return whole | {"spec": spec}


def wanted() -> Iterator[str]:
    """The payments of the seed."""
    [section] = [one["synthetic"] for one in document()["spec"]["sources"] if "synthetic" in one]
    made = Payments(Synthetic.model_validate(section), datetime.fromisoformat(START).astimezone(UTC))
    for batch in made.batches(None, 10_000):
        yield from (orjson.loads(value)["transaction_id"] for value in batch.values)


def has_rows(proof: "Proof") -> bool:
    return proof.ready(NAME) and all(count(proof, one) for one in TABLES)


def count(proof: "Proof", table: str) -> int:
    """The rows of a table; 0 while its database does not answer."""
    lines = proof.query(NAME, f"SELECT count(*) FROM {SCHEMA}.{table}")
    return int(lines[0]) if lines else 0


def _kill(proof: "Proof") -> float:
    """Kill the database while payments arrive; the seconds until there are more of them."""
    assert count(proof, "payment_history") < COUNT, "no payments are left to kill under"
    began = time.monotonic()
    proof.kill("database")
    proof.until("the database answers again", lambda: count(proof, "payment_history"), PATIENCE, every=0.3)
    found = count(proof, "payment_history")
    proof.until("rows arrive again", lambda: count(proof, "payment_history") > found, PATIENCE, every=0.3)
    return time.monotonic() - began


def _arrive(proof: "Proof") -> None:
    """Wait until all payments are there, or no more of them come; which of them are missing is counted then."""
    found, since = -1, time.monotonic()
    while found < COUNT and time.monotonic() - since < SILENCE:
        time.sleep(1.0)
        if (now := count(proof, "payment_history")) > found:
            found, since = now, time.monotonic()


def _remove(proof: "Proof") -> None:
    """Delete the document and wait until its database is gone with all that was in it."""
    proof.kubectl("delete", "weatherpipeline", NAME, f"--namespace={proof.here}", "--timeout=120s")
    proof.until("nothing is left", lambda: not proof.every("pods,persistentvolumeclaims"), PATIENCE)
