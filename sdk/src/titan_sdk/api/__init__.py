"""Base class of the client's parts: the transport, and the meaning of job and DAG names.

The original's module constants `titan_sdk.titan_sdk.TITAN_HOST` and `TITAN_PORT` may be assigned at any time:
an assigned constant takes precedence over the environment, also for existing clients.
"""

from __future__ import annotations

import os
import sys

from titan_sdk.errors import InvalidDag, NotFound
from titan_sdk.http import quote
from titan_sdk.http.address import address_of, token_for
from titan_sdk.http.blocking_client import BlockingHttp
from titan_sdk.http.transport import RETRY_FOR_SECONDS, AsyncTransport
from titan_sdk.job import TitanGate, TitanJob, wire_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from titan_sdk.http import Http, Scalar
    from titan_sdk.http.address import Address
    from titan_sdk.wire import SubmittedDag

    #: A receipt means that DAG, a TitanJob that job; a name or id means a job, or if there is none, a DAG.
    Target: TypeAlias = str | TitanJob
    Query: TypeAlias = dict[str, Scalar]

ACCEPTED = "DAG_ACCEPTED"  # the original's answer
_CONSTANTS_MODULE = "titan_sdk.titan_sdk"


class DagAccepted(str):
    """The receipt of a submission: the string "DAG_ACCEPTED", as in the original, with the accepted DAG's data.

    Pass it to `TitanClient.wait` or `cancel` to mean exactly this submission, even if others have the same name.
    """

    dag_id: str
    #: The DAG's name.
    name: str
    #: The run that it joined, or None.
    agent_run_id: str | None
    job_count: int
    #: Nothing new was stored: the run submitted the DAG before it was resumed, or the key was used before.
    from_record: bool

    def __new__(cls, receipt: SubmittedDag) -> DagAccepted:
        accepted = super().__new__(cls, ACCEPTED)
        accepted.dag_id = receipt["dag_id"]
        accepted.name = receipt["name"]
        accepted.agent_run_id = receipt["agent_run_id"]
        accepted.job_count = receipt["job_count"]
        accepted.from_record = receipt.get("from_record", False)
        return accepted

    def __getnewargs__(self) -> tuple[SubmittedDag]:  # type: ignore[override]  # str's own would lose the rest
        return (
            {
                "dag_id": self.dag_id,
                "name": self.name,
                "agent_run_id": self.agent_run_id,
                "job_count": self.job_count,
                "from_record": self.from_record,
            },
        )


class Submissions:
    """The DAGs that one client submitted, to resolve plain job and DAG names."""

    def __init__(self) -> None:
        self._dag_of_job: dict[str, str] = {}
        self._dag_of_name: dict[str, str] = {}
        self._dags_of_run: dict[str | None, list[str]] = {}
        self._last_run: str | None = None

    def record(self, accepted: DagAccepted, jobs: Iterable[str]) -> None:
        """Remember a DAG and the names of its jobs; the latest job or DAG of a name counts."""
        for name in jobs:
            self._dag_of_job[plain_name(name)] = accepted.dag_id
        self._dag_of_name[accepted.name] = self._dag_of_name[accepted.dag_id] = accepted.dag_id
        self._last_run = accepted.agent_run_id
        self._dags_of_run.setdefault(self._last_run, []).append(accepted.dag_id)

    def jobs_of(self, dag_id: str) -> list[str]:
        """Return the names that mean jobs of an own DAG."""
        return [name for name, dag in self._dag_of_job.items() if dag == dag_id]

    def dag_of_job(self, name: str) -> str | None:
        """Return the id of the newest own DAG with a job of this name, or None."""
        return self._dag_of_job.get(plain_name(name))

    def dag(self, name_or_id: str) -> str | None:
        """Return the id of the newest own DAG of this name or id, or None."""
        return self._dag_of_name.get(plain_name(name_or_id))

    def dags_of_last_run(self) -> list[str]:
        """Return the ids of the own DAGs in the run of the last submission, oldest first.

        DAGs without a run count as one run.
        """
        return list(self._dags_of_run.get(self._last_run, ()))


def plain_name(name: str) -> str:
    """Return a job or DAG name without the prefix `DAG-` of the original's server."""
    while name.startswith("DAG-"):
        name = name[4:]
    return name


def submission_body(
    name: str, jobs: Sequence[TitanJob], *, agent_run_id: str | None, agent_id: str | None, on_failure: str
) -> dict[str, object]:
    """Return the body of POST /api/dags: each different script once, and the jobs, which name it by its digest.

    `agent_id` defaults to TITAN_AGENT_ID when there is a run.

    Raises:
        NotSupported, InvalidInput: as `wire_item`.
        InvalidDag: an item of `jobs` is no TitanJob.
    """
    scripts: dict[bytes, tuple[str, str]] = {}
    items = []
    for job in jobs:
        if not isinstance(job, TitanJob):
            raise InvalidDag(
                subject=f"dag {name!r}",
                expected="a list of TitanJob",
                found=repr(job)[:200],
                next_step="Nothing was submitted.",
            )
        has_script = not job.is_archive and not isinstance(job, TitanGate)
        if has_script and job.script not in scripts:
            scripts[job.script] = (_digest(job.script), job.payload_b64)
        items.append(wire_item(job, script_digest=scripts[job.script][0] if has_script else ""))
    if agent_run_id is not None and agent_id is None:
        agent_id = os.environ.get("TITAN_AGENT_ID") or None
    return {
        "name": name,
        "agent_run_id": agent_run_id,
        "agent_id": agent_id,
        "on_failure": on_failure,
        "scripts": dict(scripts.values()),
        "jobs": items,
    }


def _digest(content: bytes) -> str:
    import hashlib  # 2 ms; only programs that submit need it

    return hashlib.sha256(content).hexdigest()


class ClientBase:
    """A client of one server. Nothing is sent before the first call."""

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
        #: What this client has submitted; names are resolved here first.
        self.submissions = Submissions()

    @property
    def transport(self) -> AsyncTransport:
        """The transport, for requests that have no method.

        Raises:
            InvalidInput: TITAN_PORT was assigned something that is no port number.
        """
        if _CONSTANTS_MODULE in sys.modules:
            self._follow_constants(vars(sys.modules[_CONSTANTS_MODULE]))
        return self._transport

    def close(self) -> None:
        """Close the idle connections; the next call opens another."""
        self._transport.close()

    def _http(self, address: Address) -> Http:
        """Return the HTTP client for an address."""
        return BlockingHttp(address)

    def _follow_constants(self, constants: Mapping[str, object]) -> None:
        assigned = {
            name: str(constants[name]) for name in ("TITAN_HOST", "TITAN_PORT") if constants.get(name) is not None
        }
        if not assigned:
            return
        address = address_of(self._given_host, self._given_port, {**os.environ, **assigned})
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
        if known := self.submissions.dag(dag):
            return known
        return str((await self.transport.request_json("GET", self._dag_path(dag), query={"jobs": False}))["dag_id"])

    def _job_route(self, job: Target) -> tuple[str, Query]:
        name = plain_name(job.id if isinstance(job, TitanJob) else job)
        query: Query = {"dag": self.submissions.dag_of_job(name), "run": os.environ.get("TITAN_AGENT_RUN_ID")}
        return f"/api/jobs/{quote(name)}", query

    def _dag_path(self, dag: str) -> str:
        if isinstance(dag, DagAccepted):
            return f"/api/dags/{quote(dag.dag_id)}"
        return f"/api/dags/{quote(self.submissions.dag(dag) or plain_name(dag))}"

    async def _route(self, target: Target) -> tuple[str, Query]:
        """Return path and query for a target: the client's own job or DAG, else a job, else a DAG."""
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
