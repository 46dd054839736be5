"""Requests to one Titan server that survive its restarts.

    transport = Transport("127.0.0.1", 9090, token)
    transport.request_json("PUT", "/api/store", body={"key": "k", "value": "v"})  # -> {"status": "OK"}
    transport.request_json("GET", "/api/store", query={"key": "k"})               # -> {"key": "k", …}
    transport.request("PUT", "/api/workers/w/log/l", query={"offset": 0}, body=b"…")  # -> Response
    transport.upload("/api/files/report.md", "report.md")                         # -> {"name", "digest", …}
    transport.download("/api/files/report.md", "copy.md")
    for piece in transport.stream("/api/jobs/j/log", query={"follow": True}): …

Promises, for all of them:

- **Threads and forks.** Each thread has one connection, kept alive; a forked child opens its own.
- **Retries.** A refused or broken connection, a silence longer than `timeout_seconds`, and a 503 that is not
  about the language model are repeated, with pauses of 0.05 s doubling up to 1 s, until `retry_for_seconds`
  have passed since the first failure. Answers of 400 to 499 are never repeated; 0 tries once.
- **Mutations.** Every request but GET carries one random `Idempotency-Key` through all its repetitions, so
  the server performs it once. Pass `mutation=False` for a POST that only asks, such as a long poll.
- **Errors.** `request_json`, `upload`, `download` and `stream` raise the TitanError that the server names;
  `request` returns the answer as it is, whatever its status. All raise ServerUnavailable when no answer
  comes, and UnexpectedAnswer when what comes is not HTTP.
"""

from __future__ import annotations

import json
import os
import time
from _thread import _local  # threading.local; importing threading would double the cost of a fork

from titan_sdk.encoding import json_bytes, query_string, quote
from titan_sdk.errors import ServerUnavailable, TitanError, UnexpectedAnswer, error_from_wire
from titan_sdk.http1 import BrokenAnswer, Connection, Response
from titan_sdk.partial_file import NotWritable, PartialFile
from titan_sdk.patience import RETRY_FOR_SECONDS, Patience, is_passing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from titan_sdk.encoding import Scalar

__all__ = ["RETRY_FOR_SECONDS", "Response", "Transport", "quote"]

TIMEOUT_SECONDS = 30.0  # a durable commit on a busy disk takes up to 5 s; long polls ask for more themselves
SLOW_DISK_BYTES_PER_SECOND = 20_000_000  # after an upload's last byte the server brings it all to the disk


class Transport:
    """One Titan server, as seen by this process. See the module for what every request promises."""

    def __init__(
        self,
        host: str,
        port: int,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.host = host
        self.port = port
        self.token = token
        self.retry_for_seconds = retry_for_seconds
        self.timeout_seconds = timeout_seconds
        shown_host = f"[{host}]" if ":" in host else host
        self._fixed_head = f" HTTP/1.1\r\nHost: {shown_host}:{port}\r\n"
        if token:
            self._fixed_head += f"Authorization: Bearer {token}\r\n"
        self._mine = _local()

    def request(
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
        """
        head = self._head(method, path, query, mutation=mutation, body_bytes=len(body), content_type=content_type)

        def attempt(timeout: float) -> Response:
            return self._connection(timeout).exchange(head, body, timeout_seconds=timeout)

        return self._persist(attempt, timeout_seconds, retry_for_seconds)

    def request_json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Scalar] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
        mutation: bool | None = None,
        retry_for_seconds: float | None = None,
    ) -> Any:  # the wire's edge: callers give the answer its type at once
        """Send `body` as JSON (None: no body) and return the decoded JSON answer.

        Raises:
            TitanError: the one the server names, for a status of 400 or more.
            InvalidInput: `body` cannot be written as JSON in UTF-8. Nothing was sent.
            ServerUnavailable, UnexpectedAnswer: as `request`.
        """
        response = self.request(
            method,
            path,
            query=query,
            body=b"" if body is None else json_bytes(body, subject=f"{method} {path}"),
            content_type="application/json",
            timeout_seconds=timeout_seconds,
            mutation=mutation,
            retry_for_seconds=retry_for_seconds,
        )
        return self._read_json(response, subject=f"{method} {path}")

    def read(self, path: str, *, query: Mapping[str, Scalar] | None = None) -> bytes:
        """GET a body that fits in memory. Raises as request_json."""
        response = self.request("GET", path, query=query)
        if response.status >= 400:
            self._read_json(response, subject=f"GET {path}")
        return response.body

    def upload(self, path: str, source: str | os.PathLike[str]) -> Any:  # the wire's edge, as in request_json
        """PUT the content of the file `source`, of any size, and return the decoded JSON answer.

        Raises:
            OSError: the file cannot be read; FileNotFoundError when it is not there.
            TitanError: as request_json.
        """
        with open(source, "rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            head = self._head("PUT", path, None, body_bytes=size_bytes)

            def attempt(timeout: float) -> Response:
                file.seek(0)
                connection = self._connection(timeout)
                connection.send(head, file, timeout_seconds=timeout)
                status, headers = connection.read_head()
                return Response(status, headers, b"".join(connection.read_body(status, headers)))

            response = self._persist(attempt, self.timeout_seconds + size_bytes / SLOW_DISK_BYTES_PER_SECOND)
        return self._read_json(response, subject=f"PUT {path}")

    def download(self, path: str, target: str | os.PathLike[str]) -> None:
        """GET a body of any size into the file `target`, which appears only once it is whole.

        Raises:
            OSError: the file cannot be written.
            TitanError: as request_json; `target` is then as it was before.
        """
        head = self._head("GET", path, None)
        partial = PartialFile(target)

        def attempt(timeout: float) -> Response:
            connection = self._connection(timeout)
            connection.send(head, b"", timeout_seconds=timeout)
            status, headers = connection.read_head()
            pieces = connection.read_body(status, headers)
            if status >= 400:
                return Response(status, headers, b"".join(pieces))
            partial.write(pieces)
            return Response(status, headers, b"")

        try:
            response = self._persist(attempt)
            if response.status >= 400:
                self._read_json(response, subject=f"GET {path}")
            partial.keep()
        finally:
            partial.discard()

    def stream(
        self,
        path: str,
        *,
        query: Mapping[str, Scalar] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> Iterator[bytes]:
        """Yield the pieces of a GET's body as they arrive, on a connection of its own.

        Only the beginning is retried: a stream that breaks raises, and its reader knows where to go on.

        Raises:
            ServerUnavailable: it did not begin within the retries, or it broke off.
            TitanError: as request_json.
        """
        head = self._head("GET", path, query, headers=headers)
        opened: list[Connection] = []

        def attempt(timeout: float) -> Response:
            connection = Connection(self.host, self.port, timeout_seconds=timeout)
            opened[:] = [connection]
            connection.send(head, b"", timeout_seconds=timeout)
            status, answer_headers = connection.read_head()
            pieces = connection.read_body(status, answer_headers)
            return Response(status, answer_headers, b"".join(pieces) if status >= 400 else b"")

        response = self._persist(attempt, timeout_seconds)
        if response.status >= 400:
            self._read_json(response, subject=f"GET {path}")
        try:
            yield from opened[0].read_body(response.status, response.headers)
        except BrokenAnswer as cause:
            raise self._broken(cause) from cause
        except OSError as cause:
            raise self._unavailable(cause, 0.0) from cause
        finally:
            opened[0].close()

    def close(self) -> None:
        """Close this thread's connection; the next request opens a new one. Other threads keep theirs."""
        self._drop_connection()

    # The rest is how: one connection per thread and process, requests written as bytes, and the retries.

    def _connection(self, timeout_seconds: float) -> Connection:
        mine = self._mine
        connection: Connection | None = getattr(mine, "connection", None)
        if connection is not None and connection.is_reusable and mine.pid == os.getpid():
            return connection
        if connection is not None:
            connection.close()
        mine.connection = Connection(self.host, self.port, timeout_seconds=timeout_seconds)
        mine.pid = os.getpid()
        fresh: Connection = mine.connection
        return fresh

    def _drop_connection(self) -> None:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            connection.close()
            del self._mine.connection

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
        for name, value in (headers or {}).items():
            head += f"{name}: {value}\r\n"
        return f"{head}\r\n".encode("latin-1")

    def _persist(
        self,
        attempt: Callable[[float], Response],
        timeout_seconds: float | None = None,
        retry_for_seconds: float | None = None,
    ) -> Response:
        """Return the first answer that is no passing failure, or the last one when patience is over."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        seconds = self.retry_for_seconds if retry_for_seconds is None else retry_for_seconds
        patience = Patience(seconds, server=self._where)
        while True:
            began = time.monotonic()
            outcome = self._try_once(attempt, timeout)
            if isinstance(outcome, Response) and not is_passing(outcome):
                return outcome
            pause = patience.pause_after(outcome, began=began)
            if pause is not None:
                time.sleep(pause)
            elif isinstance(outcome, Response):
                return outcome
            else:
                raise self._unavailable(outcome, seconds) from outcome

    def _try_once(self, attempt: Callable[[float], Response], timeout: float) -> Response | OSError:
        """Return the answer or the broken connection's error, with what is left of the connection dropped.

        A kept connection that the server has closed meanwhile (a restart, an idle time) is no failure yet:
        the request goes out once more on a new one.
        """
        was_kept = getattr(self._mine, "connection", None) is not None
        try:
            return attempt(timeout)
        except NotWritable as failure:
            self._drop_connection()
            raise failure.cause from None
        except BrokenAnswer as cause:
            self._drop_connection()
            raise self._broken(cause) from cause
        except OSError as cause:
            self._drop_connection()
            if was_kept and not isinstance(cause, TimeoutError):
                return self._try_once(attempt, timeout)
            return cause
        except BaseException:
            self._drop_connection()  # interrupted (Ctrl-C): half an answer must not be the next request's
            raise

    def _read_json(self, response: Response, *, subject: str) -> Any:  # the wire's edge, as in request_json
        try:
            value = json.loads(response.body.decode()) if response.body else None
        except ValueError:
            value = response.body[:200].decode("utf-8", "replace")
            if response.status < 400:
                raise UnexpectedAnswer(
                    subject=f"{subject} at {self._where}",
                    expected="JSON",
                    found=repr(value),
                    next_step="Check TITAN_HOST and TITAN_PORT: another program may listen there.",
                ) from None
        if response.status >= 400:
            raise error_from_wire(response.status, value, subject=f"{subject} at {self._where}")
        return value

    @property
    def _where(self) -> str:
        return f"{self.host}:{self.port}"

    def _unavailable(self, cause: OSError, patience: float) -> TitanError:
        return ServerUnavailable(
            subject=f"Titan server {self._where}",
            expected="an answer",
            found=f"{cause.strerror or cause}" + (f" for {patience:g} s" if patience else ""),
            next_step="Start it with `titan up`, or set TITAN_HOST and TITAN_PORT to where it runs.",
        )

    def _broken(self, cause: BrokenAnswer) -> TitanError:
        return UnexpectedAnswer(
            subject=f"Titan server {self._where}",
            expected="an HTTP/1.1 answer",
            found=str(cause),
            next_step="Check TITAN_HOST and TITAN_PORT: another program may listen there.",
        )
