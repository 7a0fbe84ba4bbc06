"""The chart in a real cluster: it installs where restricted Pod Security is enforced, works, goes without a hang."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fix_helm import CHART, Helm
from fix_installed import Kubectl, get

from mesoscale_operator import documents, smoke
from mesoscale_operator.removal import LETTING_GO, OPERATOR_ENDS

OTHER_MANAGER = "--field-manager=argocd-controller"
DEADLINE = 120.0  # seconds for one thing to come about


@dataclass(frozen=True)
class Release:
    """The chart, installed for one namespace of pipelines."""

    name: str
    home: str
    served: str
    tag: str
    helm: Helm
    kubectl: Kubectl

    def install(self, *options: str) -> None:
        small = ("--values", CHART / "profiles" / "small.yaml", "--set", "replicas=2")
        served = ("--set", f"scope.namespaces={{{self.served}}}")
        image = ("--set", "image.pullPolicy=Never", "--set", f"image.tag={self.tag}")
        # Workloads at nothing: what is tried here is the operator, and brokers are not there.
        nothing = ("--set", "installation.replicasOverride=0")
        where = ("--namespace", self.home, "--wait", "--timeout", "150s")
        self.helm("upgrade", "--install", self.name, CHART, *where, *small, *image, *served, *nothing, *options)

    def uninstall(self) -> float:
        """The seconds that it took."""
        began = time.monotonic()
        self.helm("uninstall", self.name, "--namespace", self.home, "--wait", "--timeout", "150s")
        return time.monotonic() - began

    @property
    def deployment(self) -> str:
        return f"{self.name}-mesoscale-operator"

    def apply(self, name: str, **spec: str) -> None:
        document = smoke.document(self.served, "weather")
        document["metadata"]["name"] = name
        document["spec"] |= spec
        self.kubectl("apply", "--filename=-", text=json.dumps(document))

    def documents(self) -> dict[str, dict[str, Any]]:
        found = get(self.kubectl, "weatherpipelines", f"--namespace={self.served}")["items"]
        return {one["metadata"]["name"]: one for one in found}

    def held(self) -> set[str]:
        """The documents that bear our finalizer."""
        return {
            name
            for name, one in self.documents().items()
            if documents.FINALIZER in one["metadata"].get("finalizers", [])
        }


@pytest.fixture
def release(
    helm: Helm, kubectl: Kubectl, namespace: Callable[[str], str], images_of_the_checkout: Mapping[str, str]
) -> Iterator[Release]:
    home, served = namespace("meso-home"), namespace("meso-served")
    tag = images_of_the_checkout["operator"].rpartition(":")[2]
    made = Release(home.replace("meso-home", "m"), home, served, tag, helm, kubectl)
    yield made
    helm("uninstall", made.name, "--namespace", home, "--no-hooks", check=False)
    for name in made.documents():  # an end that waits for an operator which is gone
        bare = {"metadata": {"finalizers": None}}
        kubectl(
            "patch", "weatherpipeline", name, f"--namespace={served}", "--type=merge", f"--patch={json.dumps(bare)}"
        )


def until(what: str, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE:.0f} s"
        time.sleep(0.5)


def test_an_installation_works_is_denied_nothing_and_shows_no_difference(release: Release, tmp_path: Path) -> None:
    release.install()
    release.helm("test", release.name, "--namespace", release.home)
    release.apply("first")
    until("the first document is worked on", lambda: "status" in release.documents()["first"])
    until("it is held", lambda: release.held() == {"first"})

    refused = [line for line in metrics(release) if 'code="403"' in line]
    assert refused == []

    values = release.helm("get", "values", release.name, "--namespace", release.home, "--output", "json").stdout
    (tmp_path / "values.json").write_text(values)
    where = ("--namespace", release.home, "--values", tmp_path / "values.json", "--kube-version", "1.34.4")
    rendered = release.helm("template", release.name, CHART, "--no-hooks", *where).stdout
    asked = ("diff", "--server-side", "--force-conflicts", OTHER_MANAGER, "--filename=-")
    assert release.kubectl(*asked, text=rendered) == ""


def test_pipelines_outlive_an_uninstallation_and_wait_for_nobody(release: Release) -> None:
    release.install()
    release.apply("kept")
    until("it is held", lambda: release.held() == {"kept"})
    assert release.uninstall() < OPERATOR_ENDS + LETTING_GO + 60
    assert release.documents().keys() == {"kept"}
    assert release.held() == set()
    release.kubectl("delete", "weatherpipeline", "kept", f"--namespace={release.served}", "--timeout=20s")


def test_pipelines_go_first_where_that_is_asked_for(release: Release) -> None:
    release.install("--set", "uninstall.documents=delete")
    release.apply("gone", deletionPolicy="delete")
    until("it is held", lambda: release.held() == {"gone"})
    release.uninstall()
    assert release.documents() == {}
    until("nothing is left of it", lambda: left(release) == [])


def left(release: Release) -> list[str]:
    """What bears our labels in the namespace of pipelines."""
    kinds = "statefulsets,deployments,jobs,services,configmaps,serviceaccounts"
    ours = ("--selector=mesoscale.dev/pipeline", f"--namespace={release.served}")
    return [one["metadata"]["name"] for one in get(release.kubectl, kinds, *ours)["items"]]


def test_an_operator_that_is_dead_already_keeps_no_document_and_no_release(release: Release) -> None:
    release.install("--set", "uninstall.documents=delete", "--set", "uninstall.deadlineSeconds=10")
    release.apply("stuck")
    until("it is held", lambda: release.held() == {"stuck"})
    release.kubectl("scale", f"deployment/{release.deployment}", "--replicas=0", f"--namespace={release.home}")
    release.kubectl("wait", "--for=delete", "pod", "--selector=app.kubernetes.io/component=operator",
                    f"--namespace={release.home}", "--timeout=60s")  # fmt: skip
    assert release.uninstall() < 10 + OPERATOR_ENDS + LETTING_GO + 60
    until("nothing holds the document", lambda: release.documents() == {})


def test_the_profile_for_production_is_taken_by_the_api_server(release: Release) -> None:
    profile = CHART / "profiles" / "production.yaml"
    where = ("--namespace", release.home, "--values", profile, "--kube-version", "1.34.4")
    rendered = release.helm("template", release.name, CHART, "--no-hooks", *where).stdout
    kinds = release.kubectl("api-resources", "--api-group=monitoring.coreos.com", "--output=name").split()
    if len(kinds) < 2:
        pytest.skip("!!! NOT TESTED: alerts of the chart (no prometheus-operator kinds); `make cluster-parts`")
    said = release.kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", text=rendered)
    assert "prometheusrule" in said


def metrics(release: Release) -> list[str]:
    """Of both operators, by way of the API server."""
    pods = get(
        release.kubectl, "pods", "--selector=app.kubernetes.io/component=operator", f"--namespace={release.home}"
    )
    names = [one["metadata"]["name"] for one in pods["items"]]
    assert len(names) == 2
    path = f"/api/v1/namespaces/{release.home}/pods/{{}}:8081/proxy/metrics"
    lines = "\n".join(release.kubectl("get", f"--raw={path.format(name)}") for name in names).splitlines()
    assert any(line.startswith("meso_operator_api_requests_total{") for line in lines)
    return lines
