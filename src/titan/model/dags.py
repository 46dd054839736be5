"""A DAG: jobs submitted together; within an agent run it is also a stage."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from titan.model.jobs import JobSpec, JobStatus
from titan.model.run_control import Orchestrator, Origin


class OnFailure(StrEnum):
    """What a job that finally fails does to the rest of its DAG."""

    CONTINUE = "continue"  #: its descendants are cancelled, independent branches go on
    STOP = "stop"  #: everything that has not started is cancelled


class StageStatus(StrEnum):
    """The status of a DAG, derived from its jobs."""

    WAITING = "WAITING"  #: no attempt has started yet
    RUNNING = "RUNNING"  #: an attempt has started or a gate is open, and not all jobs are final
    COMPLETED = "COMPLETED"  #: every job completed
    PARTIAL = "PARTIAL"  #: all final; some completed, some did not
    FAILED = "FAILED"  #: all final, none completed


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDag:
    """A submission as it arrives, before anything of it is stored."""

    name: str
    jobs: tuple[JobSpec, ...]
    agent_run_id: str | None = None
    agent_id: str | None = None
    on_failure: OnFailure = OnFailure.CONTINUE
    idempotency_key: str | None = None  #: a second submission of this key in the run means the first
    is_repeatable: bool = True  #: whether a submission that repeats it is answered with it
    occurrence: int = 0  #: how many DAGs of this name its process has submitted to the run before
    is_resumed: bool = False  #: its process repeats what an earlier one began
    orchestrator: Orchestrator | None = None  #: the process that submits, where it runs outside of Titan
    is_internal: bool = False  #: see `Dag`
    origin: Origin = Origin.PRODUCTION  #: that of the run it belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """How many jobs of a DAG have each status."""

    waiting: int = 0
    waiting_approval: int = 0
    ready: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All jobs of the DAG."""
        return self.unfinished + self.completed + self.failed + self.cancelled

    @property
    def unfinished(self) -> int:
        """Jobs that are not final."""
        return self.waiting + self.waiting_approval + self.ready + self.running

    def of(self, status: JobStatus) -> int:
        """Return how many jobs have `status`."""
        count: int = getattr(self, status.lower())
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Dag:
    """A stored submission and the facts its status is derived from."""

    project_id: str
    id: str
    name: str
    run_id: str | None
    agent_id: str | None
    on_failure: OnFailure
    submitted_at: datetime
    counts: JobCounts
    made_by: str | None = None  #: id of the running job that submitted it
    depth: int = 0  #: 0 when a person or program submitted it, else its maker's depth + 1
    submission_key: str | None = None  #: what a repeat of this submission is recognised by
    content_digest: str | None = None  #: of name, jobs and on_failure; None where nothing can repeat it
    started_at: datetime | None = None  #: when the first attempt was leased
    ended_at: datetime | None = None  #: when its last job became final
    cancelled_by: str | None = None  #: who cancelled all of it, unless a job of it was tried again since
    is_internal: bool = False  #: Titan's own work, such as a replay: lists leave it out
    origin: Origin = Origin.PRODUCTION  #: that of its run

    @property
    def is_final(self) -> bool:
        """Whether every job of it is final."""
        return self.counts.unfinished == 0
