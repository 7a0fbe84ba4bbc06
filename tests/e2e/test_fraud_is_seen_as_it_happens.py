"""`meso run examples/fraud.yaml`: payments are scored as they arrive, stored, and the page shows what is flagged."""

import shutil
from collections.abc import Callable
from pathlib import Path

from fix_chromium import Page
from fix_meso import MesoRun
from fix_models import Trained
from fix_services import Running

from mesoscale_local.services.postgres import Server, connect

FRAUD = Path(__file__).parents[2] / "examples" / "fraud.yaml"
ACCOUNTS = "[...document.querySelectorAll('#alerts .account')].map((cell) => cell.textContent)"
FLAGGED = "Number(document.getElementById('flagged-count')?.textContent.replaceAll('\\u2009', ''))"
SCORED = "SELECT transaction_id, account, alert, model FROM fraud.scored_payments"
ALERTS = "SELECT transaction_id, account FROM fraud.fraud_alerts"


def test_scores_and_alerts_are_stored_and_shown(
    trained: Trained, meso_run: Callable[..., MesoRun], page: Page, tmp_path: Path
) -> None:
    shutil.copytree(trained.home / "models", tmp_path / ".meso" / "models")
    run = meso_run(FRAUD)
    at_work = run.wait_for(lambda status: status.get("tables", {}).get("fraud-alerts", 0) >= 5, "alerts")
    page.open(at_work["dashboard"])
    page.wait_for(f"{FLAGGED} >= 5 && {ACCOUNTS}.length >= 5", 60)
    shown = set(page.evaluate(ACCOUNTS))
    assert page.errors == []
    code, _ = run.stop()
    assert code == 0

    server = Running(Server(tmp_path / ".meso" / "fraud" / "postgres"), tmp_path)
    try:
        with connect(server.service.binding()) as connection:
            scored = {name: rest for name, *rest in connection.execute(SCORED).fetchall()}
            stored = dict(connection.execute(ALERTS).fetchall())
    finally:
        server.stop()
    assert {model for _, _, model in scored.values()} == {trained.card["version"]}
    flagged = {name: account for name, (account, alert, _) in scored.items() if alert}
    assert len(flagged) < len(scored) / 5
    # The run was stopped in its course, so either table may be ahead of the other.
    assert {name for name in stored if name in scored} <= flagged.keys()
    assert shown <= {*flagged.values(), *stored.values()}
