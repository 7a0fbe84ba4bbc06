"""`python -m mesoscale_operator`: the command line, and Kopf, which watches the documents and holds the process."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kopf

from mesoscale import crd
from mesoscale.errors import MesoscaleError
from mesoscale.manifests import installation
from mesoscale.manifests.installation import Installation
from mesoscale_operator import kube, kubeconfig, logs
from mesoscale_operator.kube import Kube
from mesoscale_operator.kubeconfig import Access, AccessMissing
from mesoscale_operator.metrics import Metrics
from mesoscale_operator.runtime import Operator, Options

BACKOFFS = (0.5, 1, 2, 5, 10, 15)  # seconds; Kopf repeats a request after these, then ever again after the last
IN_FLIGHT = 32  # requests at once, which is where an API server gives most
APART = 2  # requests at once that must not queue behind those: the election's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator until a signal; 0 after one, 1 when leadership was lost, 2 when it could not begin."""
    options = _arguments(arguments)
    logs.configure()
    try:
        access = kubeconfig.find(os.environ)
        decided = _installation(options.installation)
    except (AccessMissing, MesoscaleError, OSError, ValueError) as problem:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201  # one sentence for whoever started it, not a log line
        return 2
    given = Options(
        tuple(options.namespace), options.listen, options.lease_namespace, options.identity, options.workers
    )
    return asyncio.run(_run(access, given, decided))


async def _run(access: Access, options: Options, decided: Installation) -> int:
    metrics = Metrics()
    async with Kube(access, IN_FLIGHT, metrics.counted) as client, Kube(access, APART, metrics.counted) as apart:

        async def watch(operator: Operator, stop: asyncio.Event) -> None:
            async with kube.session(access) as session:
                await kopf.operator(
                    registry=_registry(operator, access, session),
                    settings=_settings(),
                    standalone=True,
                    clusterwide=not options.namespaces,
                    namespaces=options.namespaces,
                    stop_flag=stop,
                )

        return await Operator(client, apart, metrics, options, decided).run(watch)


def _registry(operator: Operator, access: Access, session: Any) -> kopf.OperatorRegistry:
    """Kopf's handlers: it logs in with our session and tells us each event; it keeps no state of its own."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> Any:
        return kopf.AiohttpSession(server=access.server, aiohttp_session=session)

    @kopf.on.event(crd.GROUP, crd.VERSION, crd.PLURAL, registry=registry)
    async def event(event: Any, **_: Any) -> None:
        if event["type"] == "DELETED":
            operator.document_gone(event["object"])
        else:
            operator.document_changed(event["object"])

    return registry


class _Endless:
    """Backoffs that never run out: a watch of documents outlives any outage of the API server."""

    def __iter__(self) -> Iterator[float]:
        yield from BACKOFFS
        while True:
            yield BACKOFFS[-1]


class _NoDifferences(kopf.DiffBaseStorage):
    """Kopf compares each version of a document with the one before, at the price of a deep copy; nobody asks for it."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        return


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDifferences()
    settings.watching.inactivity_timeout = kube.INACTIVITY
    settings.watching.connect_timeout = kube.TIMEOUT
    settings.watching.reconnect_backoff = 0.5
    settings.watching.chunk_size = kube.PAGE
    settings.networking.error_backoffs = _Endless()
    settings.networking.request_timeout = kube.TIMEOUT
    settings.posting.enabled = False  # our own Events say what matters, once
    settings.scanning.disabled = True  # no right to look at all definitions and namespaces is needed
    return settings


def _installation(path: Path | None) -> Installation:
    """What the chart wrote down for this installation; without a file, its defaults."""
    return installation.parse(path.read_text(), str(path)) if path else Installation()


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mesoscale_operator", description="The cluster driver of Mesoscale."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--namespace", action="append", default=[], help="serve this namespace; may be given again")
    where.add_argument("--all-namespaces", action="store_true", help="serve all namespaces")
    parser.add_argument("--installation", type=Path, help="what this installation decides for all pipelines")
    parser.add_argument("--listen", default="127.0.0.1:8081", help="HOST:PORT of probes and metrics")
    parser.add_argument("--lease-namespace", default="mesoscale-system", help="where the Lease of the election lies")
    parser.add_argument(
        "--identity", default=f"{socket.gethostname()}-{os.getpid()}", help="this process in the election"
    )
    parser.add_argument("--workers", type=int, default=8, help="documents to work on at once")
    return parser.parse_args(arguments)
