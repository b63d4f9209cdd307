"""Where everything goes that a container sends by HTTP: a server of the rehearsal's own, which counts what it gets."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ORIGIN = re.compile(r"\bhttps?://(?!127\.0\.0\.1\b|localhost\b)([A-Za-z0-9.-]+)(?::\d+)?", re.IGNORECASE)
_MOST_BYTES = 65_536


class Sink:
    """The server. Every address of a container's that leads elsewhere leads to it, whether it listens or not."""

    def __init__(self) -> None:
        """Choose a port, and listen there."""
        self.answer = "ok"
        """How it behaves; `error`: 502 for all; `silence`: it takes the request and never answers."""
        self.requests: list[str] = []
        """The paths that were asked for."""
        self.port = 0
        self._server: _Server | None = None
        self.open()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    def redirect(self, text: str) -> str:
        """Let every address of the web in a text lead here; the host that was meant stays readable in the path."""
        return _ORIGIN.sub(lambda match: f"{self.url}/{match[1]}", text)

    def open(self) -> None:
        """Listen, on the same port as before."""
        if self._server is None:
            self._server = _Server(self)
            self.port = int(self._server.server_address[1])
            threading.Thread(target=self._server.serve_forever, name="sink", daemon=True, args=(0.02,)).start()

    def close(self) -> None:
        """Stop: from now on connections are refused."""
        server, self._server = self._server, None
        if server:
            server.closed.set()
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.closed = threading.Event()
        super().__init__(("127.0.0.1", sink.port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _answer(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), _MOST_BYTES)
        self.rfile.read(length)
        sink = self.server.sink
        sink.requests.append(self.path)
        if sink.answer == "silence":
            self.server.closed.wait()
            return
        self.send_response(HTTPStatus.OK if sink.answer == "ok" else HTTPStatus.BAD_GATEWAY)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815 - the names that are looked for

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
