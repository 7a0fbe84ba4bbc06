"""`meso dlq` and `meso replay` on a pipeline that runs, as a person calls them; and a step that hangs beside it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fix_meso import MesoRun
from fix_pipeline import payments

COUNT = 60
DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: ways-back}
spec:
  sources:
    - {name: given, contract: transaction, replay: {file: given.ndjson}}
  stages:
    - {name: rated, from: given, step: "rates:rate"}
    - {name: stuck, from: given, step: "rates:hang", stepTimeout: 2s}
  sinks:
    - {name: rows, from: rated, table: {}}
"""
STEPS = """\
import pathlib
import time

def rate(frame):
    if (frame["amount"] > 6000).any() and not pathlib.Path(__file__).with_name("mended").exists():
        raise ValueError("too much")
    return frame

def hang(frame):
    if (frame["transaction_id"] == {bad!r}).any():
        time.sleep(3600)
    return frame
"""
Meso = Callable[..., subprocess.CompletedProcess[str]]


def asked(meso: Meso, *arguments: str) -> Any:
    told = meso(*arguments, "-o", "json")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_letters_go_back_rows_are_compared_and_a_step_that_hangs_disturbs_nobody(
    meso_run: Callable[..., MesoRun], meso: Meso, tmp_path: Path
) -> None:
    sent = [value or b"" for _, value in payments(COUNT)]
    large = sum(json.loads(value)["amount"] > 6000 for value in sent)
    (tmp_path / "given.ndjson").write_bytes(b"\n".join([*sent, b"not a record"]) + b"\n")
    (tmp_path / "rates.py").write_text(STEPS.format(bad=json.loads(sent[30])["transaction_id"]))
    (tmp_path / "doc.yaml").write_text(DOCUMENT)
    before = meso("dlq", "list")
    assert (before.returncode, "does not have any pipeline" in before.stderr) == (4, True)

    run = meso_run(tmp_path / "doc.yaml")
    run.wait_for(lambda status: _read(status, "rated") == COUNT, "the stage has read all")
    groups = {(one["node"], one["reason"]): one["letters"] for one in asked(meso, "dlq", "list")}
    assert groups["given", "Malformed"] == 1
    assert groups["rated", "StepFailed"] == large > 0
    text = meso("dlq", "show", "--node", "given")
    assert "Malformed by given" in text.stdout
    assert "not a record" in text.stdout

    wrong = meso("dlq", "redrive", "--node", "ratd")
    assert (wrong.returncode, 'did you mean "rated"?' in wrong.stderr) == (2, True)
    assert asked(meso, "dlq", "redrive", "--node", "rated", "--dry-run")["sent"] == large
    (tmp_path / "mended").touch()
    assert asked(meso, "dlq", "redrive", "--node", "rated")["sent"] == large
    run.wait_for(lambda status: _read(status, "rows") == COUNT, "the mended records are rows")
    assert asked(meso, "dlq", "redrive", "--node", "rated")["already"] == large

    [table] = asked(meso, "replay", "rows", "--shadow")["tables"]
    assert (table["same"], table["onlyInLive"], table["onlyInShadow"], table["different"]) == (COUNT, 0, 0, 0)
    refused = meso("replay", "rated")
    assert (refused.returncode, "would read each record of the range a second time" in refused.stderr) == (3, True)

    status = run.wait_for(lambda status: _read(status, "stuck") == COUNT, "the record that hangs is found")
    assert status["processes"]["stuck"]["restarts"] <= 5
    assert "hangs in" in status["processes"]["stuck"]["crash"]["lastLine"]
    assert status["processes"]["rated"]["restarts"] == 0
    [letter] = asked(meso, "dlq", "show", "--node", "stuck")
    assert (letter["reason"], letter["value"]["text"]) == ("StepDied", sent[30].decode())
    run.wait_for(lambda status: status.get("ledger", {}).get("closed"), "the ledger adds up")
    code, _ = run.stop()
    assert code == 0, run.stderr


def _read(status: dict[str, Any], node: str) -> int:
    """How many records the node has read, as the ledger of the status says."""
    return int(status.get("ledger", {}).get("nodes", {}).get(node, {}).get("read", 0))
