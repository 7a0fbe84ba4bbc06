"""A teardown goes sources first and data last, waits for what drains, and hangs on nobody."""

from dataclasses import replace

import pytest
from fix_records import MAP, NOW, TOPIC, record, workload

from mesoscale.manifests.types import DATA, REST, SINKS, SOURCES, STAGES, TOPICS, Key
from mesoscale.model.base import DeletionPolicy
from mesoscale.readiness import State
from mesoscale_operator import waves
from mesoscale_operator.decide import Release, Remove
from mesoscale_operator.records import Record
from mesoscale_operator.waves import Begin, Finish, Free, Keep, Step, Wait

SOURCE, STAGE, SINK = workload("source"), workload("stage"), workload("sink")
ALL = {
    SOURCE: record(wave=SOURCES),
    STAGE: record(wave=STAGES),
    SINK: record(wave=SINKS),
    MAP: record(wave=REST),
    TOPIC: record(wave=DATA, policy="retain"),
}
JOB = Key("batch/v1", "Job", "nyc-remove-topics")
RESTS = record(wave=TOPICS, suspended=True)
FOREIGN = ("strimzi.io/topic-operator",)


def steps(
    there: dict[Key, Record], elapsed: float, drained: bool = False, policies: dict[Key, DeletionPolicy] | None = None
) -> list[Step]:
    return list(waves.steps(there, policies or {}, elapsed, drained, NOW))


def names(found: list[Step], kind: type) -> list[str]:
    return [step.key.name for step in found if isinstance(step, kind) and not isinstance(step, Wait | Finish)]


def without(*gone: Key) -> dict[Key, Record]:
    return {key: one for key, one in ALL.items() if key not in gone}


def test_sources_go_first_and_nothing_else_goes_with_them() -> None:
    found = steps(ALL, 0.1)
    assert names(found, Remove) == ["source"]
    assert isinstance(found[-1], Wait)


def test_stages_and_sinks_stay_until_they_have_caught_up() -> None:
    assert names(steps(without(SOURCE), 3), Remove) == []
    assert names(steps(without(SOURCE), 3, drained=True), Remove) == ["stage"]


def test_what_does_not_drain_is_waited_for_until_its_deadline_only() -> None:
    assert names(steps(without(SOURCE), waves.DRAINED_BY - 0.1), Remove) == []
    assert names(steps(without(SOURCE), waves.DRAINED_BY), Remove) == ["stage"]


@pytest.mark.parametrize(
    ("gone", "next_one"),
    [
        ((SOURCE,), "stage"),
        ((SOURCE, STAGE), "sink"),
        ((SOURCE, STAGE, SINK), MAP.name),
    ],
)
def test_each_wave_begins_when_the_one_before_is_gone(gone: tuple[Key, ...], next_one: str) -> None:
    assert names(steps(without(*gone), 5, drained=True), Remove) == [next_one]


@pytest.mark.parametrize(
    ("note", "said", "step"),
    [
        ("retain", None, Finish),
        ("", None, Finish),  # says nothing: rather a topic too many
        ("delete", None, Remove),
        ("orphan", None, Release),
        ("delete", "retain", Keep),  # the document was changed in its last moment: what it says now counts
        ("retain", "delete", Remove),
    ],
)
def test_data_ends_by_its_policy(note: str, said: DeletionPolicy | None, step: type) -> None:
    found = steps({TOPIC: record(wave=DATA, policy=note)}, 5, True, {TOPIC: said} if said else None)
    assert isinstance(found[0], step)


def test_an_overdue_wave_is_freed_of_what_holds_it_and_the_next_begins() -> None:
    there = {TOPIC: record(wave=SOURCES, deleted_at=NOW, finalizers=FOREIGN), STAGE: record(wave=STAGES)}
    early = steps(there, waves.DEADLINES[SOURCES] - 0.1, drained=True)
    assert names(early, Free) == []
    assert names(early, Remove) == []
    late = steps(there, waves.DEADLINES[SOURCES], drained=True)
    assert names(late, Free) == [TOPIC.name]
    assert names(late, Remove) == ["stage"]


def test_an_object_is_freed_after_its_own_time_though_its_wave_is_not_over() -> None:
    for seconds, freed in ((waves.OVERDUE - 1, []), (waves.OVERDUE, [TOPIC.name])):
        there = {TOPIC: record(wave=DATA, policy="delete", deleted_at=NOW - seconds, finalizers=FOREIGN)}
        assert names(steps(there, 30, drained=True), Free) == freed


def test_data_that_somebody_else_deletes_is_waited_for_and_then_freed() -> None:
    there = {TOPIC: record(wave=DATA, policy="retain", deleted_at=NOW, finalizers=FOREIGN)}
    assert isinstance(steps(there, 10)[-1], Wait)
    late = steps(there, waves.DEADLINES[DATA])
    assert names(late, Free) == [TOPIC.name]
    assert not isinstance(late[-1], Finish), "the document goes when its children are gone"


def test_the_document_goes_in_time_whatever_is_left() -> None:
    stuck = {key: replace(one, deleted_at=NOW, finalizers=FOREIGN) for key, one in ALL.items()}
    assert isinstance(steps(stuck, waves.GIVE_UP)[-1], Finish)
    assert waves.GIVE_UP < 60
    assert sorted(waves.DEADLINES.values()) == list(waves.DEADLINES.values())


@pytest.mark.parametrize(
    ("there", "elapsed", "what", "by"),
    [
        (ALL, 1, "sources to end: StatefulSet source", waves.DEADLINES[SOURCES]),
        (without(SOURCE), 3, "stages and sinks to catch up", waves.DRAINED_BY),
        (
            {TOPIC: record(wave=DATA, policy="delete", deleted_at=NOW, finalizers=FOREIGN)},
            47,
            f"data to end: KafkaTopic {TOPIC.name}, held by strimzi.io/topic-operator",
            waves.DEADLINES[DATA],
        ),
        (
            {SOURCE: record(wave=SOURCES), workload("other"): record(wave=SOURCES)},
            1,
            "sources to end: StatefulSet other (and 1 more)",
            waves.DEADLINES[SOURCES],
        ),
        (
            {MAP: record(wave=REST)},
            56,
            "what is overdue: ConfigMap nyc-document",
            waves.GIVE_UP,
        ),
    ],
)
def test_it_is_said_what_is_waited_for_and_until_when(
    there: dict[Key, Record], elapsed: float, what: str, by: float
) -> None:
    [wave] = [step for step in steps(there, elapsed) if isinstance(step, Wait) and step.by]
    assert (wave.what, wave.by) == (what, by)


def test_what_is_not_ours_is_never_touched() -> None:
    assert steps({MAP: record(ours=False)}, 50, True) == [Finish()]


def test_nothing_there_means_nothing_to_wait_for() -> None:
    assert steps({}, 0, True) == [Finish()]


def test_what_deletes_topics_begins_when_all_who_use_them_are_gone() -> None:
    here = ALL | {JOB: RESTS}
    said: dict[Key, DeletionPolicy] = {JOB: "delete"}
    assert names(steps(here, 0.1, policies=said), Begin) == []
    ended = {key: one for key, one in here.items() if key not in (SOURCE, STAGE, SINK)}
    found = steps(ended, 5, True, said)
    assert (names(found, Begin), names(found, Remove)) == ([JOB.name], [])
    assert isinstance(found[-1], Wait)


@pytest.mark.parametrize(
    ("seen", "elapsed", "step"),
    [
        (replace(RESTS, suspended=False, state=State("Progressing")), 5, Wait),
        (replace(RESTS, suspended=False, state=State("Ready")), 5, Remove),
        (replace(RESTS, suspended=False, state=State("Failed")), 5, Remove),
        (replace(RESTS, suspended=False, state=State("Progressing")), waves.DEADLINES[TOPICS], Remove),
        (RESTS, waves.DEADLINES[TOPICS], Remove),
    ],
)
def test_it_is_waited_for_until_it_is_done_or_its_wave_is_over(seen: Record, elapsed: float, step: type) -> None:
    assert isinstance(steps({JOB: seen}, elapsed, True, {JOB: "delete"})[0], step)


def test_topics_stay_if_the_document_says_so_in_its_last_moment() -> None:
    found = steps({JOB: RESTS}, 5, True, {})
    assert (names(found, Begin), names(found, Remove)) == ([], [JOB.name])
