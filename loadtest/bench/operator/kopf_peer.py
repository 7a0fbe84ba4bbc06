"""The minimal Kopf operator of loadtest/peers/kopf_minimal, with its packages apart from ours."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from cluster import commands, store
from loadtest.bench.operator.peers import PEERS, Peer, plain
from loadtest.bench.operator.programs import Program
from loadtest.bench.operator.room import DEFINITIONS, Room, define, remove
from mesoscale_operator.kube import Kube, Resource
from mesoscale_operator.kubeconfig import Access

HERE = PEERS / "kopf_minimal"
RESOURCE = Resource("bench.mesoscale.dev/v1", "minimals")


@asynccontextmanager
async def provided(access: Access) -> AsyncIterator[Peer]:
    """It is there meanwhile, and the definition of its documents."""
    packages = store.provide(_packages())
    definition = yaml.safe_load((HERE / "crd.yaml").read_text())
    try:
        await define(definition, RESOURCE)
        yield _peer(packages)
    finally:
        async with Kube(access) as kube:
            await remove(kube, DEFINITIONS, definition["metadata"]["name"])


def _peer(packages: Path) -> Peer:
    return Peer(
        name="minimal Kopf operator",
        resource=RESOURCE,
        body=plain(RESOURCE, "Minimal"),
        children=25,
        done=lambda body: bool(body.get("status", {}).get("create")),
        start=lambda room, folder: _start(room, folder, packages),
    )


def _packages() -> store.Thing:
    lock = HERE / "requirements.txt"

    def fill(folder: Path) -> None:
        words = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes"]
        commands.run([*words, "--python", sys.executable, "--target", folder, "--requirement", lock])

    return store.Thing("kopf-minimal", (lock.read_text(), sys.version), fill)


def _start(room: Room, folder: Path, packages: Path) -> Program:
    words = [sys.executable, "-S", "-B", "-m", "kopf", "run", "--standalone", "--namespace", room.namespace]
    environment = {"PYTHONPATH": str(packages), "KUBECONFIG": str(room.kubeconfig)}
    return Program([*words, str(HERE / "operator.py")], environment, folder / "kopf.log")
