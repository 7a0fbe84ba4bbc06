"""Which change of a contract leaves what was written, and who reads it, in order.

Compatible are a new nullable column, a limit that was widened or lifted, a column that may now be null (unless the key,
the identity or the event time stands on it) and other words. All else needs a contract of another name.
"""

from collections.abc import Iterator

from mesoscale.contract import limits
from mesoscale.contract.types import Column, Contract


def incompatibilities(old: Contract, new: Contract) -> list[str]:
    """Why `new` cannot take the place of `old`, a sentence each; empty where it can."""
    return [*_whole(old, new), *_columns(old, new)]


def shape(contract: Contract) -> Contract:
    """The contract without its words: two of equal shape differ in nothing a program sees."""
    columns = tuple(column.model_copy(update={"description": "", "unit": ""}) for column in contract.columns)
    return contract.model_copy(update={"version": 1, "description": "", "columns": columns})


def _whole(old: Contract, new: Contract) -> Iterator[str]:
    if old.name != new.name:
        yield f'contract "{new.name}" is not contract "{old.name}"'
    if new.version < old.version:
        yield f"the version was lowered from {old.version} to {new.version}; versions only rise"
    if new.version == old.version and shape(new) != shape(old):
        yield f"the shape changed and the version did not: make it {old.version + 1}"
    if old.key != new.key:
        yield f"the key changed from {_listed(old.key)} to {_listed(new.key)}: records of one key would part"
    if old.identity != new.identity:
        yield f"the identity changed from {_listed(old.identity)} to {_listed(new.identity)}"
    if old.event_time != new.event_time:
        yield f"eventTime changed from {old.event_time or 'none'} to {new.event_time or 'none'}"


def _columns(old: Contract, new: Contract) -> Iterator[str]:
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    for name, column in before.items():
        if name not in after:
            yield f"{name}: the column was removed"
            continue
        needed = name in (*old.key, *old.identity, old.event_time)
        yield from (f"{name}: {reason}" for reason in _column(column, after[name], needed))
    for name, column in after.items():
        if name not in before and not column.nullable:
            yield f"{name}: the new column is not nullable, and records written before have no value for it"


def _column(old: Column, new: Column, needed: bool) -> Iterator[str]:
    """`needed`: the key, the identity or the event time stands on it."""
    if old.type != new.type:
        yield f"the type changed from {old.type} to {new.type}"
        return
    if old.nullable and not new.nullable:
        yield "it was nullable and no longer is"
    if needed and new.nullable and not old.nullable:
        yield "it became nullable, but the key, the identity or eventTime stands on it"
    yield from _range(old, new)
    yield from _text(old, new)


def _range(old: Column, new: Column) -> Iterator[str]:
    floor, ceiling = ("min", "max") if old.type in ("int64", "float64") else ("earliest", "latest")
    before, after = limits.lower(old), limits.lower(new)
    if after is not None and (before is None or after > before):
        yield f"{floor} was raised from {_limit(old, floor)} to {_limit(new, floor)}"
    before, after = limits.upper(old), limits.upper(new)
    if after is not None and (before is None or after < before):
        yield f"{ceiling} was lowered from {_limit(old, ceiling)} to {_limit(new, ceiling)}"


def _text(old: Column, new: Column) -> Iterator[str]:
    gone = [word for word in old.one_of if word not in new.one_of]
    if new.one_of and not old.one_of:
        yield f"oneOf was added ({', '.join(new.one_of)})"
    elif new.one_of and gone:
        yield f"oneOf lost {', '.join(gone)}"
    if new.pattern and new.pattern != old.pattern:
        yield f"the pattern changed from {old.pattern or 'none'} to {new.pattern}"
    if new.max_length is not None and (old.max_length is None or new.max_length < old.max_length):
        yield f"maxLength was lowered from {old.max_length or 'none'} to {new.max_length}"


def _limit(column: Column, field: str) -> str:
    value = getattr(column, field)
    return "none" if value is None else value if isinstance(value, str) else limits.number(value)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
