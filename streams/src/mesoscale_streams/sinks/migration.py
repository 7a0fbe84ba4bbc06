"""Tables are brought about, or forward to a later contract: never back, never half, and by one at a time.

Everything happens in one transaction under an advisory lock: of two programs at once one waits, and of one that is
killed nothing is left. Tables that are right already are only looked at, since the statements that bring one about
would hold up whoever writes rows. Where a reader holds up the statements, they give way and are tried again.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from mesoscale import naming
from mesoscale.bindings import PostgreSQL
from mesoscale.contract import ddl
from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale_streams.sinks import catalogue, database, index_names, table_shape
from mesoscale_streams.sinks.table_shape import Made, Observed, Wanted

log = logging.getLogger(__name__)

GIVE_WAY = 2  # seconds in which a statement must get its locks; whoever comes after it waits as long
PAUSE = 1.0  # seconds between two tries


def migrate(binding: PostgreSQL, wanted: Sequence[Wanted], adopt: bool, patience: float) -> list[Wanted]:
    """Bring the tables about and return those that were made or changed; a second call does nothing.

    Args:
        binding: the database.
        wanted: all tables of one pipeline, at least one.
        adopt: whether tables that somebody else has made may be taken over.
        patience: seconds for the database to come up, and for whoever holds a lock to let go.

    Raises:
        PlanRefused: a table is not ours, or its rows would not keep the contract; then nothing was changed.
        ServiceUnavailable: the server does not answer, or refuses a statement.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return _once(binding, wanted, adopt)
        except psycopg.Error as error:
            if not database.passing(error) or time.monotonic() > deadline:
                raise database.unavailable("make the tables", error) from error
            log.warning("trying again: %s", str(error).partition("\n")[0], extra={"code": error.sqlstate})
        time.sleep(PAUSE)


def _once(binding: PostgreSQL, wanted: Sequence[Wanted], adopt: bool) -> list[Wanted]:
    [schema] = {one.table.schema_name for one in wanted}
    with database.connect(binding, f"meso {schema} schema") as connection, connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{GIVE_WAY}s'".encode())
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"meso {schema}",))
        found = catalogue.observe(connection, schema)
        _refuse(found, wanted, adopt)
        changed = [one for one in wanted if not _complete(found.get(one.table.name), one)]
        if changed:
            index_names.bring_up_to_date(connection, schema)
        for one in changed:
            _make(connection, one)
    for one in wanted:
        _tell(one, found.get(one.table.name), one in changed)
    return changed


def _refuse(found: Mapping[str, Observed], wanted: Sequence[Wanted], adopt: bool) -> None:
    """The tables of a pipeline are its own if its positions table is there, which comes with the first of them."""
    there = [one for one in wanted if one.table.name in found]
    problems = [problem for one in there for problem in table_shape.problems(found[one.table.name], one)]
    if not adopt and naming.POSITIONS_TABLE not in found:
        problems += map(_strange, there)
    if problems:
        raise PlanRefused(problems)


def _complete(found: Observed | None, wanted: Wanted) -> bool:
    return found is not None and table_shape.complete(found, wanted)


def _make(connection: psycopg.Connection[Any], wanted: Wanted) -> None:
    schema = wanted.table.schema_name
    for statement in wanted.table.statements:
        if statement != ddl.create_schema(schema) or not catalogue.schema_exists(connection, schema):
            connection.execute(statement.encode())
    catalogue.note(connection, schema, wanted.table.name, Made(wanted.contract, wanted.table.partitions))


def _tell(wanted: Wanted, before: Observed | None, changed: bool) -> None:
    more = {"table": wanted.name, "contract": wanted.contract.label}
    if not changed:
        log.info("table is as wanted", extra=more)
    elif before is None:
        log.info("table made", extra=more)
    else:
        was = before.made.contract.label if before.made else None
        log.info("table changed", extra={**more, "was": was, "added": table_shape.added(before, wanted)})


def _strange(wanted: Wanted) -> Problem:
    return Problem(
        Reason.NOT_OURS,
        f"table {wanted.name} exists already, and this pipeline has not made it",
        hint="give the sink another name, or take the table over with its rows: `adoption: adopt`",
    )
