"""Rules of contracts and their columns."""

from mesoscale.errors import Reason
from mesoscale.model.rule import Rule
from mesoscale.model.rules.fragments import ordered, words

SYSTEM_COLUMNS = ("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin")  # PostgreSQL gives them to every table
NUMBERS = ("int64", "float64")
INSTANTS = ("timestamp", "date")


def _only_for(field: str, types: tuple[str, ...], what: str, default: str = "") -> Rule:
    absent = f"self.{field} == {default}" if default else f"!has(self.{field})"
    return Rule(
        f"{absent} || self.type in {words(types)}",
        f"{field} limits {what} only",
        field=field,
        hint=f"it belongs on a column of type {' or '.join(types)}",
    )


def _column_rule(each: str, what: str) -> Rule:
    return Rule(
        "self.columns.exists(c, c.name == it && !c.nullable && c.type != 'float64')",
        f"cannot be part of the {what}: it must be a column that is neither nullable nor a float64",
        each=each,
        found="it",
        allowed="self.columns.filter(c, !c.nullable && c.type != 'float64').map(c, c.name)",
    )


CONTRACT = (
    _column_rule("key", "key"),
    _column_rule("identity", "identity"),
    Rule(
        "!has(self.eventTime) || self.columns.exists("
        "c, c.name == self.eventTime && c.type == 'timestamp' && !c.nullable)",
        "cannot be the event time: it must be a timestamp column that is not nullable",
        field="eventTime",
        found="self.eventTime",
        allowed="self.columns.filter(c, c.type == 'timestamp' && !c.nullable).map(c, c.name)",
    ),
    Rule(
        "self.version >= oldSelf.version",
        "the version of a contract never goes back",
        field="version",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
    Rule(
        "self.key == oldSelf.key || self.version > oldSelf.version",
        "the key of a contract stays, because it says which partition a record goes to",
        field="key",
        hint="raise the version of the contract together with its key",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)

COLUMN = (
    _only_for("min", NUMBERS, "numbers"),
    _only_for("max", NUMBERS, "numbers"),
    _only_for("earliest", INSTANTS, "timestamps and dates"),
    _only_for("latest", INSTANTS, "timestamps and dates"),
    _only_for("oneOf", ("string",), "texts", default="[]"),
    _only_for("pattern", ("string",), "texts", default="''"),
    _only_for("maxLength", ("string",), "texts"),
    ordered("min", "max"),
    Rule(
        "!has(self.earliest) || !has(self.latest) || self.earliest.size() != self.latest.size()"
        " || self.earliest <= self.latest",
        "earliest is after latest",
        field="earliest",
    ),
    *(
        Rule(
            f"!has(self.{field}) || !(self.type in {words(INSTANTS)})"
            f" || (self.{field}.size() == 10) == (self.type == 'date')",
            f"{field} must be a date for a date column, and an instant in UTC for a timestamp column",
            field=field,
        )
        for field in ("earliest", "latest")
    ),
    *(
        Rule(
            f"!has(self.{field}) || timestamp(self.{field}.size() == 10 ? self.{field} + 'T00:00:00Z' : self.{field})"
            " > timestamp('0001-01-01T00:00:00Z')",
            f"{field} is not a day of the calendar",
            field=field,
        )
        for field in ("earliest", "latest")
    ),
    Rule(
        "''.matches(self.pattern) || !''.matches(self.pattern)",  # neither, where the expression does not compile
        "pattern is not a regular expression",
        field="pattern",
        hint="the syntax is RE2's: https://github.com/google/re2/wiki/Syntax",
    ),
    Rule(
        f"!(self.name in {words(SYSTEM_COLUMNS)}) && !self.name.startsWith('meso_')",
        "is a name that PostgreSQL or Mesoscale uses itself",
        field="name",
        found="self.name",
    ),
)
