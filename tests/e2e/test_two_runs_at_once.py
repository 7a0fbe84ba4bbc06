"""Two pipelines started at the same moment, each with its own dashboard, without a word about ports."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from fix_meso import MesoRun

DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: {name}}}
spec:
  sources:
    - {{name: stations, contract: station, replay: {{dataset: nyc-stations}}}}
"""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[MesoRun]]:
    runs = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "document.yaml").write_text(DOCUMENT.format(name=name))
        runs.append(MesoRun(folder, folder / "document.yaml", "--no-dashboard-open"))
    yield runs
    for run in runs:
        if run.process.poll() is None:
            run.stop()
        assert run.leaves_nothing(), run.left_behind()


def pipeline_at(address: str) -> str:
    with urlopen(f"{address}/api/state", timeout=30) as answer:
        return str(json.load(answer)["pipeline"])


def test_two_runs_at_once_have_a_dashboard_each_which_keeps_its_port_when_it_crashes(two: list[MesoRun]) -> None:
    told = [run.wait_for(lambda status: status.get("ledger"), "a reading of the ledger") for run in two]
    addresses = [status["dashboard"] for status in told]
    assert [pipeline_at(address) for address in addresses] == ["one", "other"]
    assert [status["services"]["dashboard"]["restarts"] for status in told] == [0, 0]

    os.kill(told[0]["services"]["dashboard"]["pid"], signal.SIGKILL)
    two[0].wait_for(lambda status: status["services"]["dashboard"]["restarts"] == 1, "a new dashboard")
    assert [pipeline_at(address) for address in addresses] == ["one", "other"]
    assert [run.stop()[0] for run in two] == [0, 0]
