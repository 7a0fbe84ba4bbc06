"""May a contract follow another? Yes, if every record and row of the old one keeps the new one.

So columns may be added (nullable) and loosened; nothing may be taken away, tightened, or mean something else.
"""

from collections.abc import Iterator

from mesoscale.contract.types import Column, Contract


def breaks(old: Contract, new: Contract) -> tuple[str, ...]:
    """A sentence for each thing that keeps `new` from following `old`; none if it may."""
    if _shape(old) == _shape(new):
        return ()
    return (*_version(old, new), *_roles(old, new), *_columns(old, new))


def _shape(contract: Contract) -> Contract:
    """The contract without its words, which may change at any time."""
    columns = tuple(column.model_copy(update={"description": ""}) for column in contract.columns)
    return contract.model_copy(update={"description": "", "columns": columns})


def _version(old: Contract, new: Contract) -> Iterator[str]:
    if new.version < old.version:
        yield f"version {new.version} is older than {old.version}, which runs"
    if new.version == old.version:
        yield f"its shape changed, but its version is still {old.version}: it must become {old.version + 1}"


def _roles(old: Contract, new: Contract) -> Iterator[str]:
    """What partitions, primary keys and windows were made by."""
    for role in ("key", "identity", "event_time"):
        before, after = getattr(old, role), getattr(new, role)
        if before != after:
            yield f"its {role.replace('_', ' ')} was {_text(before)} and cannot become {_text(after)}"


def _columns(old: Contract, new: Contract) -> Iterator[str]:
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    for name, column in before.items():
        if name not in after:
            yield f"column {name} is taken away"
        else:
            yield from _column(column, after[name])
    for name, column in after.items():
        if name not in before and not column.nullable:
            yield f"column {name} is new and must be nullable, as older records do not have it"


def _column(old: Column, new: Column) -> Iterator[str]:
    for what in ("type", "unit"):
        if getattr(old, what) != getattr(new, what):
            yield f"column {new.name} had {what} {getattr(old, what)} and cannot become {getattr(new, what)}"
    if old.nullable and not new.nullable:
        yield f"column {new.name} may be null in older records and cannot become required"
    for what in tightened(old, new):
        yield f"column {new.name} has a tighter {what}, which older records may break"


def tightened(old: Column, new: Column) -> Iterator[str]:
    """The limits of `new` that a value within those of `old` may break."""
    for limit in ("min", "earliest"):
        before, after = getattr(old, limit), getattr(new, limit)
        if after is not None and (before is None or after > before):
            yield limit
    for limit in ("max", "latest", "max_length"):
        before, after = getattr(old, limit), getattr(new, limit)
        if after is not None and (before is None or after < before):
            yield limit
    if new.pattern and new.pattern != old.pattern:
        yield "pattern"
    if new.one_of and not (old.one_of and set(old.one_of) <= set(new.one_of)):
        yield "list of values"


def _text(role: tuple[str, ...] | str | None) -> str:
    return (", ".join(role) if isinstance(role, tuple) else role) or "none"
