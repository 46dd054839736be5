"""Connections that are kept for the next request."""

from __future__ import annotations

from titan_sdk.http1 import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk.address import Address
    from titan_sdk.links import Io, Link

CONNECT_TIMEOUT_SECONDS = 10.0  # a far server answers in 1 s; a dropped packet is repeated after 1, 3 and 7 s
KEPT_CONNECTIONS = 16  # a burst of a thousand waits must not hold a thousand sockets of the server for ever


class Pool:
    """The idle connections to one address. Threads may share it: each takes a connection for itself.

    What another process (before a fork) or another event loop opened is closed instead of used.
    """

    def __init__(self, io: Io, address: Address) -> None:
        self._io = io
        self._address = address
        self._owner: object = None
        self._idle: list[Connection] = []

    def take(self) -> Connection | None:
        """Return the connection that was used last, or None when there is none to use."""
        owner = self._io.owner()
        if owner != self._owner:
            self.close()
            self._owner = owner
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection, if it can be used again and there are not enough."""
        if connection.is_reusable and len(self._idle) < KEPT_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()

    async def connect(self, timeout_seconds: float) -> Connection:
        """Open a connection, with TLS where the address says so.

        Raises:
            OSError: nobody listens, or the host is unknown (gaierror).
            UntrustedServer: its certificate is not trusted.
        """
        address = self._address
        timeout = min(timeout_seconds, CONNECT_TIMEOUT_SECONDS)
        link: Link = await self._io.connect(address.host, address.port, timeout_seconds=timeout)
        if address.is_tls:
            from titan_sdk.tls import secured  # ssl takes 15 ms to import

            link = await secured(link, address, timeout_seconds=timeout)
        return Connection(link)

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()
