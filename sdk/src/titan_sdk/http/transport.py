"""Requests to one Titan server, repeated while it restarts.

    transport = Transport("127.0.0.1", 9090, token)
    transport.request_json("PUT", "/api/store", body={"key": "k", "value": "v"})  # -> {"status": "OK"}
    transport.request_json("GET", "/api/store", query={"key": "k"})               # -> {"key": "k", …}
    transport.request("PUT", "/api/workers/w/log/l", query={"offset": 0}, body=b"…")  # -> Response
    transport.upload("/api/files/report.md", "report.md")                         # -> {"name", "digest", …}
    transport.download("/api/files/report.md", "copy.md")
    for piece in transport.stream("/api/jobs/j/log", query={"follow": True}): …

`AsyncTransport` is the same with `await` and `async for`; `Transport` is its blocking version. Both guarantee:

- **Threads, tasks and forks.** Each request has a connection to itself while it lasts; up to 16 are kept alive
  for later ones. A forked child opens its own. A request that is interrupted or cancelled closes its connection.
- **Retries.** A refused or broken connection, a silence longer than `timeout_seconds`, and a 503 that is not
  about the language model are repeated, with pauses of 0.05 s doubling up to 1 s, until `retry_for_seconds`
  have passed since the first failure. Answers of 400 to 499 are never repeated; 0 tries once. A long poll
  (`is_poll`) that breaks after a second raises StreamBroken: the caller polls again, with its full retry time.
- **Mutations.** Every request but GET carries one random `Idempotency-Key` through all its repetitions, so
  the server performs it once. Pass `mutation=False` for a POST that changes nothing, such as a long poll.
- **Errors.** `request_json`, `upload`, `download` and `stream` raise the TitanError that the server names;
  `request` returns the answer as it is, whatever its status. All raise ServerUnavailable when no answer
  comes, and UnexpectedAnswer when what comes is not HTTP.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from titan_sdk.errors import (
    InvalidInput,
    ServerUnavailable,
    StreamBroken,
    TitanError,
    UnexpectedAnswer,
    error_from_wire,
)
from titan_sdk.http import (
    LASTING_SECONDS,
    BrokenAnswer,
    NotWritable,
    PartialFile,
    Request,
    Response,
    blocking,
    iterating,
    json_bytes,
    project_header,
    query_string,
)
from titan_sdk.http.address import Address
from titan_sdk.http.blocking_client import BlockingHttp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from typing import Any, TypeAlias

    from titan_sdk.http import Answer, Http, Readable, Scalar

    #: One try at a request, with a limit in seconds for each silence.
    Attempt: TypeAlias = Callable[[float], Awaitable[Response]]

RETRY_FOR_SECONDS = 60.0  # a server with a large store is back within this after a kill
TIMEOUT_SECONDS = 30.0  # a durable commit on a busy disk takes up to 5 s; long polls ask for more themselves
SLOW_DISK_BYTES_PER_SECOND = 20_000_000  # after an upload's last byte the server syncs all of it to disk
FIRST_PAUSE_SECONDS = 0.05  # a restarted server is back in 0.5 s at the earliest
LONGEST_PAUSE_SECONDS = 1.0  # so a server that is back is noticed within a second
SILENT_SECONDS = 1.0  # how long retries go on before they are logged
LONGEST_POLL_SECONDS = 25.0  # the server's longest is 30 s
HASTY_SECONDS = 0.05  # a long poll that returns sooner without a result comes from a server that is stopping
_MODEL_ERRORS = (b"ModelUnavailable", b"ModelNotConfigured")  # 503s that do not pass


class AsyncTransport:
    """One Titan server. See the module for what every request guarantees."""

    def __init__(
        self,
        http: Http,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        project: str | None = None,
    ) -> None:
        self.http = http
        self.address = http.address
        self.token = token
        self.project = project
        self.retry_for_seconds = retry_for_seconds
        self.timeout_seconds = timeout_seconds
        self._headers = {"Host": str(self.address), **project_header(project)}
        if token:
            _check_token(token)
            self._headers["Authorization"] = f"Bearer {token}"

    @property
    def host(self) -> str:
        """The server's host."""
        return self.address.host

    @property
    def port(self) -> int:
        """The server's port."""
        return self.address.port

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Scalar] | None = None,
        body: bytes = b"",
        content_type: str = "application/octet-stream",
        timeout_seconds: float | None = None,
        mutation: bool | None = None,
        retry_for_seconds: float | None = None,
    ) -> Response:
        """Return the answer to one request, whatever its status; after the retries also a 503.

        `path` is already percent-encoded (`titan_sdk.http.quote`); `query` is encoded here, and its None
        values are left out.

        Raises:
            ServerUnavailable: no answer within the retries; a mutation may or may not have been performed.
            UnexpectedAnswer: what listens there does not speak HTTP/1.1.
            UntrustedServer: its certificate is not trusted.
        """
        request = self._request(method, path, query, body, mutation=mutation, content_type=content_type)
        return await self._persist(self._exchange(request), timeout_seconds, retry_for_seconds)

    async def request_json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Scalar] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
        mutation: bool | None = None,
        retry_for_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        is_poll: bool = False,
    ) -> Any:  # the wire's edge: callers give the answer its type at once
        """Send `body` as JSON (None: no body) and return the decoded JSON answer.

        Raises:
            StreamBroken: with `is_poll`, the server took the request, and its connection broke over a second later.
            TitanError: the one the server names, for a status of 400 or more.
            InvalidInput: `body` cannot be written as JSON in UTF-8. Nothing was sent.
            ServerUnavailable, UnexpectedAnswer, UntrustedServer: as `request`.
        """
        content = b"" if body is None else json_bytes(body, subject=f"{method} {path}")
        request = self._request(
            method, path, query, content, mutation=mutation, content_type="application/json", headers=headers
        )
        response = await self._persist(self._exchange(request), timeout_seconds, retry_for_seconds, is_poll=is_poll)
        return self._read_json(response, method, path)

    async def read(self, path: str, *, query: Mapping[str, Scalar] | None = None) -> bytes:
        """GET a body that fits in memory. Raises as request_json."""
        response = await self.request("GET", path, query=query)
        if response.status >= 400:
            self._read_json(response, "GET", path)
        return response.body

    async def upload(self, path: str, source: str | os.PathLike[str]) -> Any:  # the wire's edge, as in request_json
        """PUT the content of the file `source`, of any size, and return the decoded JSON answer.

        Raises:
            OSError: the file cannot be read; FileNotFoundError when it is not there.
            TitanError: as request_json.
        """
        with open(source, "rb") as file:  # noqa: ASYNC230  # from the page cache, in pieces of 1 MiB
            size_bytes = os.fstat(file.fileno()).st_size
            seconds = self.timeout_seconds + size_bytes / SLOW_DISK_BYTES_PER_SECOND
            return await self.upload_from("PUT", path, file, size_bytes=size_bytes, timeout_seconds=seconds)

    async def upload_from(
        self,
        method: str,
        path: str,
        file: Readable,
        *,
        size_bytes: int,
        timeout_seconds: float,
        query: Mapping[str, Scalar] | None = None,
    ) -> Any:  # the wire's edge, as in request_json
        """Send a body that is read in pieces, and return the decoded JSON answer.

        Raises:
            OSError: the file cannot be read.
            TitanError: as request_json.
        """
        request = self._request(method, path, query, file, body_bytes=size_bytes)
        return self._read_json(await self._persist(self._exchange(request), timeout_seconds), method, path)

    async def download(self, path: str, target: str | os.PathLike[str]) -> None:
        """GET a body of any size into the file `target`, which appears only once it is whole.

        Raises:
            OSError: the file cannot be written.
            TitanError: as request_json; `target` is then as it was before.
        """
        partial = PartialFile(target)

        async def save(answer: Answer) -> bytes:
            with partial.begun() as file:
                while piece := await answer.piece():
                    file.write(piece)
            return b""

        try:
            response = await self._persist(self._exchange(self._request("GET", path), save))
            if response.status >= 400:
                self._read_json(response, "GET", path)
            partial.keep()
        finally:
            partial.discard()

    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, Scalar] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of a GET's body as they arrive, on a connection of its own.

        Only the beginning is retried: a stream that breaks raises, and its reader knows where to continue.

        Raises:
            ServerUnavailable: it did not begin within the retries.
            StreamBroken: it broke off.
            TitanError: as request_json.
        """
        request = self._request("GET", path, query, headers=headers)
        opened: list[Answer] = []

        async def attempt(silence: float) -> Response:
            answer = await self.http.open(request, timeout_seconds=silence, own_connection=True)
            opened.append(answer)  # one more for each 503 before it
            return Response(answer.status, answer.headers, await answer.read() if answer.status >= 400 else b"")

        try:
            response = await self._persist(attempt, timeout_seconds)
            if response.status >= 400:
                self._read_json(response, "GET", path)
            while piece := await opened[-1].piece():
                yield piece
        except TitanError:
            raise  # also ServerUnavailable, which is an OSError
        except BrokenAnswer as cause:
            raise self._broken(cause) from cause
        except OSError as cause:
            raise self._unavailable(cause, StreamBroken) from cause
        finally:
            for answer in opened:
                await answer.close()

    def close(self) -> None:
        """Close the idle connections; those in use go on."""
        self.http.close()

    def blocking(self) -> Transport:
        """Return a blocking transport to the same server, with its own connections."""
        return Transport.of(
            AsyncTransport(
                BlockingHttp(self.address),
                self.token,
                project=self.project,
                retry_for_seconds=self.retry_for_seconds,
                timeout_seconds=self.timeout_seconds,
            )
        )

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Scalar] | None = None,
        body: bytes | Readable = b"",
        *,
        body_bytes: int | None = None,
        mutation: bool | None = None,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """Return the request to send; `body_bytes` is the size of a file."""
        all_headers = dict(self._headers)
        if method != "GET":
            all_headers["Content-Length"] = str(len(body) if isinstance(body, bytes) else body_bytes)
            all_headers["Content-Type"] = content_type
        if mutation if mutation is not None else method != "GET":
            all_headers["Idempotency-Key"] = os.urandom(16).hex()
        if headers:
            all_headers.update(headers)
        return Request(method, path + query_string(query), all_headers, body)

    def _exchange(self, request: Request, read: Callable[[Answer], Awaitable[bytes]] | None = None) -> Attempt:
        """Return an attempt that sends a request and reads its answer; by `read` where the status is below 400."""

        async def attempt(silence: float) -> Response:
            answer = await self.http.open(request, timeout_seconds=silence)
            try:
                body = await (answer.read() if read is None or answer.status >= 400 else read(answer))
            finally:
                await answer.close()
            return Response(answer.status, answer.headers, body)

        return attempt

    async def _persist(
        self,
        attempt: Attempt,
        timeout_seconds: float | None = None,
        retry_for_seconds: float | None = None,
        *,
        is_poll: bool = False,
    ) -> Response:
        """Return the first answer that is not a temporary failure, or the last one when the retry time is over."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        policy: RetryPolicy | None = None
        while True:
            began = time.monotonic()
            outcome = await self._try_once(attempt, timeout)
            if isinstance(outcome, Response) and not is_passing(outcome):
                return outcome
            if is_poll and isinstance(outcome, ConnectionResetError) and time.monotonic() - began > LASTING_SECONDS:
                raise self._unavailable(outcome, StreamBroken) from outcome  # the server was there all that time
            if policy is None:
                seconds = self.retry_for_seconds if retry_for_seconds is None else retry_for_seconds
                policy = RetryPolicy(seconds, server=str(self.address))
            pause = policy.pause_after(outcome, began=began)
            if pause is not None:
                await self.http.sleep(pause)
            elif isinstance(outcome, Response):
                return outcome
            else:
                raise self._unavailable(outcome, ServerUnavailable, policy.seconds) from outcome

    async def _try_once(self, attempt: Attempt, timeout_seconds: float) -> Response | OSError:
        """Return the answer, or the error of a connection that broke."""
        process = sys.modules.get("titan_sdk.recording.process")
        if process is not None:
            process.on_request()
        try:
            return await attempt(timeout_seconds)
        except OSError as failure:
            return failure
        except NotWritable as failure:
            raise failure.as_of_the_disk() from None
        except BrokenAnswer as cause:
            raise self._broken(cause) from cause

    def _read_json(self, response: Response, method: str, path: str) -> Any:  # the wire's edge, as in request_json
        try:
            value = json.loads(response.body.decode()) if response.body else None
        except ValueError:
            value = response.body[:200].decode("utf-8", "replace")
            if response.status < 400:
                raise UnexpectedAnswer(
                    subject=f"{method} {path} at {self.address}",
                    expected="JSON",
                    found=repr(value),
                    next_step="Check TITAN_HOST and TITAN_PORT: another program may listen there.",
                ) from None
        if response.status >= 400:
            raise error_from_wire(response.status, value, subject=f"{method} {path} at {self.address}")
        return value

    def _unavailable(self, cause: OSError, kind: type[ServerUnavailable], patience: float = 0.0) -> TitanError:
        return kind(
            subject=f"Titan server {self.address}",
            expected="an answer",
            found=f"{cause.strerror or cause}" + (f" for {patience:g} s" if patience else ""),
            next_step="Start it with `titan up`, or set TITAN_HOST and TITAN_PORT to where it runs.",
        )

    def _broken(self, cause: BrokenAnswer) -> TitanError:
        return UnexpectedAnswer(
            subject=f"Titan server {self.address}",
            expected="an HTTP/1.1 answer",
            found=str(cause),
            next_step="Check TITAN_HOST and TITAN_PORT: another program may listen there, or one that speaks TLS.",
        )


class Transport:
    """One Titan server. See the module for what every request guarantees."""

    def __init__(
        self,
        host: str,
        port: int,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        project: str | None = None,
        is_tls: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._core = AsyncTransport(
            BlockingHttp(Address(host, port, is_tls=is_tls, ca_file=ca_file)),
            token,
            retry_for_seconds=retry_for_seconds,
            timeout_seconds=timeout_seconds,
            project=project,
        )

    @classmethod
    def of(cls, core: AsyncTransport) -> Transport:
        """Return the blocking version of a transport over `BlockingHttp`; they share their connections."""
        transport = cls.__new__(cls)
        transport._core = core
        return transport

    request = blocking(AsyncTransport.request)
    request_json = blocking(AsyncTransport.request_json)
    read = blocking(AsyncTransport.read)
    upload = blocking(AsyncTransport.upload)
    upload_from = blocking(AsyncTransport.upload_from)
    download = blocking(AsyncTransport.download)
    stream = iterating(AsyncTransport.stream)

    @property
    def host(self) -> str:
        """The server's host."""
        return self._core.host

    @property
    def port(self) -> int:
        """The server's port."""
        return self._core.port

    @property
    def token(self) -> str | None:
        """The token that authenticates every request."""
        return self._core.token

    @property
    def retry_for_seconds(self) -> float:
        """How long a request is repeated while the server is away; may be assigned."""
        return self._core.retry_for_seconds

    @retry_for_seconds.setter
    def retry_for_seconds(self, seconds: float) -> None:
        self._core.retry_for_seconds = seconds

    def close(self) -> None:
        """Close the idle connections; those in use go on."""
        self._core.close()


def _check_token(token: str) -> None:
    """Refuse a token that would break its header, such as one with a line break from the file it was read from."""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise InvalidInput(
            subject="token",
            expected="visible ASCII characters without blanks",
            found="others, such as a line break",
            next_step="Look at TITAN_TOKEN: `export TITAN_TOKEN=$(cat FILE)` leaves the line break out.",
        )


class RetryPolicy:
    """Decides when to repeat one request, from its failures so far."""

    def __init__(self, seconds: float, *, server: str) -> None:
        self.seconds = seconds
        self._server = server
        self._failing_since: float | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._has_logged = False

    def pause_after(self, outcome: Response | OSError, *, began: float) -> float | None:
        """Return how many seconds to wait before the next try, or None when this was the last.

        A timeout counts from `began`, the request's beginning on the monotonic clock: a request that has already
        waited its time is not given it again.
        """
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = began if isinstance(outcome, TimeoutError) else now
        left = self._failing_since + self.seconds - now
        if left <= 0 or isinstance(outcome, socket.gaierror):  # an unknown host is not a restart
            return None
        pause = min(left, self._pause * (0.5 + os.urandom(1)[0] / 510))  # 0.5 to 1: jobs must not all return at once
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        if now + pause - self._failing_since >= SILENT_SECONDS and not self._has_logged:
            self._has_logged = True
            import logging  # 6 ms, and only needed here

            logging.getLogger("titan_sdk").warning(
                "[SDK] No answer from the Titan server at %s (%s); trying for another %.0f s.",
                self._server,
                f"HTTP {outcome.status}" if isinstance(outcome, Response) else outcome.strerror or outcome,
                left,
            )
        return pause


def is_passing(response: Response) -> bool:
    """Return whether the same request may soon get another answer."""
    return response.status == 503 and not any(name in response.body for name in _MODEL_ERRORS)


class LongPoll:
    """The polls of one wait.

    poll = LongPoll(timeout=60)
    while (wait_seconds := poll.next()) is not None:
        …                            # ask; return when it has happened
        await io.sleep(poll.rest())
    """

    #: How much later than asked an answer may come: a busy disk, a paused server.
    MARGIN_SECONDS = 15.0

    def __init__(self, timeout: float | None) -> None:
        """`timeout` is in seconds from now; None waits for ever."""
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._began = 0.0
        self._wait_seconds = LONGEST_POLL_SECONDS

    def next(self) -> float | None:
        """Return how many seconds the next poll may wait, at most 25, or None when the time is over.

        The last poll is made at the deadline or after, so there is at least one.
        """
        if self._wait_seconds <= 0:
            return None
        self._began = time.monotonic()
        left = LONGEST_POLL_SECONDS if self._deadline is None else self._deadline - self._began
        self._wait_seconds = round(max(0.0, min(LONGEST_POLL_SECONDS, left)), 3)
        return self._wait_seconds

    def again(self) -> LongPoll:
        """Begin another wait until the same deadline."""
        self._wait_seconds = LONGEST_POLL_SECONDS
        return self

    def rest(self) -> float:
        """Return how long to pause now: polls that come back at once are 0.05 s apart."""
        return max(0.0, min(HASTY_SECONDS, self._wait_seconds) - (time.monotonic() - self._began))
