"""The client: submits DAGs, asks about jobs, waits for them, decides about them. Plain, and for asyncio.

Every method stands once, as a coroutine: sharing in `shared`, looking and waiting in `looking`, deciding in
`deciding`, submitting in `submitting`. `AsyncTitanClient` is these; `TitanClient` is their blocking face.
"""

from __future__ import annotations

from titan_sdk.async_transport import RETRY_FOR_SECONDS
from titan_sdk.blocking_io import BlockingIo
from titan_sdk.deciding import Deciding
from titan_sdk.faces import blocking, iterating
from titan_sdk.looking import Looking
from titan_sdk.shared import Shared
from titan_sdk.submission import Submissions
from titan_sdk.submitting import Submitting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self, overload

    from titan_sdk.links import Io
    from titan_sdk.looking import Target
    from titan_sdk.transport import Transport

__all__ = ["AsyncTitanClient", "TitanClient"]


class Core(Submitting):
    """All methods, over any I/O."""

    def __init__(
        self,
        io: Io,
        host: str | None,
        port: int | None,
        token: str | None,
        *,
        project: str | None = None,
        retry_for_seconds: float,
        announce: Callable[[str], object],
    ) -> None:
        super().__init__(io, host, port, token, project=project, retry_for_seconds=retry_for_seconds, announce=announce)
        self.submissions = Submissions()


class AsyncTitanClient(Core):
    """A coroutine's way to a Titan server: all that `TitanClient` does, with `await` and `async for`.

        async with AsyncTitanClient() as client:
            await client.submit_dag("nightly", [TitanJob("extract", "extract.py")])
            await client.wait("nightly", timeout=600)      # -> "COMPLETED"

    Arguments as `TitanClient`. Any number of calls may be under way at once, on one event loop at a time. A call
    that is cancelled closes its connection; what it asked for may or may not have been done. Files are read and
    written on the loop's thread, at most 1 MiB at a time.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        token: str | None = None,
        *,
        project: str | None = None,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        announce: Callable[[str], object] = print,
    ) -> None:
        from titan_sdk.asyncio_io import AsyncioIo  # asyncio takes 40 ms to import

        super().__init__(
            *(AsyncioIo(), host, port, token),
            project=project,
            retry_for_seconds=retry_for_seconds,
            announce=announce,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class TitanClient:
    """A program's way to a Titan server. Nothing is sent before the first call; threads may share a client.

        client = TitanClient()
        client.submit_dag("nightly", [TitanJob("extract", "extract.py")])
        client.wait("nightly", timeout=600)      # -> "COMPLETED"

    Methods raise `titan_sdk.errors.TitanError` and its subclasses. While a server is away, calls are repeated
    for `retry_for_seconds`, and nothing is done twice by that.

    Args:
        host, port: of the server; by default TITAN_HOST and TITAN_PORT, else of the server that runs on
            TITAN_HOME, else 127.0.0.1:9090. `host` may be a URL: "https://titan.example.org:9090" speaks TLS (see
            `titan_sdk.address`).
        token: sent with every request; by default TITAN_TOKEN, which inside a job is the attempt's; else, for the
            server of TITAN_HOME, the home's own.
        project: that it asks about and submits to; by default TITAN_PROJECT, else that of the token, which inside a job
            is the job's, else `default`.
        retry_for_seconds: how long a restarting server is waited for; 0 tries once.
        announce: called with the lines that the original prints, such as `[SDK] Submitting DAG: nightly`.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        token: str | None = None,
        *,
        project: str | None = None,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        announce: Callable[[str], object] = print,
    ) -> None:
        self._core = Core(
            *(BlockingIo(), host, port, token),
            project=project,
            retry_for_seconds=retry_for_seconds,
            announce=announce,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    submit_dag = blocking(Submitting.submit_dag)
    submit_job = blocking(Submitting.submit_job)
    submit_yaml = blocking(Submitting.submit_yaml)
    stop_service = blocking(Submitting.stop_service)

    get_job_status = blocking(Looking.get_job_status)
    get_job = blocking(Looking.get_job)
    get_dag = blocking(Looking.get_dag)
    dag_status = blocking(Looking.dag_status)
    get_run = blocking(Looking.get_run)
    jobs = blocking(Looking.jobs)
    result = blocking(Looking.result)
    fetch_logs = blocking(Looking.fetch_logs)
    follow_logs = iterating(Looking.follow_logs)
    watch = iterating(Looking.watch)

    if TYPE_CHECKING:  # a ParamSpec keeps one signature, and this has two

        @overload
        def wait(  # type: ignore[overload-overlap]  # as in Looking
            self, target: Target, timeout: float | None = None
        ) -> str: ...
        @overload
        def wait(self, target: Iterable[Target], timeout: float | None = None) -> dict[str, str]: ...
        def wait(self, target: Target | Iterable[Target], timeout: float | None = None) -> str | dict[str, str]: ...
    else:
        wait = blocking(Looking.wait)

    cancel = blocking(Deciding.cancel)
    cancel_run = blocking(Deciding.cancel_run)
    end_run = blocking(Deciding.end_run)
    gates = blocking(Deciding.gates)
    approve = blocking(Deciding.approve)
    reject = blocking(Deciding.reject)
    retry = blocking(Deciding.retry)
    retry_run = blocking(Deciding.retry_run)
    replay = blocking(Deciding.replay)
    redeploy = blocking(Deciding.redeploy)
    resume_run = blocking(Deciding.resume_run)

    store_put = blocking(Shared.store_put)
    store_get = blocking(Shared.store_get)
    store_delete = blocking(Shared.store_delete)
    store_incr = blocking(Shared.store_incr)
    store_cas = blocking(Shared.store_cas)
    store_keys = blocking(Shared.store_keys)
    store_sadd = blocking(Shared.store_sadd)
    store_smembers = blocking(Shared.store_smembers)
    upload_file = blocking(Shared.upload_file)
    upload_project_folder = blocking(Shared.upload_project_folder)
    deploy_script = blocking(Shared.deploy_script)
    fetch_artifact = blocking(Shared.fetch_artifact)
    publish_artifact = blocking(Shared.publish_artifact)
    get_artifact = blocking(Shared.get_artifact)

    @property
    def submissions(self) -> Submissions:
        """What this client has submitted; names are looked up here first."""
        return self._core.submissions

    @property
    def transport(self) -> Transport:
        """The requests themselves, for what there is no method for.

        Raises:
            InvalidInput: TITAN_PORT was assigned something that is no port number.
        """
        from titan_sdk.transport import Transport

        return Transport.of(self._core.transport)

    def close(self) -> None:
        """Close the connections that are kept for later calls; the next call opens another."""
        self._core.close()
