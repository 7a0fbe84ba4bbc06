"""To which document an object belongs, whatever somebody wrote on it."""

from typing import Any

import pytest

from mesoscale.manifests import types
from mesoscale_operator import apply, records
from mesoscale_operator.documents import Key as DocumentKey

OWNER = DocumentKey("default", "nyc")
LABEL = "mesoscale.dev/pipeline"
REFERENCE = {"apiVersion": "mesoscale.dev/v1alpha1", "kind": "WeatherPipeline", "name": "nyc", "uid": "p"}


def body(label: str | None, owned: bool, label_is_ours: bool = True) -> dict[str, Any]:
    """An object that we applied."""
    fields = {"f:metadata": {"f:labels": {f"f:{LABEL}": {}} if label_is_ours else {}}}
    entry = {"manager": "mesoscale", "operation": "Apply", "fieldsV1": fields}
    metadata: dict[str, Any] = {"name": "a", "namespace": "default", "uid": "u", "resourceVersion": "5"}
    metadata |= {"managedFields": [entry], "labels": {LABEL: label} if label else {}}
    metadata |= {"ownerReferences": [REFERENCE]} if owned else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.mark.parametrize("label", ["nyc", "another", None])
def test_a_child_stays_its_owners_whatever_its_label_says(label: str | None) -> None:
    assert records.owner_of(body(label, owned=True)) == OWNER


@pytest.mark.parametrize(
    ("label", "owned", "label_is_ours", "strange"),
    [
        ("nyc", True, True, False),
        ("another", True, False, False),
        ("another", False, False, False),  # data, on which somebody wrote
        ("another", False, True, True),  # data of another pipeline
        (None, False, False, False),
    ],
)
def test_what_we_applied_is_taken_back_unless_it_is_another_pipelines(
    label: str | None, owned: bool, label_is_ours: bool, strange: bool
) -> None:
    there = body(label, owned, label_is_ours)
    assert bool(apply.stranger(OWNER, there, types.key(there))) == strange
