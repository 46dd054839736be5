"""Where no descriptor is left for a new connection, the server says so and goes on when there is."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket

import pytest

from tests.support.raw_http import read_answer, request, said
from titan.server.http.connections import DEFAULT_LIMITS, ConnectionTracker, TrackedConnection
from titan.server.http.serve import Acceptor, listen


class Exhausted(socket.socket):
    """A listening socket for whose first connection no descriptor is left."""

    failures = 1

    def accept(self) -> tuple[socket.socket, object]:
        """Fail, then accept."""
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


class Greeter(asyncio.Protocol):
    """Answers every connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        transport.close()


def test_a_connection_waits_for_a_descriptor_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    closed = list[str]()

    async def serve(listener: socket.socket) -> int:
        tracker = ConnectionTracker(10)
        idle = tracker.add()
        assert idle is not None
        idle.close_with(lambda: closed.append("idle"))
        acceptor = Acceptor(listener, greeter, tracker, tls=None, limits=DEFAULT_LIMITS)
        acceptor.start()
        try:
            return await asyncio.to_thread(status_at, listener.getsockname()[1])
        finally:
            acceptor.close()

    def greeter(_tracked: TrackedConnection) -> Greeter:
        return Greeter()

    with Exhausted(fileno=listen("127.0.0.1", 0).detach()) as listener, caplog.at_level(logging.WARNING):
        status = asyncio.run(serve(listener))

    assert status == 204
    assert closed == ["idle"]
    (record,) = caplog.records
    assert "a connection could not be accepted: Too many open files" in record.getMessage()


def status_at(port: int) -> int:
    with said(port, request("GET", "/")) as connection:
        return read_answer(connection).status
