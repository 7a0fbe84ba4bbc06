"""The running cluster as Helm and kubectl see it, and namespaces of a test's own."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fix_cluster import Running

Kubectl = Callable[..., str]


@pytest.fixture(scope="session")
def kubectl(cluster: Running) -> Kubectl:
    """kubectl against the running cluster, which Helm finds as well."""
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    return cluster.kubectl


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


def get(kubectl: Kubectl, *words: str) -> dict[str, Any]:
    """What `kubectl get` says, as values."""
    found: dict[str, Any] = json.loads(kubectl("get", *words, "--output=json"))
    return found
