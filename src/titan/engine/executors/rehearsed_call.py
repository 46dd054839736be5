"""A call to the SDK without a server, so that the pages which a script's first call writes are written before it."""

from __future__ import annotations

import socket

from titan_sdk.address import Address
from titan_sdk.blocking_http import BlockingHttp
from titan_sdk.client import Core
from titan_sdk.sync_bridge import run

_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"value":1}'


def rehearse_call() -> None:
    """Ask a server that is the other end of a pair of sockets, and has answered already."""
    ours, servers = socket.socketpair()
    with servers:
        servers.sendall(_ANSWER)

        def connected(address: Address) -> BlockingHttp:
            return BlockingHttp(address, lambda _timeout_seconds: ours)

        client = Core(connected, "127.0.0.1", 9090, "token", retry_for_seconds=0, announce=len)
        run(client.store_incr("key"))
        client.close()
