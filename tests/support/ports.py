"""Ports that a test names before anybody listens there, or listens at again after a while."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


def a_held_port() -> socket.socket:
    """Return a socket that holds a port of the loopback address; close it when the port is no longer wanted.

    It is bound and does not listen: clients are refused, and nobody else is given this port, neither a server that asks
    for any free one nor a connection that leaves this machine. A server with SO_REUSEADDR, as all of ours have, may
    listen there meanwhile. A port that was looked up and let go could be another's before the server is up.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


def port_of(held: socket.socket) -> int:
    """Return the port of such a socket."""
    return int(held.getsockname()[1])


@contextmanager
def held_ports(count: int) -> Iterator[list[int]]:
    """Hold so many ports for a `with` block."""
    held = [a_held_port() for _ in range(count)]
    try:
        yield [port_of(each) for each in held]
    finally:
        for each in held:
            each.close()
