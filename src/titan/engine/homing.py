"""Brings a call of our model endpoint home: into the run of whoever else tells of it.

Most instrumentations of OpenTelemetry send no `traceparent`, so what the endpoint sees of their calls names no run:
each is a run of its own, by the name of its answer. A span that names this answer says where it belongs. Then the
endpoint's words move there, where the two become one action (`rules.recording`), and the run of its own goes.

Where the call named its run, it stays there. A span of it in another run is kept as a frame, which counts nowhere
(`rules.retelling`). Who told what is looked up in the store: so it does not matter which server heard it, nor when.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from titan.model.actions import OWN_ANSWER, ActionEntry, ActionKind, Entry, Teller
from titan.ports_calls import CallTransaction

MOST_WORDS: Final = 10  # of the endpoint about one call: its run, its beginning, its end


def brought_home(tx: CallTransaction, project_id: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return entries as they are to be recorded, behind those that they show to belong elsewhere."""
    claims: dict[str, str] = {}
    for entry in entries:
        if (answer := _claimed(entry)) is not None:
            claims.setdefault(answer, entry.run_id)  # who told first has it
    seen_in = {entry.run_id for entry in entries if entry.teller is Teller.ENDPOINT}
    answers = {run_id for run_id in seen_in if OWN_ANSWER.fullmatch(run_id)}  # such a run has the name of its answer
    told = {
        action.response_id: action.run_id
        for action in reversed(tx.calls_answered(project_id, answers))
        if action.response_id is not None and action.run_id != action.response_id
    }
    moved = [entry for answer in claims for entry in _taken_out(tx, project_id, answer)]
    return list(_housed([*moved, *entries], claims | told))


def _housed(entries: Iterable[Entry], homes: Mapping[str, str]) -> Iterator[Entry]:
    for entry in entries:
        home = homes.get(entry.run_id) if entry.teller is Teller.ENDPOINT else None
        if home is None:
            yield entry
        elif isinstance(entry, ActionEntry):  # what was said of its own run holds of no other
            yield replace(entry, run_id=home)


def _claimed(entry: Entry) -> str | None:
    """Return the answer of our endpoint that an entry says it got, in another run than the answer's own."""
    if not isinstance(entry, ActionEntry) or entry.kind is not ActionKind.MODEL or entry.teller is Teller.ENDPOINT:
        return None
    answer = entry.use.response_id if entry.use is not None else None
    return answer if answer is not None and answer != entry.run_id and OWN_ANSWER.fullmatch(answer) else None


def _taken_out(tx: CallTransaction, project_id: str, answer: str) -> list[Entry]:
    """Take the run of its own that a call was out of the store; return what was told of it.

    A run of this name of which others tell, too, is somebody's: it stays.
    """
    told = [stored.entry for stored in tx.tape(project_id, answer, limit=MOST_WORDS + 1)]
    if len(told) > MOST_WORDS or any(entry.teller is not Teller.ENDPOINT for entry in told):
        return []
    tx.forget_run(project_id, answer, is_told_elsewhere=True)
    return told
