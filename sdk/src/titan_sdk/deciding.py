"""Deciding what becomes of jobs: cancel, approve, run again, end."""

from __future__ import annotations

from titan_sdk.encoding import quote
from titan_sdk.job import TitanJob
from titan_sdk.looking import Looking
from titan_sdk.submission import DagAccepted, plain_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk.looking import Target
    from titan_sdk.wire import Cancelled, Gate, Resumed, Retried, Run

_GATE_PREFIX = "hitl-gate-"  # the original's names of gates behind jobs


class Deciding(Looking):
    """What a client can say about what was submitted."""

    async def cancel(self, target: Target) -> Cancelled:
        """Cancel a job or a whole DAG, and what waits for it.

        Returns:
            {"cancelled": [...], "stopping": [...], "skipped": [...]}: names of jobs cancelled at once, of
            running ones whose process trees are being killed, of final ones.

        Raises:
            UnknownJob, UnknownDag: there is none of this name.
        """
        path, query = await self._route(target)
        answer: Cancelled = await self.transport.request_json("POST", f"{path}/cancel", query=query)
        return answer

    async def cancel_run(self, agent_run_id: str) -> Cancelled:
        """Cancel all that is not final in a run; as `cancel`.

        Raises:
            UnknownRun: there is none.
        """
        answer: Cancelled = await self.transport.request_json("POST", f"/api/v1/runs/{quote(agent_run_id)}/cancel")
        return answer

    async def end_run(self, agent_run_id: str, outcome: str = "completed", reason: str = "") -> Run:
        """Say that no more stages will come. `outcome` is "completed" or "failed"; `reason` is for people.

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
        """Return the gates that wait for a person, newest first; with `status="all"` also the others.

        Args:
            run: only those of this agent run.
        """
        found: list[Gate] = (
            await self.transport.request_json("GET", "/api/gates", query={"status": status, "run": run})
        )["gates"]
        return found

    async def approve(self, gate: str | TitanJob, comment: str = "", *, by: str | None = None) -> Gate:
        """Let what waits behind a gate go on, and return the gate.

            client.approve("hitl-gate-build", "looks good")  # or the job it stands behind: client.approve("build")

        Args:
            gate: its id or name, or the name of the job whose `hitl_message` made it. A name means a gate that
                this client submitted, else the one open gate of that name.
            comment: kept with the decision.
            by: who decides, where no token says so.

        Raises:
            UnknownJob: there is no such gate.
            Conflict: it is not open, or several of this name are. Nothing was changed.
        """
        return await self._decide("approve", gate, comment, by)

    async def reject(self, gate: str | TitanJob, comment: str = "", *, by: str | None = None) -> Gate:
        """Cancel what waits behind a gate, and return the gate, which has then failed; as `approve`."""
        return await self._decide("reject", gate, comment, by)

    async def retry(self, target: Target) -> Retried:
        """Run a failed or cancelled job again, or all such jobs of a DAG; what completed is kept.

        A job that is run again takes with it those that were cancelled because of it.

        Returns:
            {"retried": [names], "kept": how many}

        Raises:
            UnknownJob, UnknownDag: there is none of this name.
            Conflict: it has nothing to run again. Nothing was changed.
        """
        path, query = await self._route(target)
        answer: Retried = await self.transport.request_json("POST", f"{path}/retry", query=query)
        return answer

    async def retry_run(self, run_id: str) -> Retried:
        """Run again what failed or was cancelled in all stages of a run; as `retry`.

        Raises:
            UnknownRun: there is none.
            Conflict: it has nothing to run again. Nothing was changed.
        """
        answer: Retried = await self.transport.request_json("POST", f"/api/v1/runs/{quote(run_id)}/retry")
        return answer

    async def replay(self, job: Target) -> DagAccepted:
        """Submit a job again as a DAG of its own, with the same script, arguments and environment.

        Raises:
            UnknownJob: there is none.
            Conflict: it has never run, or a gate above it is not approved.
        """
        path, query = self._job_route(job)
        accepted = DagAccepted(await self.transport.request_json("POST", f"{path}/replay", query=query))
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
        """Let a run go on whose orchestrator has ended: what completed is kept.

        An orchestrator that is a job is run again by this. One outside of Titan is named in the answer, with its
        command and folder: start it with TITAN_RESUME_RUN_ID=<run_id> (`titan resume` does; see `new_run_id`).

        Raises:
            UnknownRun: there is none.
            Conflict: it still runs, or completed. Nothing was changed.
        """
        answer: Resumed = await self.transport.request_json("POST", f"/api/v1/runs/{quote(run_id)}/resume")
        return answer

    async def _decide(self, verb: str, gate: str | TitanJob, comment: str, by: str | None) -> Gate:
        name = plain_name(gate.id if isinstance(gate, TitanJob) else gate)
        decided: Gate = await self.transport.request_json(
            "POST",
            f"/api/gates/{quote(name)}/{verb}",
            query={"dag": self.submissions.dag_of_job(name.removeprefix(_GATE_PREFIX))},
            body={"comment": comment, "by": by},
        )
        return decided
