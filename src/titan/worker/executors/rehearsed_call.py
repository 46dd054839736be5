"""A call to the SDK without a server, so that the pages which a script's first call writes are written before it."""

from __future__ import annotations

import socket

from titan_sdk.client import Core
from titan_sdk.http import run
from titan_sdk.http.address import Address
from titan_sdk.http.blocking_client import BlockingHttp

_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"value":1}'


class _Client(Core):
    """Asks the other end of a pair of sockets instead of a server."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        super().__init__("127.0.0.1", 9090, "token", retry_for_seconds=0, announce=len)

    def _http(self, address: Address) -> BlockingHttp:
        return BlockingHttp(address, lambda _timeout_seconds: self._connection)


def rehearse_call() -> None:
    """Ask a server that has answered already."""
    ours, servers = socket.socketpair()
    with servers:
        servers.sendall(_ANSWER)
        client = _Client(ours)
        run(client.store_incr("key"))
        client.close()
