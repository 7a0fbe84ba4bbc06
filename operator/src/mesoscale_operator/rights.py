"""What the operator may do, by what it does: a Role's rules, made from the kinds of children. The chart's are these."""

from typing import Any

from mesoscale.crd import GROUP, PLURAL
from mesoscale.manifests import role
from mesoscale.manifests.types import KINDS
from mesoscale_operator import leader

Rule = dict[str, Any]

CHILDREN = [
    "create",
    "delete",
    "get",
    "list",
    "patch",
    "watch",
]  # server-side apply creates by `create`, changes by `patch`


def of_pipelines() -> list[Rule]:
    """In every namespace with pipelines: documents, children, and what is told."""
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        groups.setdefault(_group(kind.api_version), []).append(kind.plural)
    return [
        _rule(GROUP, [PLURAL], ["list", "patch", "watch"]),
        _rule(GROUP, [f"{PLURAL}/status"], ["patch"]),
        *(_rule(group, sorted(plurals), CHILDREN) for group, plurals in sorted(groups.items())),
        _rule("events.k8s.io", ["events"], ["create"]),
        _rule("", ["namespaces"], ["get"]),  # a pipeline whose namespace ends is taken down otherwise
        *_granted(),
    ]


def of_ends() -> list[Rule]:
    """In the whole cluster, where the rest holds in single namespaces: one that is deleted takes the rest along.

    Without the first, a document that is held there would hold its namespace for ever; the second is how a namespace
    that ends is told from a right that was lost otherwise.
    """
    return [_rule(GROUP, [PLURAL], ["patch"]), _rule("", ["namespaces"], ["get"])]


def of_election() -> list[Rule]:
    """In the operator's own namespace: the Lease of the leader."""
    named = _rule("coordination.k8s.io", ["leases"], ["get", "update", "watch"]) | {"resourceNames": [leader.NAME]}
    return [_rule("coordination.k8s.io", ["leases"], ["create"]), named]


def _granted() -> list[Rule]:
    """What it grants to Spark's drivers and Airflow's workers: nobody may grant what he may not do himself."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for rule in (*role.DRIVER, *role.WORKER):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                verbs.setdefault((group, resource), set()).update(rule["verbs"])
    for kind in KINDS:
        place = (_group(kind.api_version), kind.plural)
        if place in verbs:
            verbs[place] -= set(CHILDREN)
    return [_rule(group, [resource], sorted(some)) for (group, resource), some in sorted(verbs.items()) if some]


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Rule:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}
