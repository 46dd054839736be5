"""How a run stands, and how that is known."""

from enum import StrEnum


class RunStatus(StrEnum):
    """How a run stands, derived from its stages and from what its orchestrator said."""

    PENDING = "pending"  #: known, nothing has started
    RUNNING = "running"  #: a job is live, or its orchestrator may still submit stages
    COMPLETED = "completed"
    FAILED = "failed"  #: its last stage failed, or its orchestrator said so
    CANCELLED = "cancelled"


class StatusSource(StrEnum):
    """How a run's status is known."""

    EXPLICIT = "explicit"  #: its program said so
    INFERRED = "inferred"  #: nothing was heard of it for a while
    STAGES = "stages"  #: from the DAGs it submitted: `rules.run_lifecycle`
