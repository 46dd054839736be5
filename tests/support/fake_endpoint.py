"""An OpenAI-compatible endpoint in miniature, for tests of the adapter that speaks to one."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back to one request."""

    status: int = 200
    body: object = None  #: JSON; a str goes out as it is
    headers: Mapping[str, str] = field(default_factory=dict)
    is_held: bool = False  #: nothing follows what is sent of the body, until the client has left


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came in."""

    path: str
    authorization: str | None
    body: dict[str, Any]


def a_completion(text: str | None = "blue", **changes: object) -> Reply:
    """Return the reply of a model that said `text`; `changes` are fields of the first choice or its message."""
    choice: dict[str, object] = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return Reply(
        body={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "painter-1",
            "choices": [choice | changes],
            "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
        }
    )


def a_stream(*deltas: Mapping[str, object], finish_reason: str | None = "stop", **changes: object) -> Reply:
    """Return the reply of a model that says these deltas; without a reason the stream breaks off behind them.

    `changes` are fields of the reply.
    """
    choices: list[list[object]] = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    usage = None
    if finish_reason is not None:
        choices += [[{"index": 0, "delta": {}, "finish_reason": finish_reason}], []]
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    shared = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "painter-1"}
    chunks = [json.dumps({**shared, "choices": choice, "usage": None if choice else usage}) for choice in choices]
    ends = [] if finish_reason is None else ["[DONE]"]
    body = "".join(f"data: {chunk}\n\n" for chunk in [*chunks, *ends])
    return replace(Reply(body=body, headers={"Content-Type": "text/event-stream"}), **changes)  # type: ignore[arg-type]


class FakeEndpoint:
    """A running fake: gives `replies` in turn, then completions."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.answers_streams_with: Reply | None = None  #: what every request for a stream gets, instead of `replies`
        self.asked: list[Asked] = []
        self.left = threading.Event()  #: the client of a held reply has gone
        self._http = _Http(self)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """What `/chat/completions` is appended to."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def stop(self) -> None:
        """Close the port."""
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def fake_endpoint() -> Iterator[FakeEndpoint]:
    """Run a fake for a `with` block."""
    fake = FakeEndpoint()
    try:
        yield fake
    finally:
        fake.stop()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, fake: FakeEndpoint) -> None:
        self.fake = fake
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        fake = self.server.fake
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fake.asked.append(Asked(path=self.path, authorization=self.headers["authorization"], body=body))
        if body.get("stream") and fake.answers_streams_with is not None:
            reply = fake.answers_streams_with
        else:
            reply = fake.replies.popleft() if fake.replies else a_completion()
        if reply.is_held:
            self._hold(reply)
            return
        content = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        self.send_response(reply.status)
        headers = {"Content-Type": "text/html" if isinstance(reply.body, str) else "application/json", **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    def _hold(self, reply: Reply) -> None:
        self.close_connection = True
        if isinstance(reply.body, str):
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body.encode())
        self.rfile.read(1)
        self.server.fake.left.set()
