"""Submitting jobs."""

from __future__ import annotations

import os

from titan_sdk.deciding import Deciding
from titan_sdk.errors import NotSupported
from titan_sdk.submission import DagAccepted, submission_body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Never

    from titan_sdk.job import TitanJob


class Submitting(Deciding):
    """What a client can have done."""

    async def submit_dag(
        self,
        name: str,
        jobs: Iterable[TitanJob],
        agent_run_id: str | None = None,
        *,
        agent_id: str | None = None,
        on_failure: str = "continue",
        idempotency_key: str | None = None,
    ) -> DagAccepted:
        """Submit jobs as one DAG, all or none, and return "DAG_ACCEPTED" once it is durable.

        Args:
            agent_run_id: the run that this DAG is a stage of; inside a job by default the job's own. The run
                ends when the process that submitted its stages exits (or see `end_run`). A run that is resumed
                answers a stage that it submitted before, with the same name and content, from its record: the
                receipt's `from_record` is then True, and nothing runs twice.
            agent_id: the agent of the run; by default TITAN_AGENT_ID, else the run id without its last token.
            on_failure: "continue" lets independent branches go on, "stop" cancels all that has not started.
            idempotency_key: whoever submits with this key, and whenever, gets the first submission's receipt.

        Raises:
            InvalidDag: a cycle, an unknown parent, a duplicate id, no jobs. Nothing was stored.
            InvalidName: a name that is not allowed. Nothing was stored.
            InvalidInput: the run is not the one that TITAN_RESUME_RUN_ID says is resumed; see `new_run_id`.
            NotSupported: an argument of a later version, such as a port. Nothing was stored.
            LimitExceeded: recursion too deep, or too many jobs in the run. Nothing was stored.
            IdempotencyConflict: the key came with other jobs before. Nothing was stored.
        """
        self._announce(f"[SDK] Submitting DAG: {name}")
        jobs = list(jobs)
        body = submission_body(name, jobs, agent_run_id=agent_run_id, agent_id=agent_id, on_failure=on_failure)
        if idempotency_key is not None:
            body["idempotency_key"] = idempotency_key
        run_id = agent_run_id or os.environ.get("TITAN_AGENT_RUN_ID")
        if run_id is None and "TITAN_JOB_ID" not in os.environ:
            accepted = DagAccepted(await self.transport.request_json("POST", "/api/dags", body=body))
        else:
            accepted = await self._submit_stage(run_id, name, body)
        self.submissions.record(accepted, [job.id for job in jobs])
        return accepted

    async def submit_job(self, job: TitanJob) -> DagAccepted:
        """Submit one job as a DAG of its own name; as `submit_dag`."""
        return await self.submit_dag(job.id, [job])

    async def submit_yaml(self, /, yaml_path: str, agent_run_id: str | None = None, **options: object) -> Never:
        """Refuse: pipelines in YAML come with a later version."""
        raise _comes_later("submit_yaml", "Build the jobs in Python and use submit_dag.")

    async def stop_service(self, service_id: str) -> Never:
        """Refuse: services come with a later version."""
        raise _comes_later("stop_service", "There are no services to stop; cancel stops a job.")

    async def _submit_stage(self, run_id: str | None, name: str, body: dict[str, object]) -> DagAccepted:
        """Submit a stage of a run, or what a job submits: either may be submitted again by a later life."""
        from titan_sdk import run_end, stages
        from titan_sdk.blocking_io import BlockingIo

        with stages.submission(run_id, name) as about_it:
            body.update(about_it)
            accepted = DagAccepted(await self.transport.request_json("POST", "/api/dags", body=body))
        if run_id is not None:
            run_end.end_at_exit(run_id, self.transport.over(BlockingIo()))
        return accepted


def _comes_later(method: str, instead: str) -> NotSupported:
    return NotSupported(
        subject=f"TitanClient.{method}",
        expected="a method that this version of Titan has",
        found="one of a later version",
        next_step=instead,
    )
