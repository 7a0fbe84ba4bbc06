"""A receiver of webhooks on the loopback address, which answers as a test wants it to."""

import base64
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

KEY = b"a key of thirty-two bytes, no less"[:32]
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass(frozen=True)
class Request:
    """One call as it came."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def signed(self) -> bool:
        """Whether the signature is that of KEY, checked as a receiver does."""
        told = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = b"v1," + base64.b64encode(hmac.digest(KEY, told, "sha256"))
        return hmac.compare_digest(wanted, self.headers["webhook-signature"].encode())


@dataclass(frozen=True)
class Reply:
    """`status` 0 hangs up without an answer; `after` is seconds before it, `drip` those between two of its bytes."""

    status: int
    body: bytes = b""
    after: float = 0
    drip: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    """Takes every connection at once: one that it let wait would be a call that ends before it is seen."""

    request_queue_size = 128


class Receiver:
    """Notes every request before it answers; `answer` may be changed at any time."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        self.answer: Callable[[Request], Reply] = lambda _: Reply(200)
        self.requests: list[Request] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            shown.load_cert_chain(certificate, key)
            self._server.socket = shown.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}/hook"

    def hang_up(self) -> None:
        """Close every connection."""
        with self._lock:
            for one in self._open:
                one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with receiver._lock:
                    receiver.connections += 1
                    receiver._open.add(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(body, {name.lower(): text for name, text in self.headers.items()})
                with receiver._lock:
                    receiver.requests.append(request)
                    receiver._at_once += 1
                    receiver.most_at_once = max(receiver.most_at_once, receiver._at_once)
                reply = receiver.answer(request)
                time.sleep(reply.after)
                with receiver._lock:
                    receiver._at_once -= 1
                self._reply(reply)

            def _reply(self, reply: Reply) -> None:
                if not reply.status:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                try:
                    self.send_response(reply.status)
                    for name, text in reply.headers.items():
                        self.send_header(name, text)
                    body = reply.body or (b"x" * 1000 if reply.drip else b"")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    for piece in [body] if not reply.drip else [body[at : at + 1] for at in range(len(body))]:
                        self.wfile.write(piece)
                        time.sleep(reply.drip)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """The test says what it expects."""

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
