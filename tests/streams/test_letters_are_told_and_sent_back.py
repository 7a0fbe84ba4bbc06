"""Dead letters are listed, shown and sent back to who refused them, each once, and the ledger adds up all the same."""

import signal
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from fix_letters import dlq, settle
from fix_pipeline import Pipeline, ids, payments, until

MakePipeline = Callable[[str, str], Pipeline]
COUNT = 60
MOST = 6000  # minor units; about a third of the payments are beyond
STEPS = """\
import pathlib

def picky(frame):
    \"\"\"Cannot do amounts beyond what the file says.\"\"\"
    most = float(pathlib.Path(__file__).with_name("most").read_text())
    if (frame["amount"] > most).any():
        raise ValueError("too much")
    return frame
"""
SPEC = """\
  sources:
    - {name: given, contract: transaction, replay: {file: given.ndjson}}
  stages:
    - {name: pick, from: given, step: "picky_steps:picky"}
  sinks:
    - {name: rows, from: given, table: {}}
    - {name: picked, from: pick, table: {}}
"""
NODES = ("pick", "rows", "picked")


def table(here: Pipeline, name: str) -> Counter[str]:
    found = here.rows(f"SELECT transaction_id, count(*) FROM {name} GROUP BY 1")
    return Counter({str(one): int(str(times)) for one, times in found})


@pytest.fixture
def refused(pipeline: MakePipeline, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    """A pipeline at rest whose source refused one record and whose stage refused those of a large amount."""
    sent = [value or b"" for _, value in payments(COUNT)]
    bad = orjson.dumps(orjson.loads(sent[0]) | {"transaction_id": "negative", "amount": -1})
    (tmp_path / "given.ndjson").write_bytes(b"\n".join([*sent, bad, b"\xff no text"]) + b"\n")
    (tmp_path / "picky_steps.py").write_text(STEPS)
    (tmp_path / "most").write_text(str(MOST))
    here = pipeline(f"letters-{zlib.crc32(request.node.name.encode()):x}", SPEC)
    assert here.start("given").wait(60) == 0, here.log()
    for node in NODES:
        here.start(node)
    settle(here)
    return here


def large(here: Pipeline) -> Counter[str]:
    lines = (here.folder / "given.ndjson").read_bytes().splitlines()[:COUNT]
    return ids(line for line in lines if orjson.loads(line)["amount"] > MOST)


def test_what_a_stage_refused_goes_to_it_alone_and_only_once(refused: Pipeline) -> None:
    here, wanted = refused, large(refused)
    assert wanted, "no payment is large"
    groups = {(one["node"], one["reason"]): one for one in dlq(here, "list")}
    assert groups["pick", "StepFailed"]["letters"] == wanted.total()
    assert groups["pick", "StepFailed"]["newest"]["detail"] == "ValueError: too much"
    assert {key for key in groups if key[0] == "given"} == {("given", "OutOfRange"), ("given", "NotUtf8")}

    [strange] = dlq(here, "show", "--reason", "NotUtf8")
    assert strange["value"] == {"base64": "/yBubyB0ZXh0"}
    assert (strange["key"], strange["redriven"], strange["redrivenAt"], strange["contract"]) == (
        None,
        0,
        None,
        "transaction@1",
    )
    assert len(dlq(here, "show", "--node", "pick", "--limit", "2")) == 2
    assert dlq(here, "show", "--until", "1h") == []

    foretold = dlq(here, "redrive", "--dry-run")
    assert (foretold["sent"], foretold["already"], foretold["refused"]) == (wanted.total(), 0, 2)
    assert {one["reason"] for one in foretold["staying"]} == {"OutOfRange", "NotUtf8"}
    before = settle(here)
    (here.folder / "most").write_text("1e9")
    done = dlq(here, "redrive")
    assert done == {**foretold, "dryRun": False}
    after = settle(here)
    assert table(here, "picked") == ids((here.folder / "given.ndjson").read_bytes().splitlines()[:COUNT])
    assert table(here, "rows") == table(here, "picked")
    assert after.nodes["rows"] == before.nodes["rows"]
    assert after.nodes["pick"].read == before.nodes["pick"].read + wanted.total()
    assert {(e.producer, e.consumer): e.redriven for e in after.edges} == {
        ("given", "pick"): wanted.total(),
        ("given", "rows"): 0,
        ("pick", "picked"): 0,
    }
    again = dlq(here, "redrive")
    assert (again["sent"], again["already"], again["refused"]) == (0, wanted.total(), 2)
    assert settle(here).nodes == after.nodes
    assert all(one["redrivenAt"] for one in dlq(here, "show", "--node", "pick"))


def test_what_is_refused_again_keeps_its_history(refused: Pipeline) -> None:
    wanted = large(refused).total()
    [first] = dlq(refused, "show", "--node", "pick", "--limit", "1")
    assert dlq(refused, "redrive", "--letter", first["letter"])["sent"] == 1
    settle(refused)
    [second] = dlq(refused, "show", "--node", "pick", "--limit", "1")
    assert (second["redriven"], second["origin"]) == (1, first["position"])
    assert second["position"] != first["position"]
    assert (second["key"], second["value"], second["reason"]) == (first["key"], first["value"], "StepFailed")
    assert dlq(refused, "redrive", "--letter", second["letter"])["sent"] == 1
    settle(refused)
    [third] = dlq(refused, "show", "--node", "pick", "--limit", "1")
    assert (third["redriven"], third["origin"]) == (2, first["position"])
    assert dlq(refused, "list", "--node", "pick")[0]["letters"] == wanted + 2


def test_what_a_source_refused_is_checked_again_and_goes_to_all(refused: Pipeline) -> None:
    text = (refused.folder / "pipeline.yaml").read_text()
    looser = text.replace("spec:\n", f"spec:\n  contracts: [{LOOSE}]\n").replace("transaction,", "loose,")
    (refused.folder / "loose.yaml").write_text(looser)
    before = settle(refused)
    told = dlq(refused, "redrive", "--node", "given", "--reason", "OutOfRange", document="loose.yaml")
    assert (told["sent"], told["refused"]) == (1, 0)
    until(
        lambda: len(refused.letters("given")) == 4 + large(refused).total(), "both readers refuse it by their contract"
    )
    after = settle(refused)
    assert after.nodes["pick"].rejected == before.nodes["pick"].rejected + 1
    assert after.nodes["rows"].rejected == before.nodes["rows"].rejected + 1


LOOSE = "{name: loose, version: 1, columns: [{name: amount, type: float64}]}"


@pytest.mark.parametrize("moment", ["redrive-before-commit", "redrive-after-commit"])
def test_a_redriver_that_is_killed_and_run_again_sends_each_once(refused: Pipeline, moment: str) -> None:
    (refused.folder / "most").write_text("1e9")
    assert dlq(refused, "redrive", sabotage=moment) == -signal.SIGKILL
    done = dlq(refused, "redrive")
    assert done["sent"] + done["already"] == large(refused).total()
    assert done["already"] == (2 if moment == "redrive-before-commit" else 3)
    after = settle(refused)
    assert table(refused, "picked") == ids((refused.folder / "given.ndjson").read_bytes().splitlines()[:COUNT])
    assert sum(edge.redriven for edge in after.edges) == large(refused).total()


def test_of_two_redrivers_at_once_the_later_goes_on_alone(refused: Pipeline) -> None:
    (refused.folder / "most").write_text("1e9")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(dlq, refused, "redrive", sabotage="redrive-slowly")
        until(lambda: any(one["redrivenAt"] for one in dlq(refused, "show", "--node", "pick")), "one letter is sent")
        second = dlq(refused, "redrive")
        assert second["already"] > 0
        assert second["sent"] + second["already"] == large(refused).total()
        assert first.result(60) == 4
    after = settle(refused)
    assert table(refused, "picked") == ids((refused.folder / "given.ndjson").read_bytes().splitlines()[:COUNT])
    assert sum(edge.redriven for edge in after.edges) == large(refused).total()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--node", "pik"), 'did you mean "pick"?'),
        (("--reason", "StepFaild"), 'did you mean "StepFailed"?'),
        (("--edge", "rows"), "is none of given, pick"),
        (("--letter", "given/x"), "does not name a dead letter"),
        (("--since", "yesterday"), "is neither a duration nor an instant"),
    ],
)
def test_a_word_that_means_nothing_is_refused_with_what_would(
    bare_pipeline: MakePipeline, option: tuple[str, ...], told: str
) -> None:
    here = bare_pipeline("words", SPEC)
    code, lines = here.tell("dlq", "list", *option)
    assert code == 2
    assert told in f"{lines[-1]['message']}"
