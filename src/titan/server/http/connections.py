"""Connections: a bound on their number, and uvicorn's protocols with limits of size and time."""

import asyncio
import logging
import resource
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Response
from websockets.server import ServerProtocol

from titan.model.errors import HeadersTooLarge, InvalidInput, RequestTimeout, TitanError
from titan.server.http.responses import JSON, problem_of, status_code_of
from titan.wire.base import ProblemAnswer

# --- rate-limited log lines ---


class LimitedLog:
    """Logs at most one warning per `every_seconds`, with the number of those left out."""

    def __init__(
        self, logger: logging.Logger, *, every_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._every_seconds = every_seconds
        self._clock = clock
        self._last: float | None = None
        self._left_out = 0

    def note(self, line: str) -> None:
        """Log `line`, or only count it."""
        now = self._clock()
        if self._last is not None and now - self._last < self._every_seconds:
            self._left_out += 1
            return
        more = f" ({self._left_out} more since the last such line)" if self._left_out else ""
        self._logger.warning("%s%s", line, more)
        self._last, self._left_out = now, 0


logger = logging.getLogger(__name__)

# --- number of connections ---

MOST_DESCRIPTORS: Final = 65_536  # enough; a program that a job starts may go through all that it could have open
OWN_DESCRIPTORS: Final = 128  # store, logs, listeners, pipes of workers: 23 when idle, 36 with four jobs at once
FEWEST_CONNECTIONS: Final = 16
LIMIT_LOGGED_EVERY_SECONDS: Final = 60.0
MOST_OF_ONE_TOKEN: Final = 0.25  # of all connections, when there is no room for others


class OpenConnection:
    """A connection from its accept to its end: first its TLS handshake, then its transport."""

    def __init__(self) -> None:
        self.abort: Callable[[], object] = lambda: None  #: ends it at once


class ConnectionTracker:
    """Bounds the open connections of all listeners; at the limit, a new connection replaces another.

    Replaced is the oldest one without an accepted request, else the one that is idle longest, else the oldest of the
    token that holds most, if it holds over a quarter of all. So neither strangers nor the holder of one token keep
    others out.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._unauthorized: dict[OpenConnection, None] = {}  #: oldest first
        self._idle: dict[OpenConnection, None] = {}  #: authorized, idle longest first
        self._token_of: dict[OpenConnection, str] = {}  #: the token or attempt of an authorized one, oldest first
        self._open: set[OpenConnection] = set()
        self._log = LimitedLog(logger, every_seconds=LIMIT_LOGGED_EVERY_SECONDS)

    def add(self, connection: OpenConnection) -> bool:
        """Return whether there is a place for a new connection, after another was closed if need be."""
        if len(self._open) >= self.limit:
            found = self._dispensable()
            done = (
                "a new one was refused, for all are in use" if found is None else "another one was closed for a new one"
            )
            self._log.note(
                f"connections are at their limit of {self.limit}: {done}."
                " Raise the limit of open files (ulimit -n) if these are clients of yours"
            )
            if found is None:
                return False
            found.abort()
            self.forget(found)
        self._open.add(connection)
        self._unauthorized[connection] = None
        return True

    def authorize(self, connection: OpenConnection, token: str) -> None:
        """Note that a request on this connection was accepted; `token`: the id of its token or attempt, or empty."""
        if self._unauthorized.pop(connection, False) is None and token:
            self._token_of[connection] = token

    def start_request(self, connection: OpenConnection) -> None:
        """Note that a request on this connection waits for its answer."""
        self._idle.pop(connection, None)

    def end_request(self, connection: OpenConnection) -> None:
        """Note that no request on this connection is under way."""
        if connection in self._open and connection not in self._unauthorized:
            self._idle[connection] = None

    def forget(self, connection: OpenConnection) -> None:
        """Remove a connection that is closed."""
        self._open.discard(connection)
        self._unauthorized.pop(connection, None)
        self._idle.pop(connection, None)
        self._token_of.pop(connection, None)

    def note_no_descriptor(self, error: OSError) -> None:
        """Log that a connection could not be accepted, and close one to make room."""
        self._log.note(f"a connection could not be accepted: {error.strerror}; the next try is in a second")
        if (found := self._dispensable()) is not None:
            found.abort()
            self.forget(found)

    def _dispensable(self) -> OpenConnection | None:
        return next(iter(self._unauthorized), None) or next(iter(self._idle), None) or self._of_heaviest_token()

    def _of_heaviest_token(self) -> OpenConnection | None:
        """Return the oldest connection of the token that holds most, if it holds over a quarter of all."""
        for heaviest, count in Counter(self._token_of.values()).most_common(1):
            if count > self.limit * MOST_OF_ONE_TOKEN:
                return next(connection for connection, token in self._token_of.items() if token == heaviest)
        return None


def most_connections(descriptors: int) -> int:
    """Return how many connections may be open with so many file descriptors.

    Half of those that the server does not need itself, since each connection may have a file open, as an upload does.
    """
    return max(FEWEST_CONNECTIONS, (descriptors - OWN_DESCRIPTORS) // 2)


def tracker_of_this_process() -> ConnectionTracker:
    """Return a tracker for this process, after raising its limit of open files."""
    return ConnectionTracker(most_connections(_raised_descriptor_limit()))


def _raised_descriptor_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS: the kernel allows fewer than the hard limit says
        return soft
    return wanted


# --- the protocol of a connection ---

LOGGED_EVERY_SECONDS: Final = 1.0
_log = LimitedLog(logger, every_seconds=LOGGED_EVERY_SECONDS)

#: On every answer: pages of other origins can neither run nor embed it.
SECURITY_HEADERS: Final = (("x-content-type-options", "nosniff"), ("cross-origin-resource-policy", "same-origin"))

#: The protocol of the original Titan: version, opcode, flags, spare, length of the UTF-8 that follows.
FRAME: Final = struct.Struct(">BBBBI")
FRAME_VERSION: Final = 1
FRAME_ERROR: Final = 0x51
NO_FRAMES: Final = b"ERROR: this Titan does not speak TITAN_PROTO yet; use titan_sdk (HTTP)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits on size and time that apply before authentication."""

    header_bytes: int = 64 * 1024  #: request line and header fields; also trailers and chunk framing
    header_fields: int = 100
    header_seconds: float = 15.0  #: from a request's first byte, or from the connection's beginning
    body_seconds: float = 30.0  #: between two pieces of a body
    unread_bytes: int = 16 * 1024 * 1024  #: of a body after its answer: the limit of a JSON body
    closing_seconds: float = 2.0  #: for the client to read the last answer


DEFAULT_LIMITS: Final = ConnectionLimits()


class Phase(Enum):
    """The part of a request that the client is sending."""

    BETWEEN = auto()  #: none: between two requests
    HEADERS = auto()  #: its headers
    BODY = auto()  #: its body


class Refused(Exception):
    """Aborts the parsing of a request."""


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol with `ConnectionLimits`; answers TITAN_PROTO frames with an error frame."""

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        opened: OpenConnection,
        *,
        tracker: ConnectionTracker,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, state, {"authorize": partial(tracker.authorize, opened)})
        self.ws_protocol_class = partial(  # type: ignore[assignment]  # it is called alone
            Socket, forget=partial(tracker.forget, opened)
        )
        self._opened = opened
        self._tracker = tracker
        self._limits = limits
        self._phase = Phase.BETWEEN
        self._is_first = True  # nothing was received yet
        self._is_over = False  # the last answer was sent, or another protocol has taken over
        self._header_bytes = 0  # since the last byte of a body, or the last request
        self._unread_bytes = 0  # since the answer
        self._was_waiting_for_us = False  # when the timeout was started
        self._refusal: TitanError | None = None
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._opened.abort = transport.abort
        self._start_timeout(self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timeout()
        self._tracker.forget(self._opened)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            self._drop(len(data))
            return
        if self._is_first and data[0] == FRAME_VERSION:  # no method begins so
            self._end(FRAME.pack(FRAME_VERSION, FRAME_ERROR, 0, 0, len(NO_FRAMES)) + NO_FRAMES)
            return
        self._is_first = False
        while data and not self._is_over:
            room = self._limits.header_bytes - self._header_bytes
            piece, data = data[:room], data[room:]
            self._header_bytes += len(piece)
            super().data_received(piece)
            if self._header_bytes >= self._limits.header_bytes and not self._is_over:
                self._refuse(_too_large(f"at most {self._limits.header_bytes} bytes", "more"))
        if not self._is_over:
            self._watch()

    def on_message_begin(self) -> None:
        self._phase = Phase.HEADERS
        self._stop_timeout()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if len(self.headers) > self._limits.header_fields:
            self._refusal = _too_large(f"at most {self._limits.header_fields} fields", str(len(self.headers)))
            raise Refused
        if self.parser.should_upgrade() and self._should_upgrade() and not self._is_handshake():
            self._refusal = _no_handshake("another method, or a body")
            raise Refused
        self._phase = Phase.BODY
        self._header_bytes = self._unread_bytes = 0
        # A copy: trailers (RFC 9110, 6.5) are appended to the list, and are not headers.
        self.scope["headers"] = list(self.headers)
        self._tracker.start_request(self._opened)
        super().on_headers_complete()
        if not self.parser.should_upgrade() and not self.cycle.keep_alive:
            self.cycle.transport = _LastAnswer(self)  # type: ignore[assignment]  # all of one but `close`

    def on_body(self, body: bytes) -> None:
        self._header_bytes = 0
        if not self._is_answering():
            self._drop(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._phase = Phase.BETWEEN
        self._header_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._tracker.end_request(self._opened)
        super().on_response_complete()

    def close_after_answer(self) -> None:
        """Close the connection; a client that is still sending can read the answer before."""
        if self._phase is Phase.BODY:
            self._end()
        else:
            self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        self._is_over = True
        self._stop_timeout()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that the parser, or a check of ours, refused."""
        self._refuse(
            self._refusal
            or InvalidInput(
                "the request", expected="HTTP/1.1", found="something else", next_step="Correct it and send it again."
            )
        )

    def _watch(self) -> None:
        """Start the timeout for what the client is sending."""
        if self._phase is Phase.BODY:
            if self._is_answering():  # the rest of a body that nobody reads gets no more time
                self._stop_timeout()
            self._start_timeout(self._limits.body_seconds)
        elif self._phase is Phase.HEADERS:
            self._start_timeout(self._limits.header_seconds)
        elif self._is_answering():
            self._stop_timeout()
        else:  # the end of a body after its answer, or line ends, which stop uvicorn's own timeout
            self._start_timeout(self.timeout_keep_alive)

    def _on_timeout(self) -> None:
        self._timeout = None
        if self._was_waiting_for_us or self._is_waiting_for_us():  # its time starts when it can continue
            self._watch()
        elif self._phase is Phase.BODY:
            self._refuse(_timeout(f"more of its body within {self._limits.body_seconds:g} s"))
        elif self._phase is Phase.HEADERS:
            self._refuse(_timeout(f"all of its headers within {self._limits.header_seconds:g} s"))
        else:
            self.transport.close()

    def _is_waiting_for_us(self) -> bool:
        """Return whether the client is waiting for the server."""
        if self._phase is Phase.BODY:
            return self.flow.read_paused or self.cycle.waiting_for_100_continue
        return self._is_answering()  # it may start the next request before this answer

    def _is_answering(self) -> bool:
        # None before the first request, though uvicorn does not declare it so.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _is_handshake(self) -> bool:
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        return self.parser.get_method() == b"GET" and not has_body

    def _refuse(self, error: TitanError) -> None:
        """Send the connection's last answer, unless another answer is pending or was sent."""
        _log.note(f"refused a request of {self.client[0] if self.client else 'somebody'}: {error}")
        is_answering = self._is_answering()
        if self._phase is Phase.BODY and not is_answering:
            self._end()
        elif is_answering and (self._phase is not Phase.BODY or self.cycle.response_started or self.pipeline):
            self._is_over = True
            self.transport.abort()
        else:
            if is_answering:  # tell the handler that the body ends here
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self._end(refusal(error))

    def _end(self, answer: bytes = b"") -> None:
        """Send the last answer and close a moment later, so that a client that is still sending can read it."""
        self._is_over = True
        self._stop_timeout()
        self._unset_keepalive_if_required()
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # with TLS
            self.transport.close()
        self.loop.call_later(self._limits.closing_seconds, self.transport.abort)

    def _drop(self, size_bytes: int) -> None:
        """Count discarded bytes; beyond the limit, stop receiving."""
        self._unread_bytes += size_bytes
        if self._unread_bytes <= self._limits.unread_bytes:
            return
        self.flow.pause_reading()
        if not self._is_over:
            self._end()

    def _start_timeout(self, seconds: float) -> None:
        if self._timeout is None:
            self._was_waiting_for_us = self._is_waiting_for_us()
            self._timeout = self.loop.call_later(seconds, self._on_timeout)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None


class _LastAnswer:
    """The transport of a connection for an answer after which uvicorn closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.close = connection.close_after_answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.transport, name)


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol; answers a malformed handshake with an error."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        forget: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = _HandshakeProtocol(max_size=config.ws_max_size, logger=self.logger)
        self._forget = forget

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(refusal(_no_handshake(str(self.conn.handshake_exc))))
            self.transport.close()


class _HandshakeProtocol(ServerProtocol):
    """Adds SECURITY_HEADERS to every answer to a handshake, also to the library's own."""

    def send_response(self, response: Response) -> None:
        for name, value in SECURITY_HEADERS:
            response.headers.setdefault(name, value)
        super().send_response(response)


def refusal(error: TitanError) -> bytes:
    """Return the complete HTTP response that refuses a request and closes its connection."""
    status = HTTPStatus(status_code_of(error))
    body = msgspec.json.encode(ProblemAnswer(error=problem_of(error)))
    fields = (*SECURITY_HEADERS, ("content-type", JSON), ("content-length", str(len(body))), ("connection", "close"))
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode() + body


def _too_large(expected: str, found: str) -> HeadersTooLarge:
    return HeadersTooLarge(
        "the request's headers", expected=expected, found=found, next_step="Send fewer or shorter ones."
    )


def _timeout(expected: str) -> RequestTimeout:
    return RequestTimeout("the request", expected=expected, found="not all of it", next_step="Send it again.")


def _no_handshake(found: str) -> InvalidInput:
    return InvalidInput(
        "the WebSocket handshake",
        expected="a GET request without a body, and no line over 8192 bytes",
        found=found,
        next_step="Correct it and send it again.",
    )


logger = logging.getLogger(__name__)
