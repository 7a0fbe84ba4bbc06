"""The small HTTP server of every program: /metrics, /healthz (the loop turns) and /readyz (it has its partitions)."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

STALLED_AFTER = 60.0  # seconds without a turn of the loop, after which it is told to be unwell


class Health:
    """What the loop says of itself."""

    def __init__(self) -> None:
        self.ready = False
        self._last_turn = time.monotonic()

    def turned(self) -> None:
        self._last_turn = time.monotonic()

    def rest(self, stop: threading.Event) -> None:
        """All is done and well: be alive and ready until told to stop."""
        self.ready = True
        while not stop.wait(STALLED_AFTER / 10):
            self.turned()

    @property
    def alive(self) -> bool:
        return time.monotonic() - self._last_turn < STALLED_AFTER


def serve(health: Health, listen: str) -> str:
    """Serve in the background on `host:port` (port 0: any free one).

    Returns:
        The address of the metrics.
    """
    host, port = listen.rsplit(":", 1)
    server = ThreadingHTTPServer((host, int(port)), _handler(health))
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return f"http://{host}:{server.server_port}/metrics"


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path in ("/healthz", "/readyz"):
                good = health.alive and (self.path == "/healthz" or health.ready)
                self._answer(200 if good else 503, b"ok\n" if good else b"not yet\n", "text/plain")
            else:
                self._answer(404, b"not here: /metrics, /healthz, /readyz\n", "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes are too frequent to be worth a line each."""

    return Handler
