"""All children as last seen, by document: a cache that watches and our own writes feed, each version once."""

from collections.abc import Callable, Iterator
from typing import Any

from mesoscale.manifests import types
from mesoscale.manifests.types import Key as ChildKey
from mesoscale.manifests.types import Manifest
from mesoscale_operator import records
from mesoscale_operator.documents import Key
from mesoscale_operator.records import Record

Changed = Callable[[Key, bool], None]
"""Told which document a change concerns, and whether it is more than a change of readiness."""

Place = tuple[str, ChildKey]
"""A child's namespace and key: unique in the cluster."""

REMEMBERED = 4096  # of what is gone; more than there are answers under way


class Children:
    """Records of children; `changed` hears of each change that a reconcile could care for."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._records: dict[Place, Record] = {}
        self._of: dict[Key, set[ChildKey]] = {}
        self._settled: dict[Place, tuple[str, str]] = {}
        self._ended: dict[str, None] = {}  # uids, the oldest first
        self._lost: dict[Place, str] = {}  # hashes of what others deleted, the oldest first

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def of(self, owner: Key) -> dict[ChildKey, Record]:
        """The children of a document."""
        return {key: self._records[owner.namespace, key] for key in self._of.get(owner, ())}

    def see(self, body: Manifest) -> Record | None:
        """Take note of an object at a version; versions that are not newer than the known one are ignored."""
        key, owner = types.key(body), records.owner_of(body)
        place = (body["metadata"]["namespace"], key)
        known = self._records.get(place)
        if body["metadata"]["uid"] in self._ended:
            # An answer of before its end, overtaken by the watch.
            return None
        if known is not None and known.version >= int(body["metadata"]["resourceVersion"]):
            return known
        if owner is None:
            self.drop(place)
            return None
        new = records.from_object(body, owner)
        if known is not None and known.owner != owner:
            self.drop(place)
            known = None
        self._records[place] = new
        self._lost.pop(place, None)
        self._of.setdefault(owner, set()).add(key)
        if new != known:
            self._changed(owner, known is None or _matters(known, new))
        return new

    def gone(self, body: Manifest) -> None:
        """Take note of an object's end, which came without our asking if nothing is known of it."""
        place, uid = (body["metadata"]["namespace"], types.key(body)), body["metadata"]["uid"]
        known = self._records.get(place)
        self.ended(place, uid)
        if known is not None and known.uid == uid and not known.deleting:
            self._lost[place] = known.hash
            _bound(self._lost)

    def ended(self, place: Place, uid: str) -> None:
        """Take note that exactly the object with this uid is no more, and never will be."""
        self._ended[uid] = None
        self._lost.pop(place, None)
        _bound(self._ended)
        known = self._records.get(place)
        if known is not None and known.uid == uid:
            self.drop(place)

    def lost(self, namespace: str, key: ChildKey) -> str:
        """The hash of a child that somebody else deleted and that was not made anew yet; a crash forgets it."""
        return self._lost.get((namespace, key), "")

    def drop(self, place: Place) -> None:
        """Forget a child."""
        known = self._records.pop(place, None)
        if known is None:
            return
        self._settled.pop(place, None)
        keys = self._of[known.owner]
        keys.discard(place[1])
        if not keys:
            del self._of[known.owner]
        self._changed(known.owner, True)

    def keep_only(self, listed: set[Place], api_version: str, kind: str, namespace: str | None, version: int) -> None:
        """Forget the children of a kind that a list at `version` does not have, unless they are newer."""
        for place, record in tuple(self._records.items()):
            of_the_list = place[1][:2] == (api_version, kind) and namespace in (None, place[0])
            if of_the_list and place not in listed and record.version <= version:
                self.drop(place)

    def settle(self, place: Place, wanted: str, managed: str) -> None:
        """Remember that the API server makes `managed` of `wanted`, though the two digests differ.

        Without this, a field that is stored in other words than it was sent in would be applied for ever.
        """
        self._settled[place] = (wanted, managed)

    def settled(self, owner: Key) -> dict[ChildKey, tuple[str, str]]:
        """What `settle` remembered of the children of a document."""
        if not self._settled:
            return {}
        known = ((key, self._settled.get((owner.namespace, key))) for key in self._of.get(owner, ()))
        return {key: pair for key, pair in known if pair}


def _bound(remembered: dict[Any, Any]) -> None:
    if len(remembered) > REMEMBERED:
        del remembered[next(iter(remembered))]


def _matters(known: Record, new: Record) -> bool:
    """More than readiness changed."""
    return (known.uid, known.hash, known.managed, known.deleted_at, known.finalizers) != (
        new.uid,
        new.hash,
        new.managed,
        new.deleted_at,
        new.finalizers,
    )
