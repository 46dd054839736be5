"""Brings a call of our model endpoint home: into the run of whoever else tells of it.

Most instrumentations of OpenTelemetry send no `traceparent`, so what the endpoint sees of their calls names no run:
each is a run of its own, by the name of its answer. A span that names this answer says where it belongs. Then the
endpoint's words move there, where the two become one action (`rules.recording`), and the run of its own goes. What
people said of it, and a pin, go along.

Where the call named its run, it stays there. A span of it in another run is kept as a frame, which counts nowhere
(`rules.retelling`). Who told what is looked up in the store: so it does not matter which server heard it, nor when.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from titan.model.actions import OWN_ANSWER, ActionEntry, ActionKind, Entry, Source
from titan.model.recorded import Note
from titan.ports_calls import CallTransaction

MOST_WORDS: Final = 10  # of the endpoint about one call: its run, its beginning, its end


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedRun:
    """What a run had, beside its tape, whose call or trace was brought home."""

    answer: str | None  #: of the call that it was; None: it was a trace
    home: str  #: the run that it is in by now
    pinned_at: datetime | None
    notes: Sequence[Note]


@dataclass(frozen=True, slots=True, kw_only=True)
class Housed:
    """Entries as they are to be recorded, what goes before that, and what is to follow them when they are."""

    entries: Sequence[Entry]
    taken: Mapping[str, str]  #: runs whose tapes are among the entries, to be forgotten → the runs that they are in now
    moved: Sequence[MovedRun]
    #: Those heard that are not to be recorded, each by its place from the last one (0) back.
    left_out: Set[int] = frozenset()


def brought_home(tx: CallTransaction, project_id: str, traced: Housed) -> Housed:
    """Return entries as they are to be recorded, behind those that they show to belong elsewhere."""
    entries, gone = traced.entries, traced.taken
    claims: dict[str, str] = {}
    for entry in entries:
        if (answer := _claimed(entry)) is not None:
            claims.setdefault(answer, entry.run_id)  # who told first has it
    seen_in = {entry.run_id for entry in entries if entry.source is Source.ENDPOINT}
    answers = {run_id for run_id in seen_in if OWN_ANSWER.fullmatch(run_id)}  # such a run has the name of its answer
    told = {
        action.response_id: gone.get(action.run_id, action.run_id)
        for action in reversed(tx.calls_answered(project_id, answers))
        if action.response_id is not None and action.run_id != action.response_id
    }
    homes = claims | told
    if not homes:
        return traced
    told_there: list[Entry] = []
    taken = dict(traced.taken)
    moved = list(traced.moved)
    for answer in claims:
        tape = _tape_alone(tx, project_id, answer)
        if tape:
            told_there += tape
            taken[answer] = homes[answer]
            moved += _belongings(tx, project_id, answer, homes[answer])
    housed = list(_housed([*told_there, *entries], homes))
    return Housed(
        entries=[entry for entry in housed if entry is not None],
        taken=taken,
        moved=moved,
        left_out={place for place, entry in enumerate(reversed(housed)) if entry is None},
    )


def bring_belongings(tx: CallTransaction, project_id: str, moved: Iterable[MovedRun]) -> None:
    """Have what people said of runs, and that they are to be kept, hold of the runs that their calls are in by now."""
    for one in moved:
        home = tx.recorded_run(project_id, one.home)
        if home is not None and home.pinned_at is None and one.pinned_at is not None:
            tx.save_run(replace(home, pinned_at=one.pinned_at))
        for note in one.notes:
            tx.save_note(dataclasses.replace(note, run_id=one.home, action_id=_action_id(tx, note, one)))


def _action_id(tx: CallTransaction, note: Note, moved: MovedRun) -> str | None:
    """Return the action that a note is about: in its new run a call may have the id of its span."""
    if note.action_id is None or moved.answer is None:
        return note.action_id  # a span keeps its id; it may be unheard of yet
    found = tx.action(note.project_id, moved.home, note.action_id)
    answered = (each for each in tx.calls_answered(note.project_id, [moved.answer]) if each.run_id == moved.home)
    action = found or next(answered, None)
    return None if action is None else action.id


def _housed(entries: Iterable[Entry], homes: Mapping[str, str]) -> Iterator[Entry | None]:
    for entry in entries:
        home = homes.get(entry.run_id) if entry.source is Source.ENDPOINT else None
        if home is None:
            yield entry
        else:  # what was said of its own run holds of no other
            yield replace(entry, run_id=home) if isinstance(entry, ActionEntry) else None


def _claimed(entry: Entry) -> str | None:
    """Return the answer of our endpoint that an entry says it got, in another run than the answer's own."""
    if not isinstance(entry, ActionEntry) or entry.kind is not ActionKind.MODEL or entry.source is Source.ENDPOINT:
        return None
    answer = entry.use.response_id if entry.use is not None else None
    return answer if answer is not None and answer != entry.run_id and OWN_ANSWER.fullmatch(answer) else None


def _tape_alone(tx: CallTransaction, project_id: str, answer: str) -> list[Entry]:
    """Return what was told of the run of its own that a call was; nothing where there is none.

    A run of this name of which others tell, too, is somebody's: it stays.
    """
    told = [stored.entry for stored in tx.tape(project_id, answer, limit=MOST_WORDS + 1)]
    is_alone = len(told) <= MOST_WORDS and all(entry.source is Source.ENDPOINT for entry in told)
    return told if is_alone else []


def _belongings(tx: CallTransaction, project_id: str, answer: str, home: str) -> list[MovedRun]:
    run, notes = tx.recorded_run(project_id, answer), tx.notes_of_run(project_id, answer)
    pinned_at = None if run is None else run.pinned_at
    has_any = pinned_at is not None or notes
    return [MovedRun(answer=answer, home=home, pinned_at=pinned_at, notes=notes)] if has_any else []
