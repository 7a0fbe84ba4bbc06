"""A whole installation of its own in the cluster: broker, operator, pipelines, and hands to look at it and break it."""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fix_helm import CHART, Helm
from fix_installed import Kubectl
from fix_services import FORGOTTEN

from cluster.parts import cloudnative_pg, kafka, spark
from cluster.parts.part import FILES
from mesoscale_operator.leader import NAME as LEASE

Object = dict[str, Any]

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
PROGRAMS = ("source", "stage", "sink", "dashboard", "preparation", "database")
LITTLE = {"cpu": "10m", "memory": "64Mi"}  # so that all fits on the node of a small machine, beside other tests
SLEEPER = "pause"  # holds a pod's namespaces; its end is not the end of a container


class Proof:
    """Three namespaces: one for the release, one for a broker, one for pipelines."""

    def __init__(
        self, kubectl: Kubectl, helm: Helm, images: Mapping[str, str], folder: Path, installed: Object | None = None
    ) -> None:
        """`installed` is decided for all pipelines, in place of what tests decide otherwise."""
        mark = uuid.uuid4().hex[:6]
        self.kubectl, self._helm, self._images, self._folder = kubectl, helm, images, folder
        self._installed = installed or {}
        self.release = f"proof-{mark}"
        self.home, self.brokers, self.here = (f"{self.release}-{what}" for what in ("system", "kafka", "data"))

    @property
    def operator(self) -> str:
        """The name of its Deployment and ServiceAccount."""
        return f"{self.release}-mesoscale-operator"

    def set_up(self) -> None:
        """Namespaces with enforced Pod Security, a broker, the chart."""
        for name in (self.home, self.brokers, self.here):
            self.kubectl("create", "namespace", name)
            self.kubectl("label", "namespace", name, RESTRICTED)
        self.kubectl("apply", "--filename=-", text=_broker(self.brokers))
        self._helm("install", self.release, CHART, "--values", self._values(), "--namespace", self.home,
                   "--wait", "--timeout", "180s")  # fmt: skip
        self.kubectl("rollout", "status", "statefulset/kafka", f"--namespace={self.brokers}", "--timeout=180s")

    def installation(self) -> Object:
        """What the operator is told, and `meso render` too."""
        streams = self._images["streams"]
        return {
            "images": {
                "streams": streams,
                "dashboard": streams,
                "spark": spark.spark_tag(),
                "postgresql": cloudnative_pg.SERVER,
            },
            "imagePullPolicy": "Never",
            "kafka": {"bootstrapServers": f"kafka.{self.brokers}.svc:9092"},
            "autoscaling": "hpa",
            "spark": {"coreRequest": "200m"},
            "resources": {program: {"requests": LITTLE} for program in PROGRAMS},
            "operatorNamespace": self.home,
            **self._installed,
        }

    def _values(self) -> Path:
        repository, _, tag = self._images["operator"].partition(":")
        values = {
            "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
            "resources": {"requests": LITTLE},
            "scope": {"namespaces": [self.here]},
            "installation": self.installation(),
        }
        path = self._folder / "values.json"
        path.write_text(json.dumps(values))
        return path

    def close(self) -> None:
        """Leave nothing, whatever state it is in."""
        self._helm("uninstall", self.release, "--namespace", self.home, "--no-hooks", check=False)
        for document in self.every("weatherpipelines"):
            self.kubectl("patch", "weatherpipeline", document["metadata"]["name"], f"--namespace={self.here}",
                         "--type=merge", '--patch={"metadata":{"finalizers":null}}', check=False)  # fmt: skip
        for name in (self.home, self.brokers, self.here):
            self.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found", check=False)

    def apply(self, *objects: Object) -> None:
        self.kubectl("apply", f"--namespace={self.here}", "--filename=-", text=yaml.safe_dump_all(objects))

    def get(self, what: str, name: str, namespace: str = "") -> Object:
        """One object; empty if it is not there."""
        said = self.kubectl("get", what, name, f"--namespace={namespace or self.here}", "--output=json",
                            "--ignore-not-found")  # fmt: skip
        return json.loads(said) if said else {}

    def every(self, what: str, selector: str = "", namespace: str = "") -> list[Object]:
        said = self.kubectl("get", what, f"--selector={selector}", f"--namespace={namespace or self.here}",
                            "--output=json", check=False)  # fmt: skip
        return json.loads(said)["items"] if said else []

    def status(self, pipeline: str) -> Object:
        found: Object = self.get("weatherpipeline", pipeline).get("status", {})
        return found

    def condition(self, pipeline: str, kind: str) -> Object:
        """Empty while it is not of the document's present generation."""
        document = self.get("weatherpipeline", pipeline)
        status = document.get("status", {})
        if status.get("observedGeneration") != document.get("metadata", {}).get("generation"):
            return {}
        return next((one for one in status.get("conditions", []) if one["type"] == kind), {})

    def ready(self, pipeline: str) -> bool:
        return self.condition(pipeline, "Ready").get("status") == "True"

    def until(self, what: str, true: Callable[[], Any], deadline: float, every: float = 0.7) -> float:
        """Wait until it holds; the seconds that it took."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < deadline, f"{what}: not within {deadline:.0f} s\n{self.told()}"
            time.sleep(every)
        return time.monotonic() - began

    def told(self) -> str:
        """What a person would look at first."""
        parts = [self.kubectl("get", "pods", "--output=wide", f"--namespace={self.here}", check=False)]
        for document in self.every("weatherpipelines"):
            status = document.get("status", {})
            children = [child for child in status.pop("children", []) if child["state"] != "Ready"]
            parts.append(json.dumps(status | {"children not ready": children}, indent=1))
        for pod in self.every("pods", "mesoscale.dev/node"):
            name = pod["metadata"]["name"]
            last = self.kubectl("logs", name, f"--namespace={self.here}", "--tail=4", check=False)
            parts.append(f"the last lines of {name}:\n{last}")
        return "\n".join(parts)

    def forgotten(self) -> int:
        """How often the broker, which is alone, forgot what it had decided of a transaction."""
        grep = ("grep", "--count", FORGOTTEN, "/data/transactions.log")
        said = self.kubectl("exec", "kafka-0", f"--namespace={self.brokers}", "--", *grep, check=False)
        return int(said or 0)

    def query(self, pipeline: str, statement: str) -> list[str]:
        """Lines of an answer of the pipeline's database; none while it does not answer."""
        primary = self.every("pods", f"cnpg.io/cluster={pipeline}-database,cnpg.io/instanceRole=primary")
        if not primary:
            return []
        words = ("exec", primary[0]["metadata"]["name"], "--container=postgres", f"--namespace={self.here}", "--")
        return self.kubectl(*words, "psql", "-d", "mesoscale", "-Atc", statement, check=False).splitlines()

    def pods(self, part: str) -> list[Object]:
        """Of the leading `operator`, `broker`, `database`, its `primary`, a node `NODE`, or one of its, `NODE/0`."""
        if part == "operator":
            leads = self.get("lease", LEASE, self.home)["spec"].get("holderIdentity")
            found = self.every("pods", "app.kubernetes.io/component=operator", self.home)
            return [pod for pod in found if pod["metadata"]["name"] == leads]
        if part == "broker":
            return self.every("pods", "app=kafka", self.brokers)
        if part == "database":
            return self.every("pods", "cnpg.io/podRole=instance")
        if part == "primary":
            return self.every("pods", "cnpg.io/podRole=instance,cnpg.io/instanceRole=primary")
        node, _, ordinal = part.partition("/")
        selector = f"mesoscale.dev/node={node}" + (f",apps.kubernetes.io/pod-index={ordinal}" if ordinal else "")
        return self.every("pods", selector)

    def delete_pod(self, part: str) -> None:
        """End a pod of a part at once, and tell nobody in it."""
        pod = self._running(part)
        # A second server on the first one's folder is what Kubernetes warns of; the database gets a second to end.
        grace = ("--now",) if part in ("database", "primary") else ("--grace-period=0", "--force")
        where = f"--namespace={pod['metadata']['namespace']}"
        self.kubectl("delete", "pod", pod["metadata"]["name"], where, *grace, "--wait=false", check=False)

    def kill(self, part: str) -> None:
        """kill -9 of every process in a pod of a part."""
        pod = self._running(part)
        for pid in processes(pod["metadata"]["uid"]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _running(self, part: str) -> Object:
        found: list[Object] = []

        def running() -> bool:
            found[:] = [pod for pod in self.pods(part) if _runs(pod)]
            return bool(found)

        self.until(f"{part} runs, so that it can be killed", running, 90, every=0.3)
        return found[0]


def _runs(pod: Object) -> bool:
    containers = pod["status"].get("containerStatuses", [])
    started = containers and all("running" in one["state"] for one in containers)
    return bool(started and "deletionTimestamp" not in pod["metadata"])


def processes(uid: str) -> Iterator[int]:
    """The processes of a pod that runs on this machine."""
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            mine = uid in path.read_text().replace("_", "-")
            name = (path.parent / "comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if mine and name != SLEEPER:
            yield int(path.parent.name)


def contains(live: Any, wanted: Any) -> bool:
    """Whether a live value has everything that was asked for; what others added counts for nothing."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(contains(live.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(contains, live, wanted))
    return bool(live == wanted)


def _broker(namespace: str) -> str:
    """The broker that tests use, for one namespace and for clients in the cluster only."""
    text = (FILES / "kafka.yaml").read_text().replace("@kafka@", kafka.PART.images()[0].name)
    text = text.replace("requests: {cpu: 100m, memory: 512Mi}", "requests: {cpu: 10m, memory: 64Mi}")
    return yaml.safe_dump_all(
        one | {"metadata": one["metadata"] | {"namespace": namespace}} for one in _of_the_inside(text)
    )


def _of_the_inside(text: str) -> Iterable[Object]:
    return (
        one for one in yaml.safe_load_all(text) if one["kind"] != "Namespace" and one["spec"].get("type") != "NodePort"
    )


@pytest.fixture(scope="module")
def proof(
    request: pytest.FixtureRequest,
    kubectl: Kubectl,
    helm: Helm,
    images_of_the_checkout: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proof]:
    """Set up for the steps of one module, which follow each other; its INSTALLED is decided for all pipelines."""
    for needed in ("crd/clusters.postgresql.cnpg.io", "statefulset/kafka"):
        if not kubectl("get", needed, "--namespace=kafka", "--ignore-not-found"):
            pytest.skip(
                "!!! NOT TESTED: pipelines in a cluster; `python -m cluster part cloudnative-pg kafka` is missing"
            )
    installed = getattr(request.module, "INSTALLED", None)
    made = Proof(kubectl, helm, images_of_the_checkout, tmp_path_factory.mktemp("proof"), installed)
    try:
        made.set_up()
        yield made
    finally:
        made.close()
