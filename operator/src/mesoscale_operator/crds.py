"""`python -m mesoscale_operator.crds`: have the API server know WeatherPipelines as this release does, or print that.

The chart runs it before it installs and before it upgrades, for Helm never changes a definition that is there already.
"""

import argparse
import asyncio
import logging
import os
import sys

import yaml

from mesoscale import crd
from mesoscale_operator import errors, kubeconfig, logs
from mesoscale_operator.kube import Kube, Object, Resource

logger = logging.getLogger(__name__)

RESOURCE = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
PAUSE = 1.0  # seconds between two attempts, and between two looks


def main() -> int:
    """0 when the definition is served; 1 when it is not by the deadline, 2 when there is no API server to speak to."""
    parser = argparse.ArgumentParser(prog="python -m mesoscale_operator.crds", description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the definition and ask no API server")
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds until it is served, at most")
    arguments = parser.parse_args()
    if arguments.print:
        yaml.safe_dump(crd.custom_resource_definition(), sys.stdout, sort_keys=False, allow_unicode=True)
        return 0
    logs.configure()
    try:
        access = kubeconfig.find(os.environ)
    except kubeconfig.AccessMissing as problem:
        logger.error("%s", problem)
        return 2
    return asyncio.run(_provide(access, arguments.deadline))


async def _provide(access: kubeconfig.Access, deadline: float) -> int:
    try:
        async with asyncio.timeout(deadline), Kube(access) as kube:
            await _apply(kube)
            await _served(kube)
    except TimeoutError:
        logger.error("the definition of WeatherPipelines is not served after %.0f s", deadline)
        return 1
    except errors.ApiError as problem:
        logger.error("the definition of WeatherPipelines was refused: %s", problem)
        return 1
    logger.info("WeatherPipelines are served as %s", crd.VERSION)
    return 0


async def _apply(kube: Kube) -> None:
    while True:
        try:
            await kube.apply(RESOURCE, crd.custom_resource_definition())
            return
        except errors.ApiError as problem:
            if problem.retry is not errors.Retry.TRANSIENT:
                raise
            logger.warning("%s; again in %.0f s", problem, PAUSE)
            await asyncio.sleep(PAUSE)


async def _served(kube: Kube) -> None:
    name = crd.custom_resource_definition()["metadata"]["name"]
    while not is_established(await kube.get(RESOURCE, None, name)):
        await asyncio.sleep(PAUSE)


def is_established(definition: Object) -> bool:
    """Whether the API server serves what the definition says."""
    conditions = definition.get("status", {}).get("conditions", [])
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


if __name__ == "__main__":
    sys.exit(main())
