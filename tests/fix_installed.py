"""The running cluster as Helm and kubectl see it, and namespaces of a test's own."""

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import choose
from images import build, recipe

Kubectl = Callable[..., str]


def _kubectl() -> Kubectl:
    cluster = choose.choose()
    argv = [str(cluster.kubectl()), f"--kubeconfig={cluster.kubeconfig}", "--request-timeout=60s"]

    def run(*words: str | Path, text: str = "", check: bool = True) -> str:
        done = subprocess.run(
            [*argv, *map(str, words)], input=text, capture_output=True, text=True, timeout=280, check=False
        )
        assert not check or done.returncode == 0, f"kubectl {words}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """kubectl against the cluster of `make cluster`, if that is up."""
    run = _kubectl()
    try:
        run("get", "--raw=/readyz")
    except (AssertionError, OSError, subprocess.TimeoutExpired):
        pytest.skip("!!! NOT TESTED: charts and Airflow in a cluster (none is up); `make cluster` brings it up")
    os.environ["KUBECONFIG"] = str(choose.choose().kubeconfig)  # for Helm
    return run


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[Callable[[str], str]]:
    """Make namespaces where restricted Pod Security is enforced; they go when the test ends."""
    made: list[str] = []

    def make(what: str) -> str:
        name = f"{what}-{uuid.uuid4().hex[:6]}"
        kubectl("create", "namespace", name)
        kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        made.append(name)
        return name

    yield make
    for name in made:
        kubectl("delete", "namespace", name, "--wait=false", check=False)


@pytest.fixture(scope="session")
def image_of_the_operator(kubectl: Kubectl) -> None:
    """The operator's image of this checkout, in the cluster."""
    choose.choose().load(build.archive(recipe.read("operator")))


def get(kubectl: Kubectl, *words: str) -> dict[str, Any]:
    """What `kubectl get` says, as values."""
    found: dict[str, Any] = json.loads(kubectl("get", *words, "--output=json"))
    return found
