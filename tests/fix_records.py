"""Records, plans and keys of children as values, for tables of decisions."""

from dataclasses import replace
from typing import Any

from mesoscale.manifests.types import REST, Key
from mesoscale.readiness import State
from mesoscale_operator.documents import Key as DocumentKey
from mesoscale_operator.planning import Wanted
from mesoscale_operator.records import Record

NOW = 10_000.0  # seconds since the epoch
OWNER = DocumentKey("default", "nyc")
MAP = Key("v1", "ConfigMap", "nyc-document")
TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")


def workload(name: str) -> Key:
    return Key("apps/v1", "StatefulSet", name)


def wanted(key: Key = MAP, **more: Any) -> Wanted:
    """A child to exist; `more` says in what it differs from a ConfigMap that is new."""
    given = {"digest": "new", "hash": "h2", "condition": "StreamsReady", "wave": REST, "policy": "delete"} | more
    return Wanted(key, **given)


def record(**more: Any) -> Record:
    """A child as it should be; `more` says in what it is not."""
    whole = Record(
        owner=OWNER,
        uid="u",
        version=7,
        ours=True,
        hash="h2",
        managed="new",
        state=State("Ready"),
        running=False,
        suspended=False,
        deleted_at=None,
        finalizers=(),
        wave=REST,
        policy="",
        applied_at=NOW - 5,
    )
    return replace(whole, **more)
