"""The lease goes to one at a time: from a holder that let it go, or that did not renew it for as long as it said."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mesoscale_operator import leader
from mesoscale_operator.leader import Observed

AT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def lease(holder: str | None, renewed: str = "r1") -> dict[str, Any]:
    spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 12, "leaseTransitions": 3}
    return {"metadata": {"name": "x"}, "spec": spec if holder is not None else {}}


@pytest.mark.parametrize(("holder", "may"), [(None, True), ("", True), ("me", True), ("other", False)])
def test_a_lease_is_taken_only_if_nobody_holds_it(holder: str | None, may: bool) -> None:
    assert leader.may_take(lease(holder), "me", Observed(), 0.0) is may


def test_a_holder_that_renews_keeps_the_lease_for_ever() -> None:
    seen = Observed()
    for moment in range(0, 600, 2):
        assert not leader.may_take(lease("other", f"r{moment}"), "me", seen, float(moment))


def test_a_holder_that_falls_silent_loses_it_after_the_time_it_promised() -> None:
    seen = Observed()
    assert not leader.may_take(lease("other"), "me", seen, 100.0)
    assert not leader.may_take(lease("other"), "me", seen, 112.0)
    assert leader.may_take(lease("other"), "me", seen, 112.1)


def test_whoever_leads_stops_before_anybody_else_may_begin() -> None:
    assert leader.GIVE_UP + 2 * leader.PERIOD <= leader.DURATION


def test_taking_counts_a_transition_and_renewing_does_not() -> None:
    taken = leader.taken(lease("other"), "me", AT)["spec"]
    assert taken["holderIdentity"] == "me"
    assert taken["leaseTransitions"] == 4
    renewed = leader.taken({"metadata": {}, "spec": taken}, "me", AT.replace(second=5))["spec"]
    assert renewed["leaseTransitions"] == 4
    assert renewed["acquireTime"] == taken["acquireTime"]
    assert renewed["renewTime"] > taken["renewTime"]
