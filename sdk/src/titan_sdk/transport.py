"""Requests to one Titan server that survive its restarts.

    transport = Transport("127.0.0.1", 9090, token)
    transport.request_json("PUT", "/api/store", body={"key": "k", "value": "v"})  # -> {"status": "OK"}
    transport.request_json("GET", "/api/store", query={"key": "k"})               # -> {"key": "k", …}
    transport.request("PUT", "/api/workers/w/log/l", query={"offset": 0}, body=b"…")  # -> Response
    transport.upload("/api/files/report.md", "report.md")                         # -> {"name", "digest", …}
    transport.download("/api/files/report.md", "copy.md")
    for piece in transport.stream("/api/jobs/j/log", query={"follow": True}): …

`titan_sdk.async_transport.AsyncTransport` is the same with `await` and `async for`. Promises, for all of them:

- **Threads, tasks and forks.** Each request has a connection to itself while it lasts; up to 16 are kept alive
  for later ones. A forked child opens its own. A request that is interrupted or cancelled closes its connection.
- **Retries.** A refused or broken connection, a silence longer than `timeout_seconds`, and a 503 that is not
  about the language model are repeated, with pauses of 0.05 s doubling up to 1 s, until `retry_for_seconds`
  have passed since the first failure. Answers of 400 to 499 are never repeated; 0 tries once. A long poll
  (`is_poll`) that breaks after it has lasted raises StreamBroken: whoever polls asks anew, with all its patience.
- **Mutations.** Every request but GET carries one random `Idempotency-Key` through all its repetitions, so
  the server performs it once. Pass `mutation=False` for a POST that only asks, such as a long poll.
- **Errors.** `request_json`, `upload`, `download` and `stream` raise the TitanError that the server names;
  `request` returns the answer as it is, whatever its status. All raise ServerUnavailable when no answer
  comes, and UnexpectedAnswer when what comes is not HTTP.
"""

from __future__ import annotations

from titan_sdk.address import Address
from titan_sdk.async_transport import RETRY_FOR_SECONDS, TIMEOUT_SECONDS, AsyncTransport
from titan_sdk.blocking_io import BlockingIo
from titan_sdk.encoding import quote
from titan_sdk.faces import blocking, iterating
from titan_sdk.http1 import Response

__all__ = ["RETRY_FOR_SECONDS", "Response", "Transport", "quote"]


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
        project: str | None = None,
        is_tls: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._core = AsyncTransport(
            BlockingIo(),
            Address(host, port, is_tls=is_tls, ca_file=ca_file),
            token,
            retry_for_seconds=retry_for_seconds,
            timeout_seconds=timeout_seconds,
            project=project,
        )

    @classmethod
    def of(cls, core: AsyncTransport) -> Transport:
        """Return the blocking face of a transport over blocking I/O; they share their connections."""
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
        """Where the server listens."""
        return self._core.host

    @property
    def port(self) -> int:
        """The server's port."""
        return self._core.port

    @property
    def token(self) -> str | None:
        """What is sent with every request to say who asks."""
        return self._core.token

    @property
    def timeout_seconds(self) -> float:
        """How long a silence may last, where a request does not say otherwise."""
        return self._core.timeout_seconds

    @property
    def retry_for_seconds(self) -> float:
        """How long a request is repeated while the server is away; may be assigned."""
        return self._core.retry_for_seconds

    @retry_for_seconds.setter
    def retry_for_seconds(self, seconds: float) -> None:
        self._core.retry_for_seconds = seconds

    def close(self) -> None:
        """Close the connections that are kept for later requests; those in use go on."""
        self._core.close()
