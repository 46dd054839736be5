"""The clients `TitanClient` and `AsyncTitanClient`: submit DAGs, query jobs, wait for them, cancel and retry them.

Every method is written once, as a coroutine, in `queries`, `commands` and `kv_and_files`. `AsyncTitanClient` runs them
over `AsyncHttp`, `TitanClient` runs them synchronously over `BlockingHttp`.
"""

from __future__ import annotations

from titan_sdk.api.commands import Commands
from titan_sdk.api.kv_and_files import StoreAndFiles
from titan_sdk.api.queries import Queries
from titan_sdk.http import blocking, iterating
from titan_sdk.http.transport import RETRY_FOR_SECONDS, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self, overload

    from titan_sdk.api import Submissions, Target
    from titan_sdk.http import Http
    from titan_sdk.http.address import Address


class Core(Queries, Commands, StoreAndFiles):
    """All methods, over any HTTP."""


class AsyncTitanClient(Core):
    """An asynchronous client: the methods of `TitanClient`, with `await` and `async for`.

        async with AsyncTitanClient() as client:
            await client.submit_dag("nightly", [TitanJob("extract", "extract.py")])
            await client.wait("nightly", timeout=600)      # -> "COMPLETED"

    It needs httpx: `pip install 'titan-agents-sdk[async]'`. Arguments as `TitanClient`. Any number of calls may be
    under way at once, on one event loop at a time. A cancelled call closes its connection; the server may or may not
    have performed it. Files are read and written on the loop's thread, at most 1 MiB at a time.
    """

    def _http(self, address: Address) -> Http:
        from titan_sdk.http.async_client import AsyncHttp  # httpx takes 100 ms to import

        return AsyncHttp(address)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self.transport.http.closed()


class TitanClient:
    """A client of a Titan server. Nothing is sent before the first call; threads may share a client.

        client = TitanClient()
        client.submit_dag("nightly", [TitanJob("extract", "extract.py")])
        client.wait("nightly", timeout=600)      # -> "COMPLETED"

    Methods raise `titan_sdk.errors.TitanError` and its subclasses. While a server is away, calls are repeated
    for `retry_for_seconds`, and nothing is done twice by that.

    Args:
        host, port: of the server; by default TITAN_HOST and TITAN_PORT, else of the server that runs on
            TITAN_HOME, else 127.0.0.1:9090. `host` may be a URL: "https://titan.example.org:9090" speaks TLS (see
            `titan_sdk.http.address`).
        token: sent with every request; by default TITAN_TOKEN, which inside a job is the attempt's; else, for the
            server of TITAN_HOME, the home's own.
        project: of its queries and submissions; by default TITAN_PROJECT, else that of the token, which inside a job
            is the job's, else `default`.
        retry_for_seconds: how long to wait for a restarting server; 0 tries once.
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
        self._core = Core(*(host, port, token), project=project, retry_for_seconds=retry_for_seconds, announce=announce)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    submit_dag = blocking(Commands.submit_dag)
    submit_job = blocking(Commands.submit_job)
    submit_yaml = blocking(Commands.submit_yaml)
    stop_service = blocking(Commands.stop_service)

    get_job_status = blocking(Queries.get_job_status)
    get_job = blocking(Queries.get_job)
    get_dag = blocking(Queries.get_dag)
    dag_status = blocking(Queries.dag_status)
    get_run = blocking(Queries.get_run)
    jobs = blocking(Queries.jobs)
    result = blocking(Queries.result)
    fetch_logs = blocking(Queries.fetch_logs)
    follow_logs = iterating(Queries.follow_logs)
    watch = iterating(Queries.watch)

    if TYPE_CHECKING:  # a ParamSpec keeps one signature, and this has two

        @overload
        def wait(  # type: ignore[overload-overlap]  # as in Queries
            self, target: Target, timeout: float | None = None, *, park: bool | None = None
        ) -> str: ...
        @overload
        def wait(
            self, target: Iterable[Target], timeout: float | None = None, *, park: bool | None = None
        ) -> dict[str, str]: ...
        def wait(
            self, target: Target | Iterable[Target], timeout: float | None = None, *, park: bool | None = None
        ) -> str | dict[str, str]: ...
    else:
        wait = blocking(Queries.wait)

    cancel = blocking(Commands.cancel)
    cancel_run = blocking(Commands.cancel_run)
    end_run = blocking(Commands.end_run)
    gates = blocking(Commands.gates)
    approve = blocking(Commands.approve)
    reject = blocking(Commands.reject)
    retry = blocking(Commands.retry)
    retry_run = blocking(Commands.retry_run)
    rerun = blocking(Commands.rerun)
    redeploy = blocking(Commands.redeploy)
    resume_run = blocking(Commands.resume_run)

    store_put = blocking(StoreAndFiles.store_put)
    store_get = blocking(StoreAndFiles.store_get)
    store_delete = blocking(StoreAndFiles.store_delete)
    store_incr = blocking(StoreAndFiles.store_incr)
    store_cas = blocking(StoreAndFiles.store_cas)
    store_keys = blocking(StoreAndFiles.store_keys)
    store_sadd = blocking(StoreAndFiles.store_sadd)
    store_smembers = blocking(StoreAndFiles.store_smembers)
    upload_file = blocking(StoreAndFiles.upload_file)
    upload_project_folder = blocking(StoreAndFiles.upload_project_folder)
    deploy_script = blocking(StoreAndFiles.deploy_script)
    fetch_artifact = blocking(StoreAndFiles.fetch_artifact)
    publish_artifact = blocking(StoreAndFiles.publish_artifact)
    get_artifact = blocking(StoreAndFiles.get_artifact)

    @property
    def submissions(self) -> Submissions:
        """What this client has submitted; names are resolved here first."""
        return self._core.submissions

    @property
    def transport(self) -> Transport:
        """The transport, for requests that have no method.

        Raises:
            InvalidInput: TITAN_PORT was assigned something that is no port number.
        """
        return Transport.of(self._core.transport)

    def close(self) -> None:
        """Close the idle connections; the next call opens another."""
        self._core.close()
