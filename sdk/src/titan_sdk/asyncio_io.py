"""I/O on an event loop. Imported by `AsyncTitanClient` when it is made, for asyncio takes 40 ms to import.

Sockets are used as they are, without asyncio's transports: a socket can be closed at any moment, also after its
loop has gone, and a cancelled call leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
import socket

from titan_sdk.blocking_io import QuietSocket, host_for_getaddrinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, ParamSpec, TypeAlias, TypeVar

    _P = ParamSpec("_P")
    _R = TypeVar("_R")
    #: Family, type, protocol, name and address, as getaddrinfo has it.
    _Place: TypeAlias = tuple[int, int, int, str, Any]


class AsyncioIo:
    """`titan_sdk.links.Io` for coroutines of asyncio, on whatever loop calls."""

    def owner(self) -> object:
        """Return process and loop."""
        return os.getpid(), asyncio.get_running_loop()

    async def connect(self, host: str, port: int, *, timeout_seconds: float) -> AsyncioLink:
        """Open a TCP connection to the first of the host's addresses that answers."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        async with asyncio.timeout(timeout_seconds):
            for family, kind, protocol, _, place in await _places(loop, host, port):
                link = AsyncioLink(loop, QuietSocket(family, kind, protocol))
                try:
                    await link.connect(place)
                except OSError as error:
                    failure = error
                    link.close()
                except BaseException:
                    link.close()
                    raise
                else:
                    return link
        raise failure or OSError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        """Let others run for a while."""
        await asyncio.sleep(seconds)

    async def apart(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call `function` in a thread."""
        return await asyncio.to_thread(function, *args, **kwargs)


class AsyncioLink:
    """A socket that does not block."""

    __slots__ = ("_loop", "_socket", "timeout_seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, opened: socket.socket) -> None:
        self._loop = loop
        self._socket = opened
        self.timeout_seconds = 0.0
        opened.setblocking(False)

    async def connect(self, place: Any) -> None:  # whatever an address of this family is
        """Connect to an address as getaddrinfo gives it."""
        await self._loop.sock_connect(self._socket, place)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        async with asyncio.timeout(self.timeout_seconds):
            await self._loop.sock_sendall(self._socket, data)

    async def receive(self, limit_bytes: int) -> bytes:
        """Return what comes next; b"" when the other side has closed."""
        async with asyncio.timeout(self.timeout_seconds):
            return await self._loop.sock_recv(self._socket, limit_bytes)

    def close(self) -> None:
        """Close this process's end."""
        self._socket.close()


async def _places(loop: asyncio.AbstractEventLoop, host: str, port: int) -> Sequence[_Place]:
    """Return the addresses of a host; of one that is written as numbers without asking in a thread."""
    name = host_for_getaddrinfo(host)
    try:
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
