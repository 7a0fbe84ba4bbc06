"""Programs with the least that docs/grants.md says they need, on a real database."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fix_pipeline import Pipeline, ids, payments, until

from mesoscale import bindings
from mesoscale_streams.sinks.database import connect

Make = Callable[[str, str], Pipeline]
COUNT = 200
SPEC = """\
  sources:
    - {{name: payments, contract: transaction, synthetic: {{perSecond: 100}}}}
  sinks:
    - {{name: rows, from: payments, table: {{{table}}}}}
"""
CUT = "partitionBy: {column: occurred_at, every: 1mo}"


def admin(here: Pipeline, *statements: str) -> None:
    with connect(here.postgres, "tests") as connection:
        for statement in statements:
            connection.execute(statement.encode())


def become(here: Pipeline, role: str) -> None:
    """From now on the pipeline's programs are that role."""
    postgres = replace(here.postgres, username=role, password="word")
    here.bind(bindings.Bindings(here.kafka, postgres))


@pytest.mark.parametrize(
    ("name", "table", "grants"),
    [
        (
            "granted",
            "",
            (
                "GRANT USAGE ON SCHEMA granted TO granted_sink",
                "GRANT SELECT, INSERT ON granted.rows TO granted_sink",
                "GRANT SELECT, INSERT, UPDATE ON granted.meso_positions TO granted_sink",
            ),
        ),
        ("granted_cut", CUT, ("GRANT granted_cut_owner TO granted_cut_sink",)),
    ],
)
def test_a_sink_needs_no_more_than_is_written(
    bare_pipeline: Make, name: str, table: str, grants: tuple[str, ...]
) -> None:
    here = bare_pipeline(name.replace("_", "-"), SPEC.format(table=table))
    admin(
        here,
        f"CREATE ROLE {name}_owner LOGIN PASSWORD 'word'",
        f"CREATE SCHEMA {name} AUTHORIZATION {name}_owner",
        f"CREATE ROLE {name}_sink LOGIN PASSWORD 'word'",
    )
    become(here, f"{name}_owner")
    assert (here.tell("topics")[0], here.tell("schema")[0]) == (0, 0)
    admin(here, "REVOKE TEMPORARY ON DATABASE mesoscale FROM PUBLIC", *grants)
    admin(here, f"GRANT TEMPORARY ON DATABASE mesoscale TO {name}_sink")
    become(here, f"{name}_sink")
    sent = payments(COUNT)
    here.send("payments", [*sent, *sent[:3]])  # the last three are duplicates
    sink = here.start("rows")
    until(lambda: here.sink_done("rows", "payments"), "the sink is done")
    here.stop(sink)
    found = here.rows("SELECT transaction_id FROM rows")
    assert {str(one): 1 for (one,) in found} == ids(value for _, value in sent)
    assert len(here.letters("payments")) == 3
    become(here, f"{name}_owner")
    later = here.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = current_schema()")
    assert later == [(f"{name}_owner",)], "so that the owner may change the table with its partitions"


def test_what_is_not_granted_is_told_with_where_to_read_on(bare_pipeline: Make) -> None:
    here = bare_pipeline("ungranted", SPEC.format(table=""))
    admin(here, "CREATE ROLE ungranted LOGIN PASSWORD 'word'")
    become(here, "ungranted")
    code, lines = here.tell("schema")
    [problem] = lines[-1]["problems"]
    assert (code, problem["reason"]) == (4, "ServiceFailed")
    assert "42501: permission denied for database mesoscale" in problem["message"]
    assert "docs/grants.md" in problem["hint"]
