"""Digests tell whether what was sent still is so, whatever else is in the object."""

from typing import Any

import pytest

from mesoscale.manifests import fields
from mesoscale.manifests.types import Manifest

SENT: Manifest = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {"name": "a", "namespace": "n", "labels": {"one": "1"}},
    "spec": {
        "number": 3,
        "list": ["x", "y"],
        "set": ["s"],
        "named": [{"name": "p", "port": 1}, {"name": "q", "port": 2}],
        "whole": {"deep": {"er": True}},
    },
}
OWNED = {
    "f:metadata": {"f:labels": {"f:one": {}}},
    "f:spec": {
        "f:number": {},
        "f:list": {},
        "f:set": {'v:"s"': {}},
        "f:named": {
            'k:{"name":"p"}': {".": {}, "f:name": {}, "f:port": {}},
            'k:{"name":"q"}': {".": {}, "f:name": {}, "f:port": {}},
        },
        "f:whole": {},
    },
}


def live(spec: dict[str, Any] | None = None, owned: dict[str, Any] | None = None) -> Manifest:
    """What was sent, as an API server holds it, with fields of others and in another order."""
    whole = SENT["spec"] | {"defaulted": "by others", "named": [{"name": "r"}, *reversed(SENT["spec"]["named"])]}
    entry = {"manager": "mesoscale", "operation": "Apply", "fieldsV1": owned or OWNED}
    others = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:defaulted": {}}}}
    metadata = SENT["metadata"] | {"uid": "u", "labels": {"two": "2", "one": "1"}, "managedFields": [others, entry]}
    return SENT | {"metadata": metadata, "spec": whole | (spec or {}), "status": {"ready": True}}


def without(path: str) -> dict[str, Any]:
    """Our entry after somebody else set the field at that path."""
    return {**OWNED, "f:spec": {name: below for name, below in OWNED["f:spec"].items() if name != path}}


def test_what_was_sent_and_what_is_ours_have_one_digest() -> None:
    assert fields.managed(live()) == fields.wanted(SENT) != ""


CHANGED = [
    ("a value that somebody set is no longer ours", live({"number": 4}, without("f:number"))),
    ("a value of ours is another", live({"number": 4})),
    ("a field of ours is gone", live({"number": None}, without("f:number"))),
    ("a list that is one value", live({"list": ["y", "z"]})),
    ("an item with a name is gone", live({"named": [{"name": "p", "port": 1}]})),
    ("an item with a name has another value", live({"named": [{"name": "p", "port": 9}, {"name": "q", "port": 2}]})),
    ("an item of a set is gone", live({"set": ["t"]})),
    ("something in a mapping that is one value", live({"whole": {"deep": {"er": False}}})),
    ("something more in a mapping that is one value", live({"whole": {"deep": {"er": True, "est": 1}}})),
]


@pytest.mark.parametrize(("what", "body"), CHANGED, ids=[what for what, _ in CHANGED])
def test_a_change_of_what_is_ours_changes_the_digest(what: str, body: Manifest) -> None:
    assert fields.managed(body) not in (fields.wanted(SENT), "")


def test_numbers_are_one_kind_and_texts_another() -> None:
    assert fields.managed(live({"number": 3.0})) == fields.wanted(SENT)
    assert fields.managed(live({"number": "3"})) != fields.wanted(SENT)
    assert fields.managed(live({"number": True})) != fields.managed(live({"number": 1}))


def test_values_that_somebody_swapped_are_told_apart_by_who_set_them() -> None:
    """A multiset alone sees no difference; the API server's note that the two are no longer ours makes one."""
    swapped = {"named": [{"name": "p", "port": 2}, {"name": "q", "port": 1}]}
    assert fields.managed(live(swapped)) == fields.wanted(SENT)
    taken = {item: {".": {}, "f:name": {}} for item in OWNED["f:spec"]["f:named"]}
    owned = {**OWNED, "f:spec": OWNED["f:spec"] | {"f:named": taken}}
    assert fields.managed(live(swapped, owned)) != fields.wanted(SENT)


def test_containers_that_are_ours_without_their_content() -> None:
    sent = SENT | {"spec": {"empty": {}, "none": []}}
    owned = {**OWNED, "f:spec": {"f:empty": {".": {}}, "f:none": {}}}
    body = live({"empty": {"of": "others"}, "none": []}, owned)
    assert fields.managed(body) == fields.wanted(sent)


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "other", "operation": "Apply"},
        {"manager": "mesoscale", "operation": "Update"},
        {"manager": "mesoscale", "operation": "Apply", "subresource": "status"},
    ],
)
def test_what_others_or_other_verbs_set_is_not_ours(entry: dict[str, str]) -> None:
    body = live()
    body["metadata"]["managedFields"] = [entry | {"fieldsV1": OWNED}]
    assert fields.managed(body) == ""


def test_an_object_without_managers_is_nobodys() -> None:
    assert fields.managed(SENT) == ""


def test_a_hash_does_not_depend_on_the_order_of_fields() -> None:
    assert fields.hash_of({"a": 1, "b": [2]}) == fields.hash_of({"b": [2], "a": 1})
    assert fields.hash_of({"a": 1}) != fields.hash_of({"a": "1"})


def test_a_note_tells_what_a_digest_does_not_and_the_digest_is_of_the_manifest_with_its_note() -> None:
    manifest, note, digest = fields.noted(SENT, "example.org/note")
    assert manifest["metadata"]["annotations"] == {"example.org/note": note}
    assert digest == fields.wanted(manifest)
    turned = {"list": ["y", "x"]}
    divided = {"named": [{"name": "p"}, {"port": 1, "name": "q"}, {"port": 2}]}
    for changed in (turned, divided):
        other = SENT | {"spec": SENT["spec"] | changed}
        assert fields.wanted(other) == fields.wanted(SENT)
        assert fields.noted(other, "example.org/note")[1] != note
    assert fields.noted(SENT | {"kind": "Other"}, "example.org/note")[1] == note
