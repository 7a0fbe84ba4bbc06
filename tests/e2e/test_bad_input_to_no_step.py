"""A step that can do no record at all: the run ends, nothing of it is committed, and it is said why."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_meso import MesoRun

DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: broken}
spec:
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100000, seed: 5, count: 2000}}
  stages:
    - {name: doomed, from: payments, step: "doomed_steps:never"}
"""
STEPS = """\
def never(frame):
    raise ArithmeticError("not one of them")
"""


@pytest.mark.timeout(240)
def test_a_step_that_always_fails_ends_the_run_and_is_told(
    tmp_path: Path, meso_run: Callable[..., MesoRun], meso: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    document = tmp_path / "broken.yaml"
    document.write_text(DOCUMENT)
    (tmp_path / "doomed_steps.py").write_text(STEPS)
    run = meso_run(document, "--fresh", "--until-done", "--output", "json")
    code, out = run.finish(200)
    assert code == 1, run.stderr
    told = json.loads(out)
    assert told["nodes"]["payments"]["produced"] == 2000
    assert told["nodes"]["doomed"] == dict.fromkeys(("read", "accepted", "rejected", "late", "produced"), 0)
    assert any("doomed crashed 6 times in a row" in sentence for sentence in told["ledger"])
    status = meso("status", "-p", "broken").stdout
    assert "doomed crashed" in status
    assert "ArithmeticError: not one of them" in status
