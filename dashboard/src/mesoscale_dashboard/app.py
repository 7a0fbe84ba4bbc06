"""The web application: page, state, events and probes. It only reads, and answers only GET."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mesoscale.bindings import Kafka
from mesoscale.graph.types import Graph
from mesoscale_dashboard import panels
from mesoscale_dashboard.feed import Feed, Tail
from mesoscale_dashboard.hub import Hub
from mesoscale_dashboard.metrics import Metrics
from mesoscale_dashboard.panels import Panel
from mesoscale_dashboard.processes import Processes
from mesoscale_dashboard.state import graph_as_dict, state
from mesoscale_dashboard.watch import Watch

STATIC = Path(__file__).parent / "static"

# Everything comes from here, nothing inline: a record that holds markup stays text.
HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-cache",
}


class Headers:
    """Puts HEADERS on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


SCORES_READ = 1000  # of a topic when the page begins: alerts are one in hundreds


def followed(graph: Graph) -> dict[str, Panel]:
    """Edge → the panel of its records: one of its own for the first edge of each known contract."""
    chosen: dict[str, Panel] = {}
    special: dict[str, Callable[[str], Panel]] = {
        "observation": panels.Weather,
        "transaction": panels.Payments,
        "fraud-score": panels.Scores,
    }
    for edge in graph.edges:
        make = special.pop(edge.contract.name, None)
        columns = [column.name for column in edge.contract.columns]
        chosen[edge.producer] = make(edge.producer) if make else panels.Latest(edge.producer, columns)
    return chosen


def tails(graph: Graph) -> list[Tail]:
    """How far back each topic is read at first: enough to fill its panel from any one partition."""
    enough = {"observation": panels.OBSERVATIONS_KEPT, "transaction": panels.PAYMENTS_KEPT, "fraud-score": SCORES_READ}
    return [Tail(edge.producer, edge.topic, enough.get(edge.contract.name, panels.LATEST_KEPT)) for edge in graph.edges]


def create(graph: Graph, watch: Watch, kafka: Kafka | None, announce_dir: Path | None = None) -> Starlette:
    """The application of one pipeline; records need brokers, processes need announcements."""
    drawn = graph_as_dict(graph)
    feed = Feed(kafka, tails(graph)) if kafka else None

    async def look() -> dict[str, Any]:
        seen = await watch.look()
        answer = state(graph, drawn, seen)
        if feed is not None and feed.away and not answer["away"]:
            answer["away"] = [feed.away]
        return answer

    processes = Processes(announce_dir) if announce_dir else None
    hub = Hub(look, watch.rates.history, feed, lambda: followed(graph), processes)
    metrics = Metrics(graph.pipeline.name, watch, hub, feed)

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def api_state(request: Request) -> Response:
        answer = await look()
        return _json(answer, 200 if answer["ledger"] is not None else 503)

    async def api_events(request: Request) -> Response:
        if hub.full:
            return PlainTextResponse("too many listeners\n", 503, {"retry-after": "10"})
        return StreamingResponse(hub.listen(), media_type="text/event-stream")

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def prometheus(request: Request) -> Response:
        return Response(await metrics.text(), media_type=metrics.CONTENT_TYPE)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await hub.close()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/api/state", api_state),
            Route("/api/events", api_events),
            Route("/healthz", healthz),
            # Ready as soon as it answers: the page is needed most when a broker is away.
            Route("/readyz", healthz),
            Route("/metrics", prometheus),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Headers)],
        lifespan=lifespan,
    )


def _json(value: Mapping[str, Any], status: int) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
