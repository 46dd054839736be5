"""One HTTP/1.1 connection to one server: as much of the protocol as a Titan client needs, and no more.

`http.client` takes 48 µs of processor time for a small request and 15 ms to import: it reads line by line and
parses headers as e-mail. This reader takes 11 µs and nothing: it sends a request as one piece and reads the
answer in as few `recv` calls as it takes. Answers have a Content-Length, are chunked, or end with the connection.
"""

from __future__ import annotations

import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

RECEIVE_BYTES = 65_536  # one recv takes a whole answer of the usual size
HEAD_LIMIT_BYTES = 65_536  # what common servers allow; an endless head must not fill the memory
SMALL_BODY_BYTES = 65_536  # up to here head and body go out as one piece: one system call, one packet burst
CONNECT_TIMEOUT_SECONDS = 10.0  # a far server answers in 1 s; a dropped packet is repeated after 1, 3 and 7 s


class BrokenAnswer(Exception):
    """The other side does not speak HTTP/1.1. The connection is of no more use."""


class Response:
    """An answer whose body has been read: `status`, `headers` (lower-case names), `body`."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    """An open connection for one request after another. Not for two threads at once, nor for two processes.

    Every method raises OSError when the connection breaks (also TimeoutError), and BrokenAnswer. After
    either, and after an answer that was not read to its end, close it.
    """

    __slots__ = ("_buffer", "_socket", "is_reusable")

    def __init__(self, host: str, port: int, *, timeout_seconds: float) -> None:
        self._socket = socket.create_connection((host, port), timeout=min(timeout_seconds, CONNECT_TIMEOUT_SECONDS))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        #: False once the server has said that it closes, or while an answer is not read to its end.
        self.is_reusable = True

    def __del__(self) -> None:
        # A thread that ends drops its connection; an unclosed socket would warn.
        opened: socket.socket | None = getattr(self, "_socket", None)
        if opened is not None:
            opened.close()

    def close(self) -> None:
        """Close this process's end. A forked sibling's copy of the socket stays open."""
        self.is_reusable = False
        self._socket.close()

    def exchange(self, head: bytes, body: bytes, *, timeout_seconds: float) -> Response:
        """Send a request and return its whole answer. `timeout_seconds` bounds each silence, not the sum."""
        self.send(head, body, timeout_seconds=timeout_seconds)
        status, headers = self.read_head()
        return Response(status, headers, b"".join(self.read_body(status, headers)))

    def send(self, head: bytes, body: bytes | BinaryIO, *, timeout_seconds: float) -> None:
        """Send a request. `head` ends with the empty line; a file is sent from where it stands."""
        self.is_reusable = False
        self._socket.settimeout(timeout_seconds)
        if isinstance(body, bytes) and len(body) <= SMALL_BODY_BYTES:
            self._socket.sendall(head + body)
            return
        self._socket.sendall(head)
        try:
            if isinstance(body, bytes):
                self._socket.sendall(body)
            else:
                self._socket.sendfile(body)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a large body answers first and closes then: the answer says why.
            return

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the final answer; interim answers (1xx) are passed over."""
        while True:
            head = self._read_until(b"\r\n\r\n")
            status, headers = _parse_head(head)
            if status >= 200:
                return status, headers

    def read_body(self, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Yield the body in pieces as they arrive; nothing when it is empty."""
        if status in (204, 304):
            pass
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._read_chunks()
        elif (length := headers.get("content-length")) is not None:
            yield from self._read_exactly(_parse_number(length, base=10))
        else:
            yield from self._read_to_end()
            return
        self.is_reusable = headers.get("connection", "").lower() != "close"

    def _read_until(self, mark: bytes) -> bytes:
        """Return what comes before `mark`, and take both off the buffer."""
        buffer = self._buffer
        while (end := buffer.find(mark)) < 0:
            if len(buffer) > HEAD_LIMIT_BYTES:
                raise BrokenAnswer(f"no {mark!r} in the first {len(buffer)} bytes")
            buffer += self._receive()
        self._buffer = buffer[end + len(mark) :]
        return buffer[:end]

    def _read_exactly(self, length: int) -> Iterator[bytes]:
        taken = self._buffer[:length]
        self._buffer = self._buffer[length:]
        if taken:
            yield taken
        missing = length - len(taken)
        while missing > 0:
            piece = self._receive(min(missing, RECEIVE_BYTES * 16))
            missing -= len(piece)
            yield piece

    def _read_chunks(self) -> Iterator[bytes]:
        """Yield the pieces of a chunked body (RFC 9112, 7.1); extensions and trailers are passed over."""
        while size := _parse_number(self._read_until(b"\r\n").partition(b";")[0].decode("latin-1"), base=16):
            yield from self._read_exactly(size)
            if self._read_until(b"\r\n"):
                raise BrokenAnswer("a chunk is longer than its size says")
        while self._read_until(b"\r\n"):
            pass

    def _read_to_end(self) -> Iterator[bytes]:
        if self._buffer:
            yield self._buffer
            self._buffer = b""
        while piece := self._socket.recv(RECEIVE_BYTES):
            yield piece

    def _receive(self, limit_bytes: int = RECEIVE_BYTES) -> bytes:
        piece = self._socket.recv(limit_bytes)
        if not piece:
            raise ConnectionResetError("the server closed the connection before its answer was complete")
        return piece


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    if not version.startswith("HTTP/1."):
        raise BrokenAnswer(f"expected an HTTP/1.1 status line, found {status_line[:60]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return _parse_number(rest[:3], base=10), headers


def _parse_number(text: str, *, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        raise BrokenAnswer(f"expected a number in base {base}, found {text[:40]!r}") from None
    if number < 0:
        raise BrokenAnswer(f"expected a length, found {number}")
    return number
