"""Every rule that holds between fields of a document, by the section it sits on."""

from collections.abc import Iterable, Mapping

from mesoscale.contract import catalogue
from mesoscale.errors import Reason
from mesoscale.model import sink, source
from mesoscale.model.rule import Rule

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DAY = _UNITS["d"]
_MINUTE = _UNITS["m"]

SYSTEM_COLUMNS = ("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin")  # PostgreSQL gives them to every table
NUMBERS = ("int64", "float64")
INSTANTS = ("timestamp", "date")


def _words(names: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


def _names(*lists: str) -> str:
    return " + ".join(f"self.{field}.map(n, n.name)" for field in lists)


def _named(name: str, *lists: str) -> str:
    return "(" + " || ".join(f"self.{field}.exists(n, n.name == {name})" for field in lists) + ")"


def _milliseconds(duration: str) -> str:
    """CEL for the length of a duration of ours: CEL's own duration() knows neither days nor weeks."""
    choice = "0"
    for unit, length in reversed(_UNITS.items()):
        choice = f"{duration}.endsWith('{unit}') ? {length} * int({duration}.replace('{unit}', '')) : {choice}"
    return f"({choice})"


def _exactly_one(fields: Iterable[str]) -> str:
    return "[" + ", ".join(f"has(self.{field})" for field in fields) + "].exists_one(given, given)"


def _one_kind(what: str, fields: tuple[str, ...], hint: str) -> Rule:
    return Rule(_exactly_one(fields), f"{what} has exactly one of {', '.join(fields)}", hint=hint)


def _ordered(low: str, high: str) -> Rule:
    bound = f"!has(self.{low}) || !has(self.{high}) || "
    return Rule(f"{bound}self.{low} <= self.{high}", f"{low} is greater than {high}", field=low)


def _camel(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sink.Section.model_config["alias_generator"](name) for name in names)  # type: ignore[operator,misc]


def _not_ours(what: str) -> Rule:
    return Rule(
        "!self.name.startsWith('meso-')",
        f"the names of {what} must not begin with meso-",
        field="name",
        hint="Mesoscale keeps its own tables and topics under that prefix",
    )


def _inside(field: str) -> Rule:
    return Rule(
        f"!has(self.{field}) || !self.{field}.startsWith('/') && !self.{field}.split('/').exists(part, part == '..')",
        f"{field} leaves the folder of the document",
        field=field,
        hint="name a file beside the document, without .. and without a leading /",
    )


def _only_for(field: str, types: tuple[str, ...], what: str, default: str = "") -> Rule:
    absent = f"self.{field} == {default}" if default else f"!has(self.{field})"
    return Rule(
        f"{absent} || self.type in {_words(types)}",
        f"{field} limits {what} only",
        field=field,
        hint=f"it belongs on a column of type {' or '.join(types)}",
    )


def _at_least(field: str, milliseconds: int, words: str) -> Rule:
    return Rule(
        f"!has(self.{field}) || {_milliseconds(f'self.{field}')} >= {milliseconds}",
        f"{field} is shorter than {words}",
        field=field,
    )


def _column_rule(each: str, what: str) -> Rule:
    return Rule(
        "self.columns.exists(c, c.name == it && !c.nullable && c.type != 'float64')",
        f"cannot be part of the {what}: it must be a column that is neither nullable nor a float64",
        each=each,
        found="it",
        allowed="self.columns.filter(c, !c.nullable && c.type != 'float64').map(c, c.name)",
    )


def _not_more_replicas(each: str) -> Rule:
    producers = " || ".join(
        f"self.{field}.exists(p, p.name == it.from && p.topic.partitions < it.scale.max)"
        for field in ("sources", "stages")
    )
    return Rule(
        f"!({producers})",
        "would have more replicas (scale.max) than there are partitions in the topic it reads",
        each=each,
        field="scale",
        found="it.name",
        hint="raise topic.partitions of the node it reads from, or lower scale.max",
    )


def _known(each: str, field: str, lists: tuple[str, ...], what: str, *, shipped: tuple[str, ...] = ()) -> Rule:
    also = f" || it.{field} in {_words(shipped)}" if shipped else ""
    optional = f"!has(it.{field}) || " if (each, field) == ("stages", "contract") else ""
    return Rule(
        f"{optional}{_named(f'it.{field}', *lists)}{also}",
        f"is not {what}",
        each=each,
        field=field,
        found=f"it.{field}",
        allowed=_names(*lists) + (f" + {_words(shipped)}" if shipped else ""),
        reason=Reason.UNKNOWN_REFERENCE,
    )


def _fresh_name(each: str, earlier: tuple[str, ...]) -> Rule:
    return Rule(
        f"!{_named('it.name', *earlier)}",
        f"is already the name of a {' or '.join(field.removesuffix('s') for field in earlier)}",
        each=each,
        field="name",
        found="it.name",
        hint="sources, stages and sinks share one set of names",
    )


_SHIPPED = tuple(catalogue.SHIPPED)

_PIPELINE = (
    Rule(
        "!self.metadata.name.startsWith('pg-')",
        "the name of a pipeline must not begin with pg-",
        field="metadata.name",
        hint="PostgreSQL keeps schemas that begin with pg_ for itself",
    ),
    Rule(
        "!(self.metadata.name in ['public', 'information-schema'])",
        "the pipeline has the name of a schema that PostgreSQL brings along",
        field="metadata.name",
    ),
)

_SPEC = (
    _fresh_name("stages", ("sources",)),
    _fresh_name("sinks", ("sources", "stages")),
    _known("sources", "contract", ("contracts",), "a contract", shipped=_SHIPPED),
    _known("stages", "contract", ("contracts",), "a contract", shipped=_SHIPPED),
    _known("stages", "from", ("sources", "stages"), "a source or stage"),
    _known("sinks", "from", ("sources", "stages"), "a source or stage"),
    _known("checks", "of", ("sinks",), "a sink"),
    Rule(
        "it.from != it.name",
        "reads from itself",
        each="stages",
        field="from",
        found="it.name",
        hint="let it read from a source or from another stage",
    ),
    _not_more_replicas("stages"),
    _not_more_replicas("sinks"),
    Rule(
        f"!(it.name in {_words(_SHIPPED)}) || it.version > 1",
        "ships with Mesoscale in version 1",
        each="contracts",
        field="name",
        found="it.name",
        hint="choose another name, or a version of 2 and above to put yours in its place",
    ),
)

_CONTRACT = (
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

_COLUMN = (
    _only_for("min", NUMBERS, "numbers"),
    _only_for("max", NUMBERS, "numbers"),
    _only_for("earliest", INSTANTS, "timestamps and dates"),
    _only_for("latest", INSTANTS, "timestamps and dates"),
    _only_for("oneOf", ("string",), "texts", default="[]"),
    _only_for("pattern", ("string",), "texts", default="''"),
    _only_for("maxLength", ("string",), "texts"),
    _ordered("min", "max"),
    Rule(
        "!has(self.earliest) || !has(self.latest) || self.earliest.size() != self.latest.size()"
        " || self.earliest <= self.latest",
        "earliest is after latest",
        field="earliest",
    ),
    *(
        Rule(
            f"!has(self.{field}) || (self.{field}.size() == 10) == (self.type == 'date')",
            f"{field} must be a date for a date column, and an instant with its zone for a timestamp column",
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
        f"!(self.name in {_words(SYSTEM_COLUMNS)}) && !self.name.startsWith('meso_')",
        "is a name that PostgreSQL or Mesoscale uses itself",
        field="name",
        found="self.name",
    ),
)

_SOURCE = (
    _one_kind("a source", _camel(source.KINDS), "say where its records come from: replay: {dataset: nyc-2013}"),
    _not_ours("sources"),
)

_REPLAY = (
    _one_kind("replay", ("dataset", "file"), "a shipped data set, or a file beside the document"),
    _inside("file"),
)

_SYNTHETIC = (
    Rule(
        "!has(self.start) || self.start.size() > 10 && timestamp(self.start) > timestamp('1970-01-01T00:00:00Z')",
        "start is not an instant after 1970 with its zone, such as 2024-01-01T00:00:00Z",
        field="start",
    ),
)

_TOPIC = (
    _at_least("retention", _MINUTE, "one minute"),
    Rule(
        "self.partitions >= oldSelf.partitions",
        "partitions only grow, because fewer would put records of one key into two orders",
        field="partitions",
        hint="to have fewer, read from a new source or stage under another name",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)

_STAGE = (
    _one_kind("a stage", ("use", "step"), "use: forward for a built-in step, step: module:function for your own"),
    _not_ours("stages"),
)

_SINK = (
    _one_kind("a sink", _camel(sink.KINDS), "say where its records go: table: {}"),
    _not_ours("sinks"),
)

_SCALE = (_ordered("min", "max"),)

_TABLE = (
    Rule("!has(self.then) || has(self.keep)", "then needs keep, the time after which", field="then", hint="keep: 30d"),
    Rule(
        "!has(self.keep) || has(self.partitionBy)",
        "keep needs partitionBy, because rows leave by whole table partitions",
        field="keep",
        hint="partitionBy: {column: observed_at, every: 1d}",
    ),
    Rule(
        "!has(self.keep) || self.keep.endsWith('d') || self.keep.endsWith('w')",
        "is not in whole days or weeks",
        field="keep",
        found="self.keep",
        hint="30d or 8w",
    ),
    Rule(
        "!has(self.keep) || !has(self.partitionBy) || !self.keep.matches('[dw]$') || "
        f"{_milliseconds('self.keep')} >= {_DAY} *"
        " (self.partitionBy.every == '1d' ? 1 : self.partitionBy.every == '1mo' ? 31 : 366)",
        "is less than one table partition (1d: 1d, 1mo: 31d, 1y: 366d)",
        field="keep",
        found="self.keep",
        hint="keep rows for longer, or partition by a shorter time",
    ),
    Rule(
        "it.all(a, it.exists_one(b, b == a))",
        "has a column twice",
        each="indexes",
        found="it.join(', ')",
    ),
    Rule(
        "has(self.partitionBy) == has(oldSelf.partitionBy) &&"
        " (!has(self.partitionBy) || self.partitionBy == oldSelf.partitionBy)",
        "partitionBy of a table that exists cannot change",
        field="partitionBy",
        hint="add a sink of another name with the new partitionBy, let it catch up, and remove the old one",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)

_JOB = (
    _one_kind("a job", ("use", "program"), "use: daily-climate for a built-in job, program: jobs/mine.py for your own"),
    _inside("program"),
)


def _needs(expect: tuple[str, ...], field: str, hint: str) -> Rule:
    return Rule(
        f"!(self.expect in {_words(expect)}) || has(self.{field})",
        f"a check that expects {' or '.join(expect)} needs {field}",
        field="expect",
        hint=hint,
    )


def _idle(field: str, expect: tuple[str, ...]) -> Rule:
    return Rule(
        f"!has(self.{field}) || self.expect in {_words(expect)}",
        f"{field} means nothing here, only to a check that expects {' or '.join(expect)}",
        field=field,
    )


_CHECK = (
    _needs(("freshness",), "within", "within: 15m"),
    _needs(("completeness", "uniqueness"), "column", "column: station"),
    _needs(("volume",), "min", "min: 1000"),
    _idle("within", ("freshness", "volume")),
    _idle("column", ("completeness", "uniqueness")),
    _idle("min", ("volume", "completeness")),
)

RULES: Mapping[str, tuple[Rule, ...]] = {
    "Pipeline": _PIPELINE,
    "Spec": _SPEC,
    "Contract": _CONTRACT,
    "Column": _COLUMN,
    "Source": _SOURCE,
    "Replay": _REPLAY,
    "Synthetic": _SYNTHETIC,
    "OpenWeather": (_at_least("every", _MINUTE, "one minute, the least between two observations"),),
    "OpenMeteo": (_at_least("every", _MINUTE, "one minute, the least between two observations"),),
    "Paged": (_at_least("every", 1_000, "one second"),),
    "TopicSettings": _TOPIC,
    "Stage": _STAGE,
    "Sink": _SINK,
    "Scale": _SCALE,
    "Table": _TABLE,
    "Collection": (_at_least("keep", _MINUTE, "one minute, the pace at which MongoDB removes documents"),),
    "Job": _JOB,
    "Executors": (_ordered("min", "max"),),
    "Check": _CHECK,
    "Slo": (_at_least("freshness", 1_000, "one second"),),
}
"""Name of a class of the model → the rules of its mappings."""
