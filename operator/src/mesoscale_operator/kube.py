"""The API server's client: apply, get, patch, delete, list and watch. The only module that speaks to it but Kopf's own.

Objects are plain mappings, as orjson reads them. A refusal is an `errors.ApiError` of the kind that its code means.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import aiohttp
import orjson
from yarl import URL

from mesoscale.manifests.fields import MANAGER
from mesoscale_operator import errors
from mesoscale_operator.kubeconfig import Access

Object = dict[str, Any]
Propagation = Literal["Foreground", "Background", "Orphan"]

TIMEOUT = 20.0  # seconds for one answer; the API server itself gives up after 60
INACTIVITY = 70.0  # seconds without even a bookmark, which comes each minute, and a watch is taken for dead
PAGE = 200  # objects of one page of a list

_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_MERGE = "application/merge-patch+json"


class Resource(NamedTuple):
    """A kind as the API server serves it: `Resource("apps/v1", "statefulsets")`."""

    group_version: str
    plural: str

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """The path of an object, or of all objects; no namespace means all of them."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        within = f"/namespaces/{namespace}" if namespace else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{self.group_version}{within}/{self.plural}{tail}"


class WatchEvent(NamedTuple):
    """ADDED, MODIFIED, DELETED or BOOKMARK, and the object as it is then."""

    type: str
    object: Object


class Kube:
    """A client of one API server; `async with` opens and closes its connections."""

    def __init__(
        self,
        access: Access,
        in_flight: int = 32,
        counted: Callable[[str, int], None] = lambda verb, code: None,
    ) -> None:
        self._access = access
        self._in_flight = in_flight  # requests at once; watches come on top
        self._counted = counted  # told the verb and code of each answer, 0 where there was none
        self._resume_at = 0.0  # the loop's time before which the API server asked not to be asked again

    async def __aenter__(self) -> Self:
        self._requests = _session(
            self._access, self._in_flight, aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=TIMEOUT)
        )
        self._watches = _session(
            self._access, 0, aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=INACTIVITY)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requests.close()
        await self._watches.close()

    async def apply(
        self,
        resource: Resource,
        manifest: Mapping[str, Any],
        *,
        manager: str = MANAGER,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: what the manifest says becomes ours and so; what it does not say is left alone.

        A `metadata.resourceVersion` in it makes the object be created only if it does not exist, and changed only if it
        is of that version.

        Raises:
            errors.Conflict: it exists, or is of another version.
        """
        metadata = manifest["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"])
        query = f"fieldManager={manager}&force=true" + ("&dryRun=All" if dry_run else "")
        return await self._send("apply", "PATCH", f"{path}?{query}", orjson.dumps(manifest), _APPLY)

    async def merge(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
        manager: str = MANAGER,
    ) -> Object:
        """A JSON merge patch: null takes a field away; a `metadata.uid` in it that is another's is a Conflict."""
        path = resource.path(namespace, name, subresource)
        return await self._send("patch", "PATCH", f"{path}?fieldManager={manager}", orjson.dumps(patch), _MERGE)

    async def create(self, resource: Resource, manifest: Mapping[str, Any]) -> Object:
        """Create an object that must not exist."""
        path = resource.path(manifest["metadata"]["namespace"])
        return await self._send("create", "POST", f"{path}?fieldManager={MANAGER}", orjson.dumps(manifest))

    async def update(self, resource: Resource, manifest: Mapping[str, Any]) -> Object:
        """Replace an object that is still of the version that the manifest names."""
        path = resource.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        return await self._send("update", "PUT", f"{path}?fieldManager={MANAGER}", orjson.dumps(manifest))

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """One object."""
        return await self._send("get", "GET", resource.path(namespace, name))

    async def delete(
        self, resource: Resource, namespace: str | None, name: str, uid: str, propagation: Propagation = "Background"
    ) -> Object:
        """Ask for the end of exactly the object that has this uid: the answer is a Status, or what is left of it."""
        options = {"preconditions": {"uid": uid}, "propagationPolicy": propagation}
        return await self._send("delete", "DELETE", resource.path(namespace, name), orjson.dumps(options))

    async def first(self, resource: Resource, namespace: str | None) -> Object:
        """The first object of a list, if there is any: whether the kind is there and may be listed."""
        return await self._send("list", "GET", f"{resource.path(namespace)}?limit=1")

    async def pages(self, resource: Resource, namespace: str | None, selector: str) -> AsyncIterator[Object]:
        """A list, page by page: each has `items` and, in `metadata.resourceVersion`, the version that all are of."""
        path, rest = resource.path(namespace), ""
        while True:
            page = await self._send("list", "GET", f"{path}?labelSelector={selector}&limit={PAGE}{rest}")
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            rest = f"&continue={token}"

    async def watch(
        self, resource: Resource, namespace: str | None, selector: str, since: str, name: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """Everything that happens after version `since`, until the API server ends the stream or it falls silent.

        Raises:
            errors.Gone: `since` is too old; list anew.
        """
        query = f"watch=1&allowWatchBookmarks=true&resourceVersion={since}"
        query += f"&labelSelector={selector}" if selector else ""
        query += f"&fieldSelector=metadata.name={name}" if name else ""
        url = self._url(f"{resource.path(namespace)}?{query}")
        try:
            async with self._watches.get(url, headers=self._headers()) as answer:
                self._counted("watch", answer.status)
                if answer.status != 200:
                    raise await _refusal(answer)
                async for line in _lines(answer.content):
                    yield _event(line)
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise errors.Unavailable(f"watch of {resource.plural}: {problem!r}") from problem

    async def _send(self, verb: str, method: str, path: str, body: bytes | None = None, content: str = "") -> Object:
        loop = asyncio.get_running_loop()
        if (pause := self._resume_at - loop.time()) > 0:
            await asyncio.sleep(pause)
        headers = self._headers()
        if body is not None:
            headers["Content-Type"] = content or "application/json"
        try:
            async with self._requests.request(method, self._url(path), data=body, headers=headers) as answer:
                self._counted(verb, answer.status)
                if answer.status >= 400:
                    raise await _refusal(answer)
                decoded: Object = orjson.loads(await answer.read())
                return decoded
        except errors.TooMany as slow:
            # All requests wait, not this one alone: the API server is asking the client, not the object.
            self._resume_at = max(self._resume_at, loop.time() + slow.retry_after)
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as problem:
            self._counted(verb, 0)
            raise errors.Unavailable(f"{verb} {path.partition('?')[0]}: {problem!r}") from problem

    def _url(self, path: str) -> URL:
        return URL(self._access.server + path, encoded=True)

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "User-Agent": "mesoscale-operator", **_credentials(self._access)}


def session(access: Access) -> aiohttp.ClientSession:
    """Connections to the API server for others than `Kube`, all of them with our identity."""

    async def sign(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        request.headers.update(_credentials(access))
        return await send(request)

    return _session(access, 0, aiohttp.ClientTimeout(), sign)


def _session(
    access: Access, limit: int, timeout: aiohttp.ClientTimeout, *middlewares: aiohttp.ClientMiddlewareType
) -> aiohttp.ClientSession:
    """At most `limit` requests at once; 0 is no limit."""
    connector = aiohttp.TCPConnector(limit=limit, ssl=access.tls or False, keepalive_timeout=60)
    jar = aiohttp.DummyCookieJar()
    return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar, middlewares=middlewares)


def _credentials(access: Access) -> dict[str, str]:
    token = access.token()
    return {} if token is None else {"Authorization": f"Bearer {token}"}


async def _refusal(answer: aiohttp.ClientResponse) -> errors.ApiError:
    """What stands between may answer in its own words, so the body need not be a Status."""
    try:
        status = orjson.loads(await answer.read())
    except orjson.JSONDecodeError:
        status = {}
    return errors.from_answer(
        answer.status, status if isinstance(status, dict) else {}, answer.headers.get("Retry-After")
    )


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; aiohttp's own reader refuses those over 128 KiB."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _event(line: bytes) -> WatchEvent:
    event = orjson.loads(line)
    if event["type"] == "ERROR":
        status = event["object"]
        raise errors.from_answer(status.get("code", 500), status, None)
    return WatchEvent(event["type"], event["object"])
