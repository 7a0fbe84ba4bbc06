"""What several rules share: fragments of CEL, and rules that hold in more than one section."""

from collections.abc import Iterable

from pydantic.alias_generators import to_camel

from mesoscale.model.rule import Rule

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
SIZES = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
DAY = UNITS["d"]
MINUTE = UNITS["m"]
OURS = ("dashboard", "database", "schema", "topics")  # objects in a cluster are called after these and after nodes


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
    return _measured(duration, UNITS)


def size_in_bytes(size: str) -> str:
    """CEL for a size of ours in bytes."""
    return _measured(size, SIZES)


def _measured(text: str, units: dict[str, int]) -> str:
    """CEL for a number and its unit; where a unit ends as another does, the longer one is asked for first."""
    choice = "0"
    for unit, length in reversed(units.items()):
        choice = f"{text}.endsWith('{unit}') ? {length} : {choice}"
    letters = "".join(f".replace('{letter}', '')" for letter in sorted(set("".join(units))))
    return f"(({choice}) * int({text}{letters}))"


def exactly_one(fields: Iterable[str]) -> str:
    return "[" + ", ".join(f"has(self.{field})" for field in fields) + "].exists_one(given, given)"


def one_kind(what: str, fields: tuple[str, ...], hint: str) -> Rule:
    return Rule(exactly_one(fields), f"{what} has exactly one of {', '.join(fields)}", hint=hint)


def not_ours(what: str) -> tuple[Rule, ...]:
    return (
        Rule(
            "!self.name.startsWith('meso-')",
            f"the names of {what} must not begin with meso-",
            field="name",
            hint="Mesoscale keeps its own tables and topics under that prefix",
        ),
        Rule(
            f"!(self.name in {words(OURS)})",
            "is what Mesoscale calls a part of its own",
            field="name",
            found="self.name",
        ),
    )


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


def some(field: str) -> Rule:
    """More than no time."""
    return Rule(f"!has(self.{field}) || !self.{field}.matches('^0+[a-z]')", f"{field} is no time at all", field=field)


def at_least(field: str, least: int, in_words: str) -> Rule:
    """`least` is in milliseconds."""
    return Rule(
        f"!has(self.{field}) || {milliseconds(f'self.{field}')} >= {least}",
        f"{field} is shorter than {in_words}",
        field=field,
    )
