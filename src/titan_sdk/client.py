"""The client: submits DAGs, asks about jobs, waits for them, cancels them."""

from __future__ import annotations

import os

from titan_sdk import run_end
from titan_sdk.encoding import quote
from titan_sdk.errors import NotFound, NotSupported, WaitTimeout
from titan_sdk.job import TitanJob
from titan_sdk.long_poll import MARGIN_SECONDS, deadline_after, polls
from titan_sdk.shared import Shared
from titan_sdk.submission import DagAccepted, Submissions, plain_name, submission_body
from titan_sdk.transport import RETRY_FOR_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Never, TypeAlias, overload

    from titan_sdk.wire import Cancelled, Dag, Job, Run

    #: A receipt means that DAG, a TitanJob that job; a name or id means a job, or if there is none, a DAG.
    Target: TypeAlias = str | TitanJob

__all__ = ["TitanClient"]

_FINAL_JOB_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
_PENDING_STATUSES = frozenset({"WAITING", "READY"})


class TitanClient(Shared):
    """A program's way to a Titan server. Nothing is sent before the first call; threads may share a client.

        client = TitanClient()
        client.submit_dag("nightly", [TitanJob("extract", "extract.py")])
        client.wait("nightly", timeout=600)      # -> "COMPLETED"

    Methods raise `titan_sdk.errors.TitanError` and its subclasses. While a server is away, calls are repeated
    for `retry_for_seconds`, and nothing is done twice by that.

    Args:
        host, port: of the server; by default TITAN_HOST and TITAN_PORT, else 127.0.0.1:9090.
        token: sent with every request; by default TITAN_TOKEN, which inside a job is the attempt's.
        retry_for_seconds: how long a restarting server is waited for; 0 tries once.
        announce: called with the lines that the original prints, such as `[SDK] Submitting DAG: nightly`.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        announce: Callable[[str], object] = print,
    ) -> None:
        super().__init__(host, port, token, retry_for_seconds=retry_for_seconds, announce=announce)
        #: What this client has submitted; names are looked up here first.
        self.submissions = Submissions()

    def __enter__(self) -> TitanClient:
        return self

    def submit_dag(
        self,
        name: str,
        jobs: Iterable[TitanJob],
        agent_run_id: str | None = None,
        *,
        agent_id: str | None = None,
        on_failure: str = "continue",
    ) -> DagAccepted:
        """Submit jobs as one DAG, all or none, and return "DAG_ACCEPTED" once it is durable.

        Args:
            agent_run_id: the run that this DAG is a stage of; inside a job by default the job's own. The run
                ends when the process that submitted its stages exits (or see `end_run`).
            agent_id: the agent of the run; by default TITAN_AGENT_ID, else the run id without its last token.
            on_failure: "continue" lets independent branches go on, "stop" cancels all that has not started.

        Raises:
            InvalidDag: a cycle, an unknown parent, a duplicate id, no jobs. Nothing was stored.
            InvalidName: a name that is not allowed. Nothing was stored.
            NotSupported: an argument of a later version, such as hitl_message. Nothing was stored.
            LimitExceeded: recursion too deep, or too many jobs in the run. Nothing was stored.
        """
        self._announce(f"[SDK] Submitting DAG: {name}")
        jobs = list(jobs)
        body = submission_body(name, jobs, agent_run_id=agent_run_id, agent_id=agent_id, on_failure=on_failure)
        accepted = DagAccepted(self.transport.request_json("POST", "/api/dags", body=body))
        self.submissions.record(accepted, jobs)
        if agent_run_id is not None:
            run_end.end_at_exit(agent_run_id, self.transport)
        return accepted

    def submit_job(self, job: TitanJob) -> DagAccepted:
        """Submit one job as a DAG of its own name; as `submit_dag`."""
        return self.submit_dag(job.id, [job])

    def get_job_status(self, job_id: Target) -> str:
        """Return PENDING, RUNNING, COMPLETED, FAILED or CANCELLED; "UNKNOWN" when there is no such job."""
        try:
            status = self.get_job(job_id)["status"]
        except NotFound:
            return "UNKNOWN"
        return "PENDING" if status in _PENDING_STATUSES else status

    def get_job(self, job: Target) -> Job:
        """Return all that the server knows of a job, with its attempts.

        A plain name means a job that this client submitted, else one of this job's own run
        (TITAN_AGENT_RUN_ID), else the newest.

        Raises:
            UnknownJob: there is none.
        """
        path, query = self._job_route(job)
        answer: Job = self.transport.request_json("GET", path, query=query)
        return answer

    def get_dag(self, dag: str) -> Dag:
        """Return a DAG with its jobs, by receipt, id or name (the newest of that name, its own first).

        Raises:
            UnknownDag: there is none.
        """
        answer: Dag = self.transport.request_json("GET", self._dag_path(dag))
        return answer

    def get_run(self, agent_run_id: str) -> Run:
        """Return a run with its stages in submission order.

        Raises:
            UnknownRun: there is none.
        """
        answer: Run = self.transport.request_json("GET", f"/api/runs/{quote(agent_run_id)}")
        return answer

    def fetch_logs(self, job_id: Target) -> str:
        """Return all that a job's attempts have printed so far; "" for an unknown job or a silent one.

        Bytes that are not UTF-8 become U+FFFD.
        """
        path, query = self._job_route(job_id)
        try:
            return self.transport.read(f"{path}/log", query=query).decode("utf-8", "replace")
        except NotFound:
            return ""

    if TYPE_CHECKING:

        @overload
        def wait(  # type: ignore[overload-overlap]  # a str is one name, not an iterable of names
            self, target: Target, timeout: float | None = None
        ) -> str: ...
        @overload
        def wait(self, target: Iterable[Target], timeout: float | None = None) -> dict[str, str]: ...

    def wait(self, target: Target | Iterable[Target], timeout: float | None = None) -> str | dict[str, str]:
        """Return a DAG's final status (COMPLETED, PARTIAL, FAILED) or a job's (COMPLETED, FAILED, CANCELLED).

        Of several, return {name: status} once all are final.

            client.wait(client.submit_dag("nightly", jobs))  # -> "COMPLETED"
            client.wait(["extract", "train"], timeout=60)    # -> {"extract": "COMPLETED", "train": "FAILED"}

        Args:
            timeout: seconds; None waits as long as it takes.

        Raises:
            WaitTimeout: not final in time. It goes on all the same.
            UnknownJob, UnknownDag: there is none of this name.
        """
        deadline = deadline_after(timeout)
        if isinstance(target, str | TitanJob):
            return self._wait_for_one(target, deadline)
        return {_shown_name(one): self._wait_for_one(one, deadline) for one in target}

    def cancel(self, target: Target) -> Cancelled:
        """Cancel a job or a whole DAG, and what waits for it.

        Returns:
            {"cancelled": [...], "stopping": [...], "skipped": [...]}: names of jobs cancelled at once, of
            running ones whose process trees are being killed, of final ones.

        Raises:
            UnknownJob, UnknownDag: there is none of this name.
        """
        path, query = self._route(target)
        answer: Cancelled = self.transport.request_json("POST", f"{path}/cancel", query=query)
        return answer

    def cancel_run(self, agent_run_id: str) -> Cancelled:
        """Cancel all that is not final in a run; as `cancel`.

        Raises:
            UnknownRun: there is none.
        """
        answer: Cancelled = self.transport.request_json("POST", f"/api/runs/{quote(agent_run_id)}/cancel")
        return answer

    def end_run(self, agent_run_id: str, outcome: str = "completed", reason: str = "") -> Run:
        """Say that no more stages will come. `outcome` is "completed" or "failed"; `reason` is for people.

        Raises:
            UnknownRun: there is none.
        """
        answer: Run = self.transport.request_json(
            "POST", f"/api/runs/{quote(agent_run_id)}/end", body={"outcome": outcome, "reason": reason}
        )
        run_end.ended(agent_run_id)
        return answer

    def submit_yaml(self, yaml_path: str, agent_run_id: str | None = None, **options: object) -> Never:
        """Refuse: pipelines in YAML come with a later version."""
        raise _comes_later("submit_yaml", "Build the jobs in Python and use submit_dag.")

    def stop_service(self, service_id: str) -> Never:
        """Refuse: services come with a later version."""
        raise _comes_later("stop_service", "There are no services to stop; cancel stops a job.")

    def deploy_script(self, filepath: str) -> Never:
        """Refuse: scripts kept on the server come with a later version."""
        raise _comes_later("deploy_script", "Submit the script with its job, or use upload_file.")

    def upload_project_folder(self, folder_path: str, project_name: str | None = None) -> Never:
        """Refuse: archives come with a later version."""
        raise _comes_later("upload_project_folder", "Use upload_file for each file.")

    def _job_route(self, job: Target) -> tuple[str, dict[str, str | None]]:
        name = plain_name(job.id if isinstance(job, TitanJob) else job)
        query = {"dag": self.submissions.dag_of_job(name), "run": os.environ.get("TITAN_AGENT_RUN_ID")}
        return f"/api/jobs/{quote(name)}", query

    def _dag_path(self, dag: str) -> str:
        if isinstance(dag, DagAccepted):
            return f"/api/dags/{quote(dag.dag_id)}"
        return f"/api/dags/{quote(self.submissions.dag(dag) or plain_name(dag))}"

    def _route(self, target: Target) -> tuple[str, dict[str, str | None]]:
        """Return path and query of what a caller means: its own job or DAG, else a job, else a DAG."""
        if isinstance(target, DagAccepted):
            return self._dag_path(target), {}
        if isinstance(target, TitanJob) or self.submissions.dag_of_job(target):
            return self._job_route(target)
        if self.submissions.dag(target):
            return self._dag_path(target), {}
        path, query = self._job_route(target)
        try:
            self.transport.request_json("GET", path, query=query)
        except NotFound:
            return self._dag_path(target), {}
        return path, query

    def _wait_for_one(self, target: Target, deadline: float | None) -> str:
        path, query = self._route(target)
        query = query or {"jobs": "false"}  # of a DAG; its jobs may be thousands
        status = ""
        for wait_seconds in polls(deadline):
            answer: Job | Dag = self.transport.request_json(
                "GET",
                path,
                query={**query, "wait_seconds": wait_seconds},
                timeout_seconds=wait_seconds + MARGIN_SECONDS,
            )
            status = answer["status"]
            if answer.get("is_final") or status in _FINAL_JOB_STATUSES:
                return status
        raise WaitTimeout(
            subject=_shown_name(target),
            expected="a final status in time",
            found=f"still {status}",
            next_step="It goes on: wait again, or cancel it.",
        )


def _shown_name(target: Target) -> str:
    if isinstance(target, DagAccepted):
        return target.name
    return target.id if isinstance(target, TitanJob) else target


def _comes_later(method: str, instead: str) -> NotSupported:
    return NotSupported(
        subject=f"TitanClient.{method}",
        expected="a method that this version of Titan has",
        found="one of a later version",
        next_step=instead,
    )
