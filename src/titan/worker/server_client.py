"""Client of the worker protocol: finds the server, sends requests, and registers again when the server asks for it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from titan.home.socket import connect_in
from titan.model.workers import Load
from titan.wire.protocol import (
    ClaimAnswer,
    ClaimRequest,
    CompleteAnswer,
    CompleteRequest,
    HeartbeatAnswer,
    HeartbeatRequest,
    LeaveAnswer,
    LogAnswer,
    NoteFilesAnswer,
    NoteFilesRequest,
    Registered,
    Registration,
    WorkspacesAnswer,
    WorkspacesRequest,
)
from titan_sdk.errors import (
    Forbidden,
    StoreFull,
    TitanError,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    UnknownWorker,
    error_from_wire,
)
from titan_sdk.http import Response
from titan_sdk.http.address import Address
from titan_sdk.http.blocking_client import BlockingHttp
from titan_sdk.http.transport import AsyncTransport, Transport

logger = logging.getLogger(__name__)

A = TypeVar("A")

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
ANSWER_SECONDS: Final = 8.0  # a lease lasts 10 s, so a slower answer to a heartbeat is no help
QUICK_ANSWER_SECONDS: Final = 3.0  # a heartbeat that waited so long for one server still reaches another in time
REPORT_ANSWER_SECONDS: Final = 30.0  # up to 22 MB, and a durable commit
LEAVE_ANSWER_SECONDS: Final = 3.0  # a user waits for the end
LOG_ANSWER_SECONDS: Final = 60.0  # 256 KiB over a line of 64 kbit/s
REFUSED_ACCESS: Final = (401, 403)
WAIT_MARGIN_SECONDS: Final = 10.0  # how much later than asked for a long poll may be answered


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a worker reaches its server, and the token that it sends."""

    host: str
    port: int
    is_tls: bool = False
    ca_file: str | None = None  #: certificates to trust instead of the system's, in PEM
    token: str | None = field(default=None, repr=False)
    home: Path | None = None  #: reached by the socket in this home, not by host and port

    @classmethod
    def of(cls, url: str, *, token: str | None = None, ca_file: str | None = None) -> "ServerAddress":
        """Return the address in `http://host:port` or `https://host:port`."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 80)
        return cls(
            host=parts.hostname or "127.0.0.1",
            port=port,
            is_tls=is_tls,
            ca_file=ca_file if is_tls else None,
            token=token,
        )

    def __str__(self) -> str:
        if self.home is not None:
            return f"home {self.home}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.is_tls else ''}://{host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables by which a job's SDK finds the server; a job has a token of its own."""
        variables = {"TITAN_HOST": self.host, "TITAN_PORT": str(self.port)}
        if self.is_tls:
            variables["TITAN_TLS"] = "1"
        if self.ca_file is not None:
            variables["TITAN_CA_FILE"] = self.ca_file
        return variables


class ServerAway(Exception):
    """The server did not answer, or cannot do it now. The request may have been performed, and may be repeated."""


class ServerClient:
    """One worker's connections to its server, one for each thread that uses it."""

    def __init__(
        self,
        worker_id: str,
        registration: Registration,
        find_server: Callable[[], ServerAddress],
        *,
        has_other_servers: bool = False,
    ) -> None:
        """`find_server` is called again whenever the server does not answer, or refuses the token.

        With `has_other_servers` answers are not awaited for long: another server may renew the leases in time.
        """
        self._has_other_servers = has_other_servers
        self._answer_seconds = QUICK_ANSWER_SECONDS if has_other_servers else ANSWER_SECONDS
        self._path = f"/api/workers/{worker_id}"
        self._registration = registration
        self._find_server = find_server
        self._server = find_server()
        self._transport = _transport_to(self._server)
        self._moving = threading.Lock()
        self._away_since: float | None = None
        self._registered = Registered()
        self._has_left = False
        self._was_registered = False

    @property
    def server(self) -> ServerAddress:
        """Where the server was found last."""
        return self._server

    @property
    def away_seconds(self) -> float:
        """For how long the server has not answered; 0 while it does."""
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def heartbeat_seconds(self) -> float:
        """How often the server expects a heartbeat."""
        return self._registered.heartbeat_seconds

    def register(self) -> None:
        """Register this worker.

        Raises:
            ServerAway: see there.
            TitanError: the server refuses this worker.
        """
        registration = msgspec.json.encode(self._registration)
        response = self._exchange("PUT", self._path, registration, is_first=not self._was_registered)
        self._was_registered = True
        self._registered = _read(response, Registered)

    def claim(self, request: ClaimRequest) -> ClaimAnswer:
        """Claim work; waits as long as the request says.

        Raises:
            ServerAway: see there.
        """
        return self._post("claim", request, ClaimAnswer, timeout_seconds=request.wait_seconds + WAIT_MARGIN_SECONDS)

    def heartbeat(self, holding: list[str], load: Load | None = None) -> HeartbeatAnswer:
        """Renew leases. Raises ServerAway: see there."""
        beat = HeartbeatRequest(holding=holding, load=load)
        return self._post("heartbeat", beat, HeartbeatAnswer, timeout_seconds=self._answer_seconds)

    def old_workspaces(self, request: WorkspacesRequest) -> WorkspacesAnswer:
        """Return which idle workspaces have expired. Raises ServerAway: see there."""
        return self._post("workspaces", request, WorkspacesAnswer)

    def complete(self, request: CompleteRequest) -> CompleteAnswer:
        """Report ends and starts of attempts. Raises ServerAway: see there."""
        return self._post("complete", request, CompleteAnswer, timeout_seconds=REPORT_ANSWER_SECONDS)

    def leave(self) -> LeaveAnswer:
        """Give back all held leases: the worker ends. Raises ServerAway: see there."""
        self._has_left = True
        return self._post("leave", {}, LeaveAnswer, timeout_seconds=LEAVE_ANSWER_SECONDS)

    def append_log(self, lease_id: str, offset: int, content: bytes) -> int | None:
        """Send a part of an attempt's output; return how much of it the server has, or None when the lease is over.

        Raises:
            ServerAway: see there.
        """
        path = f"{self._path}/log/{lease_id}?offset={offset}"
        response = self._exchange("PUT", path, content, timeout_seconds=LOG_ANSWER_SECONDS)
        if response.status == 409:
            found = _error_of(response).found
            return int(found) if found.isdecimal() else None
        return _read(response, LogAnswer).size_bytes

    def record(self, lease_id: str, body: bytes) -> int:
        """Send a body of POST /api/v1/actions for a job of this worker; return the answer's status.

        The lease only says whose actions they are: it may be over.

        Raises:
            ServerAway: see there.
        """
        path = f"/api/v1/actions?lease={lease_id}"
        return self._exchange("POST", path, body, timeout_seconds=LOG_ANSWER_SECONDS, is_json=True).status

    def note_files(self, lease_id: str, request: NoteFilesRequest) -> NoteFilesAnswer:
        """List the files that an attempt left; return which contents the server lacks.

        Raises:
            ServerAway: see there.
            TitanError: the server refuses it; the lease is over, for instance.
        """
        path = f"{self._path}/files/{lease_id}"
        body = msgspec.json.encode(request)
        return _read(self._exchange("PUT", path, body, timeout_seconds=LOG_ANSWER_SECONDS), NoteFilesAnswer)

    def send_content(self, lease_id: str, digest: str, source: Path) -> None:
        """Upload the content of a file that an attempt left, of any size.

        Raises:
            ServerAway, TitanError: as `note_files`.
        """
        with self._connection() as transport:
            transport.upload(f"{self._path}/files/{lease_id}/{digest}", source)

    def fetch_blob(self, digest: str, target: Path) -> None:
        """Write the content of a digest, of any size, to `target`, which appears only once it is whole.

        Raises:
            ServerAway: see there.
            TitanError: the server has no content of this digest.
            OSError: it cannot be written.
        """
        with self._connection() as transport:
            transport.download(f"/api/blobs/{digest}", target)

    def _post(self, verb: str, body: object, answer: type[A], *, timeout_seconds: float = ANSWER_SECONDS) -> A:
        """Send a request of the worker protocol; register first with a server that does not know this worker."""
        encoded = msgspec.json.encode(body)
        path = f"{self._path}/{verb}"
        try:
            return _read(self._exchange("POST", path, encoded, timeout_seconds=timeout_seconds), answer)
        except UnknownWorker:
            if self._has_left:
                raise ServerAway("this worker has left") from None
            logger.info("the server does not know this worker: registering again")
            self.register()
            return _read(self._exchange("POST", path, encoded, timeout_seconds=timeout_seconds), answer)

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        timeout_seconds: float = ANSWER_SECONDS,
        is_first: bool = False,
        is_json: bool = False,
    ) -> Response:
        # The protocol is safe to repeat, so requests carry no idempotency key, which the server would store.
        with self._connection() as transport:
            response = transport.request(
                *(method, path),
                body=body,
                content_type="application/json" if is_json else "application/octet-stream",
                timeout_seconds=timeout_seconds,
                mutation=False,
            )
            if response.status >= 500:
                if self._has_other_servers:
                    self._look_for_server(transport)  # another may reach the database
                raise ServerAway(f"{method} {path}: HTTP {response.status} {response.body[:300]!r}")
            if response.status in REFUSED_ACCESS and not is_first:
                # What runs goes on: the home's token may have been replaced, or a person may correct it.
                self._look_for_server(transport)
                raise ServerAway(str(_error_of(response)))
            return response

    @contextmanager
    def _connection(self) -> Iterator[Transport]:
        """Yield the connection to the server; when no answer comes, look for the server and raise ServerAway."""
        transport = self._transport
        try:
            yield transport
            self._away_since = None
        except (Unavailable, StoreFull, UnexpectedAnswer, Unauthorized, Forbidden) as cause:
            self._look_for_server(transport)
            raise ServerAway(str(cause)) from cause

    def _look_for_server(self, failed: Transport) -> None:
        """Note that the server is away, and connect to where it is now, if that or its token has changed."""
        with self._moving:
            if self._away_since is None:
                self._away_since = time.monotonic()
            if self._transport is not failed:
                return
            found = self._find_server()
            if found != self._server:
                logger.info("the server is now at %s", found)
                self._server, self._transport = found, _transport_to(found)


def _transport_to(server: ServerAddress) -> Transport:
    home = server.home
    if home is not None:  # the server may listen elsewhere besides
        http = BlockingHttp(
            Address(server.host, server.port), lambda timeout_seconds: connect_in(home, timeout_seconds=timeout_seconds)
        )
        return Transport.of(AsyncTransport(http, server.token, retry_for_seconds=0))
    return Transport(
        server.host, server.port, server.token, is_tls=server.is_tls, ca_file=server.ca_file, retry_for_seconds=0
    )


def _read(response: Response, answer: type[A]) -> A:
    if response.status >= 400:
        raise _error_of(response)
    try:
        return msgspec.json.decode(response.body, type=answer)
    except msgspec.DecodeError as cause:
        raise ServerAway(f"the answer is no {answer.__name__}: {cause}") from cause


def _error_of(response: Response) -> TitanError:
    try:
        body = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        body = response.body
    return error_from_wire(response.status, body, subject="the worker's request")
