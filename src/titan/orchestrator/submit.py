"""Stores submitted DAGs, all of a DAG or nothing, and starts what can start."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from titan.env_cipher import EnvCipher
from titan.model.attempts import Attempt
from titan.model.dags import Dag, JobCounts, NewDag
from titan.model.errors import Conflict, InvalidDag, StaleLease, UnknownRun
from titan.model.events import DagSubmitted, JobReady, RunStarted, Subject
from titan.model.jobs import Job, JobSpec, JobStatus
from titan.model.run_control import Origin, RunControl, RunOutcome
from titan.orchestrator.receipts import content_digest, earlier_submission, submission_key
from titan.orchestrator.transitions import (
    Moves,
    cancel_descendants,
    clear_gate_keys,
    release,
    reopened,
    shifted,
    subject_of,
)
from titan.ports.jobs_store import Transaction
from titan.rules.jobs.dag import check_depth, check_run_size, unknown_parents
from titan.rules.jobs.gates import asks_for_approval, gate_name
from titan.rules.jobs.lifecycle import advance
from titan.rules.runs.lifecycle import agent_of
from titan.wire.work import Submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """The submitter: a program outside, or (with a token) a running job."""

    project_id: str
    token: str | None = None
    cipher: EnvCipher | None = None  #: encrypts values of `env`; None: they are stored as they are


def submit(tx: Transaction, new: NewDag, submitter: Submitter, *, dag_id: str) -> Submitted:
    """Store `new`, which `rules.dag.check_dag` has passed, and start what can start.

    A repeat of an earlier submission (see `titan.orchestrator.receipts`) is answered with that one.

    Raises:
        StaleLease: the token belongs to no running attempt.
        LimitExceeded: too deep a recursion, or too many jobs in the run.
        InvalidDag: a parent is neither in the DAG nor a job of the same run.
        Conflict: the run was cancelled, or the submitting job was.
        IdempotencyConflict: the idempotency key was used for other content.
    """
    project_id = submitter.project_id
    attempt = _attempt(tx, submitter.token)
    maker = tx.job(attempt.job_id) if attempt else None
    _check_not_cancelled(maker)
    of_maker = None if maker is None else tx.dag(maker.dag_id)
    depth = _depth(maker, of_maker)
    run_id = new.agent_run_id or (maker.run_id if maker else None)
    key = submission_key(new, run_id, maker)
    digest = content_digest(new) if key is not None else None
    if key is not None and digest is not None:
        since = attempt.leased_at if attempt else None
        earlier = earlier_submission(tx, new, project_id=project_id, key=key, digest=digest, since=since)
        if earlier is not None:
            return _from_record(earlier)
    foreign = _foreign_parents(tx, project_id, run_id, new)
    dag = Dag(
        project_id=project_id,
        id=dag_id,
        name=new.name,
        run_id=run_id,
        agent_id=new.agent_id,
        on_failure=new.on_failure,
        submitted_at=tx.now,
        counts=JobCounts(),
        made_by=maker.id if maker else None,
        depth=depth,
        submission_key=key,
        content_digest=digest,
        is_internal=new.is_internal,
        origin=new.origin if of_maker is None or of_maker.origin is Origin.PRODUCTION else of_maker.origin,
    )
    if run_id is not None:
        _join_run(tx, dag, new)
    specs = _encrypted(_confined(tx, new.jobs, attempt), submitter)
    jobs = [_new_job(dag, position, spec, foreign) for position, spec in enumerate(specs)]
    _store(tx, dag, jobs, foreign)
    return Submitted(dag_id=dag_id, name=new.name, agent_run_id=run_id, job_count=len(jobs))


def _from_record(dag: Dag) -> Submitted:
    return Submitted(
        dag_id=dag.id, name=dag.name, agent_run_id=dag.run_id, job_count=dag.counts.total, from_record=True
    )


def _attempt(tx: Transaction, token: str | None) -> Attempt | None:
    """Return the running attempt that carries `token`."""
    if token is None:
        return None
    attempt = tx.live_attempt_by_token(token)
    if attempt is None:
        raise StaleLease(
            "the submitting job",
            expected="the token of a running attempt",
            found="one of an attempt that is over, or unknown",
            next_step="Nothing was submitted; the job's newer attempt, if any, submits for itself.",
        )
    return attempt


def check_goes_on(tx: Transaction, submitter: Submitter) -> None:
    """Return when the submitter may try jobs again.

    Raises:
        StaleLease: the token belongs to no running attempt.
        Conflict: the job with the token was cancelled.
    """
    attempt = _attempt(tx, submitter.token)
    _check_not_cancelled(tx.job(attempt.job_id) if attempt else None)


def _check_not_cancelled(maker: Job | None) -> None:
    """Refuse what a job begins after its cancel, which has cancelled all that it had submitted until then."""
    if maker is not None and maker.is_cancel_requested:
        raise Conflict(
            f"job '{maker.name}'",
            expected="a submitting job that was not cancelled",
            found="one that was cancelled, and is about to be stopped",
            next_step="Nothing was changed. `titan retry` tries the job again.",
        )


def _confined(tx: Transaction, specs: Sequence[JobSpec], attempt: Attempt | None) -> Sequence[JobSpec]:
    """Return what a job submits, confined to the workers with its own worker's token if that is not trusted.

    What is confined already stays as it is, when another job submits it again.
    """
    worker = tx.worker(attempt.worker_id) if attempt is not None else None
    if worker is None or worker.confines_to is None:
        return specs
    return [spec if spec.confined_to is not None else replace(spec, confined_to=worker.confines_to) for spec in specs]


def _encrypted(specs: Sequence[JobSpec], submitter: Submitter) -> Sequence[JobSpec]:
    """Return the specs with encrypted values of `env`. The content digest is that of the plain ones: it repeats."""
    cipher = submitter.cipher
    if cipher is None:
        return specs
    return [replace(spec, env=cipher.encrypted(spec.env, submitter.project_id)) if spec.env else spec for spec in specs]


def _depth(maker: Job | None, of_maker: Dag | None) -> int:
    if maker is None or of_maker is None:
        return 0
    check_depth(maker.name, of_maker.depth + 1)
    return of_maker.depth + 1


def _foreign_parents(tx: Transaction, project_id: str, run_id: str | None, new: NewDag) -> dict[str, Job]:
    """Return name → job for parents that are jobs of earlier stages of the same run."""
    found: dict[str, Job] = {}
    for name in unknown_parents(new):
        job = tx.newest_job(project_id, name, run_id=run_id) if run_id is not None else None
        if job is None:
            child = next(spec.name for spec in new.jobs if name in spec.parents)
            raise InvalidDag(
                f"job '{child}' of dag '{new.name}'",
                expected="parents that are jobs of this DAG" + (f" or of run '{run_id}'" if run_id else ""),
                found=f"unknown parent '{name}'",
                next_step="Add the parent to the DAG, or correct its name.",
            )
        found[name] = _gate_behind(tx, job) or job
    return found


def _gate_behind(tx: Transaction, job: Job) -> Job | None:
    """Return the gate behind `job`, for which those wait that name the job as parent."""
    if not asks_for_approval(job.spec):
        return None
    return tx.newest_job(job.project_id, gate_name(job.name), dag_id=job.dag_id)


def _join_run(tx: Transaction, dag: Dag, new: NewDag) -> None:
    """Add the new stage to its run, which is created, or reopened if it has ended."""
    job_count = len(new.jobs)
    assert dag.run_id is not None
    run = tx.run_control(dag.project_id, dag.run_id)
    check_run_size(dag.run_id, run.job_count if run else 0, job_count)
    subject = Subject(project_id=dag.project_id, run_id=dag.run_id)
    if run is None and new.is_resumed:
        raise UnknownRun(
            f"run '{dag.run_id}'",
            expected="a run on record, for the submitter resumes it",
            found="none such",
            next_step="Correct TITAN_RESUME_RUN_ID; `titan runs` lists the runs. Nothing was submitted.",
        )
    if run is None:
        agent_id = dag.agent_id or agent_of(dag.run_id)
        run = RunControl(
            project_id=dag.project_id,
            id=dag.run_id,
            agent_id=agent_id,
            started_at=tx.now,
            last_activity_at=tx.now,
        )
        tx.add_run(run)
        tx.record(subject, RunStarted(cause="submit", agent_id=agent_id))
    elif run.outcome is RunOutcome.CANCELLED:
        raise Conflict(
            f"run '{dag.run_id}'",
            expected="a run that was not cancelled",
            found=f"cancelled at {run.ended_at}",
            next_step="Begin a new run with another agent_run_id.",
        )
    tx.save_run(
        replace(
            reopened(tx, run, cause=f"submit of '{dag.name}'"),
            stage_count=run.stage_count + 1,
            job_count=run.job_count + job_count,
            live_job_count=run.live_job_count + job_count,
            last_activity_at=tx.now,
            # A job is its run's orchestrator itself: `titan runs resume` starts no program that a job names.
            orchestrator=(new.orchestrator if dag.made_by is None else None) or run.orchestrator,
        )
    )


def _new_job(dag: Dag, position: int, spec: JobSpec, foreign: Mapping[str, Job]) -> Job:
    own = [parent for parent in dict.fromkeys(spec.parents) if parent not in foreign]
    earlier = {foreign[parent].id: foreign[parent] for parent in spec.parents if parent in foreign}
    waited_for = [job for job in earlier.values() if job.status is not JobStatus.COMPLETED]
    return Job(
        project_id=dag.project_id,
        id=f"{dag.id}.{position:05d}",
        dag_id=dag.id,
        run_id=dag.run_id,
        spec=spec,
        status=JobStatus.WAITING,
        submitted_at=dag.submitted_at,
        remaining_parents=len(own) + len(waited_for),
    )


def _store(tx: Transaction, dag: Dag, jobs: list[Job], foreign: Mapping[str, Job]) -> None:
    """Insert all rows, release jobs without parents, and cancel jobs that can never run.

    Jobs that are ready at once are inserted as READY, so that each of 10,000 is written once.
    """
    started = [_first_step(tx, job) for job in jobs]
    counts = shifted(dag.counts, Counter(job.status for job, _ in started))
    dag_subject = Subject(project_id=dag.project_id, run_id=dag.run_id, dag_id=dag.id)
    tx.record(dag_subject, DagSubmitted(cause=_cause(dag), name=dag.name, job_count=len(jobs)))
    ids = {job.name: job.id for job in jobs} | {name: job.id for name, job in foreign.items()}
    edges = ((parent, job.id) for job in jobs for parent in dict.fromkeys(ids[name] for name in job.spec.parents))
    tx.add_dag(replace(dag, counts=counts), [job for job, _ in started], edges)
    for job, event in started:
        if event is not None:
            tx.record(subject_of(job), event)
    with Moves(tx) as moves:
        for job, _ in started:
            if job.is_gate:
                clear_gate_keys(tx, job)
            if job.status is JobStatus.WAITING and not job.remaining_parents:
                release(moves, job, cause="submit")
        for parent in foreign.values():
            if parent.status in (JobStatus.FAILED, JobStatus.CANCELLED):
                cancel_descendants(moves, parent)


def _first_step(tx: Transaction, job: Job) -> tuple[Job, JobReady | None]:
    spec = job.spec
    if job.remaining_parents or spec.delay_ms or job.is_gate or spec.concurrency_key is not None:
        return job, None
    event = JobReady(cause="submit")
    return advance(job, event, now=tx.now), event


def _cause(dag: Dag) -> str:
    return f"submit by job {dag.made_by}" if dag.made_by else "submit"
