"""What a batch of spans says of the runs they belong to: whose they are, what session, and that one is over."""

from datetime import datetime

from titan.ingest.otlp.actions import texts_of
from titan.ingest.otlp.attributes import Gathered
from titan.ingest.otlp.details import resource_text
from titan.ingest.otlp.kinds import title_of
from titan.ingest.otlp.telemetry import Span
from titan.ingest.values import Value, joined_text
from titan.model.actions import CALLS, ActionEntry, ActionKind, AgentSource, Outcome, RunEnd, RunEntry, Source


class RunSeen:
    """What the spans of one run in one batch come to: one entry."""

    def __init__(self, span: Span, entry: ActionEntry) -> None:
        self._id = entry.run_id
        self._is_named = entry.run_id != span.trace_id  # by its program, which says who it is
        self._origin = span.origin
        self._at = entry.started_at
        self._agent: tuple[datetime, str] | None = None  #: the root's, where the batch holds it
        self._actor = (entry.started_at, entry.actor)
        self._traces: dict[str, None] = {}  #: in the order they came
        self._session: Value = None
        self._name: Value = None
        self._has_root = False
        self._root: str | None = None
        self._title: str | None = None
        self._tags: Value = None
        self._ended_at: datetime | None = None
        self._end: RunEnd | None = None
        self._reason: str | None = None

    def hear(self, span: Span, entry: ActionEntry, gathered: Gathered) -> None:
        """Take one more span of the run."""
        found = gathered.found
        if span.trace_id != self._id:
            self._traces[span.trace_id] = None
        self._session = self._session or found.get("session")
        self._name = self._name or found.get("run_name") or (found.get("title") if entry.parent_id is None else None)
        self._tags = self._tags or found.get("tags")
        if entry.actor is not None and (self._actor[1] is None or entry.started_at < self._actor[0]):
            self._actor = (entry.started_at, entry.actor)
        self._at = min(self._at, entry.started_at)
        if entry.parent_id is None:
            self._hear_root(span, entry, gathered)

    def entry(self) -> RunEntry:
        """Return what they say."""
        resource = resource_text(self._origin)
        since, agent, named_by = self._whose()
        return RunEntry(
            run_id=self._id,
            source=Source.OTLP,
            at=self._ended_at or self._at,
            agent_id=agent,
            agent_source=named_by,
            agent_at=since,
            session_id=_text(self._session, 200),
            name=_text(self._name, 500) or self._title,
            end=self._end,
            reason=self._reason,
            is_part_end=self._is_named and self._end is not None,
            tags=texts_of(self._tags),
            traces=tuple(self._traces),
            details=None if resource is None else joined_text({"resource": resource}),
            project=self._origin.project,
        )

    def _whose(self) -> tuple[datetime | None, str | None, AgentSource]:
        """Return since when whose run it is, and how that is known: the root's, else of whoever acted first.

        Before a root is heard nothing is said of a name for all. A run that its program names has no root of ours.
        """
        if self._agent is not None:
            return *self._agent, AgentSource.SAID
        if self._actor[1] is not None:
            return *self._actor, AgentSource.ACTED
        name = self._origin.service or self._root if self._has_root or self._is_named else None
        return (None, None, AgentSource.SAID) if name is None else (self._at, name, AgentSource.NAMED)

    def _hear_root(self, span: Span, entry: ActionEntry, gathered: Gathered) -> None:
        if not self._is_named:
            self._hear_whose_root(entry)
        elif entry.kind in CALLS:
            return  # a call that stands alone is neither the name nor the end of a run of many
        title = span.name if entry.kind in CALLS else title_of(span, entry.name, gathered.found)
        self._title = title[:500] or None
        if entry.ended_at is None:
            return
        self._ended_at = max(self._ended_at or entry.ended_at, entry.ended_at)
        if entry.outcome is Outcome.ERROR:
            self._end = RunEnd.FAILED
            self._reason = None if entry.failure is None else entry.failure.message[:500] or entry.failure.type
        elif self._end is None:
            self._end = RunEnd.COMPLETED

    def _hear_whose_root(self, entry: ActionEntry) -> None:
        self._has_root = True
        self._root = None if entry.kind in CALLS else entry.name
        agent = entry.actor or (entry.name if entry.kind is ActionKind.AGENT else None)
        if agent is not None and (self._agent is None or entry.started_at < self._agent[0]):
            self._agent = (entry.started_at, agent)


def _text(value: Value, longest: int) -> str | None:
    return str(value)[:longest] if value is not None and value != "" else None
