"""Accepts the connections of one listening socket, as many as may be open."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, TypeAlias

from titan.server.connections import ConnectionLimits, ConnectionTracker, TrackedConnection

ACCEPTED_AT_ONCE: Final = 64  # then others have a turn: 5 ms
PAUSE_SECONDS: Final = 1.0  # as asyncio does where no descriptor is left

MakeProtocol: TypeAlias = Callable[[TrackedConnection], asyncio.Protocol]


class Acceptor:
    """Takes the place of asyncio's Server: that one accepts without a limit and tells nobody of a TLS handshake."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: MakeProtocol,
        tracker: ConnectionTracker,
        *,
        tls: ssl.SSLContext | None,
        limits: ConnectionLimits,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._tracker = tracker
        self._tls = tls
        self._handshake_seconds = limits.header_seconds if tls else None
        self._closing_seconds = limits.closing_seconds if tls else None
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept from now on."""
        self._pause = None
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Accept no more; the socket stays open."""
        self._loop.remove_reader(self._listener)
        if self._pause is not None:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Return at once; uvicorn calls it."""

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # the client has left already
                continue
            except OSError as error:  # no descriptor is left, or no memory
                self._tracker.note_no_descriptor(error)
                self._tracker.close_one()
                self.close()
                self._pause = self._loop.call_later(PAUSE_SECONDS, self.start)
                return
            self._take(accepted)

    def _take(self, accepted: socket.socket) -> None:
        tracked = self._tracker.add()
        if tracked is None:
            accepted.close()
            return
        accepted.setblocking(False)
        task = self._loop.create_task(self._connect(accepted, tracked))
        # One that is cancelled before it begins has handed the socket to nobody.
        task.add_done_callback(lambda done: accepted.close() if done.cancelled() else None)
        tracked.close_with(task.cancel)

    async def _connect(self, accepted: socket.socket, tracked: TrackedConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._make_protocol(tracked),
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
                ssl_shutdown_timeout=self._closing_seconds,
            )
        except OSError:  # no TLS, or not in time
            tracked.closed()
