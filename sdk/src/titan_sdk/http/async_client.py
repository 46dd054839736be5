"""Asynchronous HTTP by httpx (the extra `async`); imported when an `AsyncTitanClient` is made."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from contextlib import contextmanager, suppress

from titan_sdk.errors import NotSupported
from titan_sdk.http import (
    BROKE_OFF,
    CONNECT_TIMEOUT_SECONDS,
    FILE_PIECE_BYTES,
    KEPT_CONNECTIONS,
    LASTING_SECONDS,
    BrokenAnswer,
)
from titan_sdk.http.blocking_client import context_of, refusal

try:
    import httpx
except ModuleNotFoundError as missing:
    raise NotSupported(
        subject="AsyncTitanClient",
        expected="the package httpx",
        found="it is not installed",
        next_step="Install it: pip install 'titan-agents-sdk[async]'",
    ) from missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from titan_sdk.http import P, R, Readable, Request
    from titan_sdk.http.address import Address


class AsyncHttp:
    """`titan_sdk.http.Http` for asyncio, on the calling loop: one loop at a time."""

    is_async = True

    def __init__(self, address: Address) -> None:
        self.address = address
        scheme = "https" if address.is_tls else "http"
        self._base = f"{scheme}://{address}"
        self._owner: object = None
        self._lifetime: AsyncGenerator[httpx.AsyncHTTPTransport, None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def open(self, request: Request, *, timeout_seconds: float, own_connection: bool = False) -> AsyncAnswer:
        """See `Http`. If a connection breaks at once, it may have been a kept one: the request is sent once more."""
        began = time.monotonic()
        try:
            return await self._ask(request, timeout_seconds)
        except ConnectionResetError:
            if time.monotonic() - began > LASTING_SECONDS:
                raise
        return await self._ask(request, timeout_seconds)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def apart(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in a thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    def close(self) -> None:
        """Start closing the connections of the running loop. A loop that ends closes its own."""
        lifetime, self._lifetime = self._lifetime, None
        with suppress(RuntimeError):  # no loop runs
            if lifetime is not None and self._owner == _owner():
                self._closing = asyncio.ensure_future(lifetime.aclose())

    async def closed(self) -> None:
        """Wait until `close` is done."""
        if self._closing is not None:
            await self._closing

    async def _ask(self, request: Request, timeout_seconds: float) -> AsyncAnswer:
        transport = await self._transport()
        connect_seconds = min(timeout_seconds, CONNECT_TIMEOUT_SECONDS)
        outgoing = httpx.Request(
            request.method,
            self._base + request.target,
            headers=dict(request.headers),
            content=request.body if isinstance(request.body, bytes) else _pieces(request.body),
            extensions={"timeout": {"connect": connect_seconds, "read": timeout_seconds, "write": timeout_seconds}},
        )
        with _translated(self.address):
            return AsyncAnswer(await transport.handle_async_request(outgoing), self.address)

    async def _transport(self) -> httpx.AsyncHTTPTransport:
        """Return the connections of this process on the running loop."""
        owner = _owner()
        if owner != self._owner or self._lifetime is None:
            self._owner, self._lifetime = owner, _lifetime(self.address)
            self._opened = await anext(self._lifetime)
        return self._opened


class AsyncAnswer:
    """`titan_sdk.http.Answer` over an httpx response."""

    __slots__ = ("_address", "_pieces", "_response", "headers", "status")

    def __init__(self, response: httpx.Response, address: Address) -> None:
        self.status = response.status_code
        self.headers = dict(response.headers.items())
        self._response = response
        self._address = address
        self._pieces: AsyncIterator[bytes] = aiter(response.stream)  # type: ignore[arg-type]  # an asynchronous one

    async def read(self) -> bytes:
        """Return the whole body."""
        with _translated(self._address):
            return b"".join([piece async for piece in self._pieces])

    async def piece(self) -> bytes:
        """Return the next piece."""
        with _translated(self._address):
            return await anext(self._pieces, b"")

    async def close(self) -> None:
        """Return the connection to httpx, which keeps it if it can be used again."""
        await self._response.aclose()


async def _lifetime(address: Address) -> AsyncGenerator[httpx.AsyncHTTPTransport, None]:
    """Yield a transport to an address. A loop that ends closes its asynchronous generators, and so the connections."""
    verify = context_of(address.ca_file) if address.is_tls else False
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=None)
    async with httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits) as transport:
        yield transport


def _owner() -> object:
    return os.getpid(), asyncio.get_running_loop()


async def _pieces(file: Readable) -> AsyncGenerator[bytes, None]:
    file.seek(0)
    while piece := file.read(FILE_PIECE_BYTES):
        yield piece


@contextmanager
def _translated(address: Address) -> Iterator[None]:
    """Translate errors of httpx to those of `Http.open`."""
    try:
        yield
    except httpx.TimeoutException as failure:
        raise TimeoutError("timed out") from failure
    except httpx.RemoteProtocolError as failure:
        if "disconnected" in str(failure) or "closed connection" in str(failure):
            raise ConnectionResetError(BROKE_OFF) from failure
        raise BrokenAnswer(str(failure)) from failure
    except httpx.NetworkError as failure:
        raise _cause_of(failure, address) from failure


def _cause_of(failure: BaseException, address: Address) -> Exception:
    """Return the error of the system, or of TLS, that caused an error of httpx."""
    behind: BaseException | None = failure
    found: OSError = ConnectionResetError(BROKE_OFF)
    while behind is not None:
        if isinstance(behind, OSError):
            found = behind
        behind = behind.__cause__ or behind.__context__
    if isinstance(found, ssl.SSLError):
        return refusal(address, found)
    # A new one: an error raised from its own consequence would be a cycle.
    return type(found)(*found.args)
