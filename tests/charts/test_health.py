"""Argo CD's view of a pipeline, by the script it runs and the status the operator writes."""

from pathlib import Path
from typing import Any

import pytest
from lupa.lua51 import LuaRuntime  # Argo CD's is of this version

from mesoscale import conditions
from mesoscale.errors import Place, Problem, Reason
from mesoscale.manifests.types import Key
from mesoscale.model.status import LedgerTotals
from mesoscale.readiness import State

SCRIPT = (Path(__file__).parents[2] / "charts/mesoscale/argocd/health.lua").read_text()
KEY = Key("apps/v1", "StatefulSet", "nyc-rows")
READY = State("Ready")
WAITING = State("Progressing", "0 of 1 pods are ready")
FAILED = State("Failed", "the Job failed", "look at its log")
SKIPPED = State("Skipped", "its kind is not installed", "install CloudNativePG")
WRONG = Problem(Reason.UNKNOWN_REFERENCE, 'there is no "whether"', Place("nyc.yaml", 1, 1, "sinks[0].from"))


class Totals:
    """Counted records."""

    rows_per_second = 5.0

    def __init__(self, closed: bool) -> None:
        self.ledger = LedgerTotals(read=1, accepted=1, closed=closed)


def document(state: State, *problems: Problem, closed: bool = True, **more: Any) -> dict[str, Any]:
    status = conditions.report(
        None, 3, problems, [(KEY, "StreamsReady", state)], Totals(closed), [], "2026-01-02T03:04:05Z"
    )
    metadata = {"name": "nyc", "generation": 3} | more.pop("metadata", {})
    return {"metadata": metadata, "spec": {}, "status": status.model_dump(mode="json", by_alias=True)} | more


def health(document: dict[str, Any]) -> tuple[str, str]:
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals()["obj"] = lua.table_from(document, recursive=True)
    found = lua.execute(SCRIPT)
    return found["status"], found["message"]


@pytest.mark.parametrize(
    ("seen", "status", "message"),
    [
        (document(READY), "Healthy", "1 object as wanted"),
        (document(WAITING), "Progressing", "0 of 1 pods are ready"),
        (document(FAILED), "Degraded", "look at its log"),
        (document(SKIPPED), "Degraded", "install CloudNativePG"),
        (document(READY, WRONG), "Degraded", 'there is no "whether"'),
        (document(READY, closed=False), "Degraded", "does not add up"),
        (document(READY, spec={"pause": ["data"]}), "Suspended", "pause names data"),
        (document(READY, spec={"pause": ["reconcile"]}), "Healthy", ""),
        (document(FAILED, spec={"pause": ["data"]}), "Degraded", "the Job failed"),
        (document(READY, metadata={"generation": 4}), "Progressing", "has not seen"),
        (document(READY, metadata={"deletionTimestamp": "2026-01-02T03:04:05Z"}), "Progressing", "taken down"),
        ({"metadata": {"name": "nyc", "generation": 1}, "spec": {}}, "Progressing", "has not seen"),
    ],
)
def test_health_is_what_the_status_says(seen: dict[str, Any], status: str, message: str) -> None:
    told = health(seen)
    assert told[0] == status
    assert message in told[1]


def test_every_health_is_a_word_that_argo_cd_knows() -> None:
    import re

    assert set(re.findall(r'status = "(\w+)"', SCRIPT)) == {"Healthy", "Progressing", "Degraded", "Suspended"}
