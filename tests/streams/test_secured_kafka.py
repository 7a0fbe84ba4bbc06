"""Brokers that ask who comes: every client of ours is let in by a password or a certificate, or says why it is not."""

import time
from collections.abc import Callable

import orjson
import pytest
from fix_pipeline import Pipeline, ids, payments, until
from fix_secured import MAKER, USERNAME, SecuredBroker, binding

from mesoscale import bindings
from mesoscale_dashboard.feed import Feed, Tail
from mesoscale_streams import environment
from mesoscale_streams.ledger_reader import LedgerReader

Make = Callable[[str, str], Pipeline]
COUNT = 500
SPEC = """\
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 5000, count: 500, seed: 3}}
  stages:
    - {name: pass, from: payments, use: forward}
  sinks:
    - {name: rows, from: pass, table: {}}
"""


@pytest.mark.parametrize("listener", ["SCRAM", "PLAIN", "TLS"])
def test_a_pipeline_runs_where_brokers_ask_who_comes(
    bare_pipeline: Make, secured: SecuredBroker, listener: str
) -> None:
    here = bare_pipeline(f"secured-{listener.lower()}", SPEC)
    maker = bindings.Bindings(binding(secured, "SCRAM", username=MAKER), here.postgres)
    here.bind(maker)
    assert (here.tell("topics")[0], here.tell("topics")[0], here.tell("schema")[0]) == (0, 0, 0)
    here.bind(bindings.Bindings(binding(secured, listener), here.postgres))
    source, stage, sink = here.start("payments"), here.start("pass"), here.start("rows")
    assert source.wait(90) == 0, here.log()
    graph = environment.read_graph(here.folder / "pipeline.yaml")
    ledger = LedgerReader(graph, environment.read_bindings(here.folder / "bindings"))
    until(lambda: ledger.read().drained, "all is worked off")
    assert ledger.read().closed
    ledger.close()
    here.stop(stage)
    here.stop(sink)
    found = here.rows("SELECT transaction_id FROM rows")
    assert {str(one): 1 for (one,) in found} == ids(value for _, value in payments(COUNT))
    assert fed(binding(secured, listener), f"{here.name}.pass") == 10
    here.bind(maker)
    assert here.tell("remove", "--topic", f"{here.name}.pass", "--node", "pass", "--sink", "rows")[0] == 0


def fed(kafka: bindings.Kafka, topic: str) -> int:
    """Records that the dashboard shows of the topic at first, at most ten."""
    feed, seen, deadline = Feed(kafka, [Tail("edge", topic, 10)]), 0, time.monotonic() + 60
    feed.start()
    while seen < 10 and time.monotonic() < deadline:
        time.sleep(0.1)
        seen += sum(len(records) for _, records in feed.drain())
    feed.stop()
    return min(seen, 10)


@pytest.mark.parametrize(
    ("listener", "entry", "wrong", "why"),
    [
        ("SCRAM", "password", "guess", "Authentication failed"),
        ("PLAIN", "username", "nobody", "Authentication failed"),
        ("SCRAM", "ca_crt", "broker.crt", "certificate verify failed"),
        ("SCRAM", "username", USERNAME, "authorization failed"),  # of topics that do not bear the allowed name
    ],
)
def test_whoever_is_not_let_in_says_why(
    bare_pipeline: Make, secured: SecuredBroker, listener: str, entry: str, wrong: str, why: str
) -> None:
    here = bare_pipeline("shut-out", SPEC)
    text = (secured.certificates / wrong).read_text() if wrong.endswith(".crt") else wrong
    here.bind(bindings.Bindings(binding(secured, listener, **{entry: text}), here.postgres))
    code, lines = here.tell("topics", "--patience", "5")
    assert (code, [problem["reason"] for problem in lines[-1]["problems"]]) == (4, ["ServiceFailed"])
    assert why.lower() in lines[-1]["message"].lower()
    stage = here.start("pass")
    until(lambda: why.lower() in last_message(here, "pass"), "the stage says why it waits", 40)
    here.stop(stage)


def last_message(here: Pipeline, node: str) -> str:
    lines = [line for line in (here.folder / f"{node}.0.log").read_bytes().splitlines() if line.startswith(b"{")]
    return str(orjson.loads(lines[-1])["message"]).lower() if lines else ""
