"""Facts as people and programs see them: rows of the store become values of the wire."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Final, Literal

import msgspec

from titan.engine.tokens import Minted
from titan.insight.story import story
from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.events import JournalEntry
from titan.model.files import LeftFile
from titan.model.jobs import Job, JobStatus
from titan.model.runs import Run
from titan.model.tokens import Token
from titan.model.workers import Worker
from titan.ports import Reader
from titan.rules.dispatch import why_ready_waits
from titan.rules.rollup import dag_status, run_ended_at, run_status
from titan.server import wire, wire_access, wire_cluster, wire_work


def dag_view(dag: Dag, jobs: list[wire_work.JobView] | msgspec.UnsetType = msgspec.UNSET) -> wire_work.DagView:
    """Return a DAG with its derived status."""
    counts = dag.counts
    return wire_work.DagView(
        dag_id=dag.id,
        name=dag.name,
        agent_run_id=dag.run_id,
        agent_id=dag.agent_id,
        on_failure=dag.on_failure,
        status=dag_status(dag),
        is_final=dag.is_final,
        submitted_at=dag.submitted_at,
        started_at=dag.started_at,
        ended_at=dag.ended_at,
        made_by=dag.made_by,
        counts=wire_work.CountsView(total=counts.total, **asdict(counts)),
        jobs=jobs,
    )


def run_view(reader: Reader, run: Run, *, now: datetime, with_stages: bool = False) -> wire_work.RunView:
    """Return a run with its derived status; `with_stages` adds every stage with its jobs."""
    last_stage = reader.last_stage(run.project_id, run.id)
    stages: list[wire_work.DagView] | msgspec.UnsetType = msgspec.UNSET
    if with_stages:
        stages = [dag_with_jobs(reader, stage) for stage in reader.stages(run.project_id, run.id)]
    return wire_work.RunView(
        agent_run_id=run.id,
        agent_id=run.agent_id,
        status=run_status(run, last_stage, now=now),
        started_at=run.started_at,
        ended_at=run_ended_at(run, now=now),
        last_activity_at=run.last_activity_at,
        stage_count=run.stage_count,
        job_count=run.job_count,
        reason=run.reason,
        orchestrator=wire_work.OrchestratorView(**asdict(run.orchestrator)) if run.orchestrator else None,
        pinned=run.pinned_at is not None,
        stages=stages,
    )


def dag_with_jobs(reader: Reader, dag: Dag) -> wire_work.DagView:
    """Return a DAG with its jobs in submission order."""
    return dag_view(dag, job_views(reader, reader.jobs_of_dag(dag.id)))


def job_views(reader: Reader, jobs: Iterable[Job]) -> list[wire_work.JobView]:
    """Return jobs without their list of attempts; what several share is looked up once."""
    names = _Names(reader)
    return [names.job_view(job) for job in jobs]


def job_view(reader: Reader, job: Job) -> wire_work.JobView:
    """Return one job with all its attempts."""
    names = _Names(reader)
    view = names.job_view(job)
    view.attempts = [names.attempt_view(attempt) for attempt in reader.attempts_of_job(job.id)]
    return view


def left_file_views(reader: Reader, files: Iterable[LeftFile]) -> list[wire.LeftFileView]:
    """Return files with the names of who left them."""
    names = _Names(reader)
    return [
        wire.LeftFileView(
            path=left.file.path,
            size_bytes=left.file.size_bytes,
            digest=left.file.digest,
            reason=left.file.reason,
            modified_at=left.file.modified_at,
            place=left.file.place,
            job_id=left.job_id,
            job=left.job_name,
            attempt=left.attempt,
            worker=names.worker_name(left.worker_id),
        )
        for left in files
    ]


def gate_view(reader: Reader, gate: Job) -> wire.GateView:
    """Return one gate."""
    return gate_views(reader, [gate])[0]


def gate_views(reader: Reader, gates: Iterable[Job]) -> list[wire.GateView]:
    """Return gates as those who decide see them."""
    names = _Names(reader)
    return [names.gate_view(gate) for gate in gates]


def worker_view(reader: Reader, worker: Worker) -> wire_cluster.WorkerView:
    """Return a worker with its busy slots and what it runs."""
    names = _Names(reader)
    running = []
    for attempt in reader.live_attempts_of_worker(worker.id):
        job = reader.job(attempt.job_id)
        assert job is not None
        running.append(wire_cluster.RunningView(job_id=job.id, name=job.name, dag_name=names.dag_name(job.dag_id)))
    return wire_cluster.WorkerView(
        worker_id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        version=worker.version,
        offers=dict(worker.offers),
        busy=reader.busy_slots(worker.id),
        state=worker.state,
        seen_at=worker.seen_at,
        running=running,
    )


def story_view(reader: Reader, job: Job) -> wire.StoryAnswer:
    """Return a job's journal as sentences, oldest first."""
    entries = reader.journal(job.project_id, job_id=job.id, limit=100_000)
    lines = [
        wire.StoryLineView(seq=line.seq, at=line.at, event=line.event, cause=line.cause, text=line.text)
        for line in story(entries, {worker.id: worker.name for worker in reader.workers(job.project_id)})
    ]
    return wire.StoryAnswer(job_id=job.id, name=job.name, entries=lines)


def event_view(entry: JournalEntry) -> wire.EventView:
    """Return a journal entry as a live event; its cursor is its number.

    Lease ids stay here: whoever knows one could speak for the attempt.
    """
    data = msgspec.json.decode(entry.data, type=dict[str, msgspec.Raw])
    data.pop("lease_id", None)
    return wire.EventView(
        cursor=str(entry.seq),
        at=entry.at,
        kind=entry.kind,
        cause=entry.cause,
        agent_run_id=entry.subject.run_id,
        dag_id=entry.subject.dag_id,
        job_id=entry.subject.job_id,
        data=data,
    )


#: What a gate without a decision is called; any other status means that it was cancelled.
_UNDECIDED: Final[Mapping[JobStatus, Literal["waiting", "open"]]] = {
    JobStatus.WAITING: "waiting",
    JobStatus.WAITING_APPROVAL: "open",
}


class _Names:
    """Looks up, once each, the names that rows refer to by id."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._dag_names: dict[str, str] = {}
        self._worker_names: dict[str, str] = {}
        self._workers: dict[str, list[Worker]] = {}

    def job_view(self, job: Job) -> wire_work.JobView:
        latest = self._latest_attempt(job)
        return wire_work.JobView(
            job_id=job.id,
            name=job.name,
            kind=job.spec.kind,
            dag_id=job.dag_id,
            dag_name=self.dag_name(job.dag_id),
            agent_run_id=job.run_id,
            status=job.status,
            reason=self._reason(job),
            requirement=job.spec.requirement,
            priority=job.spec.priority,
            parents=job.spec.parents,
            filename=job.spec.filename,
            args=job.spec.args,
            hitl_message=job.spec.hitl_message,
            concurrency_key=job.spec.concurrency_key,
            cancel_requested=job.is_cancel_requested,
            submitted_at=job.submitted_at,
            ready_at=job.ready_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            worker=self.worker_name(latest.worker_id) if latest else None,
            exit_code=latest.exit_code if latest else None,
            signal=latest.signal if latest else None,
            duration_ns=latest.duration_ns if latest else None,
            peak_memory_bytes=latest.peak_memory_bytes if latest else None,
            decision=_decision_view(job),
        )

    def gate_view(self, gate: Job) -> wire.GateView:
        decision = gate.decision
        is_open = gate.status is JobStatus.WAITING_APPROVAL
        return wire.GateView(
            gate_id=gate.id,
            name=gate.name,
            dag_id=gate.dag_id,
            dag_name=self.dag_name(gate.dag_id),
            agent_run_id=gate.run_id,
            message=gate.spec.hitl_message or "",
            state=decision.outcome.value if decision else _UNDECIDED.get(gate.status, "cancelled"),
            parents=gate.spec.parents,
            opened_at=gate.ready_at,
            expires_at=gate.due_at if is_open else None,
            decided_at=gate.ended_at if decision else None,
            decided_by=decision.decided_by if decision else None,
            comment=decision.comment if decision else None,
        )

    def attempt_view(self, attempt: Attempt) -> wire_work.AttemptView:
        return wire_work.AttemptView(
            attempt=attempt.number,
            outcome=attempt.outcome,
            worker=self.worker_name(attempt.worker_id),
            leased_at=attempt.leased_at,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
            exit_code=attempt.exit_code,
            signal=attempt.signal,
            duration_ns=attempt.duration_ns,
            peak_memory_bytes=attempt.peak_memory_bytes,
            error=attempt.error,
        )

    def dag_name(self, dag_id: str) -> str:
        if dag_id not in self._dag_names:
            dag = self._reader.dag(dag_id)
            assert dag is not None
            self._dag_names[dag_id] = dag.name
        return self._dag_names[dag_id]

    def worker_name(self, worker_id: str) -> str:
        if worker_id not in self._worker_names:
            worker = self._reader.worker(worker_id)
            self._worker_names[worker_id] = worker.name if worker else worker_id
        return self._worker_names[worker_id]

    def _latest_attempt(self, job: Job) -> Attempt | None:
        if job.started_at is None:
            return None
        attempts = self._reader.attempts_of_job(job.id)
        return attempts[-1] if attempts else None

    def _reason(self, job: Job) -> str | None:
        if job.status is JobStatus.WAITING and job.remaining_parents:
            return f"waits for {job.remaining_parents} parent(s)"
        if job.status is JobStatus.WAITING and job.due_at is not None:
            return f"waits until {_shown_time(job.due_at)}" + _after(job.reason)
        if job.status is JobStatus.WAITING and job.spec.concurrency_key is not None:
            return f"waits for one of {job.spec.concurrency_limit} place(s) under key '{job.spec.concurrency_key}'"
        if job.status is JobStatus.WAITING_APPROVAL:
            return f"waits for approval until {_shown_time(job.due_at)}: {job.spec.hitl_message}"
        if job.status is JobStatus.READY:
            return why_ready_waits(job, self._workers_of(job.project_id)) + _after(job.reason)
        return job.reason

    def _workers_of(self, project_id: str) -> list[Worker]:
        if project_id not in self._workers:
            self._workers[project_id] = self._reader.workers(project_id)
        return self._workers[project_id]


def _decision_view(job: Job) -> wire_work.DecisionView | None:
    decision = job.decision
    if decision is None:
        return None
    return wire_work.DecisionView(
        outcome=decision.outcome,
        decided_by=decision.decided_by,
        decided_at=job.ended_at,
        comment=decision.comment,
    )


def _shown_time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else "somebody decides"


def _after(reason: str | None) -> str:
    return f" (after: {reason})" if reason else ""


def token_view(token: Token) -> wire_access.TokenView:
    """Return what people may know of a token."""
    return wire_access.TokenView(
        token_id=token.id,
        name=token.name,
        role=token.role,
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def new_token_answer(minted: Minted) -> wire_access.NewTokenAnswer:
    """Return a token that was just made, with its text."""
    return wire_access.NewTokenAnswer(
        token_id=minted.token.id,
        name=minted.token.name,
        role=minted.token.role,
        token=minted.text,
        expires_at=minted.token.expires_at,
    )
