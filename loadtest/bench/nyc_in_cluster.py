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
NEEDED = ("cloudnative-pg", "kafka")  # of the second, the image alone
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
    expected = Counter(wanted())
    ready, back, lost, doubled = [], [], [], []
    for number in range(1, runs + 1):
        print(f"{PART}: {number} of {runs}", flush=True)
        pipeline = Deployed(proof, f"nyc{number}")  # brokers of others keep the topics of a pipeline that is gone
        proof.apply(pipeline.code(steps))
        began = time.monotonic()
        proof.apply(document(pipeline.name))
        proof.until("Ready, with rows", pipeline.has_rows, PATIENCE)
        ready.append(time.monotonic() - began)
        back.append(pipeline.kill_its_database())
        pipeline.await_payments()
        stored = Counter(proof.query(pipeline.name, f"SELECT transaction_id FROM {pipeline.name}.payment_history"))
        lost.append(float((expected - stored).total()))
        doubled.append(float((stored - expected).total()))
        pipeline.remove()
    detail = {"document": "examples/nyc.yaml", "payments": COUNT, "killed": "all processes of the primary's pod"}
    return [
        Figure("nyc in a cluster: from kubectl apply to Ready with rows in all tables", "s", ready, detail),
        Figure("nyc in a cluster: database killed, until rows arrive again", "s", back, detail),
        Figure("nyc in a cluster: payments lost", "rows", lost, detail),
        Figure("nyc in a cluster: payments doubled", "rows", doubled, detail),
    ]


def document(name: str) -> dict[str, Any]:
    """The example with an end to its payments, and with nothing left of it after its deletion."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "nyc.yaml").read_text())
    spec = whole["spec"] | {"deletionPolicy": "delete"}
    spec["sources"] = [
        one | {"synthetic": one["synthetic"] | {"count": COUNT, "start": START}} if "synthetic" in one else one
        for one in spec["sources"]
    ]
    return whole | {"metadata": {"name": name}, "spec": spec}


def wanted() -> Iterator[str]:
    """The payments of the seed."""
    [section] = [one["synthetic"] for one in document("nyc")["spec"]["sources"] if "synthetic" in one]
    made = Payments(Synthetic.model_validate(section), datetime.fromisoformat(START).astimezone(UTC))
    for batch in made.batches(None, 10_000):
        yield from (orjson.loads(value)["transaction_id"] for value in batch.values)


class Deployed:
    """One pipeline in the cluster."""

    def __init__(self, proof: "Proof", name: str) -> None:
        self._proof = proof
        self.name = name

    def code(self, steps: str) -> dict[str, Any]:
        """The object in which its users' steps lie."""
        metadata = {"name": f"{self.name}-code"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"steps.py": steps}}

    def has_rows(self) -> bool:
        return self._proof.ready(self.name) and all(self.count(table) for table in TABLES)

    def count(self, table: str) -> int:
        """The rows of a table; 0 while its database does not answer."""
        lines = self._proof.query(self.name, f"SELECT count(*) FROM {self.name}.{table}")
        return int(lines[0]) if lines else 0

    def kill_its_database(self) -> float:
        """Do so while payments arrive; the seconds until there are more of them."""
        assert self.count("payment_history") < COUNT, "no payments are left to kill under"
        began = time.monotonic()
        self._proof.kill("database")
        self._proof.until("the database answers again", lambda: self.count("payment_history"), PATIENCE, every=0.3)
        found = self.count("payment_history")
        self._proof.until("rows arrive again", lambda: self.count("payment_history") > found, PATIENCE, every=0.3)
        return time.monotonic() - began

    def await_payments(self) -> None:
        """Until all payments are there, or no more of them come; which of them are missing is counted then."""
        found, since = -1, time.monotonic()
        while found < COUNT and time.monotonic() - since < SILENCE:
            time.sleep(1.0)
            if (now := self.count("payment_history")) > found:
                found, since = now, time.monotonic()

    def remove(self) -> None:
        """Delete the document and wait until its database is gone with all that was in it."""
        where = f"--namespace={self._proof.here}"
        self._proof.kubectl("delete", "weatherpipeline", self.name, where, "--timeout=120s")
        self._proof.until("nothing is left", lambda: not self._proof.every("pods,persistentvolumeclaims"), PATIENCE)
