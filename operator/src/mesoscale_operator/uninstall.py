"""`python -m mesoscale_operator.uninstall`: what has to happen before the operator goes, within a deadline.

A document bears our finalizer, which only a running operator takes off. So, in this order:

1. With `--documents delete` every document is deleted, and the operator, still there, takes down what is theirs.
2. The operator's Deployment goes to no replicas, until its last pod is gone: one that lives would hold documents again.
3. Whatever document is left loses the finalizer, so that its end waits for nobody. Its pipeline goes on running.

Whatever fails or takes too long, the next step comes; the finalizers come off in any case.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable
from typing import NamedTuple

from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import documents, errors, finalizer, kubeconfig, logs
from mesoscale_operator.kube import Kube, Object, Resource

logger = logging.getLogger(__name__)

DEPLOYMENTS = Resource("apps/v1", "deployments")
PODS = Resource("v1", "pods")
PAUSE = 1.0  # seconds between two looks
OPERATOR_ENDS = 45.0  # seconds that its pods may take; longer than they are given before they are killed
LETTING_GO = 15.0  # seconds that taking finalizers off may take, whatever time is left


class Options(NamedTuple):
    """What the command line says."""

    namespaces: tuple[str | None, ...]  # those the operator serves; (None,) are all
    operator: tuple[str, str]  # namespace and name of its Deployment
    delete: bool
    deadline: float


def main() -> int:
    """0 when nothing of ours holds a document any more; 1 when that is not sure, 2 when no API server is known."""
    options = _arguments()
    logs.configure()
    try:
        access = kubeconfig.find(os.environ)
    except kubeconfig.AccessMissing as problem:
        logger.error("%s", problem)
        return 2
    return asyncio.run(_run(access, options))


async def _run(access: kubeconfig.Access, options: Options) -> int:
    async with Kube(access) as kube:
        if options.delete:
            await _within(options.deadline, "the documents' end", _delete_all(kube, options.namespaces))
        await _within(OPERATOR_ENDS, "the operator's end", _stop_operator(kube, *options.operator))
        free = await _within(LETTING_GO, "letting go of documents", _let_go_of_all(kube, options.namespaces))
    return 0 if free else 1


async def _within(seconds: float, what: str, step: Awaitable[None]) -> bool:
    """Whether the step ended well and in time; if not, it is told and nothing more."""
    try:
        await asyncio.wait_for(step, seconds)
    except TimeoutError:
        logger.warning("%s: not within %.0f s; going on", what, seconds)
        return False
    except errors.ApiError as problem:
        logger.warning("%s: %s; going on", what, problem)
        return False
    logger.info("%s: done", what)
    return True


async def _delete_all(kube: Kube, namespaces: tuple[str | None, ...]) -> None:
    while found := [document async for document in _all(kube, namespaces)]:
        for document in found:
            metadata = document["metadata"]
            if "deletionTimestamp" not in metadata:
                await _unless_gone(
                    kube.delete(documents.RESOURCE, metadata["namespace"], metadata["name"], metadata["uid"])
                )
        await asyncio.sleep(PAUSE)


async def _stop_operator(kube: Kube, namespace: str, name: str) -> None:
    try:
        scale = await kube.merge(DEPLOYMENTS, namespace, name, {"spec": {"replicas": 0}}, "scale")
    except errors.NotFound:
        logger.info("there is no Deployment %s/%s", namespace, name)
        return
    while await _any(kube, namespace, scale["status"]["selector"]):
        await asyncio.sleep(PAUSE)


async def _any(kube: Kube, namespace: str, selector: str) -> bool:
    return any([page["items"] async for page in kube.pages(PODS, namespace, selector)])


async def _let_go_of_all(kube: Kube, namespaces: tuple[str | None, ...]) -> None:
    async for document in _all(kube, namespaces):
        metadata = document["metadata"]
        if documents.FINALIZER in metadata.get("finalizers", []):
            identity = {name: metadata[name] for name in ("name", "namespace", "uid")}
            manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": identity}
            await _unless_gone(kube.apply(documents.RESOURCE, manifest, manager=finalizer.MANAGER))


async def _all(kube: Kube, namespaces: tuple[str | None, ...]) -> AsyncIterator[Object]:
    for namespace in namespaces:
        try:
            async for page in kube.pages(documents.RESOURCE, namespace, ""):
                for document in page["items"]:
                    yield document
        except errors.NotFound:
            logger.info("no WeatherPipelines are known here")


async def _unless_gone(request: Awaitable[Object]) -> None:
    try:
        await request
    except errors.NotFound:
        logger.debug("it is gone already")


def _arguments() -> Options:
    parser = argparse.ArgumentParser(prog="python -m mesoscale_operator.uninstall", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--namespace", action="append", default=[], help="one that the operator serves")
    where.add_argument("--all-namespaces", action="store_true", help="it serves all namespaces")
    parser.add_argument("--operator", required=True, metavar="NAMESPACE/NAME", help="its Deployment")
    parser.add_argument("--documents", choices=("keep", "delete"), default="keep")
    parser.add_argument("--deadline", type=float, default=75.0, help="seconds that the end of documents may take")
    given = parser.parse_args()
    namespace, _, name = given.operator.partition("/")
    return Options(tuple(given.namespace) or (None,), (namespace, name), given.documents == "delete", given.deadline)


if __name__ == "__main__":
    sys.exit(main())
