"""Connections to the bound database, and what its errors mean: whether to try again, and what to tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from mesoscale.bindings import PostgreSQL
from mesoscale.errors import Problem, Reason, ServiceUnavailable

# SQLSTATE classes (first two characters) after which the same may well succeed.
PASSING = {
    "08": "connection lost",
    "40": "transaction rolled back",
    "53": "out of resources (disk, memory, connections)",
    "55": "object in use",
    "57": "server shut down or start-up",
    "58": "system error",
}
FORBIDDEN = "42501"  # SQLSTATE of a role that lacks a privilege


def connect(binding: PostgreSQL, name: str) -> psycopg.Connection[Any]:
    """A connection that commits each statement outside a transaction block."""
    encrypted = {"sslmode": binding.sslmode, "sslrootcert": binding.sslrootcert or None}
    return psycopg.connect(
        make_conninfo(**{setting: text for setting, text in encrypted.items() if text}),
        host=binding.host,
        port=binding.port,
        dbname=binding.database,
        user=binding.username,
        password=binding.password,
        application_name=name,
        autocommit=True,
        connect_timeout=5,
    )


def passing(error: psycopg.Error) -> bool:
    """Whether trying again may help; an error without SQLSTATE is a connection that was cut or not made."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in PASSING


@contextmanager
def told(what: str) -> Iterator[None]:
    """For programs that end; `what` follows "PostgreSQL did not".

    Raises:
        ServiceUnavailable: instead of an error of the client's.
    """
    try:
        yield
    except psycopg.Error as error:
        raise unavailable(what, error) from error


def unavailable(what: str, error: psycopg.Error) -> ServiceUnavailable:
    """The error as a person is told it: `what` follows "PostgreSQL did not"."""
    code = f"{error.sqlstate}: " if error.sqlstate else ""
    told = error.diag.message_primary or str(error).partition("\n")[0]
    hint = "docs/grants.md says what each program must be allowed" if error.sqlstate == FORBIDDEN else ""
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"PostgreSQL did not {what}: {code}{told}", hint=hint))
