"""The cluster of `make cluster`, running: brought up once for the session, and left running but in CI."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import choose, layout, node, parts, preflight, progress
from cluster.bare import Bare
from cluster.errors import Missing
from cluster.given import Given


class Running:
    """A cluster that answers."""

    def __init__(self, cluster: choose.Cluster) -> None:
        self._cluster = cluster
        self.kubeconfig = cluster.kubeconfig
        self.audit_log = layout.AUDIT_LOG if isinstance(cluster, Bare) else None

    def kubectl(self, *words: str | Path, text: str = "", check: bool = True) -> str:
        """What kubectl prints."""
        argv = [str(self._cluster.kubectl()), f"--kubeconfig={self.kubeconfig}", *map(str, words)]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=200, check=False)
        assert not check or done.returncode == 0, f"kubectl {' '.join(map(str, words))}: {done.stderr}"
        return done.stdout

    def load(self, archive: Path) -> None:
        """Give it an image."""
        self._cluster.load(archive)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test in the cluster waits for all of it to come up."""
    first = next((item for item in items if "cluster" in getattr(item, "fixturenames", ())), None)
    if first is not None:
        first.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A running cluster with the parts that tests want, as far as they are built.

    Where none can be made, what needs it is skipped in one line that says what would help.
    """
    chosen = choose.choose()
    was_there = not isinstance(chosen, Bare) or node.holder() is not None
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # bringing it up says what it does
        try:
            if isinstance(chosen, Bare):
                _demand_built(chosen)
            chosen.up(audit=True)
            for name in [] if isinstance(chosen, Given) else parts.missing_for_tests(chosen):
                with progress.step(f"setting {name} up"):
                    parts.install(name, chosen)
        except Missing as error:
            pytest.skip(f"!!! NOT TESTED: anything in a cluster ({error.message}); {error.hint}")
    yield Running(chosen)
    if not was_there and "CI" in os.environ:
        chosen.down()


def _demand_built(bare: Bare) -> None:
    """Building takes longer than a test may; `make test` does it before."""
    preflight.demand()
    if not bare.is_built():
        raise Missing("the bare cluster is not built yet", "make test-cluster")


@pytest.fixture
def room(cluster: Running) -> Iterator[Callable[..., str]]:
    """kubectl in a namespace of the test's own, in which restricted Pod Security is enforced."""
    name = f"room-{os.getpid()}-{os.urandom(3).hex()}"
    label = "pod-security.kubernetes.io/enforce: restricted"
    cluster.kubectl(
        "apply",
        "--filename=-",
        text=f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{{label}}}}}}}",
    )

    def kubectl(*words: str | Path, text: str = "", check: bool = True) -> str:
        return cluster.kubectl(f"--namespace={name}", *words, text=text, check=check)

    yield kubectl
    cluster.kubectl("delete", "namespace", name, "--wait=false")
