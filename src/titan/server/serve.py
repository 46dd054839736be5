"""Listening: the sockets, the HTTP server on them, and its end."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Final

import uvicorn
from litestar.types import ASGIApp

from titan.model.errors import InvalidInput, NotSupported
from titan.server.guard import LOCAL_HOSTS

BACKLOG: Final = 2048  # uvicorn's own default
GOODBYE_SECONDS: Final = 5  # for requests that are being answered when the server stops


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on this machine only; port 0 takes any free one.

    Raises:
        NotSupported: `host` is not one of the names in LOCAL_HOSTS.
        InvalidInput: the port is taken, or may not be used.
    """
    if host not in LOCAL_HOSTS:
        raise NotSupported(
            f"address {host!a}",
            expected="a loopback address: 127.0.0.1, localhost or ::1",
            found="another",
            next_step="Without access control it listens on this machine only; use an SSH tunnel.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidInput(
            f"port {port} on {host}",
            expected="a free port",
            found=error.strerror or str(error),
            next_step="Stop what uses it, or choose others with --port and --sdk-port.",
        ) from error
    listener.set_inheritable(False)
    return listener


class HttpServer(uvicorn.Server):
    """uvicorn, with signals left to `titan.main`."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                ws="none",
                timeout_keep_alive=75,  # seconds between two requests of a client; a fresh connection costs 0.2 ms
                timeout_graceful_shutdown=GOODBYE_SECONDS,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_on(self, listeners: Sequence[socket.socket]) -> None:
        """Serve until `should_exit` is set."""
        await self.serve(sockets=list(listeners))
