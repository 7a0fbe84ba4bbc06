"""Rules of the pipeline as a whole: names that must differ, and references that must lead somewhere."""

from mesoscale.contract import catalogue
from mesoscale.errors import Reason
from mesoscale.model.rule import Rule
from mesoscale.model.rules import stateful
from mesoscale.model.rules.fragments import named, names, words


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
    also = f" || it.{field} in {words(shipped)}" if shipped else ""
    optional = f"!has(it.{field}) || " if (each, field) == ("stages", "contract") else ""
    return Rule(
        f"{optional}{named(f'it.{field}', *lists)}{also}",
        f"is not {what}",
        each=each,
        field=field,
        found=f"it.{field}",
        allowed=f"({names(*lists)}{f' + {words(shipped)}' if shipped else ''}).filter(n, n != it.name)",
        reason=Reason.UNKNOWN_REFERENCE,
    )


def _fresh_name(each: str, earlier: tuple[str, ...]) -> Rule:
    return Rule(
        f"!{named('it.name', *earlier)}",
        f"is already the name of a {' or '.join(field.removesuffix('s') for field in earlier)}",
        each=each,
        field="name",
        found="it.name",
        hint="sources, stages, sinks and jobs share one set of names",
    )


_SHIPPED = tuple(catalogue.SHIPPED)

PIPELINE = (
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

SPEC = (
    _fresh_name("stages", ("sources",)),
    _fresh_name("sinks", ("sources", "stages")),
    _fresh_name("jobs", ("sources", "stages", "sinks")),
    _known("sources", "contract", ("contracts",), "a contract", shipped=_SHIPPED),
    _known("stages", "contract", ("contracts",), "a contract", shipped=_SHIPPED),
    _known("stages", "from", ("sources", "stages"), "a source or stage"),
    _known("sinks", "from", ("sources", "stages"), "a source or stage"),
    *stateful.SPEC,
    _known("checks", "of", ("sinks",), "a sink"),
    Rule(
        "it.from != it.name || self.sources.exists(s, s.name == it.name)",
        "reads from itself",
        each="stages",
        field="from",
        found="it.name",
        hint="let it read from a source or from another stage",
    ),
    _not_more_replicas("stages"),
    _not_more_replicas("sinks"),
    Rule(
        "!has(it.program) || has(it.image) || !has(self.code) || !has(self.code.image)",
        "has a program and no image to find it in, as code is in an image of the steps",
        each="jobs",
        field="program",
        found="it.name",
        hint="image: registry.example.com/team/jobs:1.2, made from the image of Spark",
    ),
    Rule(
        f"!(it.name in {words(_SHIPPED)}) || it.version > 1",
        "ships with Mesoscale in version 1",
        each="contracts",
        field="name",
        found="it.name",
        hint="choose another name, or a version of 2 and above to put yours in its place",
    ),
)
