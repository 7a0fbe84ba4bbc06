"""What the chart renders keeps its promises in every profile."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fix_helm import CHART, NAMESPACE, Helm, Objects, Render

from mesoscale import crd
from mesoscale.manifests.installation import Installation
from mesoscale_operator import removal, rights

ROOT = Path(__file__).parents[2]
PROFILES = {
    "default": (),
    "small": ("--values", CHART / "profiles" / "small.yaml"),
    "production": ("--values", CHART / "profiles" / "production.yaml"),
    "two namespaces": ("--set", "scope.namespaces={a,b}", "--set", "uninstall.documents=delete"),
    "no hook": ("--set", "crds.by=chart", "--set", "imagePullSecrets[0].name=pull"),
}
HOOK = "helm.sh/hook"
Rendered = dict[str, Objects]


@pytest.fixture(scope="module")
def rendered(render: Render) -> Rendered:
    return {name: render(*options) for name, options in PROFILES.items()}


@pytest.fixture(params=PROFILES)
def objects(request: pytest.FixtureRequest, rendered: Rendered) -> Objects:
    return rendered[request.param]


def of(objects: Objects, kind: str, name: str = "") -> dict[str, Any]:
    """The one object of this kind (whose name ends so)."""
    [found] = [one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(name)]
    return found


def pods(objects: Objects) -> Iterator[dict[str, Any]]:
    for one in objects:
        if one["kind"] in ("Deployment", "Job"):
            yield one["spec"]["template"]["spec"]
        if one["kind"] == "Pod":
            yield one["spec"]


def hook(one: dict[str, Any]) -> str:
    return str(one["metadata"].get("annotations", {}).get(HOOK, ""))


def test_every_pod_is_locked_down(objects: Objects) -> None:
    found = list(pods(objects))
    assert len(found) >= 3
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 65532
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"memory"}


def test_no_rule_has_a_star_and_no_right_is_to_read_secrets(objects: Objects) -> None:
    rules = [rule for one in objects if one["kind"] in ("Role", "ClusterRole") for rule in one["rules"]]
    assert len(rules) > 20
    for rule in rules:
        assert not any("*" in word for words in rule.values() for word in words), rule
        assert "secrets" not in rule["resources"]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_the_operator_has_the_rights_that_it_says_it_needs_and_no_others(rendered: Rendered) -> None:
    for name, kind in (("default", "ClusterRole"), ("two namespaces", "Role")):
        own = [one for one in rendered[name] if one["kind"] == kind and one["metadata"]["name"] == "mesoscale-operator"]
        assert [one["rules"] for one in own] == [rights.of_pipelines()] * (1 if kind == "ClusterRole" else 2)
        assert of(rendered[name], "Role", "-election")["rules"] == rights.of_election()


def test_served_namespaces_need_two_rights_in_others_which_can_be_refused(rendered: Rendered, render: Render) -> None:
    end = f"{NAMESPACE}-mesoscale-operator-end"
    for objects, far in (
        (rendered["two namespaces"], {None: end}),
        (render(*PROFILES["two namespaces"], "--set", "scope.endWithNamespaces=false"), {}),
    ):
        bound = [one for one in objects if one["kind"] in ("RoleBinding", "ClusterRoleBinding") and not hook(one)]
        found = {one["metadata"].get("namespace"): one["metadata"]["name"] for one in bound}
        assert found.keys() == {NAMESPACE, "a", "b"} | far.keys()
        assert found.get(None) == far.get(None)
    role = next(one for one in rendered["two namespaces"] if one["metadata"]["name"] == end)
    assert role["rules"] == rights.of_ends()
    assert [rule["verbs"] for rule in rights.of_ends()] == [["patch"], ["get"]]


def test_readers_of_dags_may_list_config_maps_where_pipelines_are_and_no_more(render: Render) -> None:
    reader = ("--set", "dagReaders[0].namespace=airflow", "--set", "dagReaders[0].name=worker")
    for scope, kind, spaces in (((), "ClusterRole", [None]), (PROFILES["two namespaces"], "Role", ["a", "b"])):
        objects = [one for one in render(*reader, *scope) if one["metadata"]["name"] == "mesoscale-dags"]
        assert [one["metadata"].get("namespace") for one in objects if one["kind"] == kind] == spaces
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
        assert all(one["rules"] == [rule] for one in objects if one["kind"] == kind)
        bound = [one["subjects"] for one in objects if one["kind"] == f"{kind}Binding"]
        assert bound == [[{"kind": "ServiceAccount", "name": "worker", "namespace": "airflow"}]] * len(spaces)


def test_images_are_named_by_version(objects: Objects) -> None:
    images = [container["image"] for pod in pods(objects) for container in pod["containers"]]
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert set(images) == {f"mesoscale/operator:{version}"}


def test_a_digest_wins_over_a_tag(render: Render) -> None:
    digest = f"sha256:{'0' * 64}"
    operator = of(render("--set", f"image.digest={digest}", "--set", "image.tag=nine"), "Deployment")
    assert operator["spec"]["template"]["spec"]["containers"][0]["image"] == f"mesoscale/operator@{digest}"


def test_the_same_values_render_the_same_objects(render: Render, rendered: Rendered) -> None:
    assert render(*PROFILES["production"]) == rendered["production"]


def test_nothing_is_rendered_that_a_cluster_would_store_in_other_words(objects: Objects) -> None:
    """Else Argo CD would see a difference for ever."""
    plain = [one for one in objects if one["kind"] != "CustomResourceDefinition"]  # which is held by its own test
    for path, value in [leaf for one in plain for leaf in leaves(one, one["kind"])]:
        assert value is not None, path
        assert value not in ({}, []) or path.endswith(("podSelector", "namespaceSelector")), path
    for pod in pods(objects):
        for container in pod["containers"]:
            for amounts in container["resources"].values():
                assert all(re.fullmatch(r"[1-9]\d*(m|Mi|Gi)?", amount) for amount in amounts.values())


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def test_the_installation_is_one_that_the_operator_reads(objects: Objects) -> None:
    held = yaml.safe_load(of(objects, "ConfigMap")["data"]["installation.yaml"])
    installation = Installation.model_validate(held)
    assert installation.operator_namespace == NAMESPACE


def test_pull_secrets_reach_the_operator_and_the_pipelines(rendered: Rendered) -> None:
    objects = rendered["no hook"]
    held = yaml.safe_load(of(objects, "ConfigMap")["data"]["installation.yaml"])
    assert held["imagePullSecrets"] == ["pull"]
    assert all(pod["imagePullSecrets"] == [{"name": "pull"}] for pod in pods(objects))


def test_another_installation_restarts_the_operator(render: Render, rendered: Rendered) -> None:
    def note(objects: Objects) -> str:
        return str(
            of(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]["mesoscale.dev/installation"]
        )

    assert note(render("--set", "installation.monitoring=false")) != note(rendered["default"])
    assert note(render("--set", "replicas=3")) == note(rendered["default"])


def test_hooks_end_by_a_deadline_and_leave_nothing(objects: Objects) -> None:
    hooks = [one for one in objects if hook(one)]
    assert {"pre-delete", "test"} <= {hook(one) for one in hooks}
    for one in hooks:
        until = one["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert "before-hook-creation" in until
        assert ("hook-succeeded" in until) != (one["kind"] == "Pod")  # whose log is to be read
        if one["kind"] in ("Job", "Pod"):
            assert 0 < one["spec"]["activeDeadlineSeconds"] <= 300


@pytest.mark.parametrize("documents", ["keep", "delete"])
@pytest.mark.parametrize("seconds", [10, 75, 180])
def test_the_last_hook_has_time_for_all_its_steps(render: Render, documents: str, seconds: int) -> None:
    options = ("--set", f"uninstall.documents={documents}", "--set", f"uninstall.deadlineSeconds={seconds}")
    job = of(render(*options), "Job", "-uninstall")
    words = job["spec"]["template"]["spec"]["containers"][0]["command"]
    waits = float(next(word for word in words if word.startswith("--deadline=")).partition("=")[2])
    steps = removal.OPERATOR_ENDS + removal.LETTING_GO + (waits if documents == "delete" else 0)
    assert steps + 50 <= job["spec"]["activeDeadlineSeconds"] < 300  # as long as Helm waits by itself
    assert job["spec"]["backoffLimit"] == 0
    assert f"--documents={documents}" in words


def test_the_definition_comes_once_or_not_at_all(render: Render) -> None:
    def brought(by: str) -> list[str]:
        objects = render("--set", f"crds.by={by}")
        definition = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
        assert all(one["spec"] == crd.custom_resource_definition()["spec"] for one in definition)
        assert all(one["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for one in definition)
        jobs = [one for one in objects if one["metadata"]["name"] == "mesoscale-definition" and one["kind"] == "Job"]
        return ["chart"] * len(definition) + ["hook"] * len(jobs)

    assert {by: brought(by) for by in ("hook", "chart", "none")} == {"hook": ["hook"], "chart": ["chart"], "none": []}


def test_selectors_outlive_an_upgrade(objects: Objects) -> None:
    deployment = of(objects, "Deployment")
    chosen = deployment["spec"]["selector"]["matchLabels"]
    assert {name.partition("/")[2] for name in chosen} == {"name", "instance", "component"}
    assert chosen.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_every_object_says_whose_it_is(objects: Objects) -> None:
    for one in objects:
        if one["kind"] != "CustomResourceDefinition":
            assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "mesoscale"
            assert one["metadata"]["labels"]["helm.sh/chart"].startswith("mesoscale-")


def test_one_operator_has_no_budget_that_would_block_a_drain(render: Render, rendered: Rendered) -> None:
    assert not [one for one in rendered["small"] if one["kind"] == "PodDisruptionBudget"]
    assert not [one for one in render("--set", "replicas=1") if one["kind"] == "PodDisruptionBudget"]
    assert of(rendered["default"], "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_alerts_ask_for_metrics_that_the_operator_has(rendered: Rendered) -> None:
    asked = set(re.findall(r"meso_operator_\w+", json.dumps(of(rendered["production"], "PrometheusRule"))))
    source = (ROOT / "operator/src/mesoscale_operator/metrics.py").read_text()
    assert len(asked) >= 5
    assert {name for name in asked if f'"{name}"' not in source} == set()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--set", "replicas=0"), "/replicas"),
        (("--set", "instalation.monitoring=true"), "'instalation' not allowed"),
        (("--set", "installation.kafka.prot=9092"), "'prot' not allowed"),
        (("--set", "installation.autoscaling=magic"), "/installation/autoscaling"),
        (("--set", "crds.by=magic"), "/crds/by"),
        (("--set", "image.digest=latest"), "/image/digest"),
        (("--set", "scope.namespaces={Not_A_Name}"), "/scope/namespaces/0"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_place(helm: Helm, options: tuple[str, ...], told: str) -> None:
    refused = helm("template", "m", CHART, "--kube-version", "1.34.4", *options, check=False)
    assert refused.returncode != 0
    assert told in refused.stderr


def test_helm_finds_nothing_to_criticise(helm: Helm) -> None:
    for options in PROFILES.values():
        said = helm("lint", CHART, "--strict", "--kube-version", "1.34.4", *options).stdout
        assert "[WARNING]" not in said
        assert "[ERROR]" not in said
