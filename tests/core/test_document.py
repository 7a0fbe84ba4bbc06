"""A document is read whole or refused in clear sentences, each with its place."""

import time

import pytest

from mesoscale import document
from mesoscale.document import reading
from mesoscale.errors import DocumentRefused, Place, Reason

HEAD = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\n"
MINIMAL = (
    HEAD
    + """\
metadata: {name: minimal}
spec:
  sources:
    - {name: weather, contract: observation, replay: {dataset: nyc-2013}}
  sinks:
    - {name: observations, from: weather, table: {partitionBy: {column: observed_at, every: 1mo}}}
"""
)
SKETCH = (
    HEAD
    + """\
metadata: {name: nyc}
spec:
  sources:
    - {name: weather, contract: observation, replay: {dataset: nyc-2013}}
    - {name: payments, contract: transaction, synthetic: {perSecond: 500, fraudRate: 0.004, seed: 7}}
  stages:
    - {name: fraud-scores, from: payments, use: fraud, scale: {min: 1, max: 6, lagPerReplica: 20000}}
  sinks:
    - {name: observations, from: weather, table: {partitionBy: {column: observed_at}, keep: 30d, then: archive}}
    - {name: raw-weather, from: weather, collection: {keep: 7d}}
    - {name: weather-lake, from: weather, lake: {}}
  jobs:
    - {name: daily-climate, use: daily-climate, schedule: "15 2 * * *", executors: {min: 1, max: 8}}
  models:
    - {name: fraud, use: fraud, retrain: "0 3 * * 0", promoteWhen: {metric: pr_auc, beatsCurrentBy: 0.0}}
  checks: [{name: fresh, of: observations, expect: freshness, within: 15m, onFailure: pause}]
  slo: {freshness: 15m, maxLag: 20000, availability: 99.9}
  deletionPolicy: retain
  pause: []
"""
)


def told(text: str) -> list[str]:
    with pytest.raises(DocumentRefused) as refused:
        document.parse(text, "p.yaml")
    return [str(problem) for problem in refused.value.problems]


def test_ten_lines_are_a_pipeline_with_every_default() -> None:
    parsed = document.parse(MINIMAL, "p.yaml")
    (source,) = parsed.pipeline.spec.sources
    assert (source.kind, source.topic.partitions, source.topic.retention) == ("replay", 6, "7d")
    (sink,) = parsed.pipeline.spec.sinks
    assert (sink.kind, sink.scale.max, parsed.pipeline.spec.deletion_policy) == ("table", 1, "retain")
    assert (parsed.file, parsed.text) == ("p.yaml", MINIMAL)


def test_every_section_of_a_full_document_is_read() -> None:
    spec = document.parse(SKETCH, "p.yaml").pipeline.spec
    assert all((spec.sources, spec.stages, spec.sinks, spec.jobs, spec.models, spec.checks, spec.slo))


PLACES = [
    (("spec", "sinks", 0, "from"), 8, 34),
    (("spec", "sinks", 0, "table", "partitionBy", "every"), 8, 93),
    (("spec", "sources", 0), 6, 7),
    (("spec", "sources", 0, "topic", "partitions"), 6, 7),  # left out: where it would stand
    (("spec", "jobs"), 5, 3),
    (("metadata", "name"), 3, 18),
]


@pytest.mark.parametrize(("path", "line", "column"), PLACES)
def test_every_value_has_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = document.parse(MINIMAL, "p.yaml").locate(path)
    assert place is not None
    assert (place.line, place.column) == (line, column)


def test_a_path_is_written_as_people_write_it() -> None:
    place = document.parse(MINIMAL, "p.yaml").locate(("spec", "sinks", 0, "from"))
    assert place == Place("p.yaml", 8, 34, "spec.sinks[0].from")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the document is empty\n\nhint: the least document is in examples/minimal.yaml"),
        ("\ufeff \n", "1:1: the document is empty\n\nhint: the least document is in examples/minimal.yaml"),
        ("# only this\n", "1:1: the document is empty\n\nhint: the least document is in examples/minimal.yaml"),
        ("- a\n", "1:1: the document is not a mapping that begins with apiVersion"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins here\n\nhint: put each pipeline into a file of its own"),
        (
            "spec:\n\tsources: []\n",
            "2:1: not YAML: this line is indented by a tab\n\nhint: indent by spaces, which YAML requires",
        ),
        (
            "a: b: c\n",
            (
                "1:5: not YAML: mapping values are not allowed in this context\n\n"
                'hint: a text with ": " or " #" in it needs quotes'
            ),
        ),
        ("a: {\n", "2:1: not YAML: did not find expected node content"),
        ("a: \x00\n", "1:4: the character U+0000 cannot stand in YAML"),
        ("a: \ud800\n", "1:4: the character U+D800 cannot stand in YAML"),
        ("a: 1\nb: 2\na: 3\n", '3:1: the key "a" stands here again; it is on line 1 already'),
        ("? [a]\n: 1\n", "1:3: a key must be a text, not a list or mapping"),
        ("<<: 1\n", "1:5: << takes a mapping or a list of mappings"),
        ("a: *b\n", "1:4: no anchor &b is complete before this alias"),
        ("a: &b [*b]\n", "1:8: no anchor &b is complete before this alias"),
        ("a: !!int 1\n", "1:4: the tag !!int has no meaning here\n\nhint: write the value without it"),
        ("[" * 100, "1:34: the document nests deeper than 32 levels"),
        (
            "on: 1\n",
            '1:1: on is read as the truth value true, where a key is wanted\n\nhint: write "on" with the quotes',
        ),
        ("12: 1\n", '1:1: 12 is read as a number, where a key is wanted\n\nhint: write "12" with the quotes'),
    ],
)
def test_what_cannot_be_read_is_told(text: str, expected: str) -> None:
    assert told(text) == [f"p.yaml:{expected}"]


def test_aliases_that_multiply_are_refused_before_they_cost_anything() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 20))
    began = time.perf_counter()
    (problem,) = told(bomb)
    assert problem.endswith(f"the document has more than {reading.MAX_NODES} values, aliases written out")
    assert time.perf_counter() - began < 5


def test_a_document_that_no_cluster_would_store_is_refused() -> None:
    (problem,) = told("#" * (reading.MAX_CHARACTERS + 1))
    assert problem == "p.yaml:1:1: the document has 524289 characters; 524288 are allowed"


def test_anchors_and_merges_mean_what_yaml_says() -> None:
    text = MINIMAL.replace("{dataset: nyc-2013}", "&r {dataset: nyc-2013}").replace(
        "  sinks:", "    - {name: again, contract: observation, replay: {<<: *r, speed: 2.5}}\n  sinks:"
    )
    again = document.parse(text, "p.yaml").pipeline.spec.sources[1]
    assert again.replay is not None
    assert (again.replay.dataset, again.replay.speed) == ("nyc-2013", 2.5)


@pytest.mark.parametrize(
    ("api_version", "expected"),
    [
        (
            "apiVersion: mesoscale.dev/v1\nkind: WeatherPipeline",
            [
                (
                    'p.yaml:1:13: apiVersion: "mesoscale.dev/v1" is not served (mesoscale.dev/v1alpha1)\n\n'
                    'hint: did you mean "mesoscale.dev/v1alpha1"?'
                )
            ],
        ),
        (
            "apiVersion: mesoscale.dev/v1alpha1\nkind: Deployment",
            ['p.yaml:2:7: kind: "Deployment" is not served (WeatherPipeline)'],
        ),
        (
            "kind: WeatherPipeline",
            [
                (
                    'p.yaml:1:1: the field "apiVersion" is missing (mesoscale.dev/v1alpha1)\n\n'
                    "hint: apiVersion: mesoscale.dev/v1alpha1"
                )
            ],
        ),
    ],
)
def test_an_unserved_version_or_kind_names_what_is_served(api_version: str, expected: list[str]) -> None:
    assert told(f"{api_version}\nspec: {{unknown: 1}}\n") == expected


def source(fields: str) -> str:
    return f"{HEAD}metadata: {{name: p}}\nspec:\n  sources:\n    - {{name: w, contract: observation, {fields}}}\n"


SHAPES = [
    (
        source("replay: {dateset: nyc-2013}").replace("dateset: nyc-2013", "dateset: nyc-2013, dataset: nyc-2013"),
        (
            '6:49: spec.sources[0].replay.dateset: unknown field "dateset" (dataset, file, speed)\n\n'
            'hint: did you mean "dataset"?'
        ),
    ),
    (f"{HEAD}metadata: {{name: p}}\nspec: {{}}\n", '4:7: spec.sources: the field "sources" is missing'),
    (source("replay: nyc-2013"), '6:48: spec.sources[0].replay: "nyc-2013" is not a mapping'),
    (source("replay: [nyc-2013]"), "6:48: spec.sources[0].replay: a list stands here, where a mapping is wanted"),
    (
        source("replay: "),
        (
            "6:48: spec.sources[0].replay: nothing stands here, where a mapping is wanted\n\n"
            "hint: {} takes every default; leave the field out to do without it"
        ),
    ),
    (
        source("replay: {dataset: nyc-2031}"),
        (
            '6:58: spec.sources[0].replay.dataset: "nyc-2031" is not allowed (nyc-2013, nyc-stations)\n\n'
            'hint: did you mean "nyc-2013"?'
        ),
    ),
    (
        source("push: {}, topic: {retention: 7 days}"),
        (
            '6:69: spec.sources[0].topic.retention: "7 days" is not written as a whole number and ms, s, m, h, d or w,'
            " such as 15m or 30d"
        ),
    ),
    (
        source("push: {}, topic: {partitions: 0}"),
        "6:70: spec.sources[0].topic.partitions: 0 is too small; the least is 1",
    ),
    (
        source("push: {}, topic: {partitions: 257}"),
        "6:70: spec.sources[0].topic.partitions: 257 is too large; the most is 256",
    ),
    (
        source("push: {}, topic: {partitions: six}"),
        '6:70: spec.sources[0].topic.partitions: "six" is not a whole number',
    ),
    (
        source("push: {}, topic: {partitions: 6.0}"),
        '6:70: spec.sources[0].topic.partitions: "6.0" is not a whole number',
    ),
    (
        source("push: {}, topic: {partitions: '6'}"),
        '6:70: spec.sources[0].topic.partitions: "6" is not a whole number',
    ),
    (
        source("push: {}, topic: {partitions: 010}"),
        (
            "6:70: spec.sources[0].topic.partitions: 010 is not the same number to every program\n\n"
            "hint: write digits only, with a point if need be"
        ),
    ),
    (
        source("synthetic: {perSecond: 0}"),
        "6:63: spec.sources[0].synthetic.perSecond: 0 is too small; it must be greater than 0",
    ),
    (
        source("synthetic: {perSecond: 1e999}"),
        "6:63: spec.sources[0].synthetic.perSecond: 1e999 is too large a number",
    ),
    (
        source("synthetic: {seed: 9223372036854775808}"),
        "6:58: spec.sources[0].synthetic.seed: 9223372036854775808 is too large a number",
    ),
    (
        source("push: {tokenSecret: on}"),
        (
            "6:60: spec.sources[0].push.tokenSecret: on is read as the truth value true, where a text is wanted\n\n"
            'hint: write "on" with the quotes'
        ),
    ),
    (
        source("push: {tokenSecret: 1e3}"),
        (
            "6:60: spec.sources[0].push.tokenSecret: 1e3 is read as a number, where a text is wanted\n\n"
            'hint: write "1e3" with the quotes'
        ),
    ),
    (
        source("push: {tokenSecret: 12:30:00}"),
        (
            "6:60: spec.sources[0].push.tokenSecret: 12:30:00 is read as a number, where a text is wanted\n\n"
            'hint: write "12:30:00" with the quotes'
        ),
    ),
    (
        source("files: {path: ''}"),
        "6:54: spec.sources[0].files.path: the text is empty",
    ),
    (
        source("push: {tokenSecret: " + "x" * 41 + "}"),
        "6:60: spec.sources[0].push.tokenSecret: the text has 41 characters; at most 40 are allowed",
    ),
    (
        source("openMeteo: {stations: []}"),
        "6:62: spec.sources[0].openMeteo.stations: the list is empty; it needs an item at least",
    ),
    (
        source("openMeteo: {stations: [JFK, LGA, JFK]}"),
        '6:73: spec.sources[0].openMeteo.stations[2]: "JFK" stands here again; it is on line 6 already',
    ),
    (
        source("push: {}") + "    - {name: w, contract: observation, push: {}}\n",
        '7:14: spec.sources[1].name: "w" stands here again; it is on line 6 already',
    ),
    (
        source("push: {}") + "  jobs: [{name: j, use: j, schedule: 60 * * * *}]\n",
        (
            '7:38: spec.jobs[0].schedule: "60 * * * *" is not written as minute 0-59, hour 0-23, day 1-31, month 1-12,'
            " weekday 0-7, such as 15 2 * * *"
        ),
    ),
    (
        source("push: {}") + "  stages: [{name: s, from: w, step: steps.py}]\n",
        '7:37: spec.stages[0].step: "steps.py" is not written as module:function, such as steps:add_heat_index',
    ),
    (
        source("push: {}") + "  contracts: [{name: c, columns: [{name: a, type: string, nullable: yes}]}]\n",
        (
            "7:69: spec.contracts[0].columns[0].nullable: yes is read as true by some and as a text by others\n\n"
            "hint: write true"
        ),
    ),
    (
        source("push: {}").replace("{name: p}", "{name: p, labels: {a: 1}}"),
        '3:33: metadata.labels.a: 1 is read as a number, where a text is wanted\n\nhint: write "1" with the quotes',
    ),
]


@pytest.mark.parametrize(("text", "expected"), SHAPES, ids=[expected.split("\n")[0] for _, expected in SHAPES])
def test_what_has_the_wrong_shape_is_told_at_its_place(text: str, expected: str) -> None:
    assert told(text) == [f"p.yaml:{expected}"]


def test_all_problems_are_told_at_once_in_the_order_of_their_places() -> None:
    text = SKETCH.replace("from: payments", "from: paymnts").replace("dataset: nyc-2013", "dataset: nyc").replace(
        "keep: 30d", "keep: 30h"
    )  # fmt: skip
    with pytest.raises(DocumentRefused) as refused:
        document.parse(text, "p.yaml")
    reasons = [problem.reason for problem in refused.value.problems]
    assert reasons == [Reason.INVALID_VALUE, Reason.UNKNOWN_REFERENCE, Reason.RULE_BROKEN]
