"""The status names what is waited for, with the way out, and its times move only when something turned."""

from dataclasses import dataclass

import pytest

from mesoscale import conditions
from mesoscale.errors import Place, Problem, Reason
from mesoscale.manifests.types import Key
from mesoscale.model.status import CONDITIONS, Condition, Endpoint, LedgerTotals, Status
from mesoscale.readiness import READY, State

TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")
NODE = Key("apps/v1", "StatefulSet", "nyc-felt")
SCALER = Key("keda.sh/v1alpha1", "ScaledObject", "nyc-felt")
MONITOR = Key("monitoring.coreos.com/v1", "PodMonitor", "nyc")
OLD = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.gone")
RUNS = State("Ready", "2 of 2 ready", "", 2, 2)
COMES = State("Progressing", "1 of 2 ready", "kubectl logs", 1, 2)
ALL = [(TOPIC, "TopicsReady", READY), (NODE, "StreamsReady", RUNS), (SCALER, "StreamsReady", READY)]
FIRST, LATER = "2026-01-02T03:04:05Z", "2026-01-02T04:00:00Z"
WRONG = Problem(
    Reason.UNKNOWN_REFERENCE, '"v" is not a source', Place("x", 7, 23, "spec.sinks[0].from"), "did you mean"
)


@dataclass(frozen=True)
class Counted:
    ledger: LedgerTotals
    rows_per_second: float


Children = list[tuple[Key, str | None, State]]


def reported(
    children: Children,
    accepted: tuple[Problem, ...] = (),
    previous: Status | None = None,
    pause: conditions.Pause = (),
) -> Status:
    return conditions.report(previous, 3, accepted, children, None, (), FIRST if previous is None else LATER, pause)


def condition(status: Status, kind: str) -> Condition:
    [one] = [one for one in status.conditions if one.type == kind]
    return one


def swapped(key: Key, state: State) -> Children:
    return [(k, c, state if k == key else s) for k, c, s in ALL]


ROWS = [
    # children, condition, status, reason, message, next step
    (ALL, "Ready", "True", "AllReady", "3 objects as wanted", ""),
    (ALL, "TopicsReady", "True", "AllReady", "1 object as wanted", ""),
    (ALL, "BatchReady", "True", "NothingToDo", "the document asks for nothing of this kind", ""),
    (swapped(NODE, COMES), "StreamsReady", "False", "Waiting", "StatefulSet nyc-felt: 1 of 2 ready", "kubectl logs"),
    (swapped(NODE, COMES), "Ready", "False", "Waiting", "StatefulSet nyc-felt: 1 of 2 ready", "kubectl logs"),
    (swapped(NODE, COMES), "TopicsReady", "True", "AllReady", "1 object as wanted", ""),
    (
        swapped(TOPIC, State("Failed", "fewer partitions", "look")),
        "Ready",
        "False",
        "ChildFailed",
        "KafkaTopic nyc.weather: fewer partitions",
        "look",
    ),
    (
        swapped(TOPIC, State("Skipped", "no kind of this cluster", "install Strimzi")),
        "Ready",
        "False",
        "PartMissing",
        "KafkaTopic nyc.weather: no kind of this cluster",
        "install Strimzi",
    ),
    # What is not scaled or not watched works nevertheless, and it is told
    (
        swapped(SCALER, State("Skipped", "no kind of this cluster", "install KEDA")),
        "Ready",
        "True",
        "AllReady",
        "3 objects as wanted; without ScaledObject nyc-felt: no kind of this cluster",
        "install KEDA",
    ),
    (
        [*ALL, (MONITOR, "MonitoringReady", State("Skipped", "no kind", "install it"))],
        "MonitoringReady",
        "False",
        "PartMissing",
        "PodMonitor nyc: no kind",
        "install it",
    ),
    (
        [*ALL, (OLD, None, State("Orphaned", "kept for its data"))],
        "Ready",
        "True",
        "AllReady",
        "3 objects as wanted",
        "",
    ),
]


@pytest.mark.parametrize(("children", "kind", "status", "reason", "message", "next_step"), ROWS)
def test_a_condition_follows_from_the_children_that_count_for_it(
    children: Children, kind: str, status: str, reason: str, message: str, next_step: str
) -> None:
    told = condition(reported(children), kind)
    assert (told.status, told.reason, told.message, told.next_step) == (status, reason, message, next_step)


def test_of_several_the_one_that_others_wait_for_is_named_and_the_rest_counted() -> None:
    waiting: Children = [(NODE, "StreamsReady", COMES), (TOPIC, "TopicsReady", State("Progressing", "not yet"))]
    assert condition(reported(waiting), "Ready").message == "KafkaTopic nyc.weather: not yet (and 1 more)"
    failed: Children = [*waiting, (SCALER, "BatchReady", READY), (NODE, "StreamsReady", State("Failed", "crashed"))]
    assert condition(reported(failed), "Ready").message == "StatefulSet nyc-felt: crashed (and 2 more)"


def test_a_refused_document_is_told_with_its_place_while_what_ran_goes_on() -> None:
    status = reported(ALL, (WRONG,))
    accepted, ready = condition(status, "Accepted"), condition(status, "Ready")
    assert (accepted.status, accepted.reason) == ("False", "UnknownReference")
    assert accepted.message == 'spec.sinks[0].from: "v" is not a source'
    assert accepted.next_step == "did you mean"
    assert ready.status == "False"
    assert "what ran before goes on" in ready.message
    assert condition(status, "StreamsReady").status == "True"


def test_every_condition_is_told_in_its_order_for_this_generation() -> None:
    status = reported([])
    assert [one.type for one in status.conditions] == list(CONDITIONS)
    assert {one.observed_generation for one in status.conditions} == {status.observed_generation} == {3}


def test_times_move_only_where_the_status_turned() -> None:
    before = reported(swapped(NODE, COMES))
    after = reported(ALL, previous=before)
    assert condition(after, "Ready").last_transition_time == LATER
    assert condition(after, "TopicsReady").last_transition_time == FIRST
    again = reported(swapped(NODE, State("Progressing", "0 of 2 ready", "", 0, 2)), previous=before)
    assert condition(again, "Ready").last_transition_time == FIRST
    assert condition(again, "Ready").message == "StatefulSet nyc-felt: 0 of 2 ready"


def test_nothing_new_gives_an_equal_status_in_whatever_order_children_are_seen() -> None:
    before = reported(ALL)
    assert reported(list(reversed(ALL)), previous=before) == before


def test_programs_rates_and_ledger_are_told_and_the_last_known_stay() -> None:
    ledger = LedgerTotals(read=10, accepted=9, rejected=1)
    endpoint = Endpoint(name="dashboard", url="http://nyc-dashboard.weather.svc")
    status = conditions.report(None, 1, (), ALL, Counted(ledger, 499.7), (endpoint,), FIRST)
    assert (status.stages_ready, status.rows_per_second, status.ledger) == ("2/2", "500", ledger)
    assert status.endpoints == (endpoint,)
    later = conditions.report(status, 1, (), ALL, None, (endpoint,), LATER)
    assert later == status


def test_children_and_sentences_are_bounded_and_what_is_wrong_is_never_cut_off() -> None:
    many: Children = [(Key("v1", "ConfigMap", f"c{i:03}"), "StreamsReady", READY) for i in range(400)]
    status = reported([*many, (NODE, "StreamsReady", State("Failed", "x" * 5000, "y" * 5000))])
    assert len(status.children) == 256
    assert (status.children[0].name, status.children[0].state) == ("nyc-felt", "Failed")
    assert max(len(status.children[0].message), len(condition(status, "Ready").message)) == 1024
    assert Status.model_validate_json(status.model_dump_json(by_alias=True)) == status


AS_WANTED = "; 3 objects as wanted"
PAUSES: list[tuple[conditions.Pause, Children, str, str, str, str]] = [
    # pause, children, Ready's status, reason, message and next step
    (
        ("reconcile",),
        ALL,
        "True",
        "Paused",
        f"paused, so nothing is applied or put right{AS_WANTED}",
        "take reconcile out of spec.pause to go on",
    ),
    (
        ("data",),
        ALL,
        "False",
        "Paused",
        f"paused, so no records move{AS_WANTED}",
        "take data out of spec.pause to go on",
    ),
    (
        ("reconcile", "data"),
        ALL,
        "False",
        "Paused",
        f"paused, so no records move and nothing is applied or put right{AS_WANTED}",
        "take data and reconcile out of spec.pause to go on",
    ),
    (
        ("data",),
        swapped(NODE, COMES),
        "False",
        "Waiting",
        "paused, so no records move; StatefulSet nyc-felt: 1 of 2 ready",
        "kubectl logs",
    ),
    (
        ("data",),
        swapped(NODE, State("Failed", "crashed", "look")),
        "False",
        "ChildFailed",
        "StatefulSet nyc-felt: crashed",
        "look",
    ),
]


@pytest.mark.parametrize(("pause", "children", "status", "reason", "message", "next_step"), PAUSES)
def test_a_paused_pipeline_says_what_rests_and_what_resumes_it(
    pause: conditions.Pause, children: Children, status: str, reason: str, message: str, next_step: str
) -> None:
    ready = condition(reported(children, pause=pause), "Ready")
    assert (ready.status, ready.reason, ready.message, ready.next_step) == (status, reason, message, next_step)


@pytest.mark.parametrize(
    ("pause", "wrong", "reason"),
    [
        (("reconcile",), (), "Paused"),
        (("data",), (), "Accepted"),
        (("reconcile",), (WRONG,), "UnknownReference"),
    ],
)
def test_a_document_that_is_not_applied_because_of_a_pause_says_so(
    pause: conditions.Pause, wrong: tuple[Problem, ...], reason: str
) -> None:
    assert condition(reported(ALL, wrong, pause=pause), "Accepted").reason == reason


def ending(previous: Status | None, children: Children) -> Status:
    message = "waits for data to end"
    return conditions.ending(previous, 4, Reason.DELETING, message, "nothing", children, LATER)


def test_a_pipeline_that_is_taken_down_says_what_is_waited_for_and_what_is_left() -> None:
    left: Children = [(TOPIC, None, State("Progressing", "is being deleted, held by strimzi.io/topic-operator"))]
    status = ending(reported(ALL), left)
    ready = condition(status, "Ready")
    assert (ready.status, ready.reason, ready.message) == ("False", "Deleting", "waits for data to end")
    assert (ready.last_transition_time, ready.observed_generation) == (LATER, 4)
    assert [(child.name, child.message) for child in status.children] == [(TOPIC.name, left[0][2].message)]
    assert condition(status, "StreamsReady").reason == "Deleting"
    assert condition(status, "BatchReady").reason == "NothingToDo", "what was never there is not taken down"
    assert condition(status, "Accepted").reason == "Accepted"
    assert (status.endpoints, status.stages_ready) == ((), "0/0")


def test_a_pipeline_that_never_said_anything_says_so_at_its_end() -> None:
    assert [one.type for one in ending(None, []).conditions] == list(CONDITIONS)
    again = ending(ending(None, []), [])
    assert again == ending(None, []), "nothing new is said while the same is waited for"
