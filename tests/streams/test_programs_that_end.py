"""The programs `topics`, `schema` and `remove` on real services: refused, adopted, grown, killed, two at once."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from fix_pipeline import Pipeline

from mesoscale import naming
from mesoscale.bindings import Bindings
from mesoscale.errors import PlanRefused, Reason
from mesoscale_streams import environment, provision
from mesoscale_streams.kafka.topic_steps import Observed
from mesoscale_streams.kafka.topics import Topics
from mesoscale_streams.sinks.database import connect

OF_ONE_EDGE = ["..positions", "..redriven", ".readings", ".readings.dead-letter"]  # after the pipeline's name

Make = Callable[[str, str], Pipeline]
Lines = list[dict[str, Any]]

SPEC = """\
  contracts:
    - name: reading
      version: {version}
      identity: [station]
      columns:
        - {{name: station, type: string}}
        - {{name: value, type: float64, max: {most}}}
        {more}
  sources:
    - {{name: readings, contract: reading, topic: {{partitions: {partitions}}}, replay: {{file: readings.ndjson}}}}
  sinks:
    - {{name: rows, from: readings, table: {{indexes: [[station, value]]}}}}
"""


def spec(version: int = 1, most: int = 100, partitions: int = 2, more: str = "") -> str:
    return SPEC.format(version=version, most=most, partitions=partitions, more=more)


def messages(lines: Lines) -> list[str]:
    return [line["message"] for line in lines]


def reasons(lines: Lines) -> list[str]:
    return [problem["reason"] for problem in lines[-1]["problems"]]


def make_topic(here: Pipeline, node: str, partitions: int) -> None:
    admin, name = AdminClient({"bootstrap.servers": here.kafka.bootstrap_servers}), naming.topic(here.name, node)
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)


def topics(here: Pipeline) -> dict[str, Observed]:
    """Of the pipeline, by what comes after its name."""
    names = [here.name + end for end in OF_ONE_EDGE]
    return {name.removeprefix(here.name): found for name, found in Topics(here.kafka).observe(names).items()}


def columns(here: Pipeline, table: str = "rows") -> list[str]:
    with connect(here.postgres, "tests") as connection:
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " ORDER BY ordinal_position",
            (naming.sql_name(here.name), table),
        )
        return [name for (name,) in found]


def migrate(here: Pipeline, adopt: bool = False) -> None:
    graph = environment.read_graph(here.folder / "pipeline.yaml")
    provision.schema(graph, Bindings(here.kafka, here.postgres), adopt, patience=10)


def test_topics_are_made_grown_and_never_shrunk(bare_pipeline: Make) -> None:
    here = bare_pipeline("growing", spec(partitions=2))
    code, lines = here.tell("topics")
    assert (code, messages(lines)) == (0, ["topic made"] * 4 + ["topics are as wanted"])
    assert [line["topic"].removeprefix("growing") for line in lines[:-1]] == OF_ONE_EDGE
    assert (here.tell("topics")[1][-1]["steps"], topics(here)[".readings"].partitions) == (0, 2)
    here.write(spec(partitions=5))
    code, lines = here.tell("topics")
    assert (code, messages(lines)) == (0, ["partitions added", "topics are as wanted"])
    assert topics(here)[".readings"].partitions == 5
    here.write(spec(partitions=3))
    code, lines = here.tell("topics")
    assert (code, reasons(lines)) == (3, ["ForbiddenChange"])
    assert topics(here)[".readings"].partitions == 5


def test_a_topic_of_somebody_else_is_refused_and_taken_over_when_asked(bare_pipeline: Make) -> None:
    here = bare_pipeline("adopting", spec(partitions=4))
    make_topic(here, "readings", 3)
    code, lines = here.tell("topics")
    assert (code, reasons(lines)) == (3, ["NotOurs"])
    assert "topic adopting.readings exists already" in lines[-1]["message"]
    assert list(topics(here)) == [".readings"], "nothing was made"
    assert here.tell("topics", "--adopt")[0] == 0
    assert topics(here)[".readings"] == Observed(4, topics(here)[".readings"].config)
    assert topics(here)[".readings"].config["retention.ms"] == str(7 * 24 * 3_600_000)
    assert here.tell("topics")[0] == 0, "from now on it is ours"


def test_topics_killed_half_way_are_finished_without_being_asked_twice(bare_pipeline: Make) -> None:
    more = spec() + "    - {name: again, from: readings, table: {}}\n"
    here = bare_pipeline(
        "half-topics", more.replace("  sinks:", "  stages: [{name: copy, from: readings, use: forward}]\n  sinks:")
    )
    assert here.tell("topics", sabotage="topics-half-made")[0] == -signal.SIGKILL
    assert sorted(topics(here)) == sorted(OF_ONE_EDGE[:3]), "of six, with the two of the stage"
    code, lines = here.tell("topics")
    assert (code, lines[-1]["topics"], lines[-1]["steps"]) == (0, 6, 3)


def test_a_schema_killed_half_way_leaves_nothing_and_the_next_makes_it(bare_pipeline: Make) -> None:
    here = bare_pipeline("half-schema", spec())
    assert here.tell("schema", sabotage="schema-half-made")[0] == -signal.SIGKILL
    assert columns(here) == []
    code, lines = here.tell("schema")
    assert (code, messages(lines)) == (0, ["table made", "tables are as wanted"])
    assert columns(here) == ["station", "value"]


def test_of_four_at_once_one_makes_the_tables_and_all_end_well(bare_pipeline: Make) -> None:
    here = bare_pipeline("at-once", spec())
    ended: list[tuple[int, Lines]] = []
    threads = [threading.Thread(target=lambda: ended.append(here.tell("schema"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [code for code, _ in ended] == [0, 0, 0, 0]
    first = sorted(lines[0]["message"] for _, lines in ended)
    assert first == ["table is as wanted"] * 3 + ["table made"]


def test_a_later_contract_is_followed_and_one_that_rows_would_break_is_refused(bare_pipeline: Make) -> None:
    here = bare_pipeline("forward", spec())
    assert here.tell("schema")[0] == 0
    with connect(here.postgres, "tests") as connection:
        connection.execute("INSERT INTO forward.rows VALUES ('JFK', 99)")
    here.write(spec(2, more="- {name: unit, type: string, nullable: true}"))
    code, lines = here.tell("schema")
    assert (code, lines[0]["message"], lines[0]["was"], lines[0]["added"]) == (
        0,
        "table changed",
        "reading@1",
        ["unit"],
    )
    assert here.rows("SELECT * FROM rows") == [("JFK", 99.0, None)]

    for refused, why in ((spec(3, most=50), "tighter max"), (spec(1), "version 1 is older than 2")):
        here.write(refused)
        code, lines = here.tell("schema")
        assert code == 3
        assert set(reasons(lines)) == {"IncompatibleContract"}
        assert why in lines[-1]["message"]
    assert columns(here) == ["station", "value", "unit"]


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("TABLE rows (station text PRIMARY KEY, value double precision)", None),
        ("TABLE rows (station text PRIMARY KEY, value double precision, by_hand int)", None),
        ("TABLE rows (station text PRIMARY KEY, value numeric)", "value is numeric, not double"),
        (
            "TABLE rows (station text, value double precision)",
            "unique by nothing and not by station",
        ),
        ("VIEW rows AS SELECT 1 AS station", "there is a view of that name"),
        (
            "TABLE rows (station text PRIMARY KEY, value double precision, seen date NOT NULL)",
            "seen, which the contract does not know, demands a value",
        ),
        ("TABLE rows (station text PRIMARY KEY)", "no column value"),
        (
            "TABLE rows (station text, value double precision, PRIMARY KEY (station)) PARTITION BY RANGE (station)",
            "cut by station and cannot be cut by nothing",
        ),
    ],
    ids=["as-wanted", "a-column-more", "another-type", "no-key", "a-view", "demands-more", "lacks-one", "cut"],
)
def test_a_table_of_somebody_else_is_taken_over_only_when_asked_and_only_if_rows_fit(
    bare_pipeline: Make, request: pytest.FixtureRequest, definition: str, why: str | None
) -> None:
    here = bare_pipeline(f"theirs-{request.node.callspec.id}", spec())
    schema = naming.sql_name(here.name)
    with connect(here.postgres, "tests") as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path TO {schema}")
        connection.execute(f"CREATE {definition}")
    with pytest.raises(PlanRefused) as refused:
        migrate(here)
    assert Reason.NOT_OURS in [problem.reason for problem in refused.value.problems]
    if why is None:
        for adopt in (True, False):  # from then on it is ours
            migrate(here, adopt)
        assert here.rows("SELECT station FROM rows") == []
    else:
        with pytest.raises(PlanRefused, match=why) as refused:
            migrate(here, adopt=True)
        assert [problem.reason for problem in refused.value.problems] == [Reason.FORBIDDEN_CHANGE]


def test_looking_at_tables_that_are_right_waits_for_nobody(bare_pipeline: Make) -> None:
    here = bare_pipeline("looking", spec())
    assert here.tell("schema")[0] == 0
    with connect(here.postgres, "tests") as connection, connection.transaction():
        connection.execute("LOCK TABLE looking.rows, looking.meso_positions IN ACCESS EXCLUSIVE MODE")
        code, lines = here.tell("schema")
    assert (code, messages(lines)) == (0, ["table is as wanted", "tables are as wanted"])


def test_a_change_gives_way_to_a_long_question_and_is_made_after_it(bare_pipeline: Make) -> None:
    here = bare_pipeline("giving-way", spec())
    assert here.tell("schema")[0] == 0
    here.write(spec(2, more="- {name: unit, type: string, nullable: true}"))
    ended: list[tuple[int, Lines]] = []
    changing = threading.Thread(target=lambda: ended.append(here.tell("schema")))
    with connect(here.postgres, "tests") as asking, asking.transaction():
        asking.execute("SELECT * FROM giving_way.rows")
        changing.start()
        with connect(here.postgres, "tests") as writing:
            slowest = 0.0
            for number in range(40):
                began = time.monotonic()
                writing.execute("INSERT INTO giving_way.rows VALUES (%s, 1)", (f"S{number}",))
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.2)
        assert changing.is_alive()
    changing.join(60)
    [(code, lines)] = ended
    assert (code, lines[-2]["added"]) == (0, ["unit"])
    assert any("trying again" in message for message in messages(lines))
    assert 0.5 < slowest < 6, "a writer waited behind the change, and no longer than that tries"


def test_what_is_removed_is_gone_and_removing_it_again_is_fine(bare_pipeline: Make) -> None:
    here = bare_pipeline("removing", spec())
    assert (here.tell("topics")[0], here.tell("schema")[0]) == (0, 0)
    gone = ("--topic", "removing.readings", "--node", "rows", "--sink", "rows")
    for _ in range(2):
        assert here.tell("remove", *gone)[0] == 0
        assert (".readings" in topics(here), columns(here)) == (False, [])
    assert (here.tell("topics")[1][-1]["steps"], here.tell("schema")[1][0]["message"]) == (1, "table made")


def test_a_service_that_refuses_is_told_with_its_own_words(bare_pipeline: Make) -> None:
    here = bare_pipeline("refusing", spec())
    (here.folder / "bindings/postgresql/password").write_text("wrong")
    code, lines = here.tell("schema", "--patience", "1")
    assert (code, reasons(lines)) == (4, ["ServiceFailed"])
    assert "password authentication failed" in lines[-1]["message"]
    (here.folder / "bindings/postgresql/sslmode").write_text("require")
    assert "server does not support SSL" in here.tell("schema", "--patience", "0")[1][-1]["message"]
