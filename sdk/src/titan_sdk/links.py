"""What requests need of the world: a way to connect, and a way to wait. For type checkers and readers only.

`titan_sdk.blocking_io` and `titan_sdk.asyncio_io` are the two kinds. Everything above is written once, as
coroutines: over blocking I/O these never suspend, so that `titan_sdk.faces.run` runs them to their end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Readable(Protocol):
    """A body that is read in pieces: a file, or what counts how much of one has gone."""

    def read(self, size: int, /) -> bytes:
        """Return what comes next, at most `size` bytes; b"" at the end."""

    def seek(self, place: int, /) -> int:
        """Go to a place: to 0 where a request begins anew."""


class Link(Protocol):
    """An open connection that carries bytes. A method that fails raises OSError; the link is then of no more use."""

    #: How long one `send` or `receive` may take; TimeoutError after that.
    timeout_seconds: float

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""

    async def receive(self, limit_bytes: int) -> bytes:
        """Return what comes next, at most `limit_bytes`; b"" when the other side has closed."""

    def close(self) -> None:
        """Close this process's end, at once. May be called again, and in a process or loop that did not open it."""


class Io(Protocol):
    """Connections and waits of one kind."""

    def owner(self) -> object:
        """Return what a connection belongs to: one that another process or event loop opened is not used."""

    async def connect(self, host: str, port: int, *, timeout_seconds: float) -> Link:
        """Open a TCP connection.

        Raises:
            OSError: nobody listens, or the host is unknown (gaierror).
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def apart(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call what takes long, where it holds nobody up."""
