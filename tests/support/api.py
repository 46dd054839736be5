"""Titan's HTTP interface as bytes and status codes, for tests of what a client may send by mistake."""

import base64
import hashlib
import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]  #: names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The named error of a refusal, after a look at its form."""
        error = self.json["error"]
        assert set(error) == {"type", "message", "subject", "expected", "found", "next_step"}, error
        assert error["message"].startswith(f"{error['subject']}: expected {error['expected']}"), error
        return str(error["type"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One event of the stream."""

    kind: str
    cursor: str
    data: Any


class Api:
    """One server on this machine. Every request has a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **headers: str) -> Answer:
        """GET `path`."""
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """POST `body` as JSON."""
        return self.ask("POST", path, json.dumps(body).encode(), headers=headers)

    def put(self, path: str, body: object = None, **headers: str) -> Answer:
        """PUT `body` as JSON."""
        return self.ask("PUT", path, json.dumps(body).encode(), headers=headers)

    def newest_cursor(self) -> str:
        """Return the cursor of the newest event: what the server answers to one from the far future."""
        with self.events("after=999999999999999") as stream:
            return next(stream).cursor

    @contextmanager
    def events(self, query: str = "", **headers: str) -> Iterator[Iterator["ServerEvent"]]:
        """Open the stream of live events."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", f"/api/events?{query}", headers=headers)
            yield _events(connection.getresponse())
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, *, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send a request; an iterable body is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=named, body=response.read())
        finally:
            connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[ServerEvent]:
    """Yield the events as they arrive; comments only keep the connection open."""
    fields: dict[str, str] = {}
    while line := response.readline().decode():
        if line == "\n" and fields:
            yield ServerEvent(kind=fields["event"], cursor=fields["id"], data=json.loads(fields["data"]))
            fields = {}
        elif not line.startswith((":", "\n")):
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value


def a_submission(name: str, jobs: Sequence[Mapping[str, object]], script: str, **more: object) -> dict[str, object]:
    """Return the body of POST /api/dags: every one of `jobs` runs the Python `script`."""
    content = script.encode()
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "jobs": [{"filename": "job.py", "script": digest, **job} for job in jobs],
        "scripts": {digest: base64.b64encode(content).decode()},
        **more,
    }
