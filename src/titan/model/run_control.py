"""The scheduler's facts of an agent run: one invocation of an agent, whose stages are the DAGs it submitted."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunStatus(StrEnum):
    """A run's status, derived from its stages and from what its orchestrator reported."""

    PENDING = "pending"  #: known, nothing has started
    RUNNING = "running"  #: a job is live, or its orchestrator may still submit stages
    COMPLETED = "completed"
    FAILED = "failed"  #: its last stage failed, or its orchestrator reported so
    CANCELLED = "cancelled"


class StatusSource(StrEnum):
    """How a run's status is known."""

    EXPLICIT = "explicit"  #: its program reported it
    INFERRED = "inferred"  #: no report of it was received for a while
    STAGES = "stages"  #: from the DAGs it submitted: `rules.runs.lifecycle`


class Origin(StrEnum):
    """What a run is for; lists show those of production unless asked."""

    PRODUCTION = "production"
    EVALUATION = "evaluation"  #: a try at a task in a simulated world, or a fork of one


class RunOutcome(StrEnum):
    """What ended a run explicitly."""

    COMPLETED = "completed"  #: its orchestrator ended without an error
    FAILED = "failed"  #: its orchestrator ended with an error
    CANCELLED = "cancelled"  #: somebody cancelled it


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator:
    """How the process that submits a run's stages was started, so that it can be started again."""

    command: tuple[str, ...]
    directory: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunControl:
    """The facts of a run; `rules.runs.lifecycle` derives its status."""

    project_id: str
    id: str
    agent_id: str
    started_at: datetime
    last_activity_at: datetime  #: last submission or job that became final
    stage_count: int = 0
    job_count: int = 0
    live_job_count: int = 0  #: jobs that are not final
    outcome: RunOutcome | None = None  #: None while nobody ended it
    ended_at: datetime | None = None
    reason: str | None = None  #: as given by its orchestrator, or by who cancelled it
    orchestrator: Orchestrator | None = None  #: None when jobs submit its stages, or a program that did not say
