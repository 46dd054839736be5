"""Where no descriptor is left for a new connection, the server says so and goes on when there is."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl

import pytest

from tests.support.raw_http import read_answer, request, said
from titan.server.http.connections import DEFAULT_LIMITS, ConnectionTracker, OpenConnection
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
        idle = OpenConnection()
        idle.abort = lambda: closed.append("idle")
        tracker.add(idle)
        acceptor = Acceptor(listener, lambda _opened: Greeter(), tracker, tls=None, limits=DEFAULT_LIMITS)
        acceptor.start()
        try:
            return await asyncio.to_thread(status_at, listener.getsockname()[1])
        finally:
            acceptor.close()

    with Exhausted(fileno=listen("127.0.0.1", 0).detach()) as listener, caplog.at_level(logging.WARNING):
        status = asyncio.run(serve(listener))

    assert status == 204
    assert closed == ["idle"]
    (record,) = caplog.records
    assert "a connection could not be accepted: Too many open files" in record.getMessage()


def test_connections_whose_tls_handshake_does_not_end_are_closed_for_new_ones() -> None:
    async def serve(listener: socket.socket) -> list[bytes]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        acceptor = Acceptor(
            listener, lambda _opened: Greeter(), ConnectionTracker(3), tls=context, limits=DEFAULT_LIMITS
        )
        acceptor.start()
        try:
            return await asyncio.to_thread(silent, listener.getsockname()[1], 5)
        finally:
            acceptor.close()

    def silent(port: int, count: int) -> list[bytes]:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        try:
            for client in clients[:2]:
                client.settimeout(10)
            for client in clients[2:]:
                client.settimeout(0.2)
            return [received(client) for client in clients]
        finally:
            for client in clients:
                client.close()

    with listen("127.0.0.1", 0) as listener:
        assert asyncio.run(serve(listener)) == [b"closed", b"closed", b"open", b"open", b"open"]


def received(client: socket.socket) -> bytes:
    try:
        return client.recv(1) or b"closed"
    except ConnectionResetError:
        return b"closed"
    except TimeoutError:
        return b"open"


def status_at(port: int) -> int:
    with said(port, request("GET", "/")) as connection:
        return read_answer(connection).status
