"""Reruns jobs and DAGs as new submissions, and resumes runs."""

from dataclasses import replace
from functools import partial
from typing import Final

from titan.model.dags import Dag, NewDag
from titan.model.errors import Conflict
from titan.model.jobs import Job, JobStatus
from titan.model.run_control import RunControl
from titan.orchestrator.retry import Neighbourhood, retry_job
from titan.orchestrator.submit import Submitter, submit
from titan.orchestrator.transitions import reopened
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.jobs.gates import gate_name, with_gates
from titan.rules.jobs.propagation import UNSUCCESSFUL, gates_above
from titan.rules.names import MAX_NAME
from titan.wire.work import Resumed, Submitted

RERUN: Final = "-rerun"


def rerun_job(tx: Transaction, job: Job, submitter: Submitter, *, dag_id: str) -> Submitted:
    """Submit a job again as a DAG of its own, `<job>-rerun`, with the same inputs; it starts at once and joins the run.

    The gate behind a job is submitted too: who waits for the job later waits for a decision on its rerun. In a run the
    gates above the job stay its parents, so that the rerun cannot be run again past one that was opened again.

    Raises:
        Conflict: it has never run, or a gate above it is not approved; or as `submit`.
        InvalidDag, LimitExceeded, StaleLease: as `submit`.
    """
    dag = tx.dag(job.dag_id)
    assert dag is not None, f"job {job.id} of unknown dag {job.dag_id}"
    gates = _gates_above(tx, job)
    _check_may_run_again(job, gates)
    own = gate_name(job.name)
    parents = tuple(gate.name for gate in gates if gate.name != own) if job.run_id else ()
    new = NewDag(
        name=job.name[: MAX_NAME - len(RERUN)] + RERUN,  # no stage's name: a stage is recognised by it
        jobs=(replace(job.spec, parents=parents, delay_ms=0),),
        agent_run_id=job.run_id,
        agent_id=dag.agent_id,
        is_repeatable=False,
        origin=dag.origin,
    )
    return submit(tx, with_gates(new), _of_stored_jobs(submitter), dag_id=dag_id)


def redeploy(tx: Transaction, dag: Dag, submitter: Submitter, *, dag_id: str) -> Submitted:
    """Submit a DAG again, under the same name and in the same run; its gates open again.

    Raises:
        InvalidDag, LimitExceeded, Conflict, StaleLease: as `submit`.
    """
    new = NewDag(
        name=dag.name,
        jobs=tuple(job.spec for job in tx.jobs_of_dag(dag.id)),
        agent_run_id=dag.run_id,
        agent_id=dag.agent_id,
        on_failure=dag.on_failure,
        is_repeatable=False,
        origin=dag.origin,
    )
    return submit(tx, new, _of_stored_jobs(submitter), dag_id=dag_id)


def _of_stored_jobs(submitter: Submitter) -> Submitter:
    """Return the submitter of jobs that are stored already: their `env` is encrypted, perhaps with another key."""
    return replace(submitter, cipher=None)


def resume_run(tx: Transaction, run: RunControl) -> Resumed:
    """Reopen a run and resume its orchestrator: retry the job that submitted its stages, or return the program.

    Live jobs of the run go on meanwhile. The caller knows that a program outside no longer runs; Titan does not.

    Raises:
        Conflict: the job that submitted its stages has not ended, or no orchestrator is known.
    """
    maker = _failed_maker(tx, run)
    if maker is not None:
        retry_job(tx, maker)
        return Resumed(agent_run_id=run.id, retried_job=maker.id, orchestrator=None)
    if run.orchestrator is None:
        raise Conflict(
            f"run '{run.id}'",
            expected="an orchestrator that is known: a failed job, or a program that submitted stages with titan_sdk",
            found="none",
            next_step=f"Try its failed jobs again with `titan retry {run.id}`, or start the program yourself with"
            f" TITAN_RESUME_RUN_ID={run.id}.",
        )
    tx.save_run(replace(reopened(tx, run, cause="resume"), last_activity_at=tx.now))
    return Resumed(agent_run_id=run.id, retried_job=None, orchestrator=run.orchestrator)


def _gates_above(reader: Reader, job: Job) -> list[Job]:
    """Return the gates above a job; in a run the newest of each name, which a new stage would wait for.

    Except one with the name of the job's own gate, of an earlier round: the newest of that name is the job's own.
    """
    around = Neighbourhood(reader, [job.dag_id])
    gates = gates_above(job.id, around.jobs, around.parents.__getitem__)
    if job.run_id is None:
        return gates
    own = gate_name(job.name)
    newest = partial(reader.newest_job, job.project_id, run_id=job.run_id)
    return [gate if gate.name == own else newest(gate.name) or gate for gate in gates]


def _check_may_run_again(job: Job, gates: list[Job]) -> None:
    gate = next((gate for gate in gates if gate.status is not JobStatus.COMPLETED), None)
    if job.attempt_count and gate is None:
        return
    if gate is not None:
        state = gate.decision.outcome if gate.decision else gate.status
        found = f"gate '{gate.name}' of dag {gate.dag_id}, which is {state}"
        what = "It starts by itself" if job.status is JobStatus.WAITING else "Retry it"
        next_step = f"{what} once the gate is approved: `titan approve {gate.id}`"
        next_step += f", after `titan retry {gate.id}` opens it again." if gate.status.is_final else "."
    else:
        found = f"one that is {job.status} and has never run"
        next_step = "`titan retry` starts it." if job.status in UNSUCCESSFUL else "It starts by itself when it can."
    raise Conflict(
        f"job '{job.name}' of dag {job.dag_id}",
        expected="a job that has run, and every gate above it approved",
        found=found,
        next_step=next_step,
    )


def _failed_maker(reader: Reader, run: RunControl) -> Job | None:
    """Return the job that submitted the newest stage that a job submitted, if it failed or was cancelled."""
    makers = [stage.made_by for stage in reader.stages(run.project_id, run.id) if stage.made_by]
    maker = reader.job(makers[-1]) if makers else None
    if maker is not None and not maker.status.is_final:
        raise Conflict(
            f"run '{run.id}'",
            expected="an orchestrator that has ended",
            found=f"job '{maker.name}' is {maker.status}",
            next_step="Wait for it, or cancel it first.",
        )
    return maker if maker is not None and maker.status in UNSUCCESSFUL else None
