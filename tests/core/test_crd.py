"""The custom resource definition is one that an API server takes: structural, bounded, and small."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mesoscale import crd, document
from mesoscale.errors import DocumentRefused
from mesoscale.model.base import IN_WORDS
from mesoscale.model.status import CONDITIONS

ROOT = Path(__file__).parents[2]
DEFINITION = crd.custom_resource_definition()
VERSION = DEFINITION["spec"]["versions"][0]
ROOT_SCHEMA = VERSION["schema"]["openAPIV3Schema"]
STRUCTURAL = {  # keywords of a structural schema that a node may have here
    *("type", "format", "description", "default", "enum", "required", "properties", "items", "additionalProperties"),
    *("pattern", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
}
# Beside those of the language: what Kubernetes 1.31 has of the libraries for texts and lists.
FUNCTIONS = {"all", "exists", "exists_one", "filter", "map", "has", "size", "startsWith", "endsWith", "matches"} | {
    *("int", "timestamp", "replace", "split", "join"),
}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


NODES = list(nodes(ROOT_SCHEMA))


def rules() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for path, node in NODES:
        for rule in node.get("x-kubernetes-validations", ()):
            yield path, node, rule


def test_every_node_has_one_type_and_only_keywords_of_structural_schemas() -> None:
    for path, node in NODES:
        assert isinstance(node.get("type"), str), path
        assert node.keys() <= STRUCTURAL, path
        assert not {"properties", "additionalProperties"} <= node.keys(), path
        assert (node["type"] == "array") == ("items" in node), path


def test_every_text_and_list_is_bounded_as_the_cost_of_rules_wants() -> None:
    for path, node in NODES:
        if node["type"] == "array":
            assert "maxItems" in node, path
    loose = {path for path, node in NODES if node["type"] == "string" and not {"enum", "maxLength"} & node.keys()}
    assert loose == {".apiVersion", ".kind"}  # of every object; the API server bounds them


def test_of_the_metadata_only_the_name_is_said() -> None:
    assert ROOT_SCHEMA["properties"]["metadata"]["properties"].keys() == {"name"}


def test_lists_that_are_maps_have_their_keys_in_every_item() -> None:
    for path, node in NODES:
        if node.get("x-kubernetes-list-type") == "map":
            fields = node["items"]
            assert set(node["x-kubernetes-list-map-keys"]) <= set(fields["required"]), path
        if node.get("x-kubernetes-list-type") == "set":  # its items are compared whole
            assert node["items"].get("x-kubernetes-list-type") is None, path


def test_defaults_keep_to_the_schema_they_stand_in() -> None:
    defaulted = [(path, node) for path, node in NODES if "default" in node]
    assert len(defaulted) > 40
    for path, node in defaulted:
        plain = {key: value for key, value in node.items() if not key.startswith("x-")}
        jsonschema.Draft4Validator(plain).validate(node["default"])
        assert node["default"] is not None, path


def test_every_rule_points_at_a_field_that_exists() -> None:
    for path, node, rule in rules():
        here = node
        for part in filter(None, rule.get("fieldPath", "").split(".")):
            assert part in here.get("properties", {}), (path, rule)
            here = here["properties"][part]
        assert len(rule["message"]) <= 2048
        assert "\n" not in rule["message"]


def test_rules_use_only_functions_that_kubernetes_has() -> None:
    used = {name for _, _, rule in rules() for name in re.findall(r"(\w+)\(", re.sub(r"'[^']*'", "''", rule["rule"]))}
    assert used <= FUNCTIONS, used - FUNCTIONS


def test_rules_about_changes_sit_where_an_old_item_can_be_found() -> None:
    atomic = [path for path, node in NODES if node["type"] == "array" and "x-kubernetes-list-type" not in node]
    for path, _, rule in rules():
        if "oldSelf" in rule["rule"]:
            assert not [above for above in atomic if path.startswith(f"{above}[]")], path


def test_there_are_at_least_25_rules_between_fields() -> None:
    assert len({rule["rule"] for _, _, rule in rules()}) >= 25


def test_every_pattern_can_be_said_in_words_and_means_the_same_to_every_engine() -> None:
    said = {node["pattern"] for path, node in NODES if "pattern" in node and not path.startswith(".status")}
    assert said <= IN_WORDS.keys()
    assert not [pattern for pattern in said if re.search(r"\\[a-zA-Z]|\(\?", pattern)]  # \w, \d, look-around
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in said)


def test_no_word_of_the_document_is_read_as_a_truth_value() -> None:
    words = {name for _, node in NODES for name in node.get("properties", {})}
    words |= {word for path, node in NODES if not path.startswith(".status") for word in node.get("enum", ())}
    assert not words & {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def test_the_table_of_kubectl_has_the_promised_columns() -> None:
    columns = [column["name"].upper() for column in VERSION["additionalPrinterColumns"]]
    assert columns == ["READY", "STAGE", "LAG", "ROWS/S", "REJECTED", "AGE", "MESSAGE"]
    for column in VERSION["additionalPrinterColumns"]:
        if column["jsonPath"].startswith(".status."):
            field = re.match(r"\.status\.(\w+)", column["jsonPath"])
            assert field is not None
            assert field[1] in ROOT_SCHEMA["properties"]["status"]["properties"]


def test_names_and_status_are_as_kubernetes_expects() -> None:
    names = DEFINITION["spec"]["names"]
    assert (names["plural"], names["shortNames"], names["categories"]) == ("weatherpipelines", ["wp"], ["all"])
    assert DEFINITION["metadata"]["name"] == "weatherpipelines.mesoscale.dev"
    assert VERSION["subresources"] == {"status": {}}
    conditions = ROOT_SCHEMA["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert set(conditions["items"]["required"]) == {"type", "status", "reason", "lastTransitionTime"}
    assert len(CONDITIONS) <= conditions["maxItems"]


def test_it_is_under_100_kilobytes() -> None:
    assert len((ROOT / "crds" / "weatherpipelines.mesoscale.dev.yaml").read_bytes()) < 100_000


EDITOR = jsonschema.Draft7Validator(crd.json_schema())
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def test_the_editor_schema_is_valid_json_schema() -> None:
    jsonschema.Draft7Validator.check_schema(crd.json_schema())
    assert not re.search(r'"(x-|\$ref|nullable": (true|false))', json.dumps(crd.json_schema()))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_editors_take_every_example(example: Path) -> None:
    EDITOR.validate(yaml.safe_load(example.read_text()))
    document.parse(example.read_text(), example.name)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("name: weather", "nam: weather"),
        ("every: 1mo", "every: 1m"),
        ("dataset: nyc-2013", "dataset: 7"),
        ("contract: observation, ", ""),
        ("kind: WeatherPipeline", "kind: Pipeline"),
        ("kind: WeatherPipeline\n", ""),
        ("name: observations", "name: Observations"),
    ],
)
def test_editors_underline_what_is_refused(right: str, wrong: str) -> None:
    text = (ROOT / "examples" / "minimal.yaml").read_text().replace(right, wrong)
    with pytest.raises(DocumentRefused):
        document.parse(text, "minimal.yaml")
    assert not EDITOR.is_valid(yaml.safe_load(text))
