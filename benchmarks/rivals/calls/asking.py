"""A server that is asked by HTTP: one connection that is kept, and an error for every answer that is none."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.sending import send_each

ANSWER_SECONDS: Final = 300.0
SENDERS: Final = 4
RETRIED: Final = (429, 502, 503, 504)  # as OTLP's specification has it; others are final
RETRY_SECONDS: Final = 0.2
SEND_SECONDS: Final = 1800.0  # a body is offered again and again, at most so long


class NotMeasured(Exception):
    """A server did not do what was to be measured; it is reported with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request of a server's own API."""

    path: str
    body: Mapping[str, Any] | None = None  #: JSON, and then it is a POST


class Caller:
    """A client of one server. It is not shared between threads."""

    def __init__(self, *, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)

    def ask(self, ask: Ask) -> bytes:
        """Return the body of the answer.

        Raises:
            NotMeasured: the answer is none, or not 200.
        """
        if ask.body is None:
            return self._answer("GET", ask.path, None, {})
        return self._answer("POST", ask.path, json.dumps(ask.body).encode(), {"Content-Type": "application/json"})

    def ask_json(self, ask: Ask) -> Any:
        """Return the answer, decoded."""
        return json.loads(self.ask(ask))

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send spans; a server that is full is asked again, as OpenTelemetry's exporters do."""
        deadline = time.monotonic() + SEND_SECONDS
        while True:
            try:
                self._answer("POST", path, body, {"Content-Type": "application/x-protobuf", **headers})
            except _Full:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _answer(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        try:
            status, said = self._exchanged(method, path, body, headers)
        except (OSError, http.client.HTTPException) as failure:
            self._connection.close()  # the next request opens it again
            raise NotMeasured(f"{method} {path}: expected an answer; {type(failure).__name__} {failure}") from failure
        if status != 200:
            refusal = _Full if status in RETRIED else NotMeasured
            raise refusal(f"{method} {path}: expected 200; found {status} {said[:300]!r}")
        return said

    def _exchanged(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body; a connection that the server closed while it was idle is opened again."""
        was_open = self._connection.sock is not None
        try:
            self._connection.request(method, path, body, dict(headers))
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            self._connection.close()
            if not was_open:
                raise
            self._connection.request(method, path, body, dict(headers))
            answer = self._connection.getresponse()
        return answer.status, answer.read()


class _Full(NotMeasured):
    """The server asks for patience."""


def send_all(port: int, path: str, bodies: Sequence[bytes], headers: Mapping[str, str]) -> None:
    """Send all bodies over SENDERS connections.

    Raises:
        NotMeasured: one was refused; the others may have been taken.
    """

    def connected() -> Callable[[bytes], None]:
        caller = Caller(port=port)
        return lambda body: caller.send(path, body, headers)

    send_each(bodies, connected, senders=SENDERS)
