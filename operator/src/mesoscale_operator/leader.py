"""Leadership by a Lease: one of several operators works, the others keep their caches warm and wait.

The rules are those of client-go's leader election (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection): a lease
is taken when its holder let it go, or did not renew it for as long as it said; how long that is, is measured on the
observer's own clock, so clocks need not agree.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mesoscale_operator import errors
from mesoscale_operator.kube import Kube, Object, Resource

logger = logging.getLogger(__name__)

RESOURCE = Resource("coordination.k8s.io/v1", "leases")
NAME = "mesoscale-operator"
DURATION = 12.0  # seconds without renewal after which others may take the lease
GIVE_UP = 8.0  # seconds without a renewal of one's own after which one stops leading: before others may begin
PERIOD = 2.0  # seconds between two looks or renewals


@dataclass(slots=True)
class Observed:
    """The lease as it was last seen, and when it last changed, by this process's clock."""

    record: tuple[Any, ...] = ("",)  # its holder, and what changes when it is renewed
    since: float = 0.0


def may_take(lease: Object, identity: str, observed: Observed, now: float) -> bool:
    """Whether the lease is one's own, let go, or overdue."""
    spec = lease.get("spec", {})
    holder = spec.get("holderIdentity") or ""
    if holder in ("", identity):
        return True
    record = (holder, spec.get("renewTime"), spec.get("leaseTransitions"))
    if record != observed.record:
        observed.record, observed.since = record, now
        return False
    return now - observed.since > float(spec.get("leaseDurationSeconds", DURATION))


def taken(lease: Object, identity: str, at: datetime) -> Object:
    """The lease as it is once `identity` holds it, or holds it longer."""
    spec = lease.get("spec", {})
    same = spec.get("holderIdentity") == identity
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    held = {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(DURATION),
        "acquireTime": spec.get("acquireTime", stamp) if same else stamp,
        "renewTime": stamp,
        "leaseTransitions": spec.get("leaseTransitions", 0) + (0 if same else 1),
    }
    return lease | {"spec": spec | held}


class Leader:
    """Takes part in the election until cancelled; `leads` is set while this process may write."""

    def __init__(self, kube: Kube, namespace: str, identity: str, now: Callable[[], datetime] | None = None) -> None:
        self._kube = kube
        self._namespace = namespace
        self._identity = identity
        self._now = now or (lambda: datetime.now(UTC))
        self._observed = Observed()
        self.leads = asyncio.Event()

    async def run(self) -> None:
        """Stand for election, then lead until leadership is lost.

        Returns when it is lost: the process must end then, for its work may be another's already.
        """
        loop = asyncio.get_running_loop()
        while not await self._try(loop.time() + GIVE_UP):
            await asyncio.sleep(PERIOD)
        logger.info("%s leads", self._identity)
        self.leads.set()
        ends = loop.time() + GIVE_UP
        while loop.time() < ends and self._observed.record[0] == self._identity:
            await asyncio.sleep(min(PERIOD, ends - loop.time()))
            began = loop.time()
            if await self._try(ends):
                ends = began + GIVE_UP
        self.leads.clear()
        logger.error("%s lost the lease", self._identity)

    async def let_go(self) -> None:
        """Give the lease up, so that the next leader need not wait."""
        if not self.leads.is_set():
            return
        self.leads.clear()
        try:
            lease = await self._get()
            if lease.get("spec", {}).get("holderIdentity") == self._identity:
                await self._kube.update(RESOURCE, lease | {"spec": lease["spec"] | {"holderIdentity": ""}})
        except errors.ApiError as problem:
            logger.info("the lease was not let go: %s", problem)

    async def _try(self, until: float) -> bool:
        """One attempt to take or renew the lease; the resource version guards against somebody quicker."""
        try:
            async with asyncio.timeout_at(until):
                lease = await self._get()
                if not may_take(lease, self._identity, self._observed, asyncio.get_running_loop().time()):
                    return False
                write = self._kube.update if "resourceVersion" in lease["metadata"] else self._kube.create
                await write(RESOURCE, taken(lease, self._identity, self._now()))
                self._observed.record = (self._identity,)
                return True
        except (errors.ApiError, TimeoutError) as problem:
            logger.debug("lease: %r", problem)
            return False

    async def _get(self) -> Object:
        try:
            return await self._kube.get(RESOURCE, self._namespace, NAME)
        except errors.NotFound:
            metadata = {"name": NAME, "namespace": self._namespace}
            return {"apiVersion": RESOURCE.group_version, "kind": "Lease", "metadata": metadata}
