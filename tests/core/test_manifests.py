"""The objects of every example are written down, kind by kind; and what holds for all of them is asked of all.

After a change that is meant: `.venv/bin/python tests/manifest_cases.py` writes the golden files anew; read their diff.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from manifest_cases import GOLDEN, NAMESPACE, Case, cases, children, written

from mesoscale import document, naming
from mesoscale.manifests.installation import Amount, Backup, Installation, PostgreSQL, Program, Resources
from mesoscale.manifests.types import DATA, KINDS, REST, SINKS, SOURCES, STAGES, Manifest, key, kind_of

LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
CASES = cases()
ALL = [(case.name, child) for case in CASES for child in case.children()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_objects_of_every_example_are_the_golden_ones(case: Case) -> None:
    golden = {path.name: path.read_text() for path in (GOLDEN / case.name).glob("*.yaml")}
    assert written(case) == golden


def test_there_is_nothing_golden_without_a_case() -> None:
    assert {path.name for path in GOLDEN.iterdir() if path.is_dir()} == {case.name for case in CASES}


def test_every_kind_of_child_is_written_down() -> None:
    made = {key(child.manifest)[:2] for _, child in ALL}
    assert made == {kind[:2] for kind in KINDS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_object_is_told_apart_by_kind_and_name_and_says_whose_it_is(case: Case) -> None:
    keys = [key(child.manifest) for child in case.children()]
    assert len(keys) == len(set(keys))
    for child in case.children():
        metadata = child.manifest["metadata"]
        assert metadata["namespace"] == NAMESPACE
        labels = metadata["labels"]
        assert labels["mesoscale.dev/pipeline"] == labels["app.kubernetes.io/instance"]
        assert labels["app.kubernetes.io/managed-by"] == "mesoscale"
        assert all(LABEL.fullmatch(value) for value in labels.values()), labels


def test_nothing_is_written_in_two_ways_or_left_for_the_api_server_to_fill_in() -> None:
    """An empty mapping may be filled by others, a null vanishes, 1.0 comes back as 1: none of these can be compared."""
    for name, child in ALL:
        for path, value in _values("", child.manifest):
            assert value not in (None, {}, []), (name, key(child.manifest), path)
            assert not isinstance(value, float), (name, key(child.manifest), path)


def _values(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from _values(f"{path}.{field}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(f"{path}[]", inner)


def _pods() -> Iterator[tuple[str, Manifest]]:
    """Every pod there will be, as template or whole."""
    for name, child in ALL:
        manifest, spec = child.manifest, child.manifest.get("spec", {})
        where = f"{name}: {manifest['kind']} {manifest['metadata']['name']}"
        if manifest["kind"] in ("StatefulSet", "Deployment", "Job"):
            yield where, spec["template"]["spec"]
        for spark in (spec, spec.get("template", {})):
            if "driver" in spark:
                yield f"{where}, driver", spark["driver"]["template"]["spec"]
                yield f"{where}, executor", spark["executor"]["template"]["spec"]
        if manifest["metadata"]["name"].endswith("-dag"):
            for text in manifest["data"].values():
                for dag in yaml.safe_load(text)["dags"]:
                    yield where, dag["tasks"][0]["pod"]["spec"]


PODS = list(_pods())


@pytest.mark.parametrize(("where", "spec"), PODS, ids=[where for where, _ in PODS])
def test_every_pod_keeps_to_restricted_pod_security(where: str, spec: Manifest) -> None:
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == (185 if "Spark" in where or "-dag" in where else 65532)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert spec["automountServiceAccountToken"] is ("driver" in where or "-dag" in where)
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = [mount["name"] for mount in container["volumeMounts"]]
        assert mounted == [volume["name"] for volume in spec["volumes"]]
    assert all(volume.keys() & {"emptyDir", "projected", "configMap"} for volume in spec["volumes"])


HEAD = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {name: p}\nspec:\n"
BASE = {
    "sources": "[{name: weather, contract: observation, replay: {dataset: nyc-2013}}]",
    "stages": "[{name: copied, from: weather, use: forward}]",
    "sinks": "[{name: rows, from: copied, table: {}}]",
}


def with_sections(**sections: str) -> str:
    return HEAD + "".join(f"  {name}: {text}\n" for name, text in (BASE | sections).items())


def templates(text: str, installation: Installation | None = None) -> dict[str, Manifest]:
    """Node → the template of its pods."""
    made = [child.manifest for child in children(text, installation) if child.manifest["kind"] == "StatefulSet"]
    return {one["metadata"]["labels"]["mesoscale.dev/node"]: one["spec"]["template"] for one in made}


RESTARTS = [
    ({"sinks": "[{name: rows, from: copied, table: {}}, {name: more, from: weather, table: {}}]"}, set()),
    ({"jobs": "[{name: daily, program: jobs/daily.py}]"}, set()),
    ({"sources": BASE["sources"].replace("}}]", "}, topic: {partitions: 12, retention: 1d}}]")}, set()),
    ({"stages": BASE["stages"].replace("}]", ", scale: {min: 2, max: 4}}]")}, set()),
    ({"deletionPolicy": "delete", "slo": "{maxLag: 7}", "driftPolicy": "report"}, set()),
    ({"sinks": "[{name: rows, from: copied, table: {indexes: [[station]]}}]"}, {"rows"}),
    ({"sinks": "[{name: rows, from: weather, table: {}}]"}, {"rows"}),
    ({"sources": BASE["sources"].replace("nyc-2013", "nyc-2013, speed: 60")}, {"weather"}),
    ({"stages": "[{name: copied, from: weather, step: 'steps:f'}]"}, {"copied"}),
    ({"services": "{postgresql: {secret: mine}}"}, {"rows"}),
    ({"services": "{kafka: {cluster: other}}"}, {"weather", "copied", "rows"}),
]


@pytest.mark.parametrize(("sections", "restarted"), RESTARTS)
def test_a_change_restarts_the_programs_it_concerns_and_no_others(
    sections: dict[str, str], restarted: set[str]
) -> None:
    before, after = templates(with_sections()), templates(with_sections(**sections))
    assert {node for node, template in before.items() if after[node] != template} == restarted


@pytest.mark.parametrize(
    ("section", "restarts"),
    [
        ({"deletionPolicy": "delete"}, False),
        ({"driftPolicy": "report"}, False),
        ({"adoption": "adopt"}, False),
        ({"pause": "[reconcile]"}, False),
        ({"slo": "{maxLag: 7}"}, True),
        ({"services": "{kafka: {cluster: other}}"}, True),
    ],
)
def test_the_dashboard_restarts_for_what_it_shows_only(section: dict[str, str], restarts: bool) -> None:
    def template(text: str) -> Manifest:
        [found] = [child.manifest for child in children(text) if child.manifest["kind"] == "Deployment"]
        whole: Manifest = found["spec"]["template"]
        return whole

    assert (template(with_sections()) != template(with_sections(**section))) == restarts


def test_a_contract_that_changes_restarts_those_who_read_or_write_it() -> None:
    own = "[{name: observation, version: 2, columns: [{name: at, type: timestamp}, {name: v, type: int64%s}]}]"
    before = templates(with_sections(contracts=own % ""))
    after = templates(with_sections(contracts=own % ", max: 5"))
    assert {node for node in before if before[node] != after[node]} == {"weather", "copied", "rows"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_programs_read_the_pipeline_that_was_applied(case: Case) -> None:
    held = [child.manifest.get("data", {}).get("document.yaml") for child in case.children()]
    [text] = filter(None, held)
    assert document.parse(text, "document.yaml").pipeline.spec == document.parse(case.text, "p").pipeline.spec


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_api_server_that_fills_in_defaults_changes_nothing(case: Case) -> None:
    filled = document.parse(case.text, "p").pipeline.model_dump_json(by_alias=True, exclude_none=True)
    assert Case(case.name, filled, case.installation).children() == case.children()


def test_objects_go_by_waves_and_data_by_policy() -> None:
    by_key = {key(child.manifest)[1:]: child for name, child in ALL if name == "everything"}
    rows = {
        ("StatefulSet", "everything-weather"): (SOURCES, False, "delete"),
        ("StatefulSet", "everything-felt"): (STAGES, False, "delete"),
        ("ScaledObject", "everything-felt"): (STAGES, False, "delete"),
        ("StatefulSet", "everything-observations"): (SINKS, False, "delete"),
        ("Service", "everything-felt"): (REST, False, "delete"),
        ("KafkaUser", "everything"): (REST, False, "delete"),
        ("KafkaTopic", "everything.weather"): (DATA, True, "orphan"),
        ("KafkaTopic", "everything.weather.dead-letter"): (DATA, True, "orphan"),
        ("KafkaTopic", "everything.felt"): (DATA, True, "delete"),
        ("KafkaTopic", "everything.meso-positions"): (DATA, True, "orphan"),
        ("Cluster", "everything-database"): (DATA, True, "retain"),  # two tables of two minds
    }
    assert {at: (by_key[at].wave, by_key[at].data, by_key[at].policy) for at in rows} == rows


def test_only_data_outlives_its_place_in_the_document() -> None:
    for name, child in ALL:
        assert child.data == kind_of(child.manifest).data == (child.wave == DATA), (name, key(child.manifest))
        assert child.data or child.policy == "delete", (name, key(child.manifest))


@pytest.mark.parametrize(
    ("pipeline", "table", "database"),
    [
        ("retain", "", "retain"),
        ("delete", "", "delete"),
        ("retain", "delete", "delete"),
        ("delete", "orphan", "orphan"),
    ],
)
def test_a_database_follows_its_tables(pipeline: str, table: str, database: str) -> None:
    own = f"deletionPolicy: {table}" if table else ""
    made = children(with_sections(deletionPolicy=pipeline, sinks=f"[{{name: rows, from: copied, table: {{{own}}}}}]"))
    assert {child.policy for child in made if child.condition == "DatabaseReady" and child.data} == {database}


def test_backups_go_where_the_installation_says() -> None:
    snapshots = Installation(postgresql=PostgreSQL(backup=Backup(volume_snapshot_class="fast")))
    made = {child.manifest["kind"]: child.manifest.get("spec", {}) for child in children(with_sections(), snapshots)}
    assert made["Cluster"]["backup"] == {"volumeSnapshot": {"className": "fast"}}
    assert made["ScheduledBackup"]["method"] == "volumeSnapshot"
    assert "ScheduledBackup" not in {child.manifest["kind"] for child in children(with_sections())}


def test_the_images_are_those_of_this_version() -> None:
    settings = tomllib.loads((GOLDEN.parents[2] / "core" / "pyproject.toml").read_text())
    assert Installation().images.streams.endswith(f":{settings['project']['version']}")


def test_paused_data_moves_nowhere_and_all_the_rest_stays() -> None:
    scaled = BASE["stages"].replace("}]", ", scale: {min: 2, max: 4}}]")
    running = children(with_sections(stages=scaled))
    paused = children(with_sections(stages=scaled, pause="[data]"))
    left = [child.manifest for child in paused if child.manifest["kind"] == "StatefulSet"]
    assert [one["spec"]["replicas"] for one in left] == [0, 0, 0]
    gone = {key(child.manifest)[1] for child in running} - {key(child.manifest)[1] for child in paused}
    assert gone == {"ScaledObject", "TriggerAuthentication"}


def test_an_installation_may_fix_how_many_programs_run() -> None:
    made = children(with_sections(), Installation(replicas_override=0))
    programs = [child.manifest for child in made if child.manifest["apiVersion"] == "apps/v1"]
    assert [one["spec"]["replicas"] for one in programs] == [0, 0, 0, 0]
    preparations = [child.manifest for child in made if child.manifest["kind"] == "Job"]
    assert [one["spec"]["parallelism"] for one in preparations] == [0]


@pytest.mark.parametrize(
    ("limit", "given", "memory"),
    [("2GiB", "1Gi", "3Gi"), ("1GiB", "2G", "2G"), ("1GiB", "", None), ("300MiB", "400Mi", "450Mi")],
)
def test_a_container_holds_what_the_document_lets_a_program_hold(limit: str, given: str, memory: str | None) -> None:
    stages = f"[{{name: copied, from: weather, use: forward, memoryLimit: {limit}}}]"
    installed = Installation(resources=Resources(stage=Program(limits=Amount(memory=given))))
    container = templates(with_sections(stages=stages), installed)["copied"]["spec"]["containers"][0]
    assert container["resources"].get("limits", {}).get("memory") == memory


def test_another_plan_of_topics_or_tables_is_another_job_and_the_same_is_the_same() -> None:
    def jobs(text: str) -> dict[str, str]:
        made = [key(child.manifest) for child in children(text) if child.manifest["kind"] == "Job"]
        return {name.split("-")[1]: name for _, _, name in made}

    services = "{kafka: {bootstrapServers: 'kafka:9092'}}"
    before = jobs(with_sections(services=services))
    assert before.keys() == {"topics", "schema"}
    assert jobs(with_sections(services=services)) == before
    more = jobs(with_sections(services=services, sinks="[{name: rows, from: copied, table: {indexes: [[station]]}}]"))
    assert (more["topics"], more["schema"] != before["schema"]) == (before["topics"], True)
    wider = jobs(
        with_sections(services=services, sources=BASE["sources"].replace("}}]", "}, topic: {partitions: 9}}]"))
    )
    assert (wider["topics"] != before["topics"], wider["schema"]) == (True, before["schema"])


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("nyc",), "nyc"),
        (("nyc", "comfort-by-hour"), "nyc-comfort-by-hour"),
        (("a" * 40, "b" * 40), "a" * 40 + "-bb-?"),
        (("a" * 40, "b-" + "c" * 30), "a" * 40 + "-b-?"),
    ],
)
def test_names_of_objects_fit(parts: tuple[str, ...], name: str) -> None:
    made = naming.object_name(*parts)
    assert len(made) <= 52
    assert re.fullmatch(name.replace("?", "[0-9a-f]{8}"), made)


def test_names_that_are_cut_stay_apart() -> None:
    assert len({naming.object_name("a" * 40, f"{'b' * 30}{i}") for i in range(100)}) == 100


@pytest.mark.parametrize(
    ("hook", "port"),
    [
        ("{secret: s}", 443),
        ("{secret: s, url: 'https://r.example/hook'}", 443),
        ("{secret: s, url: 'http://r.example'}", 80),
        ("{secret: s, url: 'https://r.example:8443/a'}", 8443),
    ],
)
def test_a_sink_that_calls_is_let_out_to_the_port_of_its_receiver(hook: str, port: int) -> None:
    text = with_sections(
        sinks=f"[{{name: rows, from: copied, table: {{}}}}, {{name: call, from: copied, webhook: {hook}}}]"
    )
    made = {
        one.manifest["metadata"]["name"]: one.manifest
        for one in children(text)
        if one.manifest["kind"] == "NetworkPolicy"
    }
    anywhere = [{"ports": [{"protocol": "TCP", "port": port}]}]
    egress = {name: policy["spec"].get("egress", []) for name, policy in made.items()}
    assert [one for one in egress["p-call"] if "to" not in one][1:] == anywhere
    assert all(anywhere[0] not in rules for name, rules in egress.items() if name != "p-call")


def test_a_secret_may_bear_any_name() -> None:
    text = with_sections(sinks="[{name: call, from: copied, webhook: {secret: our-model}}]")
    spec = templates(text)["call"]["spec"]
    [volume] = [one for one in spec["volumes"] if one["name"] == "webhook-our-model"]
    assert volume["projected"]["sources"] == [{"secret": {"name": "our-model"}}]
    assert "Database" not in {child.manifest["kind"] for child in children(text)}, "nothing is stored"
