"""Agents behind addresses that answer otherwise than `tests.support.agent_server` does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tests.support.raw_http import ask_json


@contextmanager
def dripping_agent() -> Iterator[str]:
    """Give an agent whose answer never ends: a byte now and then."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            try:
                while not stop.wait(0.1):
                    self.wfile.write(b" ")
                    self.wfile.flush()
            except OSError:
                pass  # Titan has gone

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        stop.set()
        server.shutdown()
        server.server_close()


@contextmanager
def strict_agent() -> Iterator[str]:
    """Give an agent that looks at its header before it answers anything, and probes the proxy when it is asked to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            is_known = self.headers.get("Authorization") == "Bearer right"
            answer: dict[str, Any] = {"ok": is_known}
            if is_known and body.get("connectivity_check"):
                at = body["proxy_url"].split("/api/", 1)
                probe = ask_json(
                    int(at[0].rpartition(":")[2]),
                    "POST",
                    f"/api/{at[1]}/tools/__reachability_probe__",
                    {},
                    {"Authorization": "Bearer bogus"},
                )
                is_there = probe.status in (200, 401, 403)
                answer["outbound"] = {"reachable": is_there, "status_code": probe.status}
            content = msgspec.json.encode(answer)
            self.send_response(200 if is_known else 401)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
