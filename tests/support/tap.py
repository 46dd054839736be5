"""A proxy that records the HTTP requests and answers between a client and a server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import httptools

from tests.support.captured import CapturedRequest, Exchange
from tests.support.proxy import Ear, Proxy, a_proxy


class Tap:
    """Hears every HTTP exchange between clients and a server."""

    def __init__(self) -> None:
        self._heard: list[_Conversed] = []
        self._lock: Final = threading.Lock()

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What was asked and answered, in the order in which the requests were complete.

        Fails where one has no answer: who asked has ended before it came.
        """
        with self._lock:
            assert all(one.status is not None for one in self._heard), "a request was not answered"
            return [Exchange(request=one.request, status=one.status or 0, answer=one.answer) for one in self._heard]

    def listen(self) -> tuple[Ear, Ear]:
        """Return the ears of a new connection: of what the client says, and of what the server says."""
        connection = _Connection(self._heard, self._lock)
        return _Requests(connection).hear, _Answers(connection).hear


@contextmanager
def a_tap(port: int) -> Iterator[tuple[Tap, Proxy]]:
    """Give a tap, and the wire on which the server at a port is heard, for a `with` block."""
    tap = Tap()
    with a_proxy(port, listening=tap.listen) as wire:
        yield tap, wire


class _Conversed:
    """A request, and its answer once it is there."""

    def __init__(self, request: CapturedRequest) -> None:
        self.request: Final = request
        self.status: int | None = None
        self.answer = b""


class _Connection:
    """Which requests of one connection wait for their answers."""

    def __init__(self, heard: list[_Conversed], lock: threading.Lock) -> None:
        self._heard, self._lock = heard, lock
        self._waiting: deque[_Conversed] = deque()

    def ask(self, request: CapturedRequest) -> None:
        with self._lock:
            self._heard.append(_Conversed(request))
            self._waiting.append(self._heard[-1])

    def answer(self, status: int, body: bytes) -> None:
        with self._lock:
            one = self._waiting.popleft()
            one.status, one.answer = status, body


class _Requests:
    """Reads what a client says."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._parser = httptools.HttpRequestParser(self)

    def hear(self, content: bytes) -> None:
        self._parser.feed_data(content)

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body = b"", dict[str, str](), b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method, path = self._parser.get_method().decode(), self._path.decode()
        self._connection.ask(CapturedRequest(method=method, path=path, headers=self._headers, body=self._body))


class _Answers:
    """Reads what a server says."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)

    def hear(self, content: bytes) -> None:
        self._parser.feed_data(content)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._connection.answer(self._parser.get_status_code(), self._body)
