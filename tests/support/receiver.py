"""An address for notifications: a real HTTP server that keeps what is posted to it, and answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


class Receiver:
    """Listens on a free port of this machine."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []  #: of the next answers; after them 200
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.receiver = self  # type: ignore[attr-defined]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self._http.server_port}/hook"

    def wait_for(self, count: int) -> list[Received]:
        """Return the first `count` posts once they are there."""
        wait_until(lambda: len(self.received) >= count, f"{count} notifications")
        return self.received[:count]

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.received.append(Received(path=self.path, headers=dict(self.headers), body=body))
        self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def a_receiver() -> Iterator[Receiver]:
    """Give an address that listens for a `with` block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
