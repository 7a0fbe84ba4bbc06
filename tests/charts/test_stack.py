"""The stack's own objects, and that what it pins is what the tests of the bare cluster run.

The charts of others come by `helm dependency build`, which needs the internet; here they are left out.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fix_helm import KUBERNETES, Helm, Objects

from cluster.parts import kafka
from cluster.recipes import versions
from mesoscale.manifests import grafana
from mesoscale.manifests.installation import Installation

STACK = Path(__file__).parents[2] / "charts" / "stack"
PROFILES = ("kind", "production")

RenderStack = Callable[..., Objects]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart without what it depends on."""
    copy = tmp_path_factory.mktemp("stack") / "stack"
    shutil.copytree(STACK, copy, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    chart = yaml.safe_load((copy / "Chart.yaml").read_text())
    (copy / "Chart.yaml").write_text(yaml.safe_dump(chart | {"dependencies": []}))
    return copy


@pytest.fixture(scope="module")
def render_stack(helm: Helm, alone: Path) -> RenderStack:
    def objects(*options: str | Path) -> Objects:
        text = helm("template", "stack", alone, "--kube-version", KUBERNETES, *options).stdout
        return [one for one in yaml.safe_load_all(text) if one]

    return objects


def profile(name: str) -> tuple[str | Path, ...]:
    return ("--values", STACK / "profiles" / f"{name}.yaml", "--set", "kafka.namespaces={weather}")


def values() -> dict[str, Any]:
    return dict(yaml.safe_load((STACK / "values.yaml").read_text()))


def test_what_is_pinned_is_what_the_bare_cluster_runs() -> None:
    text = (STACK / "Chart.yaml").read_text()
    pinned = {
        name: behind or own for name, own, behind in re.findall(r"name: (\S+)\n +version: (\S+)(?:  # (\S+))?", text)
    }
    built = {name: one.version.removeprefix("v") for name, one in versions().components.items()}
    assert pinned["strimzi-kafka-operator"] == versions().strimzi
    assert pinned["cloudnative-pg"] == built["cloudnative-pg"]
    assert pinned["spark-operator"] == built["spark-operator"]
    assert pinned["kube-prometheus-stack"] == built["prometheus-operator"]
    assert pinned["keda"].split(".")[0] == built["keda"].split(".")[0]  # one minor behind: docs/limits.md
    assert values()["kafka"]["version"] in kafka.LOCK.read_text()


def test_every_dependency_can_be_left_out() -> None:
    chart = yaml.safe_load((STACK / "Chart.yaml").read_text())
    for one in chart["dependencies"]:
        assert one["condition"] == f"{one['name']}.enabled"
        assert values()[one["name"]]["enabled"] is True


@pytest.mark.parametrize("name", PROFILES)
def test_pipelines_find_the_listener_that_their_installation_assumes(render_stack: RenderStack, name: str) -> None:
    [cluster] = [one for one in render_stack(*profile(name)) if one["kind"] == "Kafka"]
    assumed = Installation().kafka
    [listener] = cluster["spec"]["kafka"]["listeners"]
    assert cluster["metadata"] == {"name": assumed.cluster, "namespace": "weather"}
    assert (listener["port"], listener["tls"]) == (assumed.port, assumed.tls)
    assert listener["authentication"]["type"] == assumed.authentication
    assert ("authorization" in cluster["spec"]["kafka"]) == assumed.authorization
    assert cluster["spec"]["entityOperator"].keys() == {"topicOperator", "userOperator"}


@pytest.mark.parametrize("name", PROFILES)
def test_there_are_nodes_enough_for_every_copy(render_stack: RenderStack, name: str) -> None:
    objects = render_stack(*profile(name))
    [cluster] = [one for one in objects if one["kind"] == "Kafka"]
    pools = [one["spec"] for one in objects if one["kind"] == "KafkaNodePool"]
    config = cluster["spec"]["kafka"]["config"]
    brokers = sum(pool["replicas"] for pool in pools if "broker" in pool["roles"])
    controllers = sum(pool["replicas"] for pool in pools if "controller" in pool["roles"])
    assert config["default.replication.factor"] <= brokers
    assert config["min.insync.replicas"] < config["default.replication.factor"] or brokers == 1
    assert controllers % 2 == 1
    assert not config["auto.create.topics.enable"]


def test_no_namespace_means_no_kafka(render_stack: RenderStack) -> None:
    assert render_stack() == []


def test_dashboards_bear_the_label_that_is_looked_for() -> None:
    assert values()["kube-prometheus-stack"]["grafana"]["sidecar"]["dashboards"]["label"] == grafana.LABEL
