"""Views of recorded runs, actions and agents; verification of recordings; and reading runs for exports."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final, Literal, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.structs import replace as replace_struct

from titan.insight.bodies import LOOKED_AT, Bodies, Progress, bodies_of, details_of, processes_of, progress
from titan.insight.export import ExportedRun
from titan.model.actions import Entry, Failure, Payload, RunEntry
from titan.model.errors import UnknownArtifact
from titan.model.evaluations import RegisteredAgent
from titan.model.run_control import Origin, RunStatus
from titan.model.runs import Action, AgentRow, Intervention, Note, Run, Tally
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, CallStore, RunFilter, StoredEntry, TapeBlob, TapeCheck
from titan.ports.runtime import Blobs
from titan.server.lookup import open_blob
from titan.wire import runs as wire
from titan.wire.actions import ActionView, BodiesView, BodyView, CutView, FailureView
from titan.wire.notes import NoteView
from titan.wire.sentinel import InterventionView

# --- verification of a recording ---


def is_intact(calls: CallStore, blobs: Blobs, run: Run) -> bool:
    """Return whether a run's recording and its blobs are unchanged; reads all of them."""

    def check(reader: CallReader) -> TapeCheck | None:
        return reader.check_tape(run.project_id, run.id)

    found = calls.read(check)
    return found is None or (found.broken is None and broken_blob(blobs, found) is None)


def broken_blob(blobs: Blobs, check: TapeCheck) -> wire.BrokenEntry | None:
    """Return the first entry whose blob is missing or changed; None if there is none."""
    for blob in check.blobs:
        found = _found(blobs, blob)
        if found is not None:
            return wire.BrokenEntry(entry=blob.place, action_id=blob.action_id, found=found)
    return None


def _found(blobs: Blobs, blob: TapeBlob) -> str | None:
    """Return what is wrong with a blob; None if it is intact."""
    path = blobs.path(blob.digest)
    if path is None:
        return f"its content, blob {blob.digest}, is gone"
    return None if _digest_of(path) == blob.digest else f"its content, blob {blob.digest}, is not what was recorded"


def _digest_of(path: Path) -> str | None:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:  # deleted meanwhile, or unreadable
        return None


T = TypeVar("T")

_MICROSECOND: Final = timedelta(microseconds=1)
SHOWN_BYTES: Final = 64 * 1024  # of a body; longer ones are cut, and downloaded whole
ENTRIES_AT_ONCE: Final = 100  # most runs report everything with their first entry


def run_views(reader: CallReader, runs: Sequence[Run]) -> list[wire.RunView]:
    """Return runs; the progress of a known agent's run is estimated from its earlier runs."""
    unsure = [run for run in runs if run.status is RunStatus.RUNNING and run.total is None]
    earlier = {_kind(run): _earlier_calls(reader, run) for run in {_kind(run): run for run in unsure}.values()}
    return [run_view(run, earlier.get(_kind(run), ())) for run in runs]


def _kind(run: Run) -> tuple[str, str, Origin]:
    return run.project_id, run.agent_id, run.origin


def _earlier_calls(reader: CallReader, run: Run) -> list[int]:
    ended = frozenset({RunStatus.COMPLETED})
    wanted = RunFilter(statuses=ended, agent_id=run.agent_id, origin=run.origin, has_archived=True)
    found, _ = reader.registry(run.project_id, wanted, sort="started", is_ascending=False, after=None, limit=LOOKED_AT)
    return [run.tally.calls for run in found]


def run_view(run: Run, earlier_calls: Sequence[int] = ()) -> wire.RunView:
    """Return one run."""
    far = progress(run, earlier_calls)
    return shaped(
        wire.RunView,
        run,
        run_id=run.id,
        reported_end=_reported_end_view(run),
        duration_ms=None if run.ended_at is None else _milliseconds(run.started_at, run.ended_at),
        tally=tally_view(run.tally),
        progress=None if far is None else _progress_view(run, far),
        determinism=None if run.status is RunStatus.RUNNING else run.determinism,
        tags=list(run.tags),
        is_pinned=run.pinned_at is not None,
        has_details=run.details_count > 0,
    )


def run_detail_view(reader: CallReader, run: Run) -> wire.RunDetailView:
    """Return a run with its details (resource attributes, results of a replay), read from its recording."""
    [view] = run_views(reader, [run])
    return shaped(
        wire.RunDetailView, view, details=[msgspec.Raw(text.encode()) for text in details_of_run(reader, run)]
    )


def _reported_end_view(run: Run) -> wire.ReportedEndView | None:
    """Return the reported end of a run that continued after it; None for a run that has ended."""
    end = run.reported_end if run.status is RunStatus.RUNNING else None
    return None if end is None else shaped(wire.ReportedEndView, end)


def _progress_view(run: Run, far: Progress) -> wire.ProgressView:
    source: Literal["reported", "estimated"] = "estimated" if far.is_estimated else "reported"
    return wire.ProgressView(share=far.share, source=source, done=run.done, total=run.total)


def tally_view(tally: Tally) -> wire.TallyView:
    """Return counts and sums."""
    return shaped(
        wire.TallyView,
        tally,
        cost_usd=tally.cost,
        attempted_cost_usd=tally.attempted_cost,
        prevented_cost_usd=tally.prevented,
        saved_cost_usd=tally.saved,
        input_tokens=tally.input_tokens or None,
        output_tokens=tally.output_tokens or None,
        success_rate=tally.success / tally.attempts if tally.attempts else None,
    )


def action_view(action: Action) -> ActionView:
    """Return one action without its bodies."""
    return shaped(
        ActionView,
        action,
        kind=action.shown_kind,
        duration_ms=None if action.duration_ns is None else action.duration_ns / 1e6,
        cost_usd=action.cost,
        tags=list(action.tags),
    )


def intervention_view(intervention: Intervention) -> InterventionView:
    """Return the view of an intervention."""
    return shaped(InterventionView, intervention, timestamp=intervention.at, intervention_type=intervention.type)


def note_view(note: Note) -> NoteView:
    """Return the view of a note."""
    return shaped(NoteView, note)


def agent_view(agent: AgentRow, registered: Sequence[RegisteredAgent] = ()) -> wire.AgentView:
    """Return an agent with its registrations."""
    return shaped(wire.AgentView, agent, cost_usd=agent.cost, registered=list(map(_registration, registered)))


def registered_view(registered: Sequence[RegisteredAgent]) -> wire.AgentView:
    """Return a registered agent without runs."""
    agent = registered[-1]
    since = agent.created_at
    return agent_without_runs(agent.id, first_seen_at=since, last_seen_at=since, registered=registered)


def agent_without_runs(
    agent_id: str,
    *,
    first_seen_at: datetime,
    last_seen_at: datetime,
    registered: Sequence[RegisteredAgent] = (),
) -> wire.AgentView:
    """Return an agent that has no runs of the origin asked for."""
    never = ("runs", "running", "completed", "failed", "unpriced", "estimated", "calls", "attempts", "success")
    return wire.AgentView(
        agent_id=agent_id,
        first_seen_at=first_seen_at,
        last_seen_at=last_seen_at,
        cost_usd=Decimal(0),
        registered=list(map(_registration, registered)),
        **dict.fromkeys(never, 0),
    )


def _registration(agent: RegisteredAgent) -> wire.RegistrationView:
    kind: Literal["http", "python"] = msgspec.json.decode(agent.definition)["kind"]
    return wire.RegistrationView(
        version=agent.version, kind=kind, workflow=agent.workflow_id, registered_at=agent.created_at
    )


def bodies_view(action: Action, bodies: Bodies, limit_bytes: int = SHOWN_BYTES) -> BodiesView:
    """Return the inputs and outputs of an action, each cut at `limit_bytes`."""
    base = f"/api/v1/runs/{quote(action.run_id, safe='')}/actions/{quote(action.id, safe='')}"
    return BodiesView(
        id=action.id,
        inputs=_body(bodies.inputs, f"{base}/inputs", limit_bytes),
        outputs=_body(bodies.outputs, f"{base}/outputs", limit_bytes),
        failure=_failure_view(action, bodies.failure),
    )


def _failure_view(action: Action, failure: Failure | None) -> FailureView | None:
    """Return why an action failed: as reported, else as derived from the end of its run."""
    if failure is not None:
        return shaped(FailureView, failure)
    if action.error_type is None:
        return None
    return FailureView(type=action.error_type, message=action.error_message or "", traceback=None)


def _body(payload: Payload | None, url: str, limit_bytes: int) -> BodyView | None:
    if payload is None:
        return None
    if payload.blob is not None:
        stands_in = msgspec.json.decode(payload.text, type=_StandsIn).blob
        cut = CutView(size_bytes=stands_in.size_bytes, sha256=stands_in.sha256, url=url)
        return BodyView(text=stands_in.head[:limit_bytes], cut=cut)
    content = payload.whole.encode()
    if len(content) <= limit_bytes:
        return BodyView(text=content.decode())
    cut = CutView(size_bytes=len(content), sha256=None, url=url)
    return BodyView(text=content[:limit_bytes].decode("utf-8", "ignore"), cut=cut)


class _Blob(msgspec.Struct):
    sha256: str
    size_bytes: int
    head: str


class _StandsIn(msgspec.Struct):
    blob: _Blob = msgspec.field(name="$blob")


def _milliseconds(start: datetime, end: datetime) -> float:
    return (end - start) / _MICROSECOND / 1000  # a product of float seconds would give 713.4300000000001


def details_of_run(reader: CallReader, run: Run) -> tuple[str, ...]:
    """Return the details of a run as JSON objects."""
    return _from_entries(reader, run, details_of, run.details_count)


def processes_of_run(reader: CallReader, run: Run) -> tuple[RunEntry, ...]:
    """Return the entries that report a run's processes."""
    return _from_entries(reader, run, processes_of, run.process_count)


def _from_entries(
    reader: CallReader, run: Run, pick: Callable[[Iterable[Entry]], tuple[T, ...]], count: int
) -> tuple[T, ...]:
    """Read entries about a run until `pick` has found `count` of them."""
    entries: list[Entry] = []
    found: tuple[T, ...] = ()
    after = 0
    while len(found) < count:
        part = reader.entries_about_run(run.project_id, run.id, after=after, limit=ENTRIES_AT_ONCE)
        if not part:
            break
        entries += (stored.entry for stored in part)
        found = pick(entries)
        after = part[-1].number
    return found


logger = logging.getLogger(__name__)

EXPORTED_AT_ONCE: Final = 1000
PART_BYTES: Final = 2 * 1024 * 1024  # of a recording read at once, which bounds the memory of exports


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """A run without the content of its actions, read in one snapshot."""

    run: Run
    actions: Sequence[Action]
    places: Sequence[tuple[int, int]]  #: see `CallReader.places_in_tape`
    notes: Sequence[Note]
    details: Sequence[str]
    processes: Sequence[RunEntry]


def exported_runs(calls: CallStore, blobs: Blobs, runs: Iterable[Run]) -> Iterator[ExportedRun]:
    """Yield runs for an export, reading each run and its actions lazily."""
    for run in runs:
        snapshot = calls.read(partial(_snapshot_of, run=run))
        ids = {action.number: action.id for action in snapshot.actions}
        actions = _with_bodies(calls, blobs, snapshot)
        processes = [replace_struct(each, program=_fetched(blobs, each.program)) for each in snapshot.processes]
        yield ExportedRun(
            run=run, actions=actions, ids=ids, notes=snapshot.notes, details=snapshot.details, processes=processes
        )


def _snapshot_of(reader: CallReader, *, run: Run) -> _Snapshot:
    return _Snapshot(
        run=run,
        actions=reader.actions_of_run(run.project_id, run.id),
        places=reader.places_in_tape(run.project_id, run.id),
        notes=reader.notes_of_run(run.project_id, run.id),
        details=details_of_run(reader, run),
        processes=processes_of_run(reader, run),
    )


def _with_bodies(calls: CallStore, blobs: Blobs, snapshot: _Snapshot) -> Iterator[tuple[Action, Bodies]]:
    """Yield the actions of a run with their full bodies; ends early if the run is deleted meanwhile."""
    actions = {action.number: action for action in snapshot.actions}
    entries = _entries(calls, snapshot.run, [number for _, number in snapshot.places])
    for action_number, of_action in groupby(entries, key=attrgetter("action_number")):
        bodies = bodies_of(stored.entry for stored in of_action)
        yield actions[action_number], _whole(blobs, bodies)


def _entries(calls: CallStore, run: Run, numbers: Sequence[int]) -> Iterator[StoredEntry]:
    """Yield entries of a recording, holding at most PART_BYTES of them at once."""
    done = 0
    while done < len(numbers):
        part = numbers[done : done + EXPORTED_AT_ONCE]
        found = calls.read(partial(_part_of_tape, run=run, numbers=part))
        if not found:
            return
        done += part.index(found[-1].number) + 1
        yield from found


def _part_of_tape(reader: CallReader, *, run: Run, numbers: Sequence[int]) -> list[StoredEntry]:
    return reader.entries_at(run.project_id, run.id, numbers, limit_bytes=PART_BYTES)


def _whole(blobs: Blobs, bodies: Bodies) -> Bodies:
    return replace(bodies, inputs=_fetched(blobs, bodies.inputs), outputs=_fetched(blobs, bodies.outputs))


def _fetched(blobs: Blobs, payload: Payload | None) -> Payload | None:
    """Return the full payload; if its blob is lost, the beginning stored in its row."""
    if payload is None or payload.blob is None:
        return payload
    try:
        with open_blob(blobs, payload.blob) as content:
            return Payload(content.read().decode())
    except UnknownArtifact as error:
        logger.warning("an export lacks the content of a payload: %s", error)
        return Payload(payload.text)
