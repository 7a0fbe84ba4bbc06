"""A node waits for its topics and tables, says so, and ends when a topic is taken away from under it."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson
import pytest
from fix_pipeline import Pipeline, ids, payments, until

from mesoscale import document, naming
from mesoscale.graph.build import build
from mesoscale_streams import environment, prerequisites
from mesoscale_streams.kafka.topics import Topics

Make = Callable[[str, str], Pipeline]
COUNT = 300

SPEC = """\
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - {name: pass, from: payments, use: forward}
  sinks:
    - {name: rows, from: payments, table: {}}
"""


def probe(here: Pipeline, node: str) -> dict[str, int]:
    """The answers of a node's probes; empty before it has announced itself."""
    file = here.folder / f"{node}.json"
    if not file.exists():
        return {}
    address = orjson.loads(file.read_bytes())["metrics"].removesuffix("/metrics")
    answers = {}
    for name in ("healthz", "readyz"):
        try:
            with urlopen(f"{address}/{name}", timeout=5) as answer:
                answers[name] = answer.status
        except HTTPError as error:
            answers[name] = error.code
        except URLError:
            return {}
    return answers


def start(here: Pipeline, node: str, *options: str) -> subprocess.Popen[bytes]:
    return here.start(node, more=("--announce", f"{node}.json", *options))


def logged(here: Pipeline, node: str) -> list[str]:
    lines = (here.folder / f"{node}.0.log").read_bytes().splitlines()
    return [orjson.loads(line)["message"] for line in lines if line.startswith(b"{")]


@pytest.mark.parametrize(
    ("node", "topics"),
    [
        ("payments", {"p.payments", "p.payments.dead-letter", "p..positions"}),
        ("pass", {"p.payments", "p.payments.dead-letter", "p.pass"}),
        ("rows", {"p.payments", "p.payments.dead-letter"}),
    ],
)
def test_a_node_needs_what_it_reads_and_writes(node: str, topics: set[str]) -> None:
    text = f"apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {{name: p}}\nspec:\n{SPEC}"
    graph = build(document.parse(text, "p.yaml").pipeline)
    assert set(prerequisites.topics(graph, graph.node(node))) == topics


def test_nodes_started_before_their_topics_and_tables_wait_and_then_run(bare_pipeline: Make) -> None:
    here = bare_pipeline("waiting", SPEC)
    stage, sink = start(here, "pass"), start(here, "rows")
    for node in ("pass", "rows"):
        until(lambda node=node: probe(here, node) == {"healthz": 200, "readyz": 503}, f"{node} is alive and not ready")
        until(lambda node=node: any("waiting" in line for line in logged(here, node)), f"{node} says what it waits for")
    assert (
        "waiting: topic waiting.payments does not exist; topic waiting.pass does not exist;" in logged(here, "pass")[1]
    )
    assert "table waiting.rows does not exist" in logged(here, "rows")[1]
    assert (here.tell("topics")[0], here.tell("schema")[0]) == (0, 0)
    sent = payments(COUNT)
    here.send("payments", sent)
    until(lambda: here.stage_done("pass", "payments") and here.sink_done("rows", "payments"), "both are done")
    assert probe(here, "pass") == probe(here, "rows") == {"healthz": 200, "readyz": 200}
    here.stop(stage)
    here.stop(sink)
    assert ids(here.values("pass")) == ids(value for _, value in sent)
    assert here.rows("SELECT count(*) FROM rows") == [(COUNT,)]


def test_a_sink_waits_for_the_columns_of_a_later_contract(bare_pipeline: Make) -> None:
    one = SPEC.replace("contract: transaction", "contract: own").replace(
        "  sources:", "  contracts:\n    - {name: own, version: 1, columns: [{name: a, type: int64}]}\n  sources:"
    )
    here = bare_pipeline("columns", one.replace("synthetic: {perSecond: 100}", "replay: {file: own.ndjson}"))
    assert (here.tell("topics")[0], here.tell("schema")[0]) == (0, 0)
    text = (here.folder / "pipeline.yaml").read_text()
    later = "version: 2, columns: [{name: a, type: int64}, {name: b, type: date, nullable: true}]"
    (here.folder / "pipeline.yaml").write_text(text.replace("version: 1, columns: [{name: a, type: int64}]", later))
    sink = start(here, "rows")
    until(lambda: any("columns.rows has no column b" in line for line in logged(here, "rows")), "the sink waits")
    assert here.tell("schema")[0] == 0
    until(lambda: probe(here, "rows").get("readyz") == 200, "the sink runs")
    here.stop(sink)


def test_patience_has_an_end_that_says_what_is_missing(bare_pipeline: Make) -> None:
    here = bare_pipeline("impatient", SPEC)
    assert start(here, "rows", "--patience", "2").wait(60) == 4
    last = logged(here, "rows")[-1]
    for missing in ("topic impatient.payments does not exist", "table impatient.rows does not exist"):
        assert f"{missing}, after 2 s of waiting" in last


def test_a_node_that_waits_ends_at_once_when_told_to(bare_pipeline: Make) -> None:
    here = bare_pipeline("told", SPEC)
    stage = start(here, "pass")
    until(lambda: any("waiting" in line for line in logged(here, "pass")), "it waits")
    stage.send_signal(signal.SIGTERM)
    assert stage.wait(10) == 0
    assert logged(here, "pass")[-1] == "told to stop"


@pytest.mark.parametrize("node", ["payments", "pass", "rows"])
def test_a_topic_deleted_under_a_running_node_ends_it_with_the_reason(pipeline: Make, node: str) -> None:
    here = pipeline(f"deleted-{node}", SPEC)
    running = start(here, node)
    until(lambda: probe(here, node).get("readyz") == 200, "it runs")
    topic = naming.topic(here.name, "payments")
    Topics(here.kafka).delete([topic])
    assert running.wait(90) == 4, here.log()
    assert f"topic {topic} was deleted while the program ran" in logged(here, node)[-1]
    again = start(here, node)  # as whoever supervises it does
    until(lambda: f"topic {topic} does not exist" in logged(here, node)[-1], "it waits")
    assert here.tell("topics")[0] == 0
    until(lambda: probe(here, node).get("readyz") == 200, "it runs again")
    here.stop(again)


@pytest.mark.parametrize(("index", "given", "instance"), [("3", (), 3), ("3", ("--instance", "1"), 1), (None, (), 0)])
def test_the_instance_is_the_pods_index_unless_it_is_given(
    bare_pipeline: Make, monkeypatch: pytest.MonkeyPatch, index: str | None, given: tuple[str, ...], instance: int
) -> None:
    here = bare_pipeline("indexed", SPEC)
    monkeypatch.delenv("POD_INDEX", raising=False)
    if index is not None:
        monkeypatch.setenv("POD_INDEX", index)
    number = int(given[1]) if given else None
    found = environment.read(here.folder / "pipeline.yaml", here.folder / "bindings", "pass", number)
    assert found.instance == instance


def test_bindings_are_read_as_a_cluster_mounts_them(tmp_path: Path) -> None:
    """Links into a folder of their own, and key stores beside the entries."""
    data = tmp_path / "kafka" / "..2026_11_24"
    data.mkdir(parents=True)
    entries = {
        "bootstrap-servers": b"kafka:9093\n",
        "ca.crt": b"-----BEGIN CERTIFICATE-----\n",
        "user.p12": b"\x80\xff",
    }
    for name, content in entries.items():
        (data / name).write_bytes(content)
        (tmp_path / "kafka" / name).symlink_to(data / name)
    (tmp_path / "kafka" / "..data").symlink_to(data)
    found = environment.read_bindings(tmp_path).kafka
    assert found is not None
    assert (found.bootstrap_servers, found.security_protocol) == ("kafka:9093", "SSL")
    assert found.ca == str(tmp_path / "kafka" / "ca.crt")
