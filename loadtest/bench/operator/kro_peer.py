"""kro (https://kro.run), built from its Go module; its graph is written from our manifests, so its children are ours.

As its chart sets it, it makes no more than 10 documents a second, one at a time, and 100 requests a second.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from cluster import commands, gobuild, store
from loadtest.bench.operator import documents as docs
from loadtest.bench.operator.documents import Object
from loadtest.bench.operator.peers import PEERS, Peer, plain
from loadtest.bench.operator.programs import Program, free_port
from loadtest.bench.operator.room import DEFINITIONS, MANAGER, Room, remove, until
from mesoscale_operator import errors, kubeconfig
from mesoscale_operator.kube import Kube, Resource

HERE = PEERS / "kro"
MODULE = "github.com/kubernetes-sigs/kro"
GRAPHS = Resource("kro.run/v1alpha1", "resourcegraphdefinitions")
RESOURCE = Resource("kro.run/v1alpha1", "benches")
REVISIONS = Resource("internal.kro.run/v1alpha1", "graphrevisions")  # which kro makes of each graph
GRAPH = "bench"
LIFTED = {
    "client-qps": 2000,
    "client-burst": 2000,
    "dynamic-controller-concurrent-reconciles": 8,
    "dynamic-controller-rate-limiter-rate-limit": 2000,
    "dynamic-controller-rate-limiter-burst-limit": 2000,
}


def peer(lifted: bool) -> Peer:
    """kro with as many workers as we have and no limits of requests, or as its chart sets it."""
    built = store.provide(_program())
    return Peer(
        name="kro, limits lifted" if lifted else "kro, as its chart sets it",
        resource=RESOURCE,
        body=plain(RESOURCE, "Bench"),
        children=docs.children("any"),
        done=lambda body: bool(body.get("status", {}).get("state") == "ACTIVE"),
        start=lambda room, folder: _start(built / "kro", room, folder, LIFTED if lifted else {}),
        served=lambda room: until(lambda: _served(room), 60),
    )


def _program() -> store.Thing:
    lock = tuple((HERE / name).read_text() for name in ("go.mod", "go.sum"))

    def fill(folder: Path) -> None:
        gobuild.demand_go("kro")
        env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -trimpath -mod=readonly"}
        words = ["go", "build", "-ldflags", "-s -w", "-o", str(folder / "kro"), f"{MODULE}/cmd/controller"]
        commands.run(words, cwd=HERE, env=env)
        found = commands.run(["go", "list", "-m", "-f", "{{.Dir}}", MODULE], cwd=HERE).strip()
        for path in (Path(found) / "helm" / "crds").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    return store.Thing("kro", lock, fill)


def _start(program: Path, room: Room, folder: Path, options: dict[str, int]) -> Program:
    words = [f"--metrics-bind-address=127.0.0.1:{free_port()}", f"--health-probe-bind-address=127.0.0.1:{free_port()}"]
    words += ["--zap-log-level=error", *(f"--{name}={value}" for name, value in options.items())]
    return Program([str(program), *words], {"KUBECONFIG": str(room.kubeconfig)}, folder / "kro.log")


def graph() -> Object:
    """Our children as a ResourceGraphDefinition."""
    manifests = docs.manifests("any")
    resources = [{"id": f"child{number}", "template": _template(one)} for number, one in enumerate(manifests)]
    schema = {"apiVersion": "v1alpha1", "kind": "Bench", "spec": {"size": "integer | default=1"}}
    spec = {"schema": schema, "resources": resources}
    return {
        "apiVersion": GRAPHS.group_version,
        "kind": "ResourceGraphDefinition",
        "metadata": {"name": GRAPH},
        "spec": spec,
    }


def _template(manifest: Object) -> Object:
    """The manifest for any document, in whose namespace it comes to lie."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "namespace"}
    found: Object = _for_any(manifest | {"metadata": metadata})
    return found


def _for_any(value: Any) -> Any:
    """A value for any document; the names of fields cannot depend on it, and other texts' `${…}` are theirs."""
    if isinstance(value, dict):
        return {name.replace(docs.PATTERN, "document"): _for_any(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_for_any(inner) for inner in value]
    if isinstance(value, str):
        return value.replace("${", '${"$"}{').replace(docs.PATTERN, "${schema.metadata.name}")
    return value


@asynccontextmanager
async def defined(access: kubeconfig.Access) -> AsyncIterator[None]:
    """kro's definitions are there meanwhile, and our graph; all of it is gone afterwards."""
    definitions = [yaml.safe_load(path.read_text()) for path in store.provide(_program()).glob("*.yaml")]
    names = [one["metadata"]["name"] for one in definitions]
    async with Kube(access) as kube:
        try:
            for one in definitions:
                await kube.apply(DEFINITIONS, one, manager=MANAGER)
            await until(lambda: _taken(kube), 30)
            yield
        finally:
            for resource in (GRAPHS, REVISIONS):
                await _free(kube, resource)
            for name in (f"{RESOURCE.plural}.kro.run", *names):
                await remove(kube, DEFINITIONS, name)


async def _taken(kube: Kube) -> bool:
    try:
        await kube.apply(GRAPHS, graph(), manager=MANAGER)
    except errors.NotFound:
        return False
    return True


async def _served(room: Room) -> bool:
    try:
        found = (await room.kube.get(GRAPHS, None, GRAPH)).get("status", {})
        await room.kube.first(RESOURCE, None)
    except errors.NotFound:
        return False
    return bool(found.get("state") == "Active")


async def _free(kube: Kube, resource: Resource) -> None:
    """Delete what a program that runs no longer holds by finalizers."""
    try:
        async for page in kube.pages(resource, None, ""):
            for item in page["items"]:
                await kube.merge(resource, "", item["metadata"]["name"], {"metadata": {"finalizers": None}})
                await remove(kube, resource, item["metadata"]["name"])
    except errors.NotFound:
        return
