"""References are resolved, nodes stand in order, and what refers to nothing is told with the nearest name."""

from typing import Any

import pytest

from mesoscale.errors import DocumentRefused, Place, Reason
from mesoscale.graph.build import build
from mesoscale.model import Pipeline

WEATHER = {"name": "weather", "contract": "observation", "replay": {"dataset": "nyc-2013"}}


def pipeline(**spec: Any) -> Pipeline:
    return Pipeline.model_validate(
        {
            "apiVersion": "mesoscale.dev/v1alpha1",
            "kind": "WeatherPipeline",
            "metadata": {"name": "p"},
            "spec": {"sources": [WEATHER], **spec},
        }
    )


def stage(name: str, from_: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "from": from_, "use": "forward", **more}


def test_stages_stand_after_what_they_read_whatever_their_order_in_the_document() -> None:
    graph = build(pipeline(stages=[stage("third", "second"), stage("second", "first"), stage("first", "weather")]))
    assert [node.name for node in graph.nodes] == ["weather", "first", "second", "third"]


def test_an_edge_knows_its_topic_its_contract_and_its_readers() -> None:
    graph = build(
        pipeline(stages=[stage("a", "weather", contract="station")], sinks=[{"name": "t", "from": "a", "table": {}}])
    )
    edge = graph.edge("a")
    assert (edge.topic, edge.dead_letter_topic) == ("p.a", "p.a.dead-letter")
    assert edge.contract.label == "station@1"
    assert edge.consumers == ("t",)
    assert graph.edge("weather").contract.label == "observation@1"


def test_a_stage_without_a_contract_gives_what_it_gets() -> None:
    graph = build(pipeline(stages=[stage("b", "a"), stage("a", "weather", contract="station")]))
    assert graph.edge("b").contract.label == "station@1"


def test_every_dangling_name_is_told_at_once_with_its_place_and_the_nearest() -> None:
    wrong = pipeline(
        stages=[stage("a", "wether")],
        sinks=[{"name": "t", "from": "b", "table": {}}],
    )
    places = {("spec", "stages", 0, "from"): Place("p.yaml", 9, 3, "spec.stages[0].from")}
    with pytest.raises(DocumentRefused) as refused:
        build(wrong, places.get)
    first, second = refused.value.problems
    assert (
        str(first) == 'p.yaml:9:3: spec.stages[0].from: "wether" is not a source or stage (a, weather)'
        '\n\nhint: did you mean "weather"?'
    )
    assert second.reason is Reason.UNKNOWN_REFERENCE


def test_stages_that_feed_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(DocumentRefused, match="a, b feed each other in a circle"):
        build(pipeline(stages=[stage("a", "b"), stage("b", "a")]))


READING = {
    "name": "reading",
    "columns": [
        {"name": "at", "type": "timestamp"},
        {"name": "day", "type": "date"},
        {"name": "seen_at", "type": "timestamp", "nullable": True},
        {"name": "value", "type": "float64"},
    ],
}
EVERY = "(at, day, seen_at, value)"
CUTS = "is not a column of reading@1 that is a timestamp or date and never null (at, day)"
COLUMNS = [
    ({"partitionBy": {"column": "att"}}, "table.partitionBy.column", f'"att" {CUTS}', 'did you mean "at"?'),
    ({"partitionBy": {"column": "value"}}, "table.partitionBy.column", f'"value" {CUTS}', ""),
    ({"partitionBy": {"column": "seen_at"}}, "table.partitionBy.column", f'"seen_at" {CUTS}', ""),
    (
        {"indexes": [["at"], ["day", "valeu"]]},
        "table.indexes.1.1",
        f'"valeu" is not a column of reading@1 {EVERY}',
        'did you mean "value"?',
    ),
]


def of_readings(table: dict[str, Any], checks: list[dict[str, Any]] | None = None) -> Pipeline:
    """The table gets readings through a stage, though its source gives observations."""
    return pipeline(
        contracts=[READING],
        stages=[stage("read", "weather", contract="reading")],
        sinks=[{"name": "t", "from": "read", "table": table}],
        checks=checks or [],
    )


@pytest.mark.parametrize(("table", "where", "message", "hint"), COLUMNS)
def test_a_column_that_the_contract_of_what_arrives_does_not_have_is_told(
    table: dict[str, Any], where: str, message: str, hint: str
) -> None:
    with pytest.raises(DocumentRefused) as refused:
        build(of_readings(table), lambda path: Place("p.yaml", 1, 1, ".".join(map(str, path))))
    [problem] = refused.value.problems
    assert problem.reason is Reason.UNKNOWN_REFERENCE
    assert (str(problem.place), problem.message, problem.hint) == (f"p.yaml:1:1: spec.sinks.0.{where}", message, hint)


def test_a_check_of_a_column_that_is_not_there_is_told() -> None:
    check = {"name": "k", "of": "t", "expect": "completeness", "column": "station"}
    with pytest.raises(DocumentRefused) as refused:
        build(of_readings({}, [check]), lambda path: Place("p.yaml", 1, 1, ".".join(map(str, path))))
    [problem] = refused.value.problems
    assert str(problem) == f'p.yaml:1:1: spec.checks.0.column: "station" is not a column of reading@1 {EVERY}'


def test_columns_that_are_there_pass() -> None:
    table = {"partitionBy": {"column": "day"}, "indexes": [["seen_at", "value"]]}
    check = {"name": "k", "of": "t", "expect": "uniqueness", "column": "value"}
    assert build(of_readings(table, [check])).node("t").input == "read"


PAYMENTS = {"name": "payments", "contract": "transaction", "synthetic": {}}


def scored(**more: Any) -> Pipeline:
    return pipeline(sources=[PAYMENTS | more], stages=[{"name": "scores", "from": "payments", "use": "fraud"}])


def test_scored_payments_have_the_contract_fraud_score() -> None:
    assert build(scored()).edge("scores").contract.label == "fraud-score@1"


def test_what_is_no_payment_cannot_be_scored() -> None:
    with pytest.raises(DocumentRefused, match=r"observation@1 has no column account, occurred_at, amount, "):
        build(scored(contract="observation"))


def test_alerts_are_taken_from_records_that_are_flagged() -> None:
    scores = {"name": "scores", "from": "payments", "use": "fraud"}
    flagged = pipeline(sources=[PAYMENTS], stages=[scores, {"name": "alerts", "from": "scores", "use": "alerts"}])
    assert build(flagged).edge("alerts").contract.label == "fraud-score@1"
    unflagged = pipeline(sources=[PAYMENTS], stages=[{"name": "alerts", "from": "payments", "use": "alerts"}])
    with pytest.raises(DocumentRefused, match=r'transaction@1 has no boolean column "alert"'):
        build(unflagged)
