"""The HTTP client of the openai package with limits: no redirects, and an end to slow and endless answers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2 as httpx
from openai import DefaultAsyncHttpxClient

MOST_ANSWER_BYTES: Final = 64 * 1024 * 1024
LONGEST_STREAM: Final = 10  # times the time of a try: what a model says while it says something


class BoundedClient(DefaultAsyncHttpxClient):
    """Ends a try after `seconds`, however slowly bytes arrive; the body of a stream after ten times that."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(follow_redirects=False, event_hooks={"response": [self._bound]})
        self._seconds = seconds

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; httpx limits only the time between two bytes."""
        try:
            async with asyncio.timeout(self._seconds):
                return await super().send(request, **options)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no whole answer within {self._seconds:g} s", request=request) from error

    async def _bound(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Bounded(response.stream, seconds=LONGEST_STREAM * self._seconds)


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, *, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, ends_at = 0, asyncio.get_running_loop().time() + self._seconds
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise httpx.ReadError(f"the answer is longer than {MOST_ANSWER_BYTES:,} bytes")
            if asyncio.get_running_loop().time() > ends_at:
                raise httpx.ReadTimeout(f"the stream did not end within {self._seconds:g} s")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
