"""The line types of a JSON Lines export: runs, actions, notes and the manifest.

Names and durations stand in both spellings, `action` and `name`, `duration_ms` and `duration_ns`; costs are strings of
US dollars; inputs, outputs and details are JSON as it is kept, in the typed encoding of `titan_sdk.tape`.
"""

import hashlib
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from titan.model.actions import MOST_TOKENS, ActionKind, AgentSource, Effect, Failure, Impact, Outcome, Redaction
from titan.model.run_control import Origin, RunStatus, StatusSource
from titan.model.runs import ReportedEnd

Id = Annotated[str, Meta(min_length=1, max_length=1000)]
Duration = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Tokens = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]


class ProcessLine(Struct, kw_only=True):
    """A process of a run: `process` and `program` of `titan_sdk.recording.program`, with all code."""

    at: Time
    process: msgspec.Raw
    program: msgspec.Raw | UnsetType = UNSET


class RunLine(Struct, kw_only=True, tag_field="type", tag="run"):
    """A run. Totals are written, but not read back."""

    run_id: Id
    agent_id: str | None = None
    agent_source: AgentSource = AgentSource.SAID
    agent_at: Time | None = None  #: since when it was known whose run it is; None: from the start
    session_id: str | None = None
    parent_run_id: str | None = None  #: of a fork
    forked_at_action_id: str | None = None
    origin: Origin = Origin.PRODUCTION
    name: str | None = None
    status: RunStatus = RunStatus.RUNNING
    status_source: StatusSource = StatusSource.EXPLICIT
    reason: str | None = None
    started_at: Time
    ended_at: Time | None = None
    last_event_at: Time | None = None
    last_started_at: Time | None = None
    last_outcome: Outcome | None = None
    last_ended_at: Time | None = None
    reported_end: ReportedEnd | None = None
    duration_ms: float | None = None
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    estimated: int = 0
    attempted_cost_usd: Decimal = Decimal(0)
    prevented_cost_usd: Decimal = Decimal(0)
    saved_cost_usd: Decimal = Decimal(0)
    calls: int = 0
    attempts: int = 0
    success: int = 0
    error: int = 0
    blocked: int = 0
    rejected: int = 0
    replayed: int = 0
    success_rate: float | None = None
    input_tokens: int | None = None  #: None: unknown, of all its calls
    output_tokens: int | None = None
    done: Count | None = None
    total: Count | None = None
    progress_at: Time | None = None
    tags: tuple[str, ...] = ()
    pinned_at: Time | None = None
    details: msgspec.Raw | UnsetType = UNSET  #: an object, or a list of those that were reported one after the other
    processes: tuple[ProcessLine, ...] | UnsetType = UNSET


class ActionLine(Struct, kw_only=True, tag_field="type", tag="action"):
    """An action; those of a run follow its line."""

    id: Id
    run_id: Id
    action: str | None = None
    name: str | None = None
    kind: ActionKind = ActionKind.CALL
    agent_id: str | None = None
    parent_id: str | None = None
    sources: tuple[str, ...] = ()  #: who reported it: "sdk", "endpoint", "otlp:" and an instrumentation's name, …
    is_counted: bool | None = None  #: of a call: whether it adds to its run's calls, or is a second report of one
    duplicate_of: str | None = None  #: the action that it is a second report of; where it is counted, possibly
    actor: str | None = None
    started_at: Time
    ended_at: Time | None = None
    duration_ms: Annotated[float, Meta(ge=0)] | None = None
    duration_ns: Duration | None = None
    outcome: Outcome | None = None
    cost_usd: Decimal | None = None
    is_cost_estimated: bool = False
    counted_cost_usd: Decimal | None = None  #: its part of its run's `cost_usd`, so that they sum to it
    counted_input_tokens: Tokens | None = None
    counted_output_tokens: Tokens | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    response_id: str | None = None
    error: Failure | None = None
    impact: Impact | None = None
    effect: Effect | None = None
    tags: tuple[str, ...] = ()
    is_redacted: bool = False
    redacted: tuple[Redaction, ...] = ()
    redaction_version: Count = 0
    inputs: msgspec.Raw | UnsetType = UNSET
    outputs: msgspec.Raw | UnsetType = UNSET
    details: msgspec.Raw | UnsetType = UNSET


class NoteLine(Struct, kw_only=True, tag_field="type", tag="note"):
    """A note on a run or an action; those of a run follow its actions, newest first."""

    id: Id
    run_id: Id
    action_id: Id | None = None  #: None: of the run
    author: str
    at: Time
    name: str | None = None
    score: float | None = None
    text: str = ""
    acknowledges: bool = False
    troubles: Count = 0  #: with `acknowledges`: the number of acknowledged problems
    mutes: bool = False


class ManifestLine(Struct, kw_only=True, tag_field="type", tag="manifest"):
    """The number of lines before it by type, and their digest. A file without one was cut off."""

    runs: int
    actions: int
    notes: int
    sha256: str


Line = RunLine | ActionLine | NoteLine | ManifestLine


class Contents:
    """Counts the lines of a file for its manifest."""

    def __init__(self) -> None:
        self._counts = Counter[type[Line]]()
        self._digest = hashlib.sha256()

    def add(self, line: Line, encoded: bytes) -> None:
        """Count a line; `encoded` ends with a newline."""
        self._counts[type(line)] += 1
        self._digest.update(encoded)

    def manifest(self) -> ManifestLine:
        """Return the manifest of the lines so far."""
        counts = self._counts
        return ManifestLine(
            runs=counts[RunLine],
            actions=counts[ActionLine],
            notes=counts[NoteLine],
            sha256=self._digest.hexdigest(),
        )
