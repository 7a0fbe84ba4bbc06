"""What is told of a run: its status as JSON, tables and lines for people, the one object for scripts; pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mesoscale_local import observe
from mesoscale_local.observe import Reading

HEADINGS = ("NODE", "STATE", "READ", "ROWS/S", "REJECTED", "LATE", "LAG", "RESTARTS")
NEVER_READ = "the ledger was never read"


COUNTS = ("read", "accepted", "rejected", "late", "produced")


def result(reading: Reading | None, problems: Iterable[str]) -> dict[str, Any]:
    """The one object that `meso run --output json` prints; without a reading nothing is known to add up."""
    if reading is None:
        return {"nodes": {}, "tables": {}, "ledger": [*problems, NEVER_READ]}
    return {
        "nodes": {name: {column: node[column] for column in COUNTS} for name, node in reading.nodes.items()},
        "tables": dict(reading.tables),
        "ledger": list(problems) or "closed",
    }


def conclusion(reading: Reading | None, problems: Iterable[str]) -> list[str]:
    """The same for people."""
    told = result(reading, problems)
    rows = [(name, *(f"{counts[column]:,}" for column in COUNTS)) for name, counts in told["nodes"].items()]
    lines = columns([("NODE", *(column.upper() for column in COUNTS)), *rows], words=1) if rows else []
    lines += [f"table {name}: {count:,} rows" for name, count in told["tables"].items()]
    if told["ledger"] == "closed":
        return [*lines, "ledger: closed"]
    return [*lines, "ledger: open", *(f"  {problem}" for problem in told["ledger"])]


def progress(status: Mapping[str, Any]) -> list[str]:
    """The table of a run, one line per node."""
    reading = observe.reading(status)
    rows = [_row(node, status["processes"], reading) for node in status["nodes"]]
    return columns([HEADINGS, *rows], words=2)


def processes(status: Mapping[str, Any]) -> list[str]:
    """A line for each process, services first."""
    every = {**status["services"], **status["processes"]}
    rows = [(name, one["state"], str(one["pid"] or ""), str(one["restarts"])) for name, one in every.items()]
    return columns([("PROCESS", "STATE", "PID", "RESTARTS"), *rows], words=2)


def crash_stories(status: Mapping[str, Any]) -> list[str]:
    """Each crash with the last lines of its log."""
    every = {**status["services"], **status["processes"]}
    tails = {name: one["crash"]["tail"][-5:] for name, one in every.items() if one["crash"]}
    lines = []
    for sentence, tail in zip(crashes(status), tails.values(), strict=True):
        lines += ["", sentence, *(f"  {line}" for line in tail)]
    return [*lines, ""] if lines else [""]


def crashes(status: Mapping[str, Any]) -> list[str]:
    """A line for each program that has crashed since the start."""
    every = {**status["services"], **status["processes"]}
    return [
        f"{name} crashed at {crash['at']}: {crash['reason']}" + (f": {crash['lastLine']}" if crash["lastLine"] else "")
        for name, one in every.items()
        if (crash := one["crash"]) is not None
    ]


def line(status: Mapping[str, Any], seconds: float) -> str:
    """The whole run in one line, for logs: `12 s  weather 26,115 (2,100/s)  rows 24,000 (2,100/s, lag 2,115)`."""
    reading = observe.reading(status)
    if reading is None:
        states = [process["state"] for process in status["processes"].values()]
        return f"{seconds:.0f} s  starting: {states.count('running')} of {len(states)} processes run"
    parts = []
    for node in status["nodes"]:
        counts = reading.nodes.get(node["name"], {})
        notes = [f"{_rate(reading, node['name']):,.0f}/s"]
        notes += [f"lag {lag:,}"] if (lag := reading.lag(node["name"])) else []
        notes += [f"rejected {counts['rejected']:,}"] if counts.get("rejected") else []
        parts.append(f"{node['name']} {counts.get('read', 0):,} ({', '.join(notes)})")
    return f"{seconds:.0f} s  " + "  ".join(parts)


def ledger(status: Mapping[str, Any]) -> list[str]:
    """The ledger's sentence, the tables' rows, and whatever does not add up."""
    reading = observe.reading(status)
    if reading is None:
        return [NEVER_READ]
    lines = [f"table {name}: {rows:,} rows" for name, rows in reading.tables.items()]
    verdict = "ledger: closed" if reading.closed else "ledger: open"
    return [*lines, verdict, *(f"  {problem}" for problem in reading.problems)]


def _row(node: Mapping[str, Any], processes: Mapping[str, Any], reading: Reading | None) -> tuple[str, ...]:
    name = node["name"]
    mine = [process for process in processes.values() if process["node"] == name]
    state = _state([process["state"] for process in mine])
    restarts = str(sum(process["restarts"] for process in mine))
    if reading is None:
        return (name, state, "", "", "", "", "", restarts)
    counts = reading.nodes.get(name, {})
    lag = reading.lag(name)
    numbers = (counts.get("read", 0), _rate(reading, name), counts.get("rejected", 0), counts.get("late", 0))
    return (
        name,
        state,
        *(f"{number:,.0f}" for number in numbers),
        "" if lag is None else f"{lag:,}",
        restarts,
    )


def _state(states: Sequence[str]) -> str:
    """The one word for a node: the worst of its processes'."""
    order = ("resting", "starting", "running", "stopped", "ended")
    return min(states, key=order.index, default="stopped")


def _rate(reading: Reading, node: str) -> float:
    return reading.rates.get(node, {}).get("read_per_s", 0.0)


def columns(rows: Sequence[Sequence[str]], words: int) -> list[str]:
    """Lines of aligned columns: the first `words` of them to the left, the numbers after them to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
