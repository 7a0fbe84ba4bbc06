"""What a replay tells, as data and as text."""

import json
from typing import Any

from mesoscale_streams.replay.replay import Outcome, Replayed

KINDS = (("onlyInLive", "only in live"), ("onlyInShadow", "only in the replay"), ("different", "different"))


def data(pipeline: str, outcome: Outcome) -> dict[str, Any]:
    """Everything; `onlyInLive` is null where nothing says which live rows belong to the range."""
    refused = sum(outcome.refused.values())
    return {
        "pipeline": pipeline,
        "node": outcome.node,
        "topic": outcome.topic,
        "range": {str(partition): list(span) for partition, span in sorted(outcome.spans.items())},
        "read": outcome.read,
        "accepted": outcome.read - refused,
        "refused": dict(outcome.refused),
        "tables": [_table(one) for one in outcome.tables],
    }


def text(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['node']}: {told['read']} records of {told['topic']} read again, {told['accepted']} accepted"]
    lines += [f"  refused: {number} {reason}" for reason, number in told["refused"].items()]
    for one in told["tables"]:
        lines.append(
            f"{one['table']}: {one['rows']} rows of the replay" + (f" in {one['shadow']}" if one["shadow"] else "")
        )
        lines.append(f"  same: {one['same']}")
        for name, words in KINDS:
            number = "unknown, as the contract has no event time" if one[name] is None else one[name]
            lines.append(f"  {words}: {number}")
            lines += [f"    {json.dumps(example, ensure_ascii=False)}" for example in one["examples"][name]]
        if one["merged"] is not None:
            lines.append(f"  written into the live table: {one['merged']} rows")
    return lines


def _table(one: Replayed) -> dict[str, Any]:
    found = one.difference
    return {
        "table": one.table,
        "shadow": one.shadow,
        "rows": one.rows,
        "duplicates": one.duplicates,
        "same": found.same,
        "onlyInLive": found.only_in_live,
        "onlyInShadow": found.only_in_shadow,
        "different": found.different,
        "examples": found.examples,
        "merged": one.merged,
    }
