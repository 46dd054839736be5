"""I/O that blocks the calling thread: coroutines that never suspend."""

from __future__ import annotations

import os
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    _P = ParamSpec("_P")
    _R = TypeVar("_R")


class BlockingIo:
    """`titan_sdk.links.Io` for programs without an event loop. Threads may share it."""

    def owner(self) -> object:
        """Return this process's id: a forked child opens connections of its own."""
        return os.getpid()

    async def connect(self, host: str, port: int, *, timeout_seconds: float) -> BlockingLink:
        """Open a TCP connection."""
        opened = socket.create_connection(
            (host_for_getaddrinfo(host), port),  # type: ignore[arg-type]  # getaddrinfo takes bytes too
            timeout=timeout_seconds,
        )
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link_of(opened, timeout_seconds=timeout_seconds)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)  # noqa: ASYNC251  # blocking is what this class is for

    async def apart(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call `function` here."""
        return function(*args, **kwargs)


def host_for_getaddrinfo(host: str) -> str | bytes:
    """Return a host for `getaddrinfo`: bytes if it is ASCII, since any str needs the codec `idna`, 4 ms to import."""
    return host.encode("ascii") if host.isascii() else host


def link_of(opened: socket.socket, *, timeout_seconds: float) -> BlockingLink:
    """Return a link over a connected socket, which it takes over."""
    link = BlockingLink(QuietSocket(opened.family, opened.type, opened.proto, opened.detach()))
    link.timeout_seconds = timeout_seconds
    return link


class QuietSocket(socket.socket):
    """A socket that may be dropped: a client that nobody needs any more closes its connections without a warning."""

    def __del__(self) -> None:
        self.close()


class BlockingLink:
    """A connected socket."""

    __slots__ = ("_socket",)

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    @property
    def timeout_seconds(self) -> float:
        """How long one `send` or `receive` may take."""
        return self._socket.gettimeout() or 0.0

    @timeout_seconds.setter
    def timeout_seconds(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self._socket.sendall(data)

    async def receive(self, limit_bytes: int) -> bytes:
        """Return what comes next; b"" when the other side has closed."""
        return self._socket.recv(limit_bytes)

    def close(self) -> None:
        """Close this process's end."""
        self._socket.close()
