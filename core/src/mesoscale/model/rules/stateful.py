"""Rules of what stages remember: windows, sessions, rolling features, joins, and state of a user's own step."""

from mesoscale.errors import Reason
from mesoscale.model.rule import Rule
from mesoscale.model.rules.fragments import milliseconds, named, names, some, words
from mesoscale.model.stage import REMEMBERING

FEATURE = (some("within"),)


def _fresh(each: str, also: tuple[str, ...]) -> Rule:
    return Rule(
        f"!(it.name in self.by) && !(it.name in {words(also)})",
        "is a column of the result already",
        each=each,
        field="name",
        found="it.name",
        hint="give it a name of its own",
    )


WINDOW = (
    some("size"),
    some("every"),
    Rule(
        f"!has(self.every) || {milliseconds('self.every')} <= {milliseconds('self.size')}",
        "every is longer than size, so that records between two windows would be in none",
        field="every",
    ),
    some("idleAfter"),
    _fresh("aggregates", ("window_start", "window_end")),
)

SESSION = (some("gap"), some("idleAfter"), _fresh("aggregates", ("session_start", "session_end")))

ROLLING = (some("idleAfter"), _fresh("features", ()))

JOIN = (some("idleAfter"),)

STAGE = (
    Rule(
        f"!has(self.state) || !has(self.use) || self.use in {list(REMEMBERING)}",
        "state means nothing here: this built-in step remembers nothing",
        field="state",
    ),
    Rule(
        "!has(self.state) || has(self.step) == (self.state.columns.size() > 0)"
        " && (self.state.columns.size() > 0) == (self.state.key.size() > 0)",
        "state has key and columns for a step of your own, and for nothing else",
        field="state",
        hint="step: steps:count_them, state: {key: [account], columns: [{name: seen, type: int64}]}",
    ),
    Rule(
        "!has(self.state) || !self.state.key.exists(k, self.state.columns.exists(c, c.name == k))",
        "state has a column of its key among its columns, too",
        field="state.columns",
    ),
    *(
        Rule(
            f"!has(self.{kind}) || self.{kind}.with != self.from",
            f"a stage cannot {kind} a topic with itself",
            field=f"{kind}.with",
        )
        for kind in ("join", "enrich")
    ),
)


def _beside(kind: str) -> Rule:
    return Rule(
        f"!has(it.{kind}) || {named(f'it.{kind}.with', 'sources', 'stages')}",
        "is not a source or stage",
        each="stages",
        field=f"{kind}.with",
        found=f"it.{kind}.with",
        allowed=f"({names('sources', 'stages')}).filter(n, n != it.name)",
        reason=Reason.UNKNOWN_REFERENCE,
    )


SPEC = (_beside("join"), _beside("enrich"))
