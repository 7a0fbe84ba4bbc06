"""Contract → Markdown for people: what each column means, in which unit, and what is allowed in it."""

from mesoscale.contract import limits
from mesoscale.contract.types import Column, Contract


def markdown(contract: Contract) -> str:
    """A section of its own, from a second-level heading to a newline."""
    facts = [
        f"- key: {_names(contract.key)} (records of one key stay in order)",
        f"- identity: {_names(contract.identity)} (tells one record from every other)",
        f"- event time: {_names((contract.event_time,) if contract.event_time else ())}",
    ]
    rows = [_row(column) for column in contract.columns]
    head = ["| column | type | unit | null | allowed | meaning |", "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join(
        [
            f"## {contract.name} (version {contract.version})",
            "",
            contract.description,
            "",
            *facts,
            "",
            *head,
            *rows,
            "",
        ]
    )


def allowed(column: Column) -> str:
    """The limits of a column in words: `1 to 100000000`, `at least 0`, `one of a, b`, `at most 64 characters`."""
    numeric = column.type in ("int64", "float64")
    low, high = (_number(column.min), _number(column.max)) if numeric else (column.earliest, column.latest)
    parts = []
    if low is not None and high is not None:
        parts.append(f"{low} to {high}")
    elif low is not None or high is not None:
        parts.append(f"at least {low}" if low is not None else f"at most {high}")
    if column.one_of:
        parts.append(f"one of {', '.join(column.one_of)}")
    if column.pattern:
        parts.append(f"`{column.pattern}`")
    if column.max_length is not None:
        parts.append(f"at most {column.max_length} characters")
    return ", ".join(parts)


def _row(column: Column) -> str:
    cells = [
        f"`{column.name}`",
        column.type,
        column.unit,
        "may be null" if column.nullable else "",
        allowed(column),
        column.description,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _number(value: float | None) -> str | None:
    return None if value is None else limits.number(value)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
