"""Contract → Markdown, for people."""

from collections.abc import Iterator, Sequence

from mesoscale.contract.types import Column, Contract


def markdown(contract: Contract) -> str:
    """A heading, what the contract is for, its keys, and a table of its columns."""
    return "\n".join(
        [
            f"## {contract.label}",
            "",
            *([contract.description, ""] if contract.description else []),
            *_roles(contract),
            "",
            "| column | type | unit | null | allowed | meaning |",
            "|---|---|---|---|---|---|",
            *(_row(column) for column in contract.columns),
            "",
        ]
    )


def _roles(contract: Contract) -> Iterator[str]:
    for role, columns in (("key", contract.key), ("identity", contract.identity)):
        if columns:
            yield f"- {role}: {_code(columns)}"
    if contract.event_time:
        yield f"- event time: {_code((contract.event_time,))}"


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _row(column: Column) -> str:
    null = "yes" if column.nullable else "no"
    meaning = column.description.replace("|", r"\|")
    return f"| `{column.name}` | {column.type} | {column.unit} | {null} | {_allowed(column)} | {meaning} |"


def _allowed(column: Column) -> str:
    """The limits in words."""
    low, high = _edge(column.min, column.earliest), _edge(column.max, column.latest)
    words = []
    if low and high:
        words.append(f"{low} to {high}")
    elif low or high:
        words.append(f"from {low}" if low else f"up to {high}")
    if column.one_of:
        words.append(", ".join(column.one_of))
    if column.pattern:
        words.append(f"`{column.pattern}`".replace("|", r"\|"))
    if column.max_length is not None:
        words.append(f"up to {column.max_length} characters")
    return "; ".join(words)


def _edge(number: float | None, instant: str | None) -> str:
    if instant is not None:
        return instant
    return "" if number is None else f"{number:g}"
