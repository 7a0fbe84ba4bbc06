"""The ceiling, as a program: the same manifests by server-side apply from a bare asyncio client, and nothing else.

    python -m loadtest.bench.operator.ceiling NAMESPACE FIRST DOCUMENTS    → one JSON object: seconds, CPU, objects

Bodies are made before its clock starts, answers are read and thrown away. The API server is that of $KUBECONFIG.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator

import aiohttp
from yarl import URL

from loadtest.bench.measure import collect_as_our_programs_do, now
from loadtest.bench.operator.documents import requests
from loadtest.bench.operator.room import IN_FLIGHT
from mesoscale_operator import kubeconfig
from mesoscale_operator.kubeconfig import Access

QUERY = "?fieldManager=mesoscale&force=true"
HEADERS = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}


async def apply(access: Access, session: aiohttp.ClientSession, bodies: Iterator[tuple[str, bytes]]) -> None:
    """Take the next one until there is none."""
    for path, body in bodies:
        url = URL(access.server + path + QUERY, encoded=True)
        async with session.patch(url, data=body) as answer:
            text = await answer.read()
            assert answer.status < 300, text


async def main(namespace: str, first: int, documents: int) -> None:
    access = kubeconfig.find(os.environ)
    bodies = list(requests(namespace, range(first, first + documents)))
    collect_as_our_programs_do()
    token = access.token()
    headers = HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT, ssl=access.tls or False)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began, left = now(), iter(bodies)
        await asyncio.gather(*(apply(access, session, left) for _ in range(IN_FLIGHT)))
        spent = now() - began
    print(json.dumps({"seconds": spent.wall, "cpu": spent.cpu, "objects": len(bodies)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
