"""`python -m mesoscale_operator.smoke`: whether an installation works, without leaving anything in it.

A right document is accepted and a wrong one refused by the API server itself, both as dry runs; and an operator holds
the Lease and renews it. The chart runs it as its test.
"""

import argparse
import asyncio
import os
import sys
from typing import Any

from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import errors, kubeconfig, leader
from mesoscale_operator.documents import RESOURCE
from mesoscale_operator.kube import Kube

PATIENCE = 60.0  # seconds until somebody leads, after a first installation
PAUSE = 3.0  # seconds; a leader renews more often


class Failed(Exception):
    """What does not work, in a sentence."""


def main() -> int:
    """0 when all of it works; 1 and a sentence when something does not."""
    parser = argparse.ArgumentParser(prog="python -m mesoscale_operator.smoke", description=__doc__)
    parser.add_argument("--namespace", required=True, help="one that may hold documents")
    parser.add_argument("--lease-namespace", required=True, help="where the Lease of the election lies")
    given = parser.parse_args()
    try:
        asyncio.run(_look(kubeconfig.find(os.environ), given.namespace, given.lease_namespace))
    except (Failed, errors.ApiError, kubeconfig.AccessMissing) as problem:
        _say(f"failed: {problem}")
        return 1
    return 0


async def _look(access: kubeconfig.Access, namespace: str, lease_namespace: str) -> None:
    async with Kube(access) as kube:
        await kube.apply(RESOURCE, document(namespace, "weather"), dry_run=True)
        _say("a right document is accepted")
        try:
            await kube.apply(RESOURCE, document(namespace, "whether"), dry_run=True)
        except errors.Invalid:
            _say("a wrong document is refused")
        else:
            raise Failed('a sink from "whether", which is no source, was accepted')
        _say(f"{await _leader(kube, lease_namespace)} leads")


def document(namespace: str, origin: str) -> dict[str, Any]:
    """The least useful document, its sink reading from `origin`; its only source is "weather"."""
    spec = {
        "sources": [{"name": "weather", "contract": "observation", "replay": {"dataset": "nyc-2013"}}],
        "sinks": [{"name": "observations", "from": origin, "table": {}}],
    }
    metadata = {"name": "mesoscale-smoke", "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


async def _leader(kube: Kube, namespace: str) -> str:
    """Who renews the Lease."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    seen: tuple[str, str] | None = None
    while asyncio.get_running_loop().time() < deadline:
        now = await _renewal(kube, namespace)
        if now and seen and now[0] == seen[0] and now != seen:
            return now[0]
        seen = now
        await asyncio.sleep(PAUSE)
    raise Failed(f"nobody renewed the Lease {namespace}/{leader.NAME} for {PATIENCE:.0f} s")


async def _renewal(kube: Kube, namespace: str) -> tuple[str, str] | None:
    try:
        spec = (await kube.get(leader.RESOURCE, namespace, leader.NAME)).get("spec", {})
    except errors.NotFound:
        return None
    return (spec["holderIdentity"], spec["renewTime"]) if spec.get("holderIdentity") else None


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
