"""What several rules share: fragments of CEL, and rules that hold in more than one section."""

from collections.abc import Iterable

from pydantic.alias_generators import to_camel

from mesoscale.model.rule import Rule

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DAY = UNITS["d"]
MINUTE = UNITS["m"]


def words(texts: Iterable[str]) -> str:
    """`['a', 'b']`"""
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"


def names(*lists: str) -> str:
    """The names in all these lists of the section."""
    return " + ".join(f"self.{field}.map(n, n.name)" for field in lists)


def named(name: str, *lists: str) -> str:
    """Whether one of these lists of the section has an item of that name."""
    return "(" + " || ".join(f"self.{field}.exists(n, n.name == {name})" for field in lists) + ")"


def milliseconds(duration: str) -> str:
    """CEL for the length of a duration of ours: CEL's own duration() knows neither days nor weeks."""
    choice = "0"
    for unit, length in reversed(UNITS.items()):
        choice = f"{duration}.endsWith('{unit}') ? {length} * int({duration}.replace('{unit}', '')) : {choice}"
    return f"({choice})"


def exactly_one(fields: Iterable[str]) -> str:
    return "[" + ", ".join(f"has(self.{field})" for field in fields) + "].exists_one(given, given)"


def one_kind(what: str, fields: tuple[str, ...], hint: str) -> Rule:
    return Rule(exactly_one(fields), f"{what} has exactly one of {', '.join(fields)}", hint=hint)


def ordered(low: str, high: str) -> Rule:
    bound = f"!has(self.{low}) || !has(self.{high}) || "
    return Rule(f"{bound}self.{low} <= self.{high}", f"{low} is greater than {high}", field=low)


def camel(fields: Iterable[str]) -> tuple[str, ...]:
    return tuple(to_camel(field) for field in fields)


def inside(field: str) -> Rule:
    return Rule(
        f"!has(self.{field}) || !self.{field}.startsWith('/') && !self.{field}.split('/').exists(part, part == '..')",
        f"{field} leaves the folder of the document",
        field=field,
        hint="name a file beside the document, without .. and without a leading /",
    )


def at_least(field: str, least: int, in_words: str) -> Rule:
    """`least` is in milliseconds."""
    return Rule(
        f"!has(self.{field}) || {milliseconds(f'self.{field}')} >= {least}",
        f"{field} is shorter than {in_words}",
        field=field,
    )
