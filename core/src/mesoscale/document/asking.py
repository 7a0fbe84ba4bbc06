"""The rules of the schema asked of a value, by the CEL runtime that Google keeps beside the API server's."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from mesoscale.document.shape import Finding
from mesoscale.document.tree import Node, Path, find
from mesoscale.errors import Reason, nearest
from mesoscale.model.rule import Rule
from mesoscale.model.rules import RULES
from mesoscale.model.schema import SECTION, Schema

_NOTHING: Any = object()


def ask(root: Node, value: Any, schema: Schema, broken: Sequence[Finding], old: Any = _NOTHING) -> Iterator[Finding]:
    """Every rule that `value` breaks, where nothing that the rule reads is broken itself.

    Args:
        root: where things stand in the file.
        value: the document with its defaults.
        schema: of the document; a node's SECTION says whose rules hold there.
        broken: what is wrong with the shape already.
        old: the document as it was; with it, the rules about changes are asked, and without it all others.
    """
    for path, section, here, before in _sections(schema, value, old, ()):
        for rule in RULES[section]:
            if rule.of_changes == (before is not _NOTHING) and not _unsound(path, rule, broken):
                yield from _ask(rule, root, path, here, before)


def _sections(schema: Schema, value: Any, old: Any, path: Path) -> Iterator[tuple[Path, str, Any, Any]]:
    """Every mapping that has rules: its path, the name of its section, its value and what that was before."""
    if "properties" in schema and isinstance(value, dict):
        if SECTION in schema:
            yield path, schema[SECTION], value, old
        for name, field in schema["properties"].items():
            if name in value:
                before = old.get(name, _NOTHING) if isinstance(old, dict) else _NOTHING
                yield from _sections(field, value[name], before, (*path, name))
    elif schema["type"] == "array" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sections(schema["items"], item, _same_item(item, old, schema), (*path, index))


def _same_item(item: Any, old: Any, schema: Schema) -> Any:
    """The item of the old list that goes by the same name; lists without names have none."""
    if not isinstance(old, list) or schema.get("x-kubernetes-list-type") != "map" or not isinstance(item, dict):
        return _NOTHING
    return next((other for other in old if other["name"] == item.get("name")), _NOTHING)


def _unsound(path: Path, rule: Rule, broken: Sequence[Finding]) -> bool:
    """Something that the rule reads is not as the schema wants it, so its answer would only confuse."""
    return any(
        bad.path[:-1] == path  # it may be meant for any field of this mapping; all else can be used
        if bad.reason is Reason.UNKNOWN_FIELD
        else bad.reason is not Reason.DUPLICATE_KEY
        and bad.path[: len(path)] == path
        and rule.reads.issuperset(part for part in bad.path[len(path) :] if isinstance(part, str))
        for bad in broken
    )


def _ask(rule: Rule, root: Node, path: Path, here: Any, before: Any) -> Iterator[Finding]:
    # Handing a value to the runtime copies it, so a rule gets the fields that it reads and no more.
    variables = {"self": {field: here[field] for field in here.keys() & rule.reads}}
    if before is not _NOTHING:
        variables["oldSelf"] = before
    if not rule.each:
        if evaluate(rule.cel, variables) is not True:
            yield _finding(rule, root, path, variables)
        return
    for index, item in enumerate(here[rule.each]):
        if evaluate(rule.cel, variables | {"it": item}) is not True:
            yield _finding(rule, root, (*path, rule.each, index), variables | {"it": item})


def _finding(rule: Rule, root: Node, path: Path, variables: Mapping[str, Any]) -> Finding:
    message, hint = rule.message, rule.hint
    if rule.found:
        message = f'"{evaluate(rule.found, variables)}" {message}'
    if rule.allowed:
        allowed = sorted(evaluate(rule.allowed, variables))
        message += f" ({', '.join(allowed) or 'there is none'})"
        hint = nearest(str(evaluate(rule.found, variables)), allowed) or hint
    target = (*path, *rule.field.split(".")) if rule.field else path
    return Finding(target, find(root, target), rule.reason, message, hint)


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value; an expression that fails, as one over a malformed pattern does, is not true."""
    return _compiled(expression).eval(data=dict(variables)).plain_value()


@cache
def _compiled(expression: str) -> cel.Expression:
    return _environment().compile(expression)


@cache
def _environment() -> cel.Env:
    anything = cel.Type.DYN
    return cel.NewEnv(
        variables={"self": anything, "oldSelf": anything, "it": anything}, extensions=[ext_strings.ExtStrings()]
    )
