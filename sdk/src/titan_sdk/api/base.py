"""What every part of a client rests on: the way to its server, and what its names of jobs and DAGs mean.

The original's module constants `titan_sdk.titan_sdk.TITAN_HOST` and `TITAN_PORT` may be assigned at any time:
an assigned constant wins over the environment, also for clients that exist already.
"""

from __future__ import annotations

import os
import sys

from titan_sdk.api.submission import DagAccepted, Submissions, plain_name
from titan_sdk.errors import NotFound
from titan_sdk.http.address import address_of, token_for
from titan_sdk.http.blocking_client import BlockingHttp
from titan_sdk.http.encoding import quote
from titan_sdk.http.transport import RETRY_FOR_SECONDS, AsyncTransport
from titan_sdk.job import TitanJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from titan_sdk.http.address import Address
    from titan_sdk.http.encoding import Scalar
    from titan_sdk.http.exchange import Http

    #: A receipt means that DAG, a TitanJob that job; a name or id means a job, or if there is none, a DAG.
    Target: TypeAlias = str | TitanJob
    Query: TypeAlias = dict[str, Scalar]

_CONSTANTS_MODULE = "titan_sdk.titan_sdk"


class ClientBase:
    """What has a server to talk to. Nothing is sent before the first call."""

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
        self._given_host = host
        self._given_port = port
        self._given_token = token
        self._announce = announce
        self._project = project or os.environ.get("TITAN_PROJECT")
        self._transport = self._transport_to(address_of(host, port), retry_for_seconds)
        #: What this client has submitted; names are looked up here first.
        self.submissions = Submissions()

    @property
    def transport(self) -> AsyncTransport:
        """The requests themselves, for what there is no method for.

        Raises:
            InvalidInput: TITAN_PORT was assigned something that is no port number.
        """
        if _CONSTANTS_MODULE in sys.modules:
            self._follow_constants(vars(sys.modules[_CONSTANTS_MODULE]))
        return self._transport

    def close(self) -> None:
        """Close the connections that are kept for later calls; the next call opens another."""
        self._transport.close()

    def _http(self, address: Address) -> Http:
        """Return what sends requests to an address."""
        return BlockingHttp(address)

    def _follow_constants(self, constants: Mapping[str, object]) -> None:
        host, port = constants.get("TITAN_HOST"), constants.get("TITAN_PORT")
        if host is None and port is None:
            return
        environment = dict(os.environ)
        if host is not None:
            environment["TITAN_HOST"] = str(host)
        if port is not None:
            environment["TITAN_PORT"] = str(port)
        address = address_of(self._given_host, self._given_port, environment)
        if address != self._transport.address:
            self._transport.close()
            self._transport = self._transport_to(address, self._transport.retry_for_seconds)

    def _transport_to(self, address: Address, retry_for_seconds: float) -> AsyncTransport:
        token = token_for(address, self._given_token)
        return AsyncTransport(self._http(address), token, project=self._project, retry_for_seconds=retry_for_seconds)

    async def _dag_id(self, dag: str | None) -> str | None:
        """Return the unique id of a DAG."""
        if dag is None:
            return None
        if isinstance(dag, DagAccepted):
            return dag.dag_id
        known = self.submissions.dag(dag)
        return known or str(
            (await self.transport.request_json("GET", self._dag_path(dag), query={"jobs": False}))["dag_id"]
        )

    def _job_route(self, job: Target) -> tuple[str, Query]:
        name = plain_name(job.id if isinstance(job, TitanJob) else job)
        query: Query = {"dag": self.submissions.dag_of_job(name), "run": os.environ.get("TITAN_AGENT_RUN_ID")}
        return f"/api/jobs/{quote(name)}", query

    def _dag_path(self, dag: str) -> str:
        if isinstance(dag, DagAccepted):
            return f"/api/dags/{quote(dag.dag_id)}"
        return f"/api/dags/{quote(self.submissions.dag(dag) or plain_name(dag))}"

    async def _route(self, target: Target) -> tuple[str, Query]:
        """Return path and query of what a caller means: its own job or DAG, else a job, else a DAG."""
        if isinstance(target, DagAccepted):
            return self._dag_path(target), {}
        if isinstance(target, TitanJob) or self.submissions.dag_of_job(target):
            return self._job_route(target)
        if self.submissions.dag(target):
            return self._dag_path(target), {}
        path, query = self._job_route(target)
        try:
            await self.transport.request_json("GET", path, query=query)
        except NotFound:
            return self._dag_path(target), {}
        return path, query
