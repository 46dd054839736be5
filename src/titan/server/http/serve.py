"""Listening sockets, TLS, and the uvicorn servers on them."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from litestar.types import ASGIApp

from titan.model.errors import InvalidInput
from titan.server.http.access import LOCAL_HOSTS, with_token
from titan.server.http.connections import (
    DEFAULT_LIMITS,
    MOST_DESCRIPTORS,
    SECURITY_HEADERS,
    Connection,
    ConnectionLimits,
    ConnectionTracker,
    OpenConnection,
    tracker_of_this_process,
)

BACKLOG: Final = 2048  # uvicorn's own default
ACCEPTED_AT_ONCE: Final = 64  # then others have a turn: 5 ms
PAUSE_SECONDS: Final = 1.0  # as asyncio does when no descriptor is left
GOODBYE_SECONDS: Final = 1  # for requests under way when the server stops
PING_SECONDS: Final = 15.0  # below the idle limit of common proxies
MAX_FRAME_BYTES: Final = 64 * 1024  # of frames that clients send, which nobody reads
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # wildcard address → the one to use from this machine


def is_local(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on `host`."""
    return host in LOCAL_HOSTS


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address or name of this machine; port 0 picks a free port.

    Raises:
        InvalidInput: this machine has no such address, or the port is in use or not permitted.
    """
    try:
        found = socket.getaddrinfo(host or "?", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # `localhost` is both 127.0.0.1 and ::1, in either order: clients expect the first.
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise _no_address(host, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _not_free(host, port, error) from error
    listener.set_inheritable(False)
    return listener


def url_of(listener: socket.socket, *, is_encrypted: bool = False) -> str:
    """Return the URL of a listener for programs on this machine."""
    host, port = listener.getsockname()[:2]
    host = _ANY.get(host, host)
    return f"http{'s' if is_encrypted else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return a TLS context (1.2 or newer) for a certificate; `key` None: the key is in the same file.

    Raises:
        InvalidInput: a file cannot be read, is not PEM or needs a password, or key and certificate do not match.
    """
    for what, file in (("certificate", certificate), ("key", key or certificate)):
        _check_readable(what, file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password, so that an encrypted key is refused instead of prompting for one.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise InvalidInput(
            f"TLS certificate {certificate} with key {key or certificate}",
            expected="a certificate chain in PEM, the server's own first, and its private key without a password",
            found=_what_is_wrong(error),
            next_step="Correct --tls-cert and --tls-key.",
        ) from error
    return context


class Acceptor:
    """Accepts the connections of one listener; unlike asyncio's server it bounds those in their TLS handshake, too."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[OpenConnection], asyncio.Protocol],
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
        """Begin to accept connections."""
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
                self.close()
                self._pause = self._loop.call_later(PAUSE_SECONDS, self.start)
                return
            opened = OpenConnection()
            if self._tracker.add(opened):
                accepted.setblocking(False)
                task = self._loop.create_task(self._connect(accepted, opened))
                # One that is cancelled before it begins has handed the socket to nobody.
                task.add_done_callback(partial(_close_if_cancelled, accepted))
                opened.abort = task.cancel
            else:
                accepted.close()

    async def _connect(self, accepted: socket.socket, opened: OpenConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._make_protocol(opened),
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
                ssl_shutdown_timeout=self._closing_seconds,
            )
        except OSError:  # not TLS, or not in time
            self._tracker.forget(opened)


class HttpServer(uvicorn.Server):
    """uvicorn with connections accepted by an `Acceptor`, and signals left to `titan.main`."""

    def __init__(
        self,
        app: ASGIApp,
        tracker: ConnectionTracker,
        tls: ssl.SSLContext | None = None,
        limits: ConnectionLimits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                headers=list(SECURITY_HEADERS),
                ws="websockets-sansio",
                ws_max_size=MAX_FRAME_BYTES,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PING_SECONDS,
                ws_per_message_deflate=False,  # 300 KB of memory a socket, and a batch of events is small
                timeout_keep_alive=75,  # seconds between two requests of a client; a fresh connection costs 0.2 ms
                timeout_graceful_shutdown=GOODBYE_SECONDS,
            )
        )
        self._tracker = tracker
        self._tls = tls
        self._limits = limits

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.server_state.default_headers = self.config.encoded_headers  # uvicorn sets them a little later
        acceptors = [
            Acceptor(listener, self._connection, self._tracker, tls=self._tls, limits=self._limits)
            for listener in sockets or ()
        ]
        for acceptor in acceptors:
            acceptor.start()
        self.servers = acceptors  # type: ignore[assignment]  # uvicorn does nothing but close them
        self.started = True

    def _connection(self, opened: OpenConnection) -> Connection:
        return Connection(self.config, self.server_state, opened, tracker=self._tracker, limits=self._limits)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(slots=True)
class Servers:
    """The application, served on all its sockets."""

    app: ASGIApp
    public: Sequence[socket.socket]  #: for people, SDKs and workers
    tls: ssl.SSLContext | None = None  #: encrypts the public ones
    #: For jobs and the command line of this home, never encrypted: a certificate names no loopback address.
    inner: socket.socket | None = None
    home: socket.socket | None = None  #: for this home's own workers, see `titan.home.socket`
    bridge: socket.socket | None = None  #: for programs in sandboxes: every request there needs a token
    tracker: ConnectionTracker = field(default_factory=tracker_of_this_process)  #: shared by all ports
    _running: list[HttpServer] = field(default_factory=list)

    async def run(self) -> None:
        """Serve until `stop`."""
        serving = [(HttpServer(self.app, self.tracker, self.tls), list(self.public))]
        if self.inner is not None:
            serving.append((HttpServer(self.app, self.tracker), [self.inner]))
        if self.home is not None:  # its own tracker: clients on ports cannot keep the home's workers out
            serving.append((HttpServer(self.app, ConnectionTracker(MOST_DESCRIPTORS)), [self.home]))
        if self.bridge is not None:
            serving.append((HttpServer(with_token(self.app), self.tracker), [self.bridge]))
        self._running = [server for server, _ in serving]
        await asyncio.gather(*(server.serve(sockets=sockets) for server, sockets in serving))

    def stop(self, *, at_once: bool = False) -> None:
        """End `run` after the requests under way, or with `at_once` without waiting for them."""
        for server in self._running:
            server.should_exit = True
            server.force_exit = server.force_exit or at_once


def _close_if_cancelled(accepted: socket.socket, connecting: "asyncio.Task[None]") -> None:
    if connecting.cancelled():
        accepted.close()


def _check_readable(what: str, file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        raise InvalidInput(
            f"TLS {what} {file}",
            expected="a file that Titan can read",
            found=error.strerror or str(error),
            next_step="Correct --tls-cert and --tls-key, or the file's permissions.",
        ) from error


def _what_is_wrong(error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    match reason:
        case "KEY_VALUES_MISMATCH":
            return "a key that belongs to another certificate"
        case "":
            return "no certificate or key in PEM in one of them, or a key with a password"
        case _:
            return str(reason).lower().replace("_", " ")


def _no_address(host: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"address {host!a}",
        expected="an address or name of this machine, such as 127.0.0.1, or 0.0.0.0 for every one",
        found=getattr(error, "strerror", None) or str(error),
        next_step="Choose another with --host.",
    )


def _not_free(host: str, port: int, error: OSError) -> InvalidInput:
    return InvalidInput(
        f"port {port} on {host}",
        expected="a free port at an address of this machine",
        found=error.strerror or str(error),
        next_step="Stop what uses it, or choose others with --port and --sdk-port.",
    )
