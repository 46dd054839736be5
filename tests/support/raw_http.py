"""A raw HTTP client, for requests and answers that an ordinary client would reject or repair."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

ANSWER_WITHIN_SECONDS = 120.0  # a server that is silent for longer hangs: 10,000 jobs take it 3 s on a quiet machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """The status and the error's type."""
        return self.status, self.value["error"]["type"]

    @property
    def message(self) -> str:
        """The error's whole message."""
        text: str = self.value["error"]["message"]
        return text


def request(method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request's bytes; `headers` replace or add to Host, Content-Length and Connection: close.

    An empty header value leaves that header out.
    """
    fields = {"Host": "127.0.0.1", "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


@contextmanager
def said(port: int, message: bytes) -> Iterator[socket.socket]:
    """Connect, send `message`, and leave the connection open for a `with` block."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_WITHIN_SECONDS) as connection:
        connection.sendall(message)
        yield connection


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer to its end."""
    response = HTTPResponse(connection)
    try:
        response.begin()
        return Answer(status=response.status, headers=dict(response.headers), body=response.read())
    finally:
        response.close()


def ask(port: int, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request on a connection of its own and read the answer."""
    with said(port, request(method, target, body, headers)) as connection:
        return read_answer(connection)


def ask_json(
    port: int, method: str, target: str, value: object = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send `value` as JSON (None: no body) and read the answer."""
    body = b"" if value is None else json.dumps(value).encode()
    return ask(port, method, target, body, headers)


def given(port: int, target: str) -> Any:
    """Return the JSON that a GET is answered with, which is fine."""
    answer = ask(port, "GET", target)
    assert answer.status == 200, answer.body
    return answer.value


def a_key() -> dict[str, str]:
    """Return a fresh Idempotency-Key header."""
    return {"Idempotency-Key": os.urandom(8).hex()}
