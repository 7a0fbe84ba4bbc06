"""What a cluster refuses to change, `meso plan` refuses too, by the same rules and with the line."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mesoscale.model.rules import RULES
from mesoscale_local import cli, documents
from mesoscale_local.home import Home

WEATHER = "{name: weather, contract: observation, replay: {dataset: nyc-2013}%s}"
CONTRACT = "{name: note, version: %s, key: [%s], columns: [{name: a, type: string}, {name: b, type: string}]}"


def text(more: str = "", source: str = WEATHER % "", table: str = "") -> str:
    head = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {name: p}\n"
    return f"{head}spec:\n  sources: [{source}]\n  sinks: [{{name: t, from: weather, table: {{{table}}}}}]\n{more}"


def services(section: str) -> str:
    """They mean something in a cluster only; the same document is to go there."""
    return text(f"  services: {{{section}}}\n")


def with_contract(version: int, key: str) -> str:
    """A contract that nothing uses yet, so that no topic and no table tells of it."""
    return text(f"  contracts: [{CONTRACT % (version, key)}]\n")


CHANGED = [
    (with_contract(2, "a"), with_contract(1, "a"), "the version of a contract never goes back"),
    (
        with_contract(1, "a"),
        with_contract(1, "b"),
        "the key of a contract stays, because it says which partition a record goes to",
    ),
    (
        text(source=WEATHER % ", topic: {partitions: 6}"),
        text(source=WEATHER % ", topic: {partitions: 5}"),
        "partitions only grow, because fewer would put records of one key into two orders",
    ),
    (
        text(table="partitionBy: {column: observed_at, every: 1d}"),
        text(table="partitionBy: {column: observed_at, every: 1mo}"),
        "partitionBy of a table that exists cannot change",
    ),
    (
        services("kafka: {cluster: main}"),
        services("kafka: {cluster: other}"),
        "the Kafka cluster of a pipeline stays, because its records and positions lie there",
    ),
    (
        services("kafka: {bootstrapServers: 'k:9092'}"),
        services("kafka: {}"),
        "a pipeline cannot move between brokers of your own and those of the installation",
    ),
    (
        services("postgresql: {instances: 1}"),
        services("postgresql: {secret: login}"),
        "the database of a pipeline stays, because its rows and positions lie there",
    ),
    (services("postgresql: {storage: 1TiB}"), services("postgresql: {storage: 999GiB}"), "storage only grows"),
]


def applied(folder: Path, document: str) -> None:
    """Leave in `folder` what a run of the document leaves."""
    file = folder / "before.yaml"
    file.write_text(document)
    read, home = documents.read(str(file)), Home.of(folder / ".meso", "p")
    home.make_folders()
    home.write_applied(read.plan(), read.graph.pipeline)


@pytest.mark.parametrize(("old", "new", "message"), CHANGED, ids=[message[:30] for _, _, message in CHANGED])
def test_plan_refuses_what_a_cluster_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    applied(tmp_path, old)
    assert cli.call(["plan", "before.yaml"]) == 0
    (tmp_path / "after.yaml").write_text(new)
    assert cli.call(["plan", "after.yaml"]) == 3
    out = capsys.readouterr().out
    assert "x refused: after.yaml:" in out
    assert message in out


def test_run_refuses_it_before_anything_is_started(tmp_path: Path, meso: Callable[..., CompletedProcess[str]]) -> None:
    old, new, message = CHANGED[0]
    applied(tmp_path, old)
    (tmp_path / "after.yaml").write_text(new)
    told = meso("run", "after.yaml")
    assert told.returncode == 3
    assert message in told.stderr
    assert not (tmp_path / ".meso" / "p" / "kafka").exists()


def test_every_rule_about_changes_is_among_them() -> None:
    rules = [rule for rules in RULES.values() for rule in rules if rule.of_changes]
    assert {rule.message for rule in rules} == {message for _, _, message in CHANGED}
