"""The client's commands: submit, cancel, approve, retry, resume, end."""

from __future__ import annotations

import os
import sys

from titan_sdk.api import ClientBase, DagAccepted, plain_name, submission_body
from titan_sdk.errors import NotSupported
from titan_sdk.http import quote
from titan_sdk.http.address import address_of
from titan_sdk.job import TitanJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Never

    from titan_sdk.api import Target
    from titan_sdk.wire import Cancelled, Gate, Resumed, Retried, Run

_GATE_PREFIX = "hitl-gate-"  # the name of a gate after a job, as in the original Titan


class Commands(ClientBase):
    """The client's commands."""

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
            agent_id: the agent of the run; by default TITAN_AGENT_ID, else the run id without its last part, or this
                script's name where that is none ("cb5e13", a UUID).
            on_failure: "continue" lets independent branches go on, "stop" cancels all that has not started.
            idempotency_key: any later submission with this key gets the first one's receipt.

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
        """Raise NotSupported: pipelines in YAML come with a later version."""
        raise _comes_later("submit_yaml", "Build the jobs in Python and use submit_dag.")

    async def stop_service(self, service_id: str) -> Never:
        """Raise NotSupported: services come with a later version."""
        raise _comes_later("stop_service", "There are no services to stop; cancel stops a job.")

    async def cancel(self, target: Target) -> Cancelled:
        """Cancel a job or a whole DAG, and the jobs that wait for it.

        Returns:
            {"cancelled": [...], "stopping": [...], "skipped": [...]}: names of jobs:
            cancelled at once, running (their processes are being killed), already final.

        Raises:
            UnknownJob, UnknownDag: there is none of this name.
        """
        path, query = await self._route(target)
        return await self.transport.request_json("POST", f"{path}/cancel", query=query)

    async def cancel_run(self, agent_run_id: str) -> Cancelled:
        """Cancel all jobs of a run that are not final; as `cancel`.

        Raises:
            UnknownRun: there is none.
        """
        return await self.transport.request_json("POST", f"/api/v1/runs/{quote(agent_run_id)}/cancel")

    async def end_run(self, agent_run_id: str, outcome: str = "completed", reason: str = "") -> Run:
        """End a run: no more stages will come. `outcome` is "completed" or "failed"; `reason` is shown to people.

        Raises:
            UnknownRun: there is none.
        """
        answer: Run = await self.transport.request_json(
            "POST", f"/api/v1/runs/{quote(agent_run_id)}/end", body={"status": outcome, "error": reason}
        )
        from titan_sdk import run_end

        run_end.ended(agent_run_id)
        return answer

    async def gates(self, status: str = "open", run: str | None = None) -> list[Gate]:
        """Return the open gates, newest first; with `status="all"` also the decided ones.

        Args:
            run: only those of this agent run.
        """
        return (await self.transport.request_json("GET", "/api/gates", query={"status": status, "run": run}))["gates"]

    async def approve(self, gate: str | TitanJob, comment: str = "", *, by: str | None = None) -> Gate:
        """Approve a gate, so that the jobs behind it run, and return it.

            client.approve("hitl-gate-build", "looks good")  # or the job before it: client.approve("build")

        Args:
            gate: its id or name, or the name of the job whose `hitl_message` made it. A name means a gate that
                this client submitted, else the one open gate of that name.
            comment: stored with the decision.
            by: the person who decides, where no token says so.

        Raises:
            UnknownJob: there is no such gate.
            Conflict: it is not open, or several of this name are. Nothing was changed.
        """
        return await self._decide("approve", gate, comment, by)

    async def reject(self, gate: str | TitanJob, comment: str = "", *, by: str | None = None) -> Gate:
        """Reject a gate, which cancels the jobs behind it, and return it; as `approve`."""
        return await self._decide("reject", gate, comment, by)

    async def retry(self, target: Target) -> Retried:
        """Run a failed or cancelled job again, or all such jobs of a DAG; completed jobs are kept.

        Jobs that were cancelled because of it run again, too.

        Returns:
            {"retried": [names], "kept": how many}

        Raises:
            UnknownJob, UnknownDag: there is none of this name.
            Conflict: it has nothing to run again. Nothing was changed.
        """
        path, query = await self._route(target)
        return await self.transport.request_json("POST", f"{path}/retry", query=query)

    async def retry_run(self, run_id: str) -> Retried:
        """Run the failed and cancelled jobs of all stages of a run again; as `retry`.

        Raises:
            UnknownRun: there is none.
            Conflict: it has nothing to run again. Nothing was changed.
        """
        return await self.transport.request_json("POST", f"/api/v1/runs/{quote(run_id)}/retry")

    async def rerun(self, job: Target) -> DagAccepted:
        """Submit a job again as a DAG of its own, with the same script, arguments and environment.

        Raises:
            UnknownJob: there is none.
            Conflict: it has never run, or a gate above it is not approved.
        """
        path, query = self._job_route(job)
        accepted = DagAccepted(await self.transport.request_json("POST", f"{path}/rerun", query=query))
        self.submissions.record(accepted, [job.id if isinstance(job, TitanJob) else job])
        return accepted

    async def redeploy(self, dag: str) -> DagAccepted:
        """Submit a whole DAG again, as it was, by receipt, id or name.

        Raises:
            UnknownDag: there is none.
        """
        path = self._dag_path(dag)
        accepted = DagAccepted(await self.transport.request_json("POST", f"{path}/redeploy"))
        earlier = dag.dag_id if isinstance(dag, DagAccepted) else self.submissions.dag(dag)
        self.submissions.record(accepted, self.submissions.jobs_of(earlier) if earlier else [])
        return accepted

    async def resume_run(self, run_id: str) -> Resumed:
        """Resume a run whose orchestrator has ended; completed jobs are kept.

        If the orchestrator is a job, it runs again. If it is a program outside of Titan, the answer has its command and
        folder: start it with TITAN_RESUME_RUN_ID=<run_id> (`titan runs resume` does; see `new_run_id`).

        Raises:
            UnknownRun: there is none.
            Conflict: it still runs, or completed. Nothing was changed.
        """
        return await self.transport.request_json("POST", f"/api/v1/runs/{quote(run_id)}/resume")

    async def _submit_stage(self, run_id: str | None, name: str, body: dict[str, object]) -> DagAccepted:
        """Submit a stage of a run, or a DAG of a job: either may be submitted again when the run or job is repeated."""
        from titan_sdk import run_end, stages

        with stages.submission(run_id, name) as fields:
            body.update(fields)
            runs = sys.modules.get("titan_sdk.recording.runs")
            mine = runs.open_run() if runs else None
            if mine is not None and mine.id == run_id and mine.agent_id:
                body["program"] = mine.agent_id  # its block names the agent, or the script does
            accepted = DagAccepted(await self.transport.request_json("POST", "/api/dags", body=body))
        if run_id is not None:
            run_end.end_at_exit(run_id, self.transport.blocking())
            self._report_program(run_id)
        return accepted

    def _report_program(self, run_id: str) -> None:
        """Report the code of this program with its run, so that a replay or a fork can execute it.

        Does nothing if it submits to one server and records to another.
        """
        from titan_sdk import stages

        if stages.this_program() is None or not self.transport.address.is_same_server(address_of()):
            return
        from titan_sdk.recording import process, program

        if process.is_recording():
            program.report(_StageRun(run_id))

    async def _decide(self, verb: str, gate: str | TitanJob, comment: str, by: str | None) -> Gate:
        name = plain_name(gate.id if isinstance(gate, TitanJob) else gate)
        return await self.transport.request_json(
            "POST",
            f"/api/gates/{quote(name)}/{verb}",
            query={"dag": self.submissions.dag_of_job(name.removeprefix(_GATE_PREFIX))},
            body={"comment": comment, "by": by},
        )


class _StageRun:
    """A run whose stages this program submits; it may record nothing else of it."""

    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self.project = os.environ.get("TITAN_PROJECT") or None


def _comes_later(method: str, instead: str) -> NotSupported:
    return NotSupported(
        subject=f"TitanClient.{method}",
        expected="a method that this version of Titan has",
        found="one planned for a later version",
        next_step=instead,
    )
