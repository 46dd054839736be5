"""An agent served over HTTP whose answers, right or wrong, a test sets."""

import contextlib
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer byte by byte."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Asked:
    """What an agent is asked, and its way to the world's tools."""

    def __init__(self, body: dict[str, Any], headers: Mapping[str, str]) -> None:
        self.body = body
        self.headers = headers

    def call(self, tool: str, key: str | None = None, /, **args: Any) -> dict[str, Any]:
        """Return what the proxy answers to a call."""
        headers = {"Authorization": f"Bearer {self.headers['X-Titan-Run-Token']}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        url = f"{self.body['proxy_url']}/tools/{tool}"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(args).encode(), headers)) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


Behaviour = Callable[[Asked], Any]


@contextmanager
def agent_server(behaviour: Behaviour) -> Iterator[str]:
    """Give the address of an agent that behaves so; what `behaviour` returns is its answer, or a `Raw` one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = {"ok": True} if body.get("ping") else behaviour(Asked(body, dict(self.headers)))
            if not isinstance(answer, Raw):
                answer = Raw(body=json.dumps(answer).encode(), headers={"Content-Type": "application/json"})
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            with contextlib.suppress(ConnectionError):  # whoever asked is gone
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # with the usual 5, who asks with many at once is reset

    http = Server(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/agent"
    finally:
        http.shutdown()
        http.server_close()
