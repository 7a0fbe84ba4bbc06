"""What is done about a child follows from what is wanted and what is there, and from nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from fix_records import MAP, NOW, TOPIC, record, wanted, workload

from mesoscale.manifests.types import KINDS, Key
from mesoscale.model.base import DeletionPolicy
from mesoscale.readiness import State
from mesoscale_operator import decide
from mesoscale_operator.decide import Apply, Leave, Release, Remove, Step
from mesoscale_operator.observe import Absence
from mesoscale_operator.planning import Wanted
from mesoscale_operator.records import Record


def steps(wants: list[Wanted], there: dict[Key, Record], revert: bool = True, **more: Any) -> list[Step]:
    given: dict[str, Any] = {"settled": {}, "lost": lambda key: "", "absences": {}} | more
    return decide.steps(tuple(wants), there, revert=revert, now=NOW, **given)


OTHER = record(managed="other")
OLD = record(managed="old", hash="h1")
CHANGED = Leave(MAP, "drifted")


@pytest.mark.parametrize(
    ("there", "revert", "step"),
    [
        (None, True, Apply(wanted(), "new")),
        (None, False, Apply(wanted(), "new")),  # to report drift is no reason to leave a child away
        (record(), True, None),
        (OTHER, True, Apply(wanted(), "drifted")),
        (OTHER, False, CHANGED),
        (OLD, True, Apply(wanted(), "changed")),
        (OLD, False, Apply(wanted(), "changed")),
        (record(deleted_at=NOW), True, Leave(MAP, "lost")),
        (record(deleted_at=NOW, managed="old", hash="h1"), True, Leave(MAP, "being-deleted")),
        (record(ours=False, managed="", hash=""), True, Apply(wanted(), "changed")),
    ],
)
def test_a_child_is_made_like_the_plan_and_otherwise_left_alone(
    there: Record | None, revert: bool, step: Step | None
) -> None:
    assert steps([wanted()], {MAP: there} if there else {}, revert) == ([step] if step else [])


@pytest.mark.parametrize("revert", [True, False])
def test_what_somebody_deleted_is_made_anew_and_told_apart_from_what_is_new(revert: bool) -> None:
    def lost(key: Key) -> str:
        return {MAP: wanted().hash, TOPIC: "of an earlier plan"}.get(key, "")

    found = steps([wanted(), wanted(TOPIC)], {}, revert, lost=lost)
    assert found == [Apply(wanted(), "lost"), Apply(wanted(TOPIC), "new")]


def test_what_is_known_to_be_stored_in_other_words_is_no_drift() -> None:
    there = {MAP: record(managed="other words")}
    assert steps([wanted()], there, settled={MAP: ("new", "other words")}) == []
    assert steps([wanted()], there, settled={MAP: ("new", "words before")}) == [Apply(wanted(), "drifted")]
    assert steps([wanted()], there, settled={MAP: ("old", "other words")}) == [Apply(wanted(), "drifted")]


def test_a_kind_that_is_not_installed_is_skipped_and_its_project_named() -> None:
    kind = next(kind for kind in KINDS if kind.kind == "KafkaTopic")
    absences = {(kind.api_version, kind.kind): Absence(kind, forbidden=False)}
    found = steps([wanted(TOPIC), wanted()], {}, absences=absences)
    assert found == [Leave(TOPIC, "absent-kind", "Strimzi"), Apply(wanted(), "new")]


@pytest.mark.parametrize(
    ("key", "policy", "more", "step"),
    [
        (MAP, "", {}, Remove),
        (MAP, "", {"ours": False}, None),  # our labels, copied by somebody
        (MAP, "", {"deleted_at": NOW}, None),
        (TOPIC, "retain", {}, Leave),
        (TOPIC, "orphan", {}, Release),
        (TOPIC, "delete", {}, Remove),
        (TOPIC, "", {}, Leave),  # says nothing: rather a topic too many than one too few
        (TOPIC, "keep-it", {}, Leave),
        (TOPIC, "delete", {"ours": False}, None),
        (TOPIC, "delete", {"deleted_at": NOW}, None),
    ],
)
def test_what_the_document_no_longer_names_goes_but_never_data_against_its_policy(
    key: Key, policy: DeletionPolicy, more: dict[str, Any], step: type | None
) -> None:
    found = steps([], {key: record(policy=policy, **more)})
    assert [type(one) for one in found] == ([step] if step else [])


def test_no_kind_that_holds_data_is_removed_without_its_policy_saying_so() -> None:
    holders = [Key(kind.api_version, kind.kind, "x") for kind in KINDS if kind.data]
    assert len(holders) >= 3
    for key in holders:
        assert isinstance(decide.unnamed(key, record(policy="")), Leave), key


SOURCE, STAGE, SINK = (wanted(workload(name), wave=wave) for wave, name in enumerate(("source", "stage", "sink")))
BEFORE = {one.key: replace(OLD, wave=one.wave) for one in (SOURCE, STAGE, SINK)}
ROLLING = State("Progressing", "1 of 2")


def changed(found: list[Step]) -> list[str]:
    return [step.wanted.key.name for step in found if isinstance(step, Apply)]


def held(found: list[Step]) -> dict[str, str]:
    return {step.key.name: step.detail for step in found if isinstance(step, Leave) and step.why == "rollout"}


def test_programs_are_changed_one_after_the_other_readers_first() -> None:
    found = steps([SOURCE, STAGE, SINK], BEFORE)
    assert changed(found) == ["sink"]
    assert held(found) == {"source": "sink", "stage": "sink"}
    then = BEFORE | {SINK.key: record(state=ROLLING)}
    assert changed(steps([SOURCE, STAGE, SINK], then)) == []
    assert held(steps([SOURCE, STAGE, SINK], then)) == {"source": "sink", "stage": "sink"}
    assert changed(steps([SOURCE, STAGE, SINK], BEFORE | {SINK.key: record()})) == ["stage"]


def test_a_change_may_heal_the_program_that_does_not_come_up() -> None:
    there = BEFORE | {STAGE.key: replace(OLD, state=ROLLING)}
    found = steps([SOURCE, STAGE, SINK], there)
    assert changed(found) == ["stage"]
    assert held(found) == {"source": "stage", "sink": "stage"}


def test_a_program_that_never_comes_up_holds_the_others_back_for_a_while_only() -> None:
    stuck = record(state=ROLLING, applied_at=NOW - decide.ROLLOUT_PATIENCE - 1)
    assert changed(steps([SOURCE, STAGE, SINK], BEFORE | {SINK.key: stuck})) == ["stage"]


def test_new_programs_and_repairs_wait_for_nobody() -> None:
    there = {SINK.key: record(state=ROLLING), STAGE.key: OTHER}
    assert changed(steps([SOURCE, STAGE, SINK], there)) == ["source", "stage"]
