"""A receiver of webhooks and figures on loopback, which keeps what it gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Receiver(ThreadingHTTPServer):
    """A webhook on loopback that keeps what it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.released = 200, threading.Event()
        self.released.set()
        self.received: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        self.server.released.wait(30)
        try:
            self.send_response(self.server.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver, for one test."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def figures(body: bytes) -> dict[str, int]:
    """Return figures that were pushed; each has its help and its type before it."""
    text = body.decode()
    assert text.endswith("\n")
    lines = [line.split(maxsplit=3) for line in text.splitlines()]
    for about, kind, figure in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        assert about[:3] == ["#", "HELP", figure[0]]
        assert kind == ["#", "TYPE", figure[0], "gauge"]
    return {name: int(value) for name, value in lines[2::3]}
