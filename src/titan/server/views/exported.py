"""Recorded runs read for an export: their actions one after the other, of whose bodies only some are held at once."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Final

from msgspec.structs import replace as struct_replace

from titan.insight.bodies import Bodies, bodies_of
from titan.insight.export import ExportedRun
from titan.model.actions import Payload, RunEntry
from titan.model.errors import UnknownArtifact
from titan.model.runs import Action, Note, Run
from titan.ports.runs_store import CallReader, CallStore, StoredEntry
from titan.ports.runtime import Blobs
from titan.server.lookup import open_blob
from titan.server.views.runs import details_of_run, processes_of_run

logger = logging.getLogger(__name__)

ENTRIES_AT_ONCE: Final = 1000
PART_BYTES: Final = 2 * 1024 * 1024  # of a tape that are read at once: two exports side by side leave the server small


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """One snapshot of a run, without the content of its actions."""

    run: Run
    actions: Sequence[Action]
    places: Sequence[tuple[int, int]]  #: see `CallReader.places_in_tape`
    notes: Sequence[Note]
    details: Sequence[str]
    processes: Sequence[RunEntry]


def exported(calls: CallStore, blobs: Blobs, runs: Iterable[Run]) -> Iterator[ExportedRun]:
    """Yield runs as they stand, each read when it is asked for and its actions when they are."""
    for run in runs:
        snapshot = calls.read(partial(_snapshot_of, run=run))
        ids = {action.number: action.id for action in snapshot.actions}
        actions = _with_bodies(calls, blobs, snapshot)
        processes = [struct_replace(each, program=_fetched(blobs, each.program)) for each in snapshot.processes]
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
    """Yield actions of a run, each with its bodies whole; those of a run that is deleted meanwhile end there."""
    actions = {action.number: action for action in snapshot.actions}
    entries = _entries(calls, snapshot.run, [number for _, number in snapshot.places])
    for action_number, of_action in groupby(entries, key=attrgetter("action_number")):
        bodies = bodies_of(stored.entry for stored in of_action)
        yield actions[action_number], _whole(blobs, bodies)


def _entries(calls: CallStore, run: Run, numbers: Sequence[int]) -> Iterator[StoredEntry]:
    """Yield entries of a tape, of which no more is held at once than PART_BYTES and what is being written."""
    done = 0
    while done < len(numbers):
        part = numbers[done : done + ENTRIES_AT_ONCE]
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
    """Return a payload whole; of content that the disk has lost, the beginning that its row holds."""
    if payload is None or payload.blob is None:
        return payload
    try:
        with open_blob(blobs, payload.blob) as content:
            return Payload(content.read().decode())
    except UnknownArtifact as error:
        logger.warning("an export lacks the content of a payload: %s", error)
        return Payload(payload.text)
