"""Rules of what runs on a schedule: jobs and checks."""

from mesoscale.model.rule import Rule
from mesoscale.model.rules.fragments import inside, not_ours, one_kind, words

JOB = (
    one_kind("a job", ("use", "program"), "use: daily-climate for a built-in job, program: jobs/mine.py for your own"),
    inside("program"),
    *not_ours("jobs"),
)


def _needs(expect: tuple[str, ...], field: str, hint: str) -> Rule:
    return Rule(
        f"!(self.expect in {words(expect)}) || has(self.{field})",
        f"a check that expects {' or '.join(expect)} needs {field}",
        field="expect",
        hint=hint,
    )


def _idle(field: str, expect: tuple[str, ...]) -> Rule:
    return Rule(
        f"!has(self.{field}) || self.expect in {words(expect)}",
        f"{field} means nothing here, only to a check that expects {' or '.join(expect)}",
        field=field,
    )


CHECK = (
    _needs(("freshness",), "within", "within: 15m"),
    _needs(("completeness", "uniqueness"), "column", "column: station"),
    _needs(("volume",), "min", "min: 1000"),
    _idle("within", ("freshness", "volume")),
    _idle("column", ("completeness", "uniqueness")),
    _idle("min", ("volume", "completeness")),
)
