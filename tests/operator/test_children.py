"""The cache of children takes each version once, in whatever order watches and answers bring them."""

from typing import Any

import pytest
from fix_records import OWNER

from mesoscale.manifests.types import key
from mesoscale_operator.children import Children
from mesoscale_operator.documents import Key as DocumentKey


class Heard:
    """The changes that the cache told of."""

    def __init__(self) -> None:
        self.told: list[tuple[DocumentKey, bool]] = []
        self.cache = Children(lambda owner, matters: self.told.append((owner, matters)))

    @property
    def names(self) -> set[str]:
        return {one.name for one in self.cache.of(OWNER)}


def body(version: int, uid: str = "u1", pipeline: str | None = "nyc", **metadata: Any) -> dict[str, Any]:
    labels = {"mesoscale.dev/pipeline": pipeline} if pipeline else {}
    own = {"name": "a", "namespace": "default", "uid": uid, "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": own | metadata, "data": {}}


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_version_is_told_once(heard: Heard) -> None:
    for _ in range(3):
        heard.cache.see(body(5))
    assert heard.told == [(OWNER, True)]


def test_an_older_version_never_replaces_a_newer_one(heard: Heard) -> None:
    heard.cache.see(body(5, deletionTimestamp="2026-01-31T12:00:00Z"))
    heard.cache.see(body(4))
    [record] = heard.cache.of(OWNER).values()
    assert record.deleting


def test_a_version_without_news_is_not_told(heard: Heard) -> None:
    heard.cache.see(body(5))
    heard.cache.see(body(6, annotations={"somebody/else": "1"}))
    assert len(heard.told) == 1


def test_an_answer_that_the_end_of_its_object_overtook_brings_nothing_back(heard: Heard) -> None:
    heard.cache.see(body(5))
    heard.cache.gone(body(7))
    heard.cache.see(body(6))
    assert heard.names == set()


def test_the_end_of_an_object_does_not_end_its_successor(heard: Heard) -> None:
    heard.cache.see(body(5))
    heard.cache.see(body(9, uid="u2"))
    heard.cache.gone(body(8))
    assert heard.names == {"a"}


def test_an_object_whose_label_names_another_document_moves_there(heard: Heard) -> None:
    heard.cache.see(body(5))
    heard.cache.see(body(6, pipeline="other"))
    assert heard.names == set()
    assert set(heard.cache.of(DocumentKey("default", "other"))) == {key(body(6))}


def test_an_object_that_lost_its_label_is_nobodys(heard: Heard) -> None:
    heard.cache.see(body(5))
    heard.cache.see(body(6, pipeline=None))
    assert heard.names == set()
    assert heard.told[-1] == (OWNER, True)


def test_a_new_list_takes_away_what_it_does_not_hold_unless_that_is_newer(heard: Heard) -> None:
    heard.cache.see(body(5))
    heard.cache.keep_only(set(), "v1", "ConfigMap", None, version=4)
    assert heard.names == {"a"}
    heard.cache.keep_only(set(), "v1", "Secret", None, version=9)
    heard.cache.keep_only(set(), "v1", "ConfigMap", "elsewhere", version=9)
    assert heard.names == {"a"}
    heard.cache.keep_only(set(), "v1", "ConfigMap", "default", version=9)
    assert heard.names == set()


def test_what_is_known_to_be_stored_in_other_words_is_forgotten_with_its_object(heard: Heard) -> None:
    heard.cache.see(body(5))
    place = ("default", key(body(5)))
    heard.cache.settle(place, "wanted", "stored")
    assert heard.cache.settled(OWNER) == {place[1]: ("wanted", "stored")}
    heard.cache.gone(body(6))
    heard.cache.see(body(7, uid="u2"))
    assert heard.cache.settled(OWNER) == {}


def test_what_others_deleted_is_remembered_until_it_is_there_again(heard: Heard) -> None:
    noted = {"annotations": {"mesoscale.dev/hash": "h"}}
    a = key(body(1))
    heard.cache.see(body(1, **noted))
    heard.cache.gone(body(2, **noted))
    assert heard.cache.lost("default", a) == "h"
    heard.cache.see(body(3, uid="u2", **noted))
    assert heard.cache.lost("default", a) == ""
    heard.cache.ended(("default", a), "u2")
    heard.cache.gone(body(4, uid="u2", **noted))
    assert heard.cache.lost("default", a) == "", "we deleted it ourselves"
