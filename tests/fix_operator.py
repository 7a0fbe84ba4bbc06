"""Operators as processes against a real API server, each in a namespace of its own, and what they are asked to run."""

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from fix_cluster import Running
from fix_proxy import Proxy

from mesoscale.manifests import types
from mesoscale.manifests.types import KINDS, Key
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import documents, errors, kubeconfig
from mesoscale_operator.kube import Kube, Object, Resource
from mesoscale_operator.kubeconfig import Access
from mesoscale_operator.main import main
from mesoscale_operator.records import SELECTOR

ROOT = Path(__file__).parents[1]
DEFINITIONS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
NAMESPACES = Resource("v1", "namespaces")
EVENTS = Resource("events.k8s.io/v1", "events")
OBJECTS = {kind: Resource(kind.api_version, kind.plural) for kind in KINDS}
NO_PODS = "replicasOverride: 0\n"
STAND_INS = ("KafkaTopic",)  # kinds without which too little could be tried; defined loosely where they are missing


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["__main__", "mesoscale_operator.main", "fix_operator"])


def document(name: str = "nyc", **spec: Any) -> Object:
    """A small document: one source, one sink; `spec` adds to it or replaces."""
    whole = {
        "sources": [{"name": "weather", "contract": "observation", "replay": {"dataset": "nyc-2013"}}],
        "sinks": [{"name": "rows", "from": "weather", "table": {}}],
    }
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": whole | spec}


class Process:
    """One operator, as `python -m mesoscale_operator` starts it."""

    def __init__(
        self, namespace: str, kubeconfig_file: Path, folder: Path, identity: str, also: Sequence[str], installed: str
    ) -> None:
        self.log = folder / f"{identity}.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        installation = folder / "installation.yaml"
        installation.write_text(installed)
        arguments = ["--namespace", namespace, "--identity", identity, "--listen", f"127.0.0.1:{self.port}"]
        arguments += ["--installation", str(installation), "--lease-namespace", f"{namespace}-lease"]
        self._begin([*arguments, *(f"--namespace={one}" for one in also)], kubeconfig_file)

    def _begin(self, arguments: list[str], kubeconfig_file: Path) -> None:
        with self.log.open("ab") as log:
            environment = os.environ | {"KUBECONFIG": str(kubeconfig_file)}
            command = [sys.executable, "-m", "mesoscale_operator", *arguments]
            self._process = subprocess.Popen(command, env=environment, stderr=log, stdout=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code, if it has ended."""
        return self._process.poll()

    def get(self, path: str) -> tuple[int, str]:
        """Ask its probes; code 0 where there is no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """The sum of all samples of that name; 0 if there is none."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class Forked(Process):
    """One operator, forked off a process that has read the code already: what takes many lives costs less so."""

    def _begin(self, arguments: list[str], kubeconfig_file: Path) -> None:
        self._forked = FORKS.Process(target=_operate, args=(arguments, str(kubeconfig_file), str(self.log)))
        self._forked.start()

    @property
    def pid(self) -> int:
        assert self._forked.pid is not None
        return self._forked.pid

    @property
    def ended(self) -> int | None:
        return self._forked.exitcode

    def kill(self) -> None:
        self._forked.kill()
        self._forked.join(10)

    def stop(self) -> int:
        self._forked.terminate()
        self._forked.join(20)
        assert self._forked.exitcode is not None
        return self._forked.exitcode


def _operate(arguments: list[str], kubeconfig_file: str, log: str) -> None:
    os.environ["KUBECONFIG"] = kubeconfig_file
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(main(arguments))


class World:
    """A namespace, a proxy to the API server, and the operators that work there through it."""

    def __init__(self, access: Access, folder: Path) -> None:
        self._access = access
        self._folder = folder
        self.namespace = f"meso-{uuid.uuid4().hex[:8]}"
        self.proxy = Proxy(access)
        self.operators: list[Process] = []
        self._through_proxy = self._kubeconfig(self.proxy.start())

    def play(self, scene: Callable[[], Awaitable[None]]) -> None:
        """Run the scene of a test with `self.kube` open, which goes past the proxy."""

        async def whole() -> None:
            async with Kube(self._access) as self.kube:
                for name in (self.namespace, f"{self.namespace}-lease"):
                    await self.kube.apply(NAMESPACES, _named("v1", "Namespace", name), manager="tests")
                try:
                    await scene()
                finally:
                    await self._leave()

        asyncio.run(whole())

    async def _leave(self) -> None:
        """End the namespace, which no operator of ours attends to any more."""
        for operator in self.operators:
            if operator.ended is None:
                operator.kill()
        with suppress(errors.NotFound):  # also where a test took the definition away
            async for page in self.kube.pages(documents.RESOURCE, self.namespace, ""):
                for item in page["items"]:
                    free = {"metadata": {"finalizers": None}}
                    await self.kube.merge(documents.RESOURCE, self.namespace, item["metadata"]["name"], free)
        if not await self.namespace_gone():
            await self.delete_namespace(self.namespace)
        await self.delete_namespace(f"{self.namespace}-lease")

    async def delete_namespace(self, name: str) -> None:
        found = await self.kube.get(NAMESPACES, None, name)
        await self.kube.delete(NAMESPACES, None, name, found["metadata"]["uid"])

    async def namespace_gone(self) -> bool:
        try:
            await self.kube.get(NAMESPACES, None, self.namespace)
        except errors.NotFound:
            return True
        return False

    def start(
        self,
        identity: str = "operator",
        also: Sequence[str] = (),
        installed: str = NO_PODS,
        of: type[Process] = Process,
    ) -> Process:
        """Start an operator; it works as soon as it leads, which one of the same identity does at once.

        Args:
            also: namespaces that it serves beside this one.
            installed: what is decided for all pipelines; as a rule, that no program runs.
        """
        process = of(self.namespace, self._through_proxy, self._folder, identity, also, installed)
        self.operators.append(process)
        return self.operators[-1]

    def close(self) -> None:
        for operator in self.operators:
            if operator.ended is None:
                operator.kill()
        self.proxy.stop()

    async def apply(self, body: Object, manager: str = "somebody") -> Object:
        """Apply any object in the namespace, as somebody who is not the operator."""
        body = body | {"metadata": body["metadata"] | {"namespace": self.namespace}}
        return await self.kube.apply(_resource(body), body, manager=manager)

    async def get(self, key: Key) -> Object | None:
        """One object, unless it is not there."""
        try:
            return await self.kube.get(_resource_of(key), self.namespace, key.name)
        except errors.NotFound:
            return None

    async def document(self, name: str = "nyc") -> Object | None:
        return await self.get(Key(API_VERSION, KIND, name))

    async def condition(self, kind: str, name: str = "nyc") -> dict[str, Any]:
        """One condition of a document's status; empty until it is written."""
        found = await self.document(name) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    async def edit(self, key: Key, patch: Object) -> Object:
        """Change an object as `kubectl edit` does."""
        return await self.kube.merge(_resource_of(key), self.namespace, key.name, patch, manager="kubectl-edit")

    async def delete(self, key: Key, propagation: Any = "Background") -> None:
        """Ask for the end of an object as kubectl does."""
        found = await self.get(key)
        assert found is not None, key
        await self.kube.delete(_resource_of(key), self.namespace, key.name, found["metadata"]["uid"], propagation)

    async def children(self) -> dict[Key, Object]:
        """Everything in the namespace that is marked as ours."""
        found: dict[Key, Object] = {}
        for kind, objects in OBJECTS.items():
            try:
                async for page in self.kube.pages(objects, self.namespace, SELECTOR):
                    for item in page["items"]:
                        body = item | {"apiVersion": kind.api_version, "kind": kind.kind}
                        found[types.key(body)] = body
            except errors.NotFound:
                continue
        return found

    async def events(self) -> list[Object]:
        """All Events of the namespace."""
        return [item async for page in self.kube.pages(EVENTS, self.namespace, "") for item in page["items"]]

    async def settled(self, name: str = "nyc", deadline: float = 60.0, every: float = 1.0) -> Object:
        """Wait until the status is of the document's generation and no call changes anything any more."""
        began, calls = time.monotonic(), -1
        while time.monotonic() - began < deadline:
            found = await self.document(name)
            if found is not None:
                generation = found["metadata"]["generation"]
                if found.get("status", {}).get("observedGeneration") == generation and len(self.proxy.changes) == calls:
                    return found
            calls = len(self.proxy.changes)
            await asyncio.sleep(every)
        raise AssertionError(f"{name} is not settled after {deadline} s:\n{self.logs()}")

    async def until(self, what: Callable[[], Awaitable[Any]], deadline: float = 30.0, every: float = 0.1) -> Any:
        """Wait until something holds, and return it."""
        began = time.monotonic()
        while time.monotonic() - began < deadline:
            if found := await what():
                return found
            await asyncio.sleep(every)
        raise AssertionError(f"not so after {deadline} s:\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(operator.log.read_text()[-3000:] for operator in self.operators)

    def _kubeconfig(self, address: str) -> Path:
        path = self._folder / "kubeconfig"
        config = {
            "clusters": [{"name": "proxy", "cluster": {"server": address}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
            "current-context": "proxy",
        }
        path.write_text(yaml.safe_dump(config))
        return path


def _named(api_version: str, kind: str, name: str) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def _resource_of(key: Key) -> Resource:
    if key.kind == KIND:
        return documents.RESOURCE
    return next(objects for kind, objects in OBJECTS.items() if kind[:2] == key[:2])


def _resource(body: Object) -> Resource:
    return _resource_of(types.key(body))


async def define(access: Access, stand_ins: Sequence[str] = STAND_INS) -> None:
    """Define documents as this checkout has them, and loosely what of `stand_ins` is missing."""
    definition = yaml.safe_load((ROOT / "crds" / "weatherpipelines.mesoscale.dev.yaml").read_text())
    async with Kube(access) as kube:
        await kube.apply(DEFINITIONS, definition, manager="tests")
        for kind in KINDS:
            if kind.kind in stand_ins:
                await _stand_in(kube, kind)
        for objects in (documents.RESOURCE, *(OBJECTS[kind] for kind in KINDS if kind.kind in stand_ins)):
            await _listed(kube, objects)


async def _stand_in(kube: Kube, kind: types.Kind) -> None:
    group, _, version = kind.api_version.partition("/")
    name = f"{kind.plural}.{group}"
    try:
        await kube.get(DEFINITIONS, None, name)
        return
    except errors.NotFound:
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        names = {"kind": kind.kind, "plural": kind.plural}
        spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [served]}
        stand_in = _named(DEFINITIONS.group_version, "CustomResourceDefinition", name) | {"spec": spec}
        stand_in["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a stand-in"}
        await kube.apply(DEFINITIONS, stand_in)


async def _listed(kube: Kube, objects: Resource) -> None:
    began = time.monotonic()
    while True:
        try:
            await kube.first(objects, None)
            return
        except errors.NotFound:
            assert time.monotonic() - began < 20, objects
            await asyncio.sleep(0.2)


@pytest.fixture(scope="session")
def api_server(cluster: Running) -> Access:
    """A real API server with our definition."""
    access = kubeconfig.from_kubeconfig(cluster.kubeconfig)
    asyncio.run(define(access))
    return access


@pytest.fixture
def lone_worlds(lone_api_server: Path, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Worlds whose API server has no nodes, knows every kind of child, and is nobody else's."""
    access = kubeconfig.from_kubeconfig(lone_api_server)
    asyncio.run(define(access, [kind.kind for kind in KINDS if kind.project != "Kubernetes"]))
    made: list[World] = []

    def another() -> World:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(World(access, folder))
        return made[-1]

    yield another
    for world in made:
        world.close()


@pytest.fixture
def lone_world(lone_worlds: Callable[[], World]) -> World:
    """One of them."""
    return lone_worlds()


@pytest.fixture
def world(api_server: Access, tmp_path: Path) -> Iterator[World]:
    """A namespace of this test's own."""
    made = World(api_server, tmp_path)
    yield made
    made.close()
