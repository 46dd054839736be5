"""A streamed answer that is closed when it is over, however that comes: sent, broken off, or never begun."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from litestar import Request
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Scope, Send


class Closable(Protocol):
    """What yields the parts of an answer."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Begin. Called once, or not at all when the client has left by then."""

    async def aclose(self) -> None:
        """Stop, and let go of everything."""


class ClosingStream(Stream):
    """An answer that `content` yields. Litestar's own leaves one whose client has left to the garbage collector."""

    def __init__(self, content: Closable, *, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._content = content

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **given: Any) -> ASGIResponse:
        """Return what sends it."""
        made = super().to_asgi_response(app, request, **given)
        return _Closing(made, self._content)


class _Closing(ASGIStreamingResponse):
    def __init__(self, made: ASGIResponse, content: Closable) -> None:
        self._made = made
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._made(scope, receive, send)
        finally:
            await self._content.aclose()
