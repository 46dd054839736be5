"""Retries jobs that failed, and those cancelled because of them; completed jobs stay as they are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from titan.model.dags import Dag, OnFailure
from titan.model.errors import Conflict
from titan.model.events import JobRetried
from titan.model.jobs import Affinity, Job, JobStatus
from titan.model.run_control import RunControl
from titan.orchestrator.transitions import Moves, release
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.jobs.propagation import UNSUCCESSFUL, jobs_to_revive
from titan.wire.work import Retried


def retry_job(tx: Transaction, job: Job) -> Retried:
    """Retry a job that failed or was cancelled, and all that was cancelled because of it.

    Raises:
        Conflict: it is not final, or completed, or cannot run before a parent is tried again.
    """
    if job.status not in UNSUCCESSFUL:
        raise Conflict(
            f"job '{job.name}' of dag {job.dag_id}",
            expected="a job that failed or was cancelled",
            found=job.status.value,
            next_step="`titan rerun` runs one again that completed; one that is not final goes on by itself.",
        )
    dag = tx.dag(job.dag_id)
    assert dag is not None, f"job {job.id} of unknown dag {job.dag_id}"
    around = Neighbourhood(tx, [dag.id])
    roots = [job.id]
    if dag.on_failure is OnFailure.STOP and job.status is JobStatus.FAILED:
        roots += [other.id for other in around.asked if other.status is JobStatus.CANCELLED]
    answer = _retry(tx, roots, around)
    if job.name not in answer.retried:
        raise Conflict(
            f"job '{job.name}' of dag {job.dag_id}",
            expected="parents that completed, or will",
            found="one that failed or was cancelled",
            next_step=f"Retry the parent, or all of it: `titan retry {job.dag_id}`.",
        )
    return answer


def retry_dag(tx: Transaction, dag: Dag) -> Retried:
    """Retry every job of a DAG that failed or was cancelled.

    Raises:
        Conflict: there is none.
    """
    return _retry_all(tx, [dag], subject=f"dag '{dag.name}' ({dag.id})")


def retry_run(tx: Transaction, run: RunControl) -> Retried:
    """Retry every job of a run that failed or was cancelled; of stages with the same name, only those of the last.

    Raises:
        Conflict: there is none.
    """
    newest = {stage.name: stage for stage in tx.stages(run.project_id, run.id)}
    return _retry_all(tx, newest.values(), subject=f"run '{run.id}'")


def _retry_all(tx: Transaction, dags: Iterable[Dag], *, subject: str) -> Retried:
    around = Neighbourhood(tx, [dag.id for dag in dags])
    roots = [job.id for job in around.asked if job.status in UNSUCCESSFUL]
    if not roots:
        raise Conflict(
            subject,
            expected="a job that failed or was cancelled",
            found="none",
            next_step="Nothing is to be tried again; `titan rerun --dag DAG` runs all of a DAG once more.",
        )
    answer = _retry(tx, roots, around)
    if not answer.retried:
        raise Conflict(
            subject,
            expected="jobs whose parents completed, or will",
            found="that all wait for jobs of earlier stages that failed or were cancelled",
            next_step="Retry those first, or the whole run.",
        )
    return answer


def _retry(tx: Transaction, roots: list[str], around: "Neighbourhood") -> Retried:
    revived = jobs_to_revive(roots, around.jobs, around.children.__getitem__, around.parents.__getitem__)
    with Moves(tx) as moves:
        for job_id in revived:
            _revive(moves, job_id, around)
    kept = sum(job.status is JobStatus.COMPLETED for job in around.asked)
    return Retried(retried=tuple(around.jobs[job_id].name for job_id in revived), kept=kept)


def _revive(moves: Moves, job_id: str, around: "Neighbourhood") -> None:
    parents = [around.jobs[parent] for parent in around.parents[job_id]]
    done = [parent for parent in parents if parent.status is JobStatus.COMPLETED]
    left = len(parents) - len(done)
    job = _with_preference(moves.tx, around.jobs[job_id], done)
    job = moves.move(job, JobRetried(cause="retry by client", remaining_parents=left))
    if left == 0:
        release(moves, job, cause="retry by client")


def _with_preference(reader: Reader, job: Job, done: list[Job]) -> Job:
    """Return the job with the worker that it would prefer if it had waited while its parents completed."""
    if job.preferred_worker_id is not None or job.spec.affinity is Affinity.NONE:
        return job
    for parent in sorted(done, key=lambda parent: (parent.ended_at or parent.submitted_at, parent.id)):
        attempts = reader.attempts_of_job(parent.id)
        worker_id = attempts[-1].worker_id if attempts else parent.preferred_worker_id
        if worker_id is not None:
            return replace(job, preferred_worker_id=worker_id)
    return job


class Neighbourhood:
    """The jobs and edges of some DAGs, and of every DAG that is connected with them by edges."""

    def __init__(self, reader: Reader, dag_ids: Iterable[str]) -> None:
        self.jobs: dict[str, Job] = {}
        self.children: dict[str, list[str]] = defaultdict(list)
        self.parents: dict[str, list[str]] = defaultdict(list)
        edges: set[tuple[str, str]] = set()
        asked = set(dag_ids)
        waiting = set(asked)
        seen: set[str] = set()
        while waiting:
            dag_id = waiting.pop()
            seen.add(dag_id)
            self.jobs |= {job.id: job for job in reader.jobs_of_dag(dag_id)}
            found = reader.edges_of_dag(dag_id)
            edges.update(found)
            waiting |= {_dag_id_of(job_id) for edge in found for job_id in edge} - seen
        for parent, child in sorted(edges):
            self.children[parent].append(child)
            self.parents[child].append(parent)
        #: The jobs of the DAGs themselves.
        self.asked = [job for job in self.jobs.values() if job.dag_id in asked]


def _dag_id_of(job_id: str) -> str:
    return job_id.rpartition(".")[0]
