"""What is planned for every example is written down under tests/golden/plans, and what cannot be run yet is refused.

After a change that is meant: `.venv/bin/python tests/core/test_plan.py` writes the golden files anew; read their diff.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from mesoscale import document, plan
from mesoscale.errors import PlanRefused, Reason
from mesoscale.graph.build import build
from mesoscale.plan import CLUSTER, ONE_MACHINE, Abilities, Plan

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "plans"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def planned(text: str, abilities: Abilities = ONE_MACHINE) -> Plan:
    parsed = document.parse(text, "p.yaml")
    return plan.build(build(parsed.pipeline, parsed.locate), parsed.locate, abilities)


def written(example: Path) -> str:
    dumped = planned(example.read_text()).model_dump(mode="json", by_alias=True)
    return json.dumps(dumped, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_plan_of_every_example_is_the_golden_one(example: Path) -> None:
    assert written(example) == (GOLDEN / f"{example.stem}.json").read_text()


def test_there_is_no_golden_plan_without_an_example() -> None:
    assert [path.stem for path in sorted(GOLDEN.glob("*.json"))] == [path.stem for path in EXAMPLES]


def test_a_plan_survives_being_written_and_read() -> None:
    one = planned(EXAMPLES[0].read_text())
    assert Plan.model_validate_json(one.model_dump_json(by_alias=True)) == one


def with_section(section: str, text: str) -> str:
    lines = "".join(f"  {key}: {value}\n" for key, value in (BASE | {section: text}).items())
    return f"apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {{name: p}}\nspec:\n{lines}"


BASE: dict[str, Any] = {
    "sources": "[{name: weather, contract: observation, replay: {dataset: nyc-2013}}]",
    "sinks": "[{name: rows, from: weather, table: {}}]",
}


@pytest.mark.parametrize(
    ("section", "text", "told"),
    [
        ("sources", "[{name: weather, contract: observation, push: {}}]", 'spec.sources[0]: source "weather"'),
        ("sinks", "[{name: rows, from: weather, lake: {}}]", 'spec.sinks[0]: sink "rows"'),
        ("sinks", "[{name: rows, from: weather, collection: {}}]", 'spec.sinks[0]: sink "rows"'),
        (
            "sinks",
            "[{name: rows, from: weather, table: {partitionBy: {column: observed_at}, keep: 30d, then: drop}}]",
            'spec.sinks[0].table.keep: retention of table "rows"',
        ),
        (
            "jobs",
            "[{name: daily, use: daily-climate, schedule: '15 2 * * *'}]",
            'spec.jobs[0].use: the built-in job "daily-climate"',
        ),
        ("models", "[{name: fraud, use: fraud}]", "spec.models: section models"),
        ("checks", "[{name: fresh, of: rows, expect: freshness, within: 15m}]", "spec.checks: section checks"),
    ],
)
@pytest.mark.parametrize("abilities", [ONE_MACHINE, CLUSTER])
def test_a_part_without_a_program_behind_it_is_refused_with_its_place(
    section: str, text: str, told: str, abilities: Abilities
) -> None:
    with pytest.raises(PlanRefused) as refused:
        planned(with_section(section, text), abilities)
    [problem] = refused.value.problems
    assert problem.place is not None
    assert told in str(problem)
    assert "cannot be run by this version of Mesoscale yet" in problem.message
    assert "built so far" in problem.hint


@pytest.mark.parametrize(
    ("section", "text", "told"),
    [
        (
            "stages",
            "[{name: f, from: weather, use: forward, scale: {min: 1, max: 3}}]",
            'spec.stages[0].scale: autoscaling of "f"',
        ),
        ("jobs", "[{name: daily, program: daily.py, schedule: '15 2 * * *'}]", 'spec.jobs[0]: job "daily"'),
        ("slo", "{freshness: 15m}", "spec.slo: section slo"),
        ("pause", "[data]", "spec.pause: pausing"),
        ("deletionPolicy", "delete", "spec.deletionPolicy: deletionPolicy delete"),
    ],
)
def test_what_only_a_cluster_runs_is_refused_on_one_machine_and_planned_for_a_cluster(
    section: str, text: str, told: str
) -> None:
    with pytest.raises(PlanRefused) as refused:
        planned(with_section(section, text))
    [problem] = refused.value.problems
    assert problem.reason is Reason.CLUSTER_ONLY
    assert told in str(problem)
    assert "runs in a cluster only" in problem.message
    assert planned(with_section(section, text), CLUSTER).workloads


def test_where_services_are_in_a_cluster_means_nothing_on_one_machine() -> None:
    services = "{kafka: {cluster: main}, postgresql: {instances: 2}}"
    assert planned(with_section("services", services)) == planned(with_section("adoption", "adopt"))


def test_partitions_and_processes_are_those_of_the_document() -> None:
    sources = "[{name: weather, contract: observation, replay: {dataset: nyc-2013}, topic: {partitions: 12}}]"
    sinks = "[{name: rows, from: weather, scale: {min: 3, max: 3}, table: {}}]"
    one = planned(with_section("sources", sources).replace(BASE["sinks"], sinks))
    assert {topic.name: topic.partitions for topic in one.topics if topic.role == "records"} == {"p.weather": 12}
    assert {workload.node: workload.replicas for workload in one.workloads} == {"weather": 1, "rows": 3}


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in EXAMPLES:
        (GOLDEN / f"{path.stem}.json").write_text(written(path))
