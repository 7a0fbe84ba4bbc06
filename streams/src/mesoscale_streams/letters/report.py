"""Dead letters and what became of them, as data and as text."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mesoscale_streams.kafka.letters import Letter
from mesoscale_streams.letters.redrive import SHOWN, Fate, Outcome

FATES: dict[Fate, str] = {"sent": "sent back", "already": "sent back before", "refused": "stay"}
WOULD: dict[Fate, str] = {**FATES, "sent": "would be sent back"}


@dataclass
class Group:
    """Letters of one edge, node and reason: how many, how many of them were sent back, the oldest and newest."""

    letters: int = 0
    redriven: int = 0
    first: Letter | None = None
    last: Letter | None = None

    def add(self, letter: Letter, was_redriven: bool) -> None:
        self.letters += 1
        self.redriven += was_redriven
        self.first = self.first or letter
        self.last = letter


def groups(letters: Iterable[Letter], redriven: Mapping[str, str]) -> list[dict[str, Any]]:
    """What `list` tells; `redriven` has the marks of letters that were sent back."""
    found: dict[tuple[str, str, str], Group] = defaultdict(Group)
    for letter in letters:
        found[letter.edge, letter.node, letter.reason].add(letter, letter.mark in redriven)
    return [
        {
            "edge": edge,
            "node": node,
            "reason": reason,
            "letters": group.letters,
            "redriven": group.redriven,
            "first": _time(group.first.at),
            "last": _time(group.last.at),
            "newest": {"letter": group.last.name, "detail": group.last.detail},
        }
        for (edge, node, reason), group in sorted(found.items())
        if group.first is not None and group.last is not None
    ]


def letter(one: Letter, redriven: Mapping[str, str]) -> dict[str, Any]:
    """What `show` tells of a letter; `redrivenAt` is when it was sent back, null if it never was."""
    return {
        "letter": one.name,
        "at": _time(one.at),
        "edge": one.edge,
        "node": one.node,
        "reason": one.reason,
        "detail": one.detail,
        "contract": one.contract,
        "position": one.position,
        "key": _bytes(one.key),
        "value": _bytes(one.value),
        "cutFromBytes": one.cut_from,
        "redriven": one.history.redriven,
        "origin": one.history.origin or None,
        "attempts": one.history.attempts,
        "redrivenAt": redriven.get(one.mark),
    }


def outcome(pipeline: str, one: Outcome) -> dict[str, Any]:
    """What `redrive` tells; of the letters that stay, the first hundred one by one."""
    rows: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(FATES, 0))
    for (edge, node, reason, fate), number in one.groups.items():
        rows[edge, node, reason][fate] += number
    return {
        "pipeline": pipeline,
        "dryRun": one.dry_run,
        **{fate: sum(row[fate] for row in rows.values()) for fate in FATES},
        "groups": [
            {"edge": edge, "node": node, "reason": reason, **row} for (edge, node, reason), row in sorted(rows.items())
        ],
        "staying": [
            {"letter": fated.letter.name, "reason": fated.why[0], "detail": fated.why[1]} for fated in one.refused
        ],
    }


def groups_text(told: list[dict[str, Any]]) -> list[str]:
    heads = ("EDGE", "NODE", "REASON", "LETTERS", "REDRIVEN", "FIRST", "LAST", "NEWEST")
    rows = [(*(str(one[name.lower()]) for name in heads[:-1]), _newest(one["newest"])) for one in told]
    return _table([heads, *rows]) if rows else ["no dead letters"]


def letter_text(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['letter']}  {told['reason']} by {told['node']} at {told['at']}"]
    for name in ("detail", "contract", "position", "origin", "redriven", "attempts", "redrivenAt", "cutFromBytes"):
        if told[name]:
            lines.append(f"  {name:<12} {told[name]}")
    for name in ("key", "value"):
        held = told[name]
        if held is not None:
            lines.append(f"  {name:<12} {held.get('text', '')}{held.get('base64', '')}")
    return lines


def outcome_text(told: dict[str, Any]) -> list[str]:
    words = WOULD if told["dryRun"] else FATES
    lines = ["; ".join(f"{told[fate]} {words[fate]}" for fate in FATES)]
    if told["groups"]:
        heads = ("EDGE", "NODE", "REASON", *(fate.upper() for fate in FATES))
        lines += _table([heads, *(tuple(str(one[name.lower()]) for name in heads) for one in told["groups"])])
    lines += [f"stays: {one['letter']}: {one['reason']}: {one['detail']}" for one in told["staying"]]
    if told["refused"] > SHOWN:
        lines.append(f"and {told['refused'] - SHOWN} more that stay")
    return lines


def _bytes(value: bytes | None) -> dict[str, str] | None:
    """As text where it is some, otherwise in base64."""
    if value is None:
        return None
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _newest(told: dict[str, str]) -> str:
    text = f"{told['letter']}: {told['detail']}"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
