"""A pipeline that never ends: watched, disturbed, stopped, started again."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from fix_meso import MesoRun

EXAMPLES = Path(__file__).parents[2] / "examples"
NYC = EXAMPLES / "nyc.yaml"

pytestmark = pytest.mark.timeout(900)

Start = Callable[..., MesoRun]
Meso = Callable[..., CompletedProcess[str]]


def rows(table: str, more_than: int = 0) -> Callable[[dict[str, Any]], bool]:
    return lambda status: status.get("tables", {}).get(table, 0) > more_than


def pid(status: dict[str, Any], group: str, name: str) -> int:
    found = status[group][name]["pid"]
    assert isinstance(found, int)
    return found


def test_a_run_is_seen_stopped_with_ctrl_c_and_goes_on_where_it_stopped(meso_run: Start, meso: Meso) -> None:
    run = meso_run(NYC, "--fresh", "--output", "json")
    run.wait_for(rows("payment-history", 500), "payments")
    status = json.loads(meso("status", "-o", "json").stdout)
    assert status["running"] is True
    assert {one["state"] for one in status["processes"].values()} <= {"running", "ended"}
    shown = meso("status").stdout
    assert f"pid {run.process.pid}" in shown
    assert "dashboard: http://127.0.0.1:" in shown
    assert '"level"' in meso("logs", "payments", "-o", "json").stdout

    second = meso("run", str(NYC))
    assert second.returncode == 4
    assert f"already running in {run.folder}/.meso/nyc (pid {run.process.pid})" in second.stderr

    code, out = run.stop()
    assert code == 0, run.stderr
    assert run.leaves_nothing(), run.left_behind()
    told = json.loads(out)
    assert told["ledger"] == "closed", told
    payments = told["nodes"]["payments"]["produced"]
    assert told["nodes"]["payment-history"]["read"] == payments, "stopped before what lay in between was worked off"
    assert "nyc is not running; this is how it was at" in meso("status").stdout

    again = meso_run(NYC, "--output", "json")
    again.wait_for(rows("payment-history", payments), "payments after those of the first run")
    code, out = again.stop(signal.SIGTERM)
    assert code == 0, again.stderr
    assert json.loads(out)["ledger"] == "closed"


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("processes", "payments"),
        ("processes", "payment-history"),
        ("services", "kafka"),
        ("services", "postgres"),
    ],
)
def test_a_killed_program_comes_back_and_the_ledger_closes(meso_run: Start, group: str, name: str) -> None:
    run = meso_run(NYC, "--fresh", "--output", "json")
    status = run.wait_for(rows("payment-history"), "payments")
    before = pid(status, group, name)
    os.kill(before, signal.SIGKILL)
    status = run.wait_for(lambda now: now[group][name]["pid"] not in (None, before), f"another {name}")
    assert status[group][name]["crash"]["reason"] == "killed by SIGKILL"
    run.wait_for(rows("payment-history", status["tables"]["payment-history"] + 500), "payments after the crash")
    code, out = run.stop()
    assert json.loads(out)["ledger"] == "closed"
    assert code == 0, run.stderr


def test_a_step_that_cannot_start_is_shown_and_the_rest_goes_on(tmp_path: Path, meso_run: Start, meso: Meso) -> None:
    shutil.copy(NYC, tmp_path / "broken.yaml")
    (tmp_path / "steps.py").write_text("raise RuntimeError('no thermometer')\n")
    run = meso_run(tmp_path / "broken.yaml", "--fresh")
    status = run.wait_for(lambda now: now["processes"].get("felt", {}).get("restarts", 0) >= 2, "two restarts")
    assert "no thermometer" in status["processes"]["felt"]["crash"]["lastLine"]
    assert "felt crashed at" in meso("status").stdout
    run.wait_for(rows("observations"), "rows of the nodes that work")
    assert run.stop()[0] == 0


def test_kill_9_of_the_driver_leaves_no_process(meso_run: Start, meso: Meso) -> None:
    run = meso_run(EXAMPLES / "minimal.yaml", "--fresh")
    run.wait_for(rows("observations"), "rows")
    assert len(run.left_behind()) >= 5  # Kafka, PostgreSQL and its own processes, the dashboard, the sink
    run.process.kill()
    assert run.leaves_nothing(), run.left_behind()
    assert "is not running" in meso("status").stdout


def test_a_folder_deleted_while_it_runs_is_told_and_all_stops(meso_run: Start) -> None:
    run = meso_run(EXAMPLES / "minimal.yaml", "--fresh")
    run.wait_for(rows("observations"), "rows")
    shutil.rmtree(run.folder / ".meso", ignore_errors=True)
    code, _ = run.finish()
    assert code == 4
    assert f"the folder {run.folder}/.meso/minimal was deleted while the pipeline ran" in run.stderr
    assert run.leaves_nothing(), run.left_behind()


def test_a_second_ctrl_c_hurries(meso_run: Start) -> None:
    run = meso_run(NYC, "--fresh")
    run.wait_for(rows("payment-history"), "payments")
    run.process.send_signal(signal.SIGINT)
    run.wait_for(lambda status: status["phase"] == "stopping", "phase stopping")
    run.stop(signal.SIGINT, seconds=30)
    assert run.leaves_nothing(), run.left_behind()


def test_a_change_that_loses_data_waits_for_a_word(tmp_path: Path, meso_run: Start) -> None:
    document = tmp_path / "document.yaml"
    text = (EXAMPLES / "minimal.yaml").read_text()
    document.write_text(text)
    options = ("--until-done", "--output", "json")
    assert meso_run(document, *options).finish()[0] == 0
    document.write_text(text.replace("name: observations", "name: others"))
    refused = meso_run(document, *options)
    assert refused.finish()[0] == 3
    assert "table minimal.observations (remove): its rows are deleted" in refused.stderr
    accepted = meso_run(document, *options, "--accept-data-loss")
    code, out = accepted.finish()
    assert code == 0, accepted.stderr
    assert list(json.loads(out)["tables"]) == ["others"]
