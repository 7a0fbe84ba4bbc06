"""Every node has its place: no two share one, sources stand left, sinks right, and no edge runs through a node."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesoscale.graph.build import build
from mesoscale.model.pipeline import Pipeline
from mesoscale_dashboard import layout
from mesoscale_dashboard.layout import Place


def placed(stages: dict[str, str], sinks: dict[str, str], sources: tuple[str, ...] = ("a",)) -> dict[str, Place]:
    """`stages` and `sinks` are name → from."""
    spec: dict[str, Any] = {
        "sources": [{"name": name, "contract": "station", "replay": {"dataset": "nyc-stations"}} for name in sources],
        "stages": [{"name": name, "from": of, "use": "forward"} for name, of in stages.items()],
        "sinks": [{"name": name, "from": of, "table": {}} for name, of in sinks.items()],
    }
    return layout.places(build(Pipeline.model_validate({"metadata": {"name": "p"}, "spec": spec})))


@pytest.mark.parametrize(
    ("stages", "sinks", "expected"),
    [
        ({}, {}, {"a": (0, 0)}),
        ({}, {"x": "a"}, {"a": (0, 0), "x": (1, 0)}),
        ({}, {"x": "a", "y": "a"}, {"a": (0, 0.5), "x": (1, 0), "y": (1, 1)}),
        ({"s": "a"}, {"x": "s", "y": "a"}, {"a": (0, 0.5), "s": (1, 0), "x": (2, 0), "y": (2, 1)}),
    ],
)
def test_a_node_stands_in_the_middle_of_what_it_feeds(
    stages: dict[str, str], sinks: dict[str, str], expected: dict[str, tuple[int, float]]
) -> None:
    places = placed(stages, sinks)
    assert {name: (place.column, place.row) for name, place in places.items()} == expected


def test_in_a_list_every_node_follows_its_input() -> None:
    places = placed({"s": "a", "t": "s"}, {"x": "t", "y": "s", "z": "b"}, ("a", "b"))
    assert sorted(places, key=lambda name: places[name].order) == ["a", "s", "t", "x", "y", "b", "z"]
    assert [places[name].depth for name in ("a", "s", "t", "x", "y", "b", "z")] == [0, 1, 2, 3, 2, 0, 1]


@given(st.lists(st.integers(0, 100), max_size=12), st.lists(st.integers(0, 100), max_size=12))
def test_no_two_nodes_meet_and_no_edge_runs_through_a_node(stage_from: list[int], sink_from: list[int]) -> None:
    producers, inputs = ["a", "b"], {}
    for index, of in enumerate(stage_from):
        inputs[f"s{index}"] = producers[of % len(producers)]
        producers.append(f"s{index}")
    stages = dict(inputs)
    sinks = {f"x{index}": producers[of % len(producers)] for index, of in enumerate(sink_from)}
    places = placed(stages, sinks, ("a", "b"))

    assert len({(place.column, place.row) for place in places.values()}) == len(places)
    last = max(place.column for place in places.values())
    assert all(places[name].column == last for name in sinks)
    for name, of in (inputs | sinks).items():
        between = range(places[of].column + 1, places[name].column)
        crossed = [other for other, at in places.items() if at.column in between and at.row == places[name].row]
        assert not crossed, f"{of} → {name} runs through {crossed}"
