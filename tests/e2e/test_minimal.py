"""The first thing anybody does: the ten-line document, to its end, as one JSON object."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_meso import MesoRun

MINIMAL = Path(__file__).parents[2] / "examples" / "minimal.yaml"
pytestmark = pytest.mark.timeout(900)

OPTIONS = ("--until-done", "--output", "json")
RECORDS = 26_115  # hourly observations of three airports in 2013


def result(run: MesoRun) -> dict[str, dict[str, dict[str, int]]]:
    code, out = run.finish()
    assert code == 0, run.stderr
    assert run.leaves_nothing(), run.left_behind()
    told: dict[str, dict[str, dict[str, int]]] = json.loads(out)
    return told


def test_minimal_runs_to_its_end_and_goes_on_from_there(meso_run: Callable[..., MesoRun]) -> None:
    told = result(meso_run(MINIMAL, "--fresh", *OPTIONS))
    assert told.keys() == {"nodes", "tables", "ledger"}
    assert told["ledger"] == "closed"
    source, sink = told["nodes"]["weather"], told["nodes"]["observations"]
    assert source["read"] == RECORDS
    assert source["produced"] == source["accepted"] == RECORDS - source["rejected"] == sink["read"]
    assert told["tables"] == {"observations": sink["accepted"]}

    again = result(meso_run(MINIMAL, *OPTIONS))
    assert again == told
