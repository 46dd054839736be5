"""Insert a gate after each job that asks for approval; jobs that wait for the job wait for its gate instead.

The names and keys are the original Titan's, because its scripts use them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from titan.model.dags import NewDag
from titan.model.jobs import GateOutcome, JobKind, JobSpec

GATE_PREFIX: Final = "hitl-gate-"
KEYS_PREFIX: Final = "titan:hitl:"  # of all keys about gates
QUEUE_KEY: Final = KEYS_PREFIX + "queue"
STATUS_PREFIX: Final = KEYS_PREFIX + "status:"
MESSAGE_PREFIX: Final = KEYS_PREFIX + "message:"
OPENED_PREFIX: Final = KEYS_PREFIX + "ts:"

CLEARED: Final = "CLEARED"  # before it opens
WAITING: Final = "WAITING"  # while it is open

#: What the status key of a decided gate holds.
STATUS_WORDS: Final[Mapping[GateOutcome, str]] = {
    GateOutcome.APPROVED: "APPROVED",
    GateOutcome.REJECTED: "REJECTED",
    GateOutcome.EXPIRED: "TIMEOUT",
}

#: What a script may write there to decide.
DECIDING_WORDS: Final[Mapping[str, GateOutcome]] = {
    "APPROVED": GateOutcome.APPROVED,
    "REJECTED": GateOutcome.REJECTED,
}


def gate_name(job_name: str) -> str:
    """Return the name of the gate behind a job."""
    return GATE_PREFIX + job_name


def with_gates(dag: NewDag) -> NewDag:
    """Return `dag` with a gate right behind every job with work that has a `hitl_message`.

    The other jobs that name such a job as a parent wait for its gate instead.
    """
    asking = {job.name for job in dag.jobs if asks_for_approval(job)}
    if not asking:
        return dag
    jobs: list[JobSpec] = []
    for job in dag.jobs:
        parents = tuple(gate_name(parent) if parent in asking else parent for parent in job.parents)
        jobs.append(replace(job, parents=parents))
        if job.name in asking:
            jobs.append(_gate_behind(job))
    return replace(dag, jobs=tuple(jobs))


def asks_for_approval(job: JobSpec) -> bool:
    """Whether this job has a gate after it."""
    return job.kind is JobKind.WORK and job.hitl_message is not None


def _gate_behind(job: JobSpec) -> JobSpec:
    return JobSpec(
        kind=JobKind.GATE,
        name=gate_name(job.name),
        filename=None,
        script=None,
        parents=(job.name,),
        priority=job.priority,
        affinity=job.affinity,
        hitl_message=job.hitl_message,
        max_wait_seconds=job.max_wait_seconds,
    )
