"""Whatever the text: a document or a refusal whose problems lie in it; and what is written out reads back equal."""

import json
import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale import document
from mesoscale.document import reading, shape
from mesoscale.errors import DocumentRefused, Place
from mesoscale.model import Pipeline, schema
from mesoscale.model.base import CRON_PATTERN

HEAD = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\n"
SCALARS = ("w", "on", "~", "'", '"', "1e3", "010", "-1", ".nan", "2013-01-01", "12:30:00", "é", "\u2028", "x" * 70)
KEYS = ("name", "from", "contract", "replay", "table", "topic", "partitions", "spec", "sources", "sinks", "on", "y")
PIECES = (
    *SCALARS,
    *KEYS,
    ": ",
    "\n",
    "\n  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "---",
    "\t",
    "# ",
    "|",
)


def assert_told_inside(text: str) -> None:
    """Nothing but a refusal may be raised, and its problems lie in the text, in order."""
    lines = text.split("\n")
    places = problem_places(text)
    spots = [(place.line, place.column) for place in places if place is not None]
    assert len(spots) == len(places)
    assert spots == sorted(spots)
    assert all(1 <= line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1 for line, column in spots)


def problem_places(text: str) -> list[Place | None]:
    try:
        document.parse(text, "p.yaml")
    except DocumentRefused as refused:
        return [problem.place for problem in refused.problems]
    return []


@settings(max_examples=500, deadline=None)
@given(st.text())
def test_any_text_is_a_document_or_refused_inside_it(text: str) -> None:
    assert_told_inside(text)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.booleans())
def test_any_pieces_of_yaml_are_a_document_or_refused_inside_it(pieces: list[str], headed: bool) -> None:
    assert_told_inside((HEAD if headed else "") + "".join(pieces))


SCHEMA = schema.pipeline()
TEXTS = ("w", "s", "a_b", "observation", "15m", "2MiB", "0 3 * * 0", "2013-01-01", "m:f", "http://a/", "w\n")
PLAIN = st.sampled_from((None, True, 0, -1, 3, 2.5, 1e999, "w", "", "observation", "15m", "a-b", "x" * 300, [], {}))


def values(node: dict[str, Any], wrong: int) -> st.SearchStrategy[Any]:
    """Values of the shape that the schema wants, and, `wrong` times out of ten at each node, any other."""
    return st.integers(0, 9).flatmap(lambda dice: PLAIN if dice < wrong else right(node, wrong))


def right(node: dict[str, Any], wrong: int) -> st.SearchStrategy[Any]:
    if node["type"] == "object" and "properties" in node:
        optional = {name: values(field, wrong) for name, field in node["properties"].items()}
        required = {name: optional.pop(name) for name in node.get("required", ())}
        return st.fixed_dictionaries(required, optional=optional)
    if node["type"] == "array":
        return st.lists(values(node["items"], wrong), min_size=node.get("minItems", 0), max_size=2)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node["type"] == "string":
        pattern = node.get("pattern")
        return st.sampled_from(TEXTS).filter(lambda text: pattern is None or re.search(pattern, text))
    return {
        "integer": st.integers(node.get("minimum", -9), node.get("maximum", 10_000)),
        "number": st.floats(node.get("minimum", -9) + 0.1, node.get("maximum", 10_000) - 0.1) | st.just(1),
        "boolean": st.booleans(),
    }[node["type"]]


@settings(max_examples=100, deadline=None)
@given(values(SCHEMA["properties"]["spec"], wrong=1))
def test_any_spec_is_a_document_or_refused_inside_it(spec: Any) -> None:
    assert_told_inside(HEAD + yaml.safe_dump({"metadata": {"name": "p"}, "spec": spec}, allow_unicode=True))


HEADING = {"apiVersion": "mesoscale.dev/v1alpha1", "kind": "WeatherPipeline", "metadata": {"name": "p"}}
PRINTED = st.characters(exclude_categories=("C",))
NAMES = st.from_regex(re.compile("[a-z][a-z0-9]{0,8}", re.ASCII), fullmatch=True)
SOURCES = st.fixed_dictionaries(
    {"contract": st.sampled_from(("observation", "station", "transaction"))},
    optional={"topic": st.fixed_dictionaries({"partitions": st.integers(1, 256)})},
).flatmap(
    lambda common: st.sampled_from(
        ({"push": {}}, {"replay": {"dataset": "nyc-2013", "speed": 0.5}}, {"synthetic": {"seed": 3, "fraudRate": 0.01}})
    ).map(lambda kind: common | kind)
)
STORES = st.sampled_from(
    (
        {"table": {"partitionBy": {"column": "at", "every": "1mo"}, "keep": "9w", "indexes": [["a", "b"], ["b"]]}},
        {"collection": {"keep": "7d"}},
        {"lake": {}},
        {"webhook": {"secret": "s", "url": "https://h:1/p?q", "retries": {"attempts": 2}}},
    )
)


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    names = draw(st.lists(NAMES, min_size=2, max_size=9, unique=True))
    cut = draw(st.integers(1, len(names) - 1))
    sources = [draw(SOURCES) | {"name": name} for name in names[:cut]]
    sinks = [draw(STORES) | {"name": name, "from": draw(st.sampled_from(names[:cut]))} for name in names[cut:]]
    spec = {"sources": sources, "sinks": sinks, "pause": draw(st.sampled_from(([], ["data"])))}
    labels = draw(st.dictionaries(st.text(PRINTED, min_size=1, max_size=9), st.text(PRINTED, max_size=20), max_size=3))
    metadata = {"name": draw(NAMES), "labels": labels}
    return Pipeline.model_validate_json(json.dumps({"metadata": metadata, "spec": spec}))


LEAVES = st.one_of(
    st.booleans(),
    st.integers(-2, 10**7),
    st.floats(-1, 10),
    st.sampled_from(("1d", "3d", "9w", "7GiB", "a", "A", "on", "")),
)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all scalars."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from leaves(below, (*path, key))
    if not isinstance(value, dict | list):
        yield path


@settings(max_examples=100, deadline=None)
@given(pipelines(), st.data())
def test_what_the_schema_takes_the_model_takes(pipeline: Pipeline, data: st.DataObject) -> None:
    spec = pipeline.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    *above, last = data.draw(st.sampled_from(sorted(leaves(spec), key=str)))
    reduce(lambda value, key: value[key], above, spec)[last] = data.draw(LEAVES)
    value, findings = shape.check(reading.read(json.dumps(HEADING | {"spec": spec}), "p.yaml"), SCHEMA)
    if not findings:
        Pipeline.model_validate_json(json.dumps(value), strict=True)


@settings(max_examples=150, deadline=None)
@given(pipelines(), st.booleans())
def test_a_pipeline_written_as_yaml_reads_back_equal(pipeline: Pipeline, defaults: bool) -> None:
    value = pipeline.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=not defaults)
    # JSON is YAML with quotes, so that a name such as n stays a text.
    assert document.parse(json.dumps(HEADING | value, ensure_ascii=False), "p.yaml").pipeline == pipeline


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 70), st.integers(0, 30), st.integers(0, 40), st.integers(0, 20), st.integers(0, 12))
def test_a_schedule_is_taken_exactly_when_its_numbers_are_in_range(
    minute: int, hour: int, day: int, month: int, weekday: int
) -> None:
    right = minute < 60 and hour < 24 and 1 <= day <= 31 and 1 <= month <= 12 and weekday <= 7
    assert (re.search(CRON_PATTERN, f"{minute} {hour} {day} {month} {weekday}") is not None) == right
