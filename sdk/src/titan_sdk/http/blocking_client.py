"""Blocking HTTP by `http.client`, over kept-alive connections, as coroutines that never suspend."""

from __future__ import annotations

import os
import socket
import ssl
import time
from http.client import HTTPException, HTTPResponse, IncompleteRead

from titan_sdk.errors import InvalidInput, UnexpectedAnswer, UntrustedServer
from titan_sdk.http import (
    BROKE_OFF,
    CONNECT_TIMEOUT_SECONDS,
    FILE_PIECE_BYTES,
    KEPT_CONNECTIONS,
    LASTING_SECONDS,
    BrokenAnswer,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from titan_sdk.errors import TitanError
    from titan_sdk.http import P, R, Request
    from titan_sdk.http.address import Address

SMALL_BODY_BYTES = 65_536  # up to here head and body go out as one piece: one system call, one packet burst
RECEIVE_BYTES = 65_536
_contexts: dict[str | None, ssl.SSLContext] = {}  # reading the system's certificates takes 20 ms


class BlockingHttp:
    """`titan_sdk.http.Http` for programs without an event loop.

    Threads may share it: each request has a connection to itself while it lasts. Connections that were opened before a
    fork are closed, not used.
    """

    is_async = False

    def __init__(self, address: Address, connect: Callable[[float], socket.socket] | None = None) -> None:
        """`connect` opens a connection within so many seconds; by default by TCP to the address."""
        self.address = address
        self._connect = connect or self._connect_by_tcp
        self._owner = os.getpid()
        self._idle: list[socket.socket] = []

    async def open(self, request: Request, *, timeout_seconds: float, own_connection: bool = False) -> BlockingAnswer:
        """See `Http`. If the server has closed a kept connection meanwhile, the request is sent once more."""
        began = time.monotonic()
        kept = None if own_connection else self._kept_connection()
        if kept is not None:
            try:
                return BlockingAnswer(kept, request, timeout_seconds, give_back=self._give_back)
            except TimeoutError:
                raise
            except OSError:
                if time.monotonic() - began > LASTING_SECONDS:  # the server had taken it
                    raise
        opened = self._connect(min(timeout_seconds, CONNECT_TIMEOUT_SECONDS))
        return BlockingAnswer(opened, request, timeout_seconds, give_back=None if own_connection else self._give_back)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)  # noqa: ASYNC251  # blocking is what this class is for

    async def apart(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` here."""
        return function(*args, **kwargs)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def closed(self) -> None:
        """Return at once: they are closed."""

    def __del__(self) -> None:
        self.close()  # or an unused client would cause a ResourceWarning

    def _kept_connection(self) -> socket.socket | None:
        """Return the connection that was used last, or None when there is none."""
        if self._owner != os.getpid():
            self.close()
            self._owner = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _give_back(self, connection: socket.socket) -> None:
        if len(self._idle) < KEPT_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect_by_tcp(self, timeout_seconds: float) -> socket.socket:
        # As bytes, since any str needs the codec `idna`, which takes 4 ms to import.
        host = self.address.host.encode() if self.address.host.isascii() else self.address.host
        opened = socket.create_connection((host, self.address.port), timeout_seconds)  # type: ignore[arg-type]  # see above
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.address.is_tls:
            return opened
        return secured(opened, self.address)


class BlockingAnswer:
    """`titan_sdk.http.Answer`; it owns the connection until it is closed."""

    __slots__ = ("_connection", "_give_back", "_left", "_response", "headers", "status")

    def __init__(
        self,
        connection: socket.socket,
        request: Request,
        timeout_seconds: float,
        *,
        give_back: Callable[[socket.socket], None] | None,
    ) -> None:
        """Send the request, and read the head of the answer."""
        self._connection = connection
        self._give_back = give_back
        self._response = response = HTTPResponse(connection, method=request.method)
        try:
            connection.settimeout(timeout_seconds)
            _send(connection, request)
            response.begin()
        except BaseException as failure:
            self._drop()
            if isinstance(failure, HTTPException) and not isinstance(failure, OSError):
                raise _broken(failure) from failure
            raise
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        #: how much is still to come, if the head names a length
        self._left = response.length

    async def read(self) -> bytes:
        """Return the whole body."""
        try:
            body = self._response.read()
        except HTTPException as failure:
            raise _broken(failure) from failure
        if not body and self._left is None and not self._response.chunked:
            raise ConnectionResetError(
                BROKE_OFF
            )  # http.client takes a connection that closes within the head for its end
        return body

    async def piece(self) -> bytes:
        """Return the next piece, at most 1 MiB."""
        most = min(max(self._left or 0, RECEIVE_BYTES), FILE_PIECE_BYTES)
        try:
            piece = self._response.read1(most)
        except HTTPException as failure:
            raise _broken(failure) from failure
        if self._left:
            if not piece:
                raise ConnectionResetError(BROKE_OFF)
            self._left -= len(piece)
        return piece

    async def close(self) -> None:
        """Keep the connection for the next request, if this answer was read whole and the server keeps it open."""
        response = self._response
        if self._give_back is not None and not response.will_close and (response.isclosed() or self._left == 0):
            response.close()
            self._give_back(self._connection)
        else:
            self._drop()

    def _drop(self) -> None:
        self._response.close()
        self._connection.close()


def _send(connection: socket.socket, request: Request) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"{request.method} {request.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
    body = request.body
    if isinstance(body, bytes) and len(body) <= SMALL_BODY_BYTES:
        connection.sendall(head + body)
        return
    connection.sendall(head)
    try:
        if isinstance(body, bytes):
            connection.sendall(body)
        else:
            body.seek(0)
            while piece := body.read(FILE_PIECE_BYTES):
                connection.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        # A server that refuses a large body answers before it closes the connection: the answer says why.
        return


def _broken(failure: HTTPException) -> Exception:
    if isinstance(failure, IncompleteRead):
        return ConnectionResetError(BROKE_OFF)
    return BrokenAnswer(f"expected an HTTP/1.1 answer, found {failure!r}")


def secured(opened: socket.socket, address: Address) -> ssl.SSLSocket:
    """Return the connection wrapped in TLS, after checking the server's certificate.

    Raises:
        UntrustedServer: its certificate is not trusted, of another host, or expired.
        UnexpectedAnswer: it does not speak TLS.
        InvalidInput: TITAN_CA_FILE cannot be read.
        OSError: the connection broke.
    """
    try:
        return context_of(address.ca_file).wrap_socket(opened, server_hostname=address.host)
    except ssl.SSLError as cause:
        opened.close()
        raise refusal(address, cause) from cause
    except BaseException:
        opened.close()
        raise


def context_of(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file; None: the system's.

    Raises:
        InvalidInput: the file cannot be read.
    """
    if ca_file not in _contexts:
        try:
            _contexts[ca_file] = ssl.create_default_context(cafile=ca_file)
        except OSError as cause:  # also ssl.SSLError: not in PEM
            raise InvalidInput(
                subject=f"TITAN_CA_FILE={ca_file!r}",
                expected="a file of certificates in PEM",
                found=cause.strerror or str(cause),
                next_step="Correct the path. Nothing was sent.",
            ) from cause
    return _contexts[ca_file]


def refusal(address: Address, cause: ssl.SSLError) -> TitanError:
    """Return the error for a failed TLS handshake."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UntrustedServer(
            subject=f"Titan server {address}",
            expected="a certificate of this host that is trusted",
            found=cause.verify_message or str(cause),
            next_step="Set TITAN_CA_FILE to the certificate that signed it, or use the name that stands in it."
            " Nothing was sent.",
        )
    return UnexpectedAnswer(
        subject=f"Titan server {address}",
        expected="a TLS handshake",
        found=cause.reason or str(cause),
        next_step="Use http:// (or no TITAN_TLS) if the server has no TLS. Nothing was sent.",
    )
