"""An agent run: one invocation of one agent, with what it recorded and the stages that it submitted."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from titan.model.actions import Outcome
from titan.model.recorded import Tally
from titan.model.run_status import RunStatus, StatusSource

UNKNOWN_AGENT: Final = "unknown"  # whose run it is when no source has said so


class ToldEnd(Struct, frozen=True, kw_only=True):
    """An end that a run was told to have, before something of it began again."""

    status: RunStatus
    source: StatusSource
    at: datetime
    reason: str | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A run, whoever began it: what was recorded of it, and what the DAGs that it submitted come to."""

    project_id: str
    id: str
    agent_id: str
    status: RunStatus
    status_source: StatusSource
    started_at: datetime
    last_event_at: datetime  #: the latest time that its entries name
    heard_at: datetime  #: when something was heard of it last, by our clock
    ended_at: datetime | None = None
    session_id: str | None = None
    name: str | None = None
    reason: str | None = None  #: why it ended as it did
    told_end: ToldEnd | None = None  #: kept while it goes on after that; it stands again when the run falls silent
    tally: Tally = Tally()
    has_stages: bool = False  #: it submitted DAGs; then the idle rule is the orchestrator's
    last_outcome: Outcome | None = None  #: of the attempt that ended last
    last_ended_at: datetime | None = None  #: when that was
    first_error_id: str | None = None  #: the call that failed first; where none did, the first that never ended
    first_error: str | None = None  #: "ValueError: nope", at most 300 characters
    #: When that call started. None where it never ended: any that failed of itself is told before it.
    first_error_at: datetime | None = None
    last_started_at: datetime | None = None  #: when something of it began last: an end told for before was not the end
    done: int | None = None  #: progress, as its program tells it
    total: int | None = None
    progress_at: datetime | None = None  #: when it was so far
    tags: tuple[str, ...] = ()
    entry_count: int = 0  #: entries of its tape
    lost: int = 0  #: entries that its program could not deliver, as far as it told
    troubles: int = 0  #: how much went wrong so far, which never falls; a store counts it: `model.troubles`
    #: How well it is known whose run it is: of several words the smallest counts. 0: for certain.
    agent_order: int = 0
    keeps_content: bool = True  #: whether its inputs and outputs are stored: decided when it was first heard of
    details_told: tuple[str, ...] = ()  #: digests of what was told beside it, so that each is kept once
    #: The predicted determinism from 0 to 100. None: not predicted yet, or it cannot be.
    determinism: int | None = None
    pinned_at: datetime | None = None
    archived_at: datetime | None = None
