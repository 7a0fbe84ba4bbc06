"""What a person sees: sentences, exit codes and formats of the `meso` command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mesoscale import document, manifests, plan
from mesoscale.graph.build import build
from mesoscale.manifests.installation import Installation, Kafka
from mesoscale_local import cli

ROOT = Path(__file__).parents[2]
MINIMAL = str(ROOT / "examples" / "minimal.yaml")
NYC = str(ROOT / "examples" / "nyc.yaml")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)


def meso(*arguments: str, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from mesoscale_local.cli import main; main()", *arguments]
    environment = os.environ | (env or {})
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, input=stdin)


def broken(tmp_path: Path) -> str:
    file = tmp_path / "broken.yaml"
    file.write_text(Path(MINIMAL).read_text().replace("from: weather", "from: wether"))
    return str(file)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.call([command, "--help"]) == 0
    assert f"Examples:\n    {'eval' if command == 'completion' else 'meso ' + command}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[NYC], ["-f", NYC], ["--file", NYC]])
def test_validate_says_in_one_line_what_is_right(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.call(["validate", *arguments]) == 0
    words = 'WeatherPipeline "nyc" is right (3 sources, 1 stage, 4 sinks)'
    assert capsys.readouterr().out == f"{NYC}: {words}\n"


def test_validate_reads_standard_input() -> None:
    told = meso("validate", "-f", "-", stdin=Path(MINIMAL).read_text())
    assert (told.returncode, told.stdout) == (
        0,
        '<stdin>: WeatherPipeline "minimal" is right (1 source, 1 sink)\n',
    )


def test_a_wrong_document_is_refused_with_place_and_way_out(tmp_path: Path) -> None:
    told = meso("validate", broken(tmp_path))
    assert told.returncode == 2
    assert told.stdout == ""
    assert "broken.yaml:9:34: spec.sinks[0].from: " in told.stderr
    assert 'did you mean "weather"?' in told.stderr
    assert "\x1b" not in told.stderr


def test_a_wrong_document_as_json_names_reason_and_line(tmp_path: Path) -> None:
    told = meso("validate", broken(tmp_path), "-o", "json")
    assert told.returncode == 2
    [problem] = json.loads(told.stdout)["problems"]
    assert (problem["reason"], problem["line"]) == ("UnknownReference", 9)


@pytest.mark.parametrize(
    "arguments", [["validate"], ["validate", "a", "-f", "b"], ["run", MINIMAL, "--wrong"], ["fly"]]
)
def test_a_wrong_command_line_is_told_with_exit_code_2(arguments: list[str]) -> None:
    told = meso(*arguments)
    assert told.returncode == 2
    assert "Error: " in told.stderr


@pytest.mark.parametrize(("name", "words"), [("nowhere.yaml", "No such file"), (".", "Is a directory")])
def test_a_document_that_cannot_be_read_is_one_sentence(name: str, words: str) -> None:
    told = meso("validate", name)
    assert told.returncode == 2
    assert words in told.stderr
    assert "Traceback" not in told.stderr


def test_a_document_that_is_not_utf_8_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: Zürich".encode("latin-1"))
    told = meso("validate", "latin.yaml")
    assert told.returncode == 2
    assert "not UTF-8 text: byte 0xfc at position 7" in told.stderr


def test_render_prints_one_document_for_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.call(["render", MINIMAL]) == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [one["kind"] for one in documents] == ["Contract", *["Topic"] * 4, "Table", *["Workload"] * 2]
    assert documents[5]["spec"]["statements"][1].startswith('CREATE TABLE IF NOT EXISTS "minimal"."observations"')


def test_render_as_json_is_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.call(["render", MINIMAL, "-o", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [one["node"] for one in plan["workloads"]] == ["weather", "observations"]


def test_render_for_a_cluster_prints_the_objects_that_the_operator_applies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "installation.yaml").write_text("monitoring: false\nkafka: {bootstrapServers: 'kafka:9092'}\n")
    options = ["--target", "cluster", "--namespace", "weather", "--installation", "installation.yaml"]
    assert cli.call(["render", NYC, *options]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert cli.call(["render", NYC, *options, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == printed
    parsed = document.parse(Path(NYC).read_text(), NYC)
    graph = build(parsed.pipeline)
    installed = Installation(monitoring=False, kafka=Kafka(bootstrap_servers="kafka:9092"))
    children = manifests.build(graph, plan.build(graph, abilities=plan.CLUSTER), installed, "weather")
    assert printed == [child.manifest for child in children]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("autoscaling: maybe", "autoscaling: input should be 'keda', 'hpa' or 'none'"),
        ("images: {stream: a}", 'images.stream: unknown field "stream" (streams, dashboard, spark, postgresql)'),
        ("a: [", "installation.yaml: while parsing"),
        ("7", "input should be a valid dictionary"),
    ],
)
def test_a_wrong_installation_is_refused_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "installation.yaml").write_text(text)
    refused = meso("render", MINIMAL, "--target", "cluster", "--installation", "installation.yaml")
    assert refused.returncode == 2
    assert told in refused.stderr


def test_options_of_a_cluster_mean_nothing_on_one_machine() -> None:
    told = meso("render", MINIMAL, "--namespace", "weather")
    assert told.returncode == 2
    assert "are for --target cluster" in told.stderr


def test_plan_shows_that_everything_is_new_and_then_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.call(["plan", MINIMAL]) == 0
    out = capsys.readouterr().out
    assert "+ table minimal.observations: contract observation, partitioned by observed_at every 1mo" in out
    assert "8 to create, 0 to change, 0 to remove" in out

    cli.call(["render", MINIMAL, "-o", "json"])
    (tmp_path / ".meso" / "minimal").mkdir(parents=True)
    (tmp_path / ".meso" / "minimal" / "applied.json").write_text(capsys.readouterr().out)
    assert cli.call(["plan", MINIMAL]) == 0
    assert capsys.readouterr().out == "nothing to change\n"

    other = tmp_path / "other.yaml"
    text = Path(MINIMAL).read_text()
    wider = text.replace("name: weather,", "name: weather, topic: {partitions: 9},")
    other.write_text(wider.replace("1mo", "1d"))
    assert cli.call(["plan", str(other)]) == 3
    out = capsys.readouterr().out
    assert "~ topic minimal.weather: partitions 6 → 9" in out
    assert "x refused: a table that exists cannot be cut in another way" in out

    other.write_text(text.replace("name: observations", "name: others"))
    assert cli.call(["plan", str(other)]) == 0
    assert "- table minimal.observations: its rows are deleted\n  ! data is lost" in capsys.readouterr().out

    assert cli.call(["plan", str(other), "-o", "json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [one["name"] for one in changes if one["loses_data"]] == ["minimal.observations"]


@pytest.mark.parametrize("form", ["table", "ddl", "json-schema", "markdown"])
def test_contracts_are_printed_in_every_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.call(["contracts", "comfort", "-f", NYC, "--format", form]) == 0
    out = capsys.readouterr().out
    assert "apparent_temperature" in out
    assert {"ddl": "double precision", "json-schema": '"number"', "markdown": "|", "table": "float64"}[form] in out


def test_a_contract_that_is_not_there_is_told_with_the_nearest() -> None:
    told = meso("contracts", "observatio")
    assert told.returncode == 2
    assert '"observatio" is not a contract (observation, station, transaction, fraud-score)' in told.stderr
    assert 'did you mean "observation"?' in told.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_of_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.call(["completion", shell]) == 0
    assert f"_MESO_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_completion_answers_with_commands_and_options() -> None:
    told = meso(env={"_MESO_COMPLETE": "bash_complete", "COMP_WORDS": "meso va", "COMP_CWORD": "1"})
    assert "plain,validate" in told.stdout
    told = meso(env={"_MESO_COMPLETE": "bash_complete", "COMP_WORDS": "meso run --fr", "COMP_CWORD": "2"})
    assert "plain,--fresh" in told.stdout


@pytest.mark.parametrize("command", [["status"], ["logs"], ["status", "-p", "nyc"]])
def test_status_and_logs_of_what_never_ran_are_one_sentence(command: list[str]) -> None:
    told = meso(*command)
    assert told.returncode == 4
    assert ".meso does not have" in told.stderr


def test_more_replicas_than_one_machine_has_brokers_are_refused_with_their_place(tmp_path: Path) -> None:
    asking = tmp_path / "replicas.yaml"
    asking.write_text(
        Path(MINIMAL).read_text().replace("{dataset: nyc-2013}", "{dataset: nyc-2013}, topic: {replicas: 3}")
    )
    told = meso("plan", str(asking))
    assert told.returncode == 3
    assert "spec.sources[0].topic.replicas: 3 replicas of a topic are asked for" in told.stderr


def test_a_run_until_done_of_what_never_ends_is_refused() -> None:
    told = meso("run", NYC, "--until-done")
    assert told.returncode == 2
    assert "payments never ends" in told.stderr


def test_an_unexpected_error_is_one_line_and_its_traceback_a_file(tmp_path: Path) -> None:
    (tmp_path / ".meso" / "minimal" / "applied.json").mkdir(parents=True)  # a folder where a file should be
    told = meso("plan", MINIMAL)
    assert told.returncode == 70
    assert len(told.stderr.splitlines()) == 1
    log = Path(told.stderr.split("the traceback is in ")[1].strip().rstrip(")"))
    assert "IsADirectoryError" in log.read_text()
    log.unlink()
    assert "Traceback" in meso("--debug", "plan", MINIMAL).stderr


def test_no_command_imports_what_it_does_not_need() -> None:
    heavy = ("polars", "confluent_kafka", "psycopg", "asyncio", "jgo", "numpy")
    code = "import sys; from mesoscale_local import cli; cli.call(sys.argv[1:]); print(sorted(sys.modules))"
    command = [sys.executable, "-c", code, "validate", MINIMAL]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert not [name for name in heavy if f"'{name}'" in told.stdout]
