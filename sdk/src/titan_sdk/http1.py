"""One HTTP/1.1 connection to one server: as much of the protocol as a Titan client needs, and no more.

`http.client` takes 48 µs of processor time for a small request and 15 ms to import: it reads line by line and
parses headers as e-mail. This reader takes 11 µs and nothing: it sends a request as one piece and reads the
answer in as few `recv` calls as it takes. Answers have a Content-Length, are chunked, or end with the connection.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from titan_sdk.links import Link, Readable

RECEIVE_BYTES = 65_536  # one recv takes a whole answer of the usual size
HEAD_LIMIT_BYTES = 65_536  # what common servers allow; an endless head must not fill the memory
SMALL_BODY_BYTES = 65_536  # up to here head and body go out as one piece: one system call, one packet burst
FILE_PIECE_BYTES = 1_048_576


class BrokenAnswer(Exception):
    """The other side does not speak HTTP/1.1. The connection is of no more use."""


class NotWritable(Exception):
    """This machine's disk refused, not the server: repeating the request does not help."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self._parts = (cause.errno, cause.strerror, cause.filename)

    def as_of_the_disk(self) -> OSError:
        """Return the disk's error, anew: one that held this, which holds it, would keep frames and sockets alive."""
        return OSError(*self._parts)


class Response:
    """An answer whose body has been read: `status`, `headers` (lower-case names), `body`."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class AnswerReader:
    """What a server sends on one connection, read as one answer after the other. It does no I/O.

        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        reader.head()   # -> (200, {"content-length": "2"})
        reader.piece()  # -> b"hi"
        reader.piece()  # -> b"": that was all of it

    `head` and `piece` return None while they need more bytes, and raise BrokenAnswer.
    """

    __slots__ = ("_buffer", "_chunk_line", "_is_reusable", "_left", "_until_end", "is_whole")

    def __init__(self) -> None:
        self._buffer = b""
        #: How much of the body, or of its present chunk, is still to come.
        self._left = 0
        #: Whether the body goes on to the end of the connection.
        self._until_end = False
        #: The line that a chunked body needs next: "size", "break" or "trailer"; "" when it needs none.
        self._chunk_line = ""
        self._is_reusable = True
        #: Whether the last answer was read to its end, so that another may follow on this connection.
        self.is_whole = False

    @property
    def wanted_bytes(self) -> int:
        """How much to receive at once."""
        return RECEIVE_BYTES if self._left <= RECEIVE_BYTES else min(self._left, RECEIVE_BYTES * 16)

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow: the answer was read whole, and the server keeps the connection."""
        return self.is_whole and self._is_reusable

    def feed(self, piece: bytes) -> None:
        """Take what was received; b"" says that the connection has ended.

        Raises:
            ConnectionResetError: it has ended before the answer was complete.
        """
        if piece:
            self._buffer = self._buffer + piece if self._buffer else piece
        elif self._until_end:
            self._until_end = False
        else:
            raise ConnectionResetError("the server closed the connection before its answer was complete")

    def head(self) -> tuple[int, dict[str, str]] | None:
        """Return status and headers of the next final answer; interim answers (1xx) are passed over."""
        while (head := self._taken_until(b"\r\n\r\n")) is not None:
            status, headers = _parse_head(head)
            if status >= 200:
                self._expect_body(status, headers)
                return status, headers
        return None

    def piece(self) -> bytes | None:
        """Return the next piece of the body; b"" once it was all given."""
        if self.is_whole:
            return b""
        if self._chunk_line and not self._left and not self._next_chunk():
            return None
        if self._until_end:
            taken, self._buffer = self._buffer, b""
            return taken or None
        taken, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(taken)
        self.is_whole = not self._left and not self._chunk_line
        return taken if taken or self.is_whole else None

    def _expect_body(self, status: int, headers: Mapping[str, str]) -> None:
        self._left, self._chunk_line, self._until_end, self.is_whole = 0, "", False, False
        self._is_reusable = headers.get("connection", "").lower() != "close"
        if status in (204, 304):
            self.is_whole = True
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._chunk_line = "size"
        elif (length := headers.get("content-length")) is not None:
            self._left = _parse_number(length, base=10)
            self.is_whole = not self._left
        else:
            self._until_end, self._is_reusable = True, False

    def _next_chunk(self) -> bool:
        """Go on to the next chunk's content or behind the last one (RFC 9112, 7.1); False when bytes are missing.

        Extensions and trailers are passed over.
        """
        while self._chunk_line and not self._left:
            line = self._taken_until(b"\r\n")
            if line is None:
                return False
            if self._chunk_line == "size":
                self._left = _parse_number(line.partition(b";")[0].decode("latin-1"), base=16)
                self._chunk_line = "break" if self._left else "trailer"
            elif self._chunk_line == "trailer":
                self._chunk_line = "trailer" if line else ""
            elif line:
                raise BrokenAnswer("a chunk is longer than its size says")
            else:
                self._chunk_line = "size"
        return True

    def _taken_until(self, mark: bytes) -> bytes | None:
        """Return what comes before `mark`, and take both off the buffer."""
        end = self._buffer.find(mark)
        if end >= 0:
            taken, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
            return taken
        if len(self._buffer) > HEAD_LIMIT_BYTES:
            raise BrokenAnswer(f"no {mark!r} in the first {len(self._buffer)} bytes")
        return None


class Connection:
    """An open connection for one request after another. Not for two tasks or threads at once.

    Every method raises OSError when the connection breaks (also TimeoutError), and BrokenAnswer. After
    either, and after an answer that was not read to its end, close it.
    """

    __slots__ = ("_link", "_reader")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._reader = AnswerReader()

    @property
    def is_reusable(self) -> bool:
        """False once the server has said that it closes, or while an answer is not read to its end."""
        return self._reader.is_reusable

    def close(self) -> None:
        """Close this process's end. A forked sibling's copy of the socket stays open."""
        self._link.close()

    async def exchange(self, head: bytes, body: bytes, *, timeout_seconds: float) -> Response:
        """Send a request and return its whole answer. `timeout_seconds` bounds each silence, not the sum."""
        await self.send(head, body, timeout_seconds=timeout_seconds)
        return await self.read_answer()

    async def send(self, head: bytes, body: bytes | Readable, *, timeout_seconds: float) -> None:
        """Send a request. `head` ends with the empty line; a file is sent from where it stands."""
        self._link.timeout_seconds = timeout_seconds
        if isinstance(body, bytes) and len(body) <= SMALL_BODY_BYTES:
            await self._link.send(head + body)
            return
        await self._link.send(head)
        try:
            if isinstance(body, bytes):
                await self._link.send(body)
            else:
                while piece := body.read(FILE_PIECE_BYTES):
                    await self._link.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a large body answers first and closes then: the answer says why.
            return

    async def read_answer(self) -> Response:
        """Return the answer to the request that was sent, with its whole body."""
        reader, link = self._reader, self._link
        while (head := reader.head()) is None:
            reader.feed(await link.receive(RECEIVE_BYTES))
        pieces = []
        while not reader.is_whole:
            piece = reader.piece()
            if piece is None:
                reader.feed(await link.receive(reader.wanted_bytes))
            else:
                pieces.append(piece)
        return Response(*head, b"".join(pieces))

    async def read_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the final answer."""
        reader = self._reader
        while (head := reader.head()) is None:
            reader.feed(await self._link.receive(RECEIVE_BYTES))
        return head

    async def read_body(self) -> bytes:
        """Return the whole body."""
        pieces = []
        while piece := await self.read_piece():
            pieces.append(piece)
        return b"".join(pieces)

    async def read_piece(self) -> bytes:
        """Return the next piece of the body as it arrives; b"" when there is no more."""
        reader = self._reader
        while (piece := reader.piece()) is None:
            reader.feed(await self._link.receive(reader.wanted_bytes))
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
