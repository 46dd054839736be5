"""A reader of GET /api/events that sees every frame as it was sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from tests.support.raw_http import request, said

COMES_WITHIN_SECONDS = 20.0  # events take milliseconds; the server's sign of life comes every 10 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One frame."""

    id: int
    kind: str
    data: dict[str, Any]


class EventStream:
    """The frames of one answer, in order."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[Event]:
        """Yield events until the server ends the stream."""
        fields: dict[str, str] = {}
        deadline = time.monotonic() + COMES_WITHIN_SECONDS
        while line := self._response.readline():
            assert time.monotonic() < deadline, "the stream is alive, but what was expected did not come"
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "id" in fields:
                yield Event(id=int(fields["id"]), kind=fields["event"], data=json.loads(fields["data"]))
                fields = {}
            else:
                fields = {}  # a comment

    def take(self, count: int) -> list[Event]:
        """Return the next `count` events."""
        events = iter(self)
        return [next(events) for _ in range(count)]

    def until(self, kind: str) -> list[Event]:
        """Return the next events, up to and with the first of this kind."""
        seen = []
        for event in self:
            seen.append(event)
            if event.kind == kind:
                return seen
        raise AssertionError(f"the stream ended before {kind} came, after {[event.kind for event in seen]}")

    def wait_until_connected(self) -> None:
        """Read the comment that a new stream without a cursor begins with."""
        assert self._response.readline() == b": connected\n"
        assert self._response.readline() == b"\n"


@contextmanager
def events(port: int, query: str = "", headers: Mapping[str, str] | None = None) -> Iterator[EventStream]:
    """Listen for a `with` block."""
    with said(port, request("GET", f"/api/events{query}", headers=headers)) as connection:
        response = HTTPResponse(connection)
        try:
            response.begin()
            assert response.status == 200, response.read()
            yield EventStream(response)
        finally:
            response.close()
