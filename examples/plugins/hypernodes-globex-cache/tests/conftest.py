"""A stand-in for the service, on this machine."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Drawers(ThreadingHTTPServer):
    """Keeps everything in `values`, by path."""

    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.values: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """Where a drawer of it is."""
        return f"globex://127.0.0.1:{self.server_port}/drawer"


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Drawers

    def do_GET(self) -> None:
        """Answer with the value."""
        self._answer(self.server.values.get(self.path))

    def do_PUT(self) -> None:
        """Keep the value."""
        size = int(self.headers["Content-Length"])
        self.server.values[self.path] = self.rfile.read(size)
        self._answer(b"")

    def do_DELETE(self) -> None:
        """Forget a value, or all of a drawer."""
        whole = self.path.endswith("/")
        for path in list(self.server.values):
            if path.startswith(self.path) if whole else path == self.path:
                del self.server.values[path]
        self._answer(b"")

    def do_HEAD(self) -> None:
        """Answer whether there is a value."""
        self.do_GET()

    def _answer(self, data: bytes | None) -> None:
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data or b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Drawers]:
    """The service, with nothing in it."""
    with Drawers() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()
