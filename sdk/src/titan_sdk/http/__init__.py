"""HTTP to a Titan server: requests, answers, their encoding, and the bridge that runs coroutines synchronously.

`http.blocking_client` and `http.async_client` implement `Http`. Everything above them is written once, as coroutines.
Over `BlockingHttp` nothing suspends, so one `send` runs a coroutine to its end:

    class Transport:
        def __init__(self) -> None:
            self._core = AsyncTransport(BlockingHttp(address))

        read = blocking(AsyncTransport.read)  # Transport().read("/x") -> bytes
"""

from __future__ import annotations

import json
import os
import re
from functools import update_wrapper

from titan_sdk.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
    from typing import Any, BinaryIO, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

    from titan_sdk.http.address import Address

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C")
    C_co = TypeVar("C_co", covariant=True)
    Scalar: TypeAlias = str | int | float | bool | None

    class Readable(Protocol):
        """A body that is read in pieces, such as a file."""

        def read(self, size: int, /) -> bytes:
            """Return the next piece, at most `size` bytes; b"" at the end."""

        def seek(self, place: int, /) -> int:
            """Go to a place: to 0 where a request is repeated."""

    class Answer(Protocol):
        """An answer whose body is still to be read. Its methods raise as `Http.open`."""

        status: int
        headers: dict[str, str]  #: names in lower case

        async def read(self) -> bytes:
            """Return the whole body."""

        async def piece(self) -> bytes:
            """Return the next piece of the body as it arrives; b"" at the end."""

        async def close(self) -> None:
            """Release the connection: for the next request if the body was read whole, else closed."""

    class Http(Protocol):
        """One process's connections to one server."""

        address: Address
        is_async: bool  #: it runs on an event loop

        async def open(self, request: Request, *, timeout_seconds: float, own_connection: bool = False) -> Answer:
            """Send a request and return its answer once the head is there; `timeout_seconds` bounds each silence.

            Raises:
                OSError: nobody listens, the host is unknown (gaierror), or the connection broke (TimeoutError too).
                BrokenAnswer: the other side does not speak HTTP/1.1.
                UntrustedServer, UnexpectedAnswer, InvalidInput: as `titan_sdk.http.blocking_client`.
            """

        async def sleep(self, seconds: float) -> None:
            """Wait."""

        async def apart(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
            """Call a slow function without blocking the event loop."""

        def close(self) -> None:
            """Close the idle connections; those in use go on."""

        async def closed(self) -> None:
            """Wait until they are closed."""

    class SyncClient(Protocol[C_co]):
        """A class that offers the coroutines of its core as plain methods."""

        @property
        def _core(self) -> C_co: ...


CONNECT_TIMEOUT_SECONDS = 10.0  # a far server answers in 1 s; a dropped packet is repeated after 1, 3 and 7 s
KEPT_CONNECTIONS = 16  # a burst of a thousand waits must not hold a thousand sockets of the server for ever
LASTING_SECONDS = 1.0  # a server that shuts down closes new connections sooner than that
FILE_PIECE_BYTES = 1_048_576
BROKE_OFF = "the server closed the connection before its answer was complete"
_is_plain_segment = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*").fullmatch
_is_plain_value = re.compile(r"[A-Za-z0-9_.~:@/-]*").fullmatch  # RFC 3986, 3.4: unescaped in a query
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class BrokenAnswer(Exception):
    """The other side does not speak HTTP/1.1. The connection cannot be used any more."""


class Request:
    """A request: `target` is the path with its query, `body` the content or a file."""

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


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    """Return what a coroutine over blocking HTTP returns, or raise what it raises."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: R = finished.value
        return result
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for an event loop; only coroutines over BlockingHttp can be run so")


def blocking(
    method: Callable[Concatenate[C, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[SyncClient[C], P], R]:
    """Return a plain method with the coroutine method's signature and docstring."""

    def call(self: SyncClient[C], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return run(method(self._core, *args, **kwargs))

    return update_wrapper(call, method)


def iterating(
    method: Callable[Concatenate[C, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate[SyncClient[C], P], Iterator[R]]:
    """Return a plain generator method that yields the items of the asynchronous one."""

    def call(self: SyncClient[C], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = method(self._core, *args, **kwargs)
        try:
            while True:
                yield run(anext(items))
        except StopAsyncIteration:
            return
        finally:
            run(items.aclose())

    return update_wrapper(call, method)


def quote(text: str) -> str:
    """Return `text` percent-encoded as one segment of a path.

    Raises:
        InvalidInput: it cannot be written as UTF-8.
    """
    return text if _is_plain_segment(text) else _percent_encoded(text)


def project_header(project: str | None) -> dict[str, str]:
    """Return the header that names a request's project; nothing without one."""
    name = (project or "").strip().encode("utf-8", "replace").decode()
    return {"X-Titan-Project": quote(name)} if name else {}


def query_string(query: Mapping[str, Scalar] | None) -> str:
    """Return "?name=value&…", without the names whose value is None; "" when nothing is left.

    Raises:
        InvalidInput: a value cannot be written as UTF-8.
    """
    parts = [f"{name}={_query_value(value)}" for name, value in (query or {}).items() if value is not None]
    return f"?{'&'.join(parts)}" if parts else ""


def json_bytes(value: object, *, subject: str) -> bytes:
    """Return `value` as JSON.

    Raises:
        InvalidInput: it holds something that JSON cannot represent, such as NaN, a date or a lone surrogate.
    """
    try:
        return _to_json(value).encode()
    except (TypeError, ValueError, RecursionError) as cause:
        raise InvalidInput(
            subject=subject,
            expected="values that JSON can hold, and text in UTF-8",
            found=str(cause),
            next_step="Nothing was sent.",
        ) from cause


def _query_value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if _is_plain_value(text) else _percent_encoded(text)


def _percent_encoded(text: str) -> str:
    from urllib.parse import quote as percent_encode  # 8 ms, and few names need it

    try:
        return percent_encode(text, safe="", errors="strict")
    except UnicodeEncodeError as cause:
        raise InvalidInput(
            subject=f"{text[:80]!r}",
            expected="text that can be written as UTF-8",
            found=cause.reason,
            next_step="Remove the lone surrogates. Nothing was sent.",
        ) from cause


class NotWritable(Exception):
    """The local disk failed, not the server: repeating the request does not help."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self._parts = (cause.errno, cause.strerror, cause.filename)

    def as_of_the_disk(self) -> OSError:
        """Return a new copy of the disk's error: a reference cycle would keep frames and sockets alive."""
        return OSError(*self._parts)


class PartialFile:
    """A file beside `target`, renamed to it by `keep`."""

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._target = os.fspath(target)
        self._path = f"{self._target}.{os.urandom(4).hex()}.part"

    def begun(self) -> _Pieces:
        """Start over, and return a context manager to write pieces to.

        Raises:
            NotWritable: the file cannot be opened.
        """
        try:
            return _Pieces(open(self._path, "wb"))
        except OSError as cause:
            raise NotWritable(cause) from cause

    def keep(self) -> None:
        """Rename the file to its target, replacing what is there.

        Raises:
            OSError: a folder is there.
        """
        os.replace(self._path, self._target)

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        try:
            os.remove(self._path)
        except FileNotFoundError:
            return


class _Pieces:
    """A file that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __enter__(self) -> _Pieces:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as cause:
            raise NotWritable(cause) from cause

    def write(self, piece: bytes) -> None:
        """Append a piece.

        Raises:
            NotWritable: the disk is full, for instance.
        """
        try:
            self._file.write(piece)
        except OSError as cause:
            raise NotWritable(cause) from cause
