"""Once more: replay a job, deploy a DAG again, resume a run."""

from dataclasses import dataclass, replace
from typing import Final

from titan.engine.moves import reopened
from titan.engine.retry import retry_job
from titan.engine.submit import Submitted, Submitter, submit
from titan.model.dags import Dag, NewDag
from titan.model.errors import Conflict
from titan.model.jobs import Job
from titan.model.runs import Orchestrator, Run
from titan.ports import Reader, Transaction
from titan.rules.again import UNSUCCESSFUL
from titan.rules.gates import with_gates
from titan.rules.names import MAX_NAME

REPLAY: Final = "-replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The answer to a resume: who goes on."""

    agent_run_id: str
    retried_job: str | None  #: the job that submitted the run's stages, and now runs again
    orchestrator: Orchestrator | None  #: the program to start again, outside of Titan


def replay_job(tx: Transaction, job: Job, submitter: Submitter, *, dag_id: str) -> Submitted:
    """Submit a job once more as a DAG of its own, `<job>-replay`, with its inputs and at once; it joins the run.

    The gate behind a job comes along: whoever waits for the job later waits for a decision on its replay.

    Raises:
        InvalidDag, LimitExceeded, Conflict, StaleLease: as `submit`.
    """
    dag = tx.dag(job.dag_id)
    assert dag is not None, f"job {job.id} of unknown dag {job.dag_id}"
    new = NewDag(
        name=job.name[: MAX_NAME - len(REPLAY)] + REPLAY,  # no stage's name: a stage is told by it
        jobs=(replace(job.spec, parents=(), delay_ms=0),),
        agent_run_id=job.run_id,
        agent_id=dag.agent_id,
        is_repeatable=False,
    )
    return submit(tx, with_gates(new), submitter, dag_id=dag_id)


def redeploy(tx: Transaction, dag: Dag, submitter: Submitter, *, dag_id: str) -> Submitted:
    """Submit a DAG once more, under the same name and in the same run; its gates open anew.

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
    )
    return submit(tx, new, submitter, dag_id=dag_id)


def resume_run(tx: Transaction, run: Run) -> Resumed:
    """Reopen a run and have its orchestrator go on: retry the job that submitted its stages, or name the program.

    Jobs of the run that are live go on meanwhile. Whether a program outside still runs nobody here knows: who resumes
    a run says that it does not.

    Raises:
        Conflict: the job that submitted its stages has not ended, or nobody is known who could go on.
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


def _failed_maker(reader: Reader, run: Run) -> Job | None:
    """Return the job that submitted the newest stage that a job submitted, if it is to be tried again."""
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
