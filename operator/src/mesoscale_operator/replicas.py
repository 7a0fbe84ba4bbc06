"""How many programs a scaled workload has: an autoscaler's to say, so the operator gives that field away and no more.

A field that a manager applied and then leaves out goes back to its default: a StatefulSet that was told to have four
programs, and then is told nothing, has one. So before the field is left out it is put into the hands of another
manager, with the value that it has
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership).
"""

from collections.abc import Iterable, Mapping

from mesoscale.manifests.fields import MANAGER
from mesoscale.manifests.types import Key, Manifest
from mesoscale_operator.kube import Object
from mesoscale_operator.records import HASH

HOLDER = "mesoscale-replicas"  # the manager that holds the number for the autoscaler, and never says it again
SCALED = ("apps/v1", "StatefulSet")


def left_open(manifest: Manifest) -> bool:
    """Whether the number of programs is left for an autoscaler to say."""
    return (manifest["apiVersion"], manifest["kind"]) == SCALED and "replicas" not in manifest["spec"]


def held(live: Object, manager: str = MANAGER) -> bool:
    """Whether the number still is what this manager applied."""
    return any(
        (entry["manager"], entry["operation"]) == (manager, "Apply")
        and "f:replicas" in entry["fieldsV1"].get("f:spec", {})
        for entry in live["metadata"].get("managedFields", ())
        if not entry.get("subresource")
    )


def to_be_handed_over(live: Object) -> bool:
    """Whether the number is held by nobody but us; an operator that died half way has seen to it already."""
    return held(live) and not held(live, HOLDER)


def fewest(key: Key, manifests: Iterable[Manifest]) -> int:
    """How many the autoscaler of a workload keeps, and one at least: from none it would not see that there is work."""
    least = (_least(one["spec"]) for one in manifests if _scales(one, key))
    return max(1, next(least, 1))


def begun(manifest: Manifest, number: int) -> Manifest:
    """The workload as it is made: with that many from the start, and without the note that it is as it should be."""
    metadata = manifest["metadata"]
    notes = {name: note for name, note in metadata["annotations"].items() if name != HASH}
    return manifest | {"metadata": metadata | {"annotations": notes}, "spec": manifest["spec"] | {"replicas": number}}


def handed_over(live: Object, number: int) -> Manifest:
    """What the holder applies: the number that is there, of exactly this version of the object."""
    metadata = {name: live["metadata"][name] for name in ("name", "namespace", "resourceVersion")}
    return {
        "apiVersion": SCALED[0],
        "kind": SCALED[1],
        "metadata": metadata,
        "spec": {"replicas": live["spec"].get("replicas") or number},
    }


def _scales(manifest: Manifest, key: Key) -> bool:
    scaled: Mapping[str, str] = manifest.get("spec", {}).get("scaleTargetRef", {})
    return (scaled.get("kind"), scaled.get("name")) == (key.kind, key.name)


def _least(scaler: Mapping[str, int]) -> int:
    return scaler.get("minReplicaCount", scaler.get("minReplicas", 1))
