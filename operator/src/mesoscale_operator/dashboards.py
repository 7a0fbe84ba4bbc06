"""What a pipeline's own dashboard says of its ledger: asked by HTTP now and then, and never relied on."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from mesoscale.model.status import LedgerTotals
from mesoscale_operator import errors
from mesoscale_operator.documents import Key
from mesoscale_operator.kube import Kube, Resource

EVERY = 15.0  # seconds between two questions to one dashboard
PATIENCE = 2.0  # seconds to wait for an answer
SERVICES = Resource("v1", "services")


@dataclass(frozen=True, slots=True)
class Totals:
    """The ledger, summed."""

    ledger: LedgerTotals
    rows_per_second: float  # accepted by all sinks
    drained: bool  # every record that was produced has been consumed


@dataclass(slots=True)
class _Answer:
    at: float  # the loop's time
    address: str
    totals: Totals | None


class Dashboards:
    """Asks dashboards and remembers the last answer of each."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._answers: dict[Key, _Answer] = {}

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def totals(self, key: Key, service: str, at_most: float = EVERY) -> Totals | None:
        """The totals, not older than `at_most` seconds; nothing if the dashboard does not answer."""
        known = self._answers.get(key)
        now = asyncio.get_running_loop().time()
        if known is not None and now - known.at < at_most:
            return known.totals
        address, totals = known.address if known else "", None
        try:
            address = address or await self._address(key, service)
            totals = await self._ask(address)
        except (errors.ApiError, aiohttp.ClientError, TimeoutError, ValueError, LookupError):
            # Its address may have changed with the Service; look it up again next time.
            address = ""
        self._answers[key] = _Answer(now, address, totals)
        return totals

    def forget(self, key: Key) -> None:
        """The document is gone."""
        self._answers.pop(key, None)

    async def _address(self, key: Key, service: str) -> str:
        """By number, not by name: that works in the cluster and on its nodes alike."""
        spec = (await self._kube.get(SERVICES, key.namespace, service))["spec"]
        host = f"[{spec['clusterIP']}]" if ":" in spec["clusterIP"] else spec["clusterIP"]
        return f"http://{host}:{spec['ports'][0]['port']}/api/state"

    async def _ask(self, address: str) -> Totals | None:
        async with self._session.get(address) as answer:
            state = orjson.loads(await answer.read())
        return read(state) if state.get("ledger") else None


def read(state: dict[str, Any]) -> Totals:
    """The totals in a dashboard's `/api/state`.

    Raises:
        LookupError: it is no such state.
    """
    ledger = state["ledger"]
    counts = {
        count: sum(node[count] for node in ledger["nodes"].values())
        for count in ("read", "accepted", "rejected", "late", "produced")
    }
    lag = sum(edge["lag"] for edge in ledger["edges"])
    sinks = [node["name"] for node in state["graph"]["nodes"] if node["kind"] == "sink"]
    rates = [state["rates"][sink] for sink in sinks if sink in state["rates"]]
    return Totals(
        ledger=LedgerTotals(**counts, lag=lag, closed=ledger["closed"]),
        rows_per_second=sum(rate["read_per_s"] - rate["rejected_per_s"] for rate in rates),
        drained=ledger["drained"],
    )
