"""Requests to one server that survive its restarts, written once for every kind of I/O.

`titan_sdk.transport` says what each request promises; its `Transport` is the blocking face of this.
"""

from __future__ import annotations

import json
import os
import time

from titan_sdk.encoding import json_bytes, project_header, query_string
from titan_sdk.errors import (
    InvalidInput,
    ServerUnavailable,
    StreamBroken,
    TitanError,
    UnexpectedAnswer,
    error_from_wire,
)
from titan_sdk.http1 import BrokenAnswer, Connection, NotWritable, Response
from titan_sdk.pool import Pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from typing import Any, TypeAlias

    from titan_sdk.address import Address
    from titan_sdk.encoding import Scalar
    from titan_sdk.links import Io, Readable
    from titan_sdk.patience import Patience

    #: One try at a request, on a connection, with a limit in seconds for each silence.
    Attempt: TypeAlias = Callable[[Connection, float], Awaitable[Response]]

RETRY_FOR_SECONDS = 60.0  # a server with a large store is back within this after a kill
LASTING_SECONDS = 1.0  # a server that ends closes what it has just taken sooner than that
TIMEOUT_SECONDS = 30.0  # a durable commit on a busy disk takes up to 5 s; long polls ask for more themselves
_JSON = "application/json"
SLOW_DISK_BYTES_PER_SECOND = 20_000_000  # after an upload's last byte the server brings it all to the disk


class AsyncTransport:
    """One Titan server, as seen by this process. See `titan_sdk.transport` for what every request promises."""

    def __init__(
        self,
        io: Io,
        address: Address,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        project: str | None = None,
    ) -> None:
        self.io = io
        self.address = address
        self.token = token
        self.project = project
        self.retry_for_seconds = retry_for_seconds
        self.timeout_seconds = timeout_seconds
        self._fixed_head = f" HTTP/1.1\r\nHost: {address}\r\n"
        if token:
            _check_token(token)
            self._fixed_head += f"Authorization: Bearer {token}\r\n"
        self._own_headers = project_header(project)
        self._pool = Pool(io, address)

    @property
    def host(self) -> str:
        """Where the server listens."""
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

        `path` is already percent-encoded (`titan_sdk.encoding.quote`); `query` is encoded here, and its None
        values are left out.

        Raises:
            ServerUnavailable: no answer within the retries; a mutation may or may not have been performed.
            UnexpectedAnswer: what listens there does not speak HTTP/1.1.
            UntrustedServer: its certificate is not trusted.
        """
        head = self._head(method, path, query, mutation=mutation, body_bytes=len(body), content_type=content_type)
        return await self._persist(_exchange_of(head, body), timeout_seconds, retry_for_seconds)

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
        head = self._head(
            method, path, query, mutation=mutation, body_bytes=len(content), content_type=_JSON, headers=headers
        )
        response = await self._persist(_exchange_of(head, content), timeout_seconds, retry_for_seconds, is_poll=is_poll)
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
        head = self._head(method, path, query, body_bytes=size_bytes)

        async def attempt(connection: Connection, silence: float) -> Response:
            file.seek(0)
            await connection.send(head, file, timeout_seconds=silence)
            return await connection.read_answer()

        return self._read_json(await self._persist(attempt, timeout_seconds), method, path)

    async def download(self, path: str, target: str | os.PathLike[str]) -> None:
        """GET a body of any size into the file `target`, which appears only once it is whole.

        Raises:
            OSError: the file cannot be written.
            TitanError: as request_json; `target` is then as it was before.
        """
        from titan_sdk.partial_file import PartialFile

        head = self._head("GET", path, None)
        partial = PartialFile(target)

        async def attempt(connection: Connection, silence: float) -> Response:
            await connection.send(head, b"", timeout_seconds=silence)
            status, headers = await connection.read_head()
            if status >= 400:
                return Response(status, headers, await connection.read_body())
            with partial.begun() as file:
                while piece := await connection.read_piece():
                    file.write(piece)
            return Response(status, headers, b"")

        try:
            response = await self._persist(attempt)
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

        Only the beginning is retried: a stream that breaks raises, and its reader knows where to go on.

        Raises:
            ServerUnavailable: it did not begin within the retries.
            StreamBroken: it broke off.
            TitanError: as request_json.
        """
        head = self._head("GET", path, query, headers=headers)
        opened: list[Connection] = []

        async def attempt(connection: Connection, silence: float) -> Response:
            await connection.send(head, b"", timeout_seconds=silence)
            status, answer_headers = await connection.read_head()
            opened.append(connection)  # one more for each 503 before it
            return Response(status, answer_headers, await connection.read_body() if status >= 400 else b"")

        try:
            response = await self._persist(attempt, timeout_seconds, own_connection=True)
            if response.status >= 400:
                self._read_json(response, "GET", path)
            while piece := await opened[-1].read_piece():
                yield piece
        except TitanError:
            raise  # also ServerUnavailable, which is an OSError
        except BrokenAnswer as cause:
            raise self._broken(cause) from cause
        except OSError as cause:
            raise self._unavailable(cause, StreamBroken) from cause
        finally:
            for connection in opened:
                connection.close()

    def close(self) -> None:
        """Close the connections that are kept for later requests; those in use go on."""
        self._pool.close()

    def over(self, io: Io) -> AsyncTransport:
        """Return a transport to the same server over another kind of I/O."""
        return AsyncTransport(
            *(io, self.address, self.token),
            project=self.project,
            retry_for_seconds=self.retry_for_seconds,
            timeout_seconds=self.timeout_seconds,
        )

    # The rest is how: requests written as bytes, and the retries.

    def _head(
        self,
        method: str,
        path: str,
        query: Mapping[str, Scalar] | None,
        *,
        mutation: bool | None = None,
        body_bytes: int = 0,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        head = f"{method} {path}{query_string(query)}{self._fixed_head}"
        if method != "GET":
            head += f"Content-Length: {body_bytes}\r\nContent-Type: {content_type}\r\n"
        if mutation if mutation is not None else method != "GET":
            head += f"Idempotency-Key: {os.urandom(16).hex()}\r\n"
        own = self._own_headers | dict(headers or {})
        head += "".join(f"{name}: {value}\r\n" for name, value in own.items())
        return f"{head}\r\n".encode("latin-1")

    async def _persist(
        self,
        attempt: Attempt,
        timeout_seconds: float | None = None,
        retry_for_seconds: float | None = None,
        *,
        own_connection: bool = False,
        is_poll: bool = False,
    ) -> Response:
        """Return the first answer that is no passing failure, or the last one when patience is over."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        patience: Patience | None = None
        while True:
            began = time.monotonic()
            outcome = await self._try_once(attempt, timeout, own_connection)
            if isinstance(outcome, Response) and outcome.status != 503:
                return outcome
            if is_poll and isinstance(outcome, ConnectionResetError) and time.monotonic() - began > LASTING_SECONDS:
                raise self._unavailable(outcome, StreamBroken) from outcome  # the server was there all that time
            from titan_sdk.patience import Patience, is_passing  # most programs never need it

            if isinstance(outcome, Response) and not is_passing(outcome):
                return outcome
            if patience is None:
                seconds = self.retry_for_seconds if retry_for_seconds is None else retry_for_seconds
                patience = Patience(seconds, server=str(self.address))
            pause = patience.pause_after(outcome, began=began)
            if pause is not None:
                await self.io.sleep(pause)
            elif isinstance(outcome, Response):
                return outcome
            else:
                raise self._unavailable(outcome, ServerUnavailable, patience.seconds) from outcome

    async def _try_once(self, attempt: Attempt, silence: float, own_connection: bool) -> Response | OSError:
        """Return the answer or the broken connection's error, with what is left of the connection closed.

        A kept connection that the server has closed meanwhile (a restart, an idle time) is no failure yet:
        the request goes out once more on a new one.
        """
        began = time.monotonic()
        connection = None if own_connection else self._pool.take()
        was_kept = connection is not None
        while True:
            try:
                if connection is None:
                    connection = await self._pool.connect(silence)
                response = await attempt(connection, silence)
            except OSError as failure:
                _drop(connection)
                had_it = time.monotonic() - began > LASTING_SECONDS
                if not was_kept or had_it or isinstance(failure, TimeoutError):
                    return failure
                connection, was_kept = None, False
            except NotWritable as failure:
                _drop(connection)
                raise failure.as_of_the_disk() from None
            except BrokenAnswer as cause:
                _drop(connection)
                raise self._broken(cause) from cause
            except BaseException:
                _drop(connection)  # interrupted, cancelled: half an answer must not be the next request's
                raise
            else:
                if not own_connection:
                    self._pool.give_back(connection)
                return response

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


def _exchange_of(head: bytes, body: bytes) -> Attempt:
    """Return the attempt of a request whose body and answer fit in memory."""

    def attempt(connection: Connection, silence: float) -> Awaitable[Response]:
        return connection.exchange(head, body, timeout_seconds=silence)

    return attempt


def _drop(connection: Connection | None) -> None:
    if connection is not None:
        connection.close()


def _check_token(token: str) -> None:
    """Refuse what would end the header it stands in, such as a line break read from a file with the token."""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise InvalidInput(
            subject="token",
            expected="visible ASCII characters without blanks",
            found="others, such as a line break",
            next_step="Look at TITAN_TOKEN: `export TITAN_TOKEN=$(cat FILE)` leaves the line break out.",
        )
