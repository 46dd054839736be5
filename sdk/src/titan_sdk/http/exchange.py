"""A request and its answer, and what sends the one and brings the other: on the calling thread, or on an event loop.

`http.blocking_client` and `http.async_client` are the two kinds. Everything above is written once, as coroutines:
over blocking HTTP these never suspend, so that `titan_sdk.http.sync_bridge.run` runs them to their end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import ParamSpec, Protocol, TypeVar

    from titan_sdk.http.address import Address

    _P = ParamSpec("_P")
    _R = TypeVar("_R")

    class Readable(Protocol):
        """A body that is read in pieces: a file, or what counts how much of one has gone."""

        def read(self, size: int, /) -> bytes:
            """Return what comes next, at most `size` bytes; b"" at the end."""

        def seek(self, place: int, /) -> int:
            """Go to a place: to 0 where a request begins anew."""

    class Answer(Protocol):
        """An answer whose body is still to be read. Its methods raise as `Http.open`."""

        status: int
        headers: dict[str, str]  #: names in lower case

        async def read(self) -> bytes:
            """Return the whole body."""

        async def piece(self) -> bytes:
            """Return the next piece of the body as it arrives; b"" when there is no more."""

        async def close(self) -> None:
            """Release the connection: for the next request if the body was read whole, else closed."""

    class Http(Protocol):
        """One process's connections to one server."""

        address: Address

        async def open(self, request: Request, *, timeout_seconds: float, own_connection: bool = False) -> Answer:
            """Send a request and return its answer once the head is there; `timeout_seconds` bounds each silence.

            Raises:
                OSError: nobody listens, the host is unknown (gaierror), or the connection broke (TimeoutError too).
                BrokenAnswer: the other side does not speak HTTP/1.1.
                UntrustedServer, UnexpectedAnswer, InvalidInput: as `titan_sdk.http.tls`.
            """

        async def sleep(self, seconds: float) -> None:
            """Wait."""

        async def apart(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
            """Call what takes long, where it holds nobody up."""

        def close(self) -> None:
            """Close the connections that are kept for later requests; those in use go on."""

        async def closed(self) -> None:
            """Wait until they are."""


CONNECT_TIMEOUT_SECONDS = 10.0  # a far server answers in 1 s; a dropped packet is repeated after 1, 3 and 7 s
KEPT_CONNECTIONS = 16  # a burst of a thousand waits must not hold a thousand sockets of the server for ever
LASTING_SECONDS = 1.0  # a server that ends closes what it has just taken sooner than that
FILE_PIECE_BYTES = 1_048_576
BROKE_OFF = "the server closed the connection before its answer was complete"


class BrokenAnswer(Exception):
    """The other side does not speak HTTP/1.1. The connection is of no more use."""


class Request:
    """What is asked for: `target` is the path with its query, `body` the content or the file that has it."""

    __slots__ = ("body", "headers", "method", "target")

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes | Readable) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body


class Response:
    """An answer whose body has been read: `status`, `headers` (lower-case names), `body`."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
