"""A stage that remembers has a topic for its state and one for what comes late; what it remembers cannot change its
meaning unseen."""

import pytest

from mesoscale import document
from mesoscale.diff import diff
from mesoscale.graph.build import build
from mesoscale.plan import Plan
from mesoscale.plan.build import build as plan

HEAD = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {name: p}\nspec:\n"
SOURCE = "  sources: [{name: w, contract: observation, replay: {dataset: nyc-2013}, topic: {partitions: 4}}]\n"
ROWS = "aggregates: [{name: rows, value: count(*)}]"
HOURLY = "{name: s, from: w, window: {by: [station], size: 1h, " + ROWS + "}}"


def planned(stage: str, source: str = SOURCE) -> Plan:
    return plan(build(document.parse(f"{HEAD}{source}  stages: [{stage}]\n", "p").pipeline))


def forbidden(before: str, after: str, source: str = SOURCE) -> list[str]:
    return [change.forbidden_reason for change in diff(planned(before), planned(after, source)).forbidden]


def test_state_has_as_many_partitions_as_what_is_read_and_is_compacted() -> None:
    topics = {topic.role: topic for topic in planned(HOURLY).topics}
    assert (topics["state"].name, topics["state"].partitions) == ("p.s..state", 4)
    assert topics["state"].config["cleanup.policy"] == "compact"
    assert (topics["late"].name, topics["late"].partitions) == ("p.s..late", 1)
    assert not {"state", "late"} & {topic.role for topic in planned("{name: s, from: w, use: forward}").topics}


@pytest.mark.parametrize(
    ("stage", "remembers"),
    [
        (HOURLY, "window of 1h every 1h by station: rows = count(*)"),
        (
            "{name: s, from: w, session: {by: [station], gap: 30m, " + ROWS + "}, state: {maxKeys: 9, version: 3}}",
            "session with gap 30m by station: rows = count(*) (version 3)",
        ),
        (
            "{name: s, from: w, rolling: {by: [station], features: [{name: a, value: max(wind_gust), within: 1d}]}}",
            "rolling by station: a = max(wind_gust) within 1d",
        ),
        (
            "{name: s, from: w, step: 'a:b', state: {key: [station], columns: [{name: seen, type: int64}]}}",
            "state of a:b by station: seen int64",
        ),
        (
            "{name: s, from: w, join: {with: v, type: left, before: 1h, after: 0s}}",
            "left join with v from 1h before to 0s after",
        ),
        ("{name: s, from: w, enrich: {with: v}}", "left enrichment with v: all columns"),
        ("{name: s, from: w, use: forward}", ""),
    ],
)
def test_what_state_means_is_said_in_words(stage: str, remembers: str) -> None:
    other = "{name: v, contract: observation, replay: {dataset: nyc-2013}, topic: {partitions: 4}}"
    workloads = planned(stage, SOURCE.replace("}}]", "}}, " + other + "]")).workloads
    assert [workload.remembers for workload in workloads] == ["", "", remembers]


def test_what_fraud_remembers_is_said_too_and_has_a_limit() -> None:
    stage = "{name: s, from: w, use: fraud, state: {maxKeys: 9, version: 2}}"
    [_, scores] = planned(stage, "  sources: [{name: w, contract: transaction, synthetic: {}}]\n").workloads
    assert scores.remembers == "payments of each account, in form 1 (version 2)"


def test_state_that_would_mean_something_else_is_refused_with_the_way_out() -> None:
    daily = HOURLY.replace("1h", "1d")
    assert forbidden(HOURLY, daily) == [
        (
            "what it remembers is window of 1h every 1h by station: rows = count(*), which means nothing to window of"
            " 1d every 1d by station: rows = count(*); give the stage another name, or state: {reset: true} to begin"
            " with nothing"
        )
    ]
    assert forbidden(HOURLY, daily.replace("}}", "}, state: {reset: true}}")) == []
    assert forbidden(HOURLY, HOURLY.replace("size", "lateness: 5m, size")) == []
    [no_state] = forbidden(HOURLY, "{name: s, from: w, use: forward, contract: station}")[-1:]
    assert "means nothing to a stage without state" in no_state


def test_partitions_of_what_is_read_cannot_grow_below_state() -> None:
    [reason] = forbidden(HOURLY, HOURLY, SOURCE.replace("4", "5"))
    assert reason.startswith("what a stage remembers lies in the partitions of what it reads")
