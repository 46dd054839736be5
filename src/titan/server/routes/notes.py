"""Notes of people on runs and actions, and the runs that need attention."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from titan.model.errors import Conflict, InvalidInput, UnknownAction, UnknownNote
from titan.model.runs import Note, Run, Stops
from titan.orchestrator.receipts import note_once
from titan.ports.runs_store import CallReader, CallTransaction, RunFilter
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.attention import OWN_SPAN, Thresholds, acknowledgement, depends_on_agent, reasons
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.routes.registry import find_recorded, since
from titan.server.views.runs import note_view, run_view
from titan.wire.base import OkAnswer
from titan.wire.notes import (
    InterceptReason,
    InterceptsAnswer,
    InterceptsQuery,
    InterceptView,
    NewNoteBody,
    NotesAnswer,
    NoteView,
    ThresholdsView,
    UnmuteAnswer,
)

route = Routes()

LOOKED_AT: Final = 5_000  # runs with errors, about: most of them may have recovered
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@route("GET /api/v1/runs/{run}/notes", Permission.SEE_ALL)
def list_notes(call: Call, reader: CallReader) -> NotesAnswer:
    """List what people said of a run and its actions."""
    run = find_recorded(reader, call)
    return NotesAnswer(data=[note_view(note) for note in reader.notes_of_run(run.project_id, run.id)])


@route("POST /api/v1/runs/{run}/notes", Permission.CURATE, status=201, mutates=True)
async def add_note(call: Call, body: NewNoteBody) -> NoteView:
    """Say something of a run or of one of its actions: a score, words, or both. Secrets are taken out as of calls."""
    mark = call.mark()
    _check(body)
    clean = call.app.recorder.without_secrets
    note_id, text, name = call.app.ids.secret(), clean(body.text), clean(_name(body) or "") or None
    author = clean(body.author) if body.author else call.caller.name
    action_id = body.action_id and call.app.recorder.known_as(body.action_id)

    def act(tx: CallTransaction) -> Note:
        run = find_recorded(tx, call)
        _check_action(tx, run.project_id, run.id, action_id)
        wrong = _troubles(run, body)
        note = Note(
            id=note_id,
            project_id=run.project_id,
            run_id=run.id,
            action_id=action_id,
            author=author,
            at=tx.now,
            name=name,
            score=body.score,
            text=text,
            acknowledges=body.acknowledges,
            troubles=wrong,
            mutes=body.mutes,
        )
        kept = note_once(tx, mark, note)
        _tell(tx, run, [kept])
        return kept

    return note_view(await call.change_runs(act))


@route("DELETE /api/v1/runs/{run}/notes/{note}", Permission.CURATE)
def take_back_note(call: Call, tx: CallTransaction) -> OkAnswer:
    """Delete what somebody said of a run or of one of its actions."""
    note_id = call.path("note")
    run = find_recorded(tx, call)
    note = tx.note_by_id(run.project_id, note_id)
    if note is None or note.run_id != run.id:
        raise UnknownNote(
            f"note {shown(note_id)}",
            expected=f"a note on run {shown(run.id)}",
            found="none such",
            next_step="List them with GET /api/v1/runs/{run}/notes.",
        )
    tx.forget_note(note)
    _tell(tx, run, [note])
    return OkAnswer()


@route("POST /api/v1/runs/{run}/unmute", Permission.CURATE)
def unmute_run(call: Call, tx: CallTransaction) -> UnmuteAnswer:
    """Delete all notes that mute a run, at once; one that nothing mutes stays as it is."""
    run = find_recorded(tx, call)
    notes = tx.notes_of_run(run.project_id, run.id)
    muting, others = ([note for note in notes if note.mutes is mutes] for mutes in (True, False))
    for note in muting:
        tx.forget_note(note)
    _tell(tx, run, muting)
    said = acknowledgement(run, others)
    return UnmuteAnswer(
        run_id=run.id,
        deleted=[note_view(note) for note in muting],
        acknowledged=None if said is None else note_view(said),
    )


def _tell(tx: CallTransaction, run: Run, notes: Iterable[Note]) -> None:
    """Have whoever looks hear of a run that needs attention no more, or again: a note by itself is no news of it."""
    if any(note.acknowledges or note.mutes for note in notes):
        tx.save_run(run)


def _troubles(run: Run, body: NewNoteBody) -> int:
    """Return how much of what went wrong in a run is acknowledged: what whoever does so saw of it."""
    if not (body.acknowledges or body.mutes):
        return 0
    if not run.troubles and body.acknowledges:
        raise Conflict(
            f"run {shown(run.id)}",
            expected="one in which something went wrong",
            found="no failed or stopped action, no lost entry, and no failed end",
            next_step="Leave acknowledges out to say something of it, or say mutes where nothing is to need attention.",
        )
    return run.troubles if body.troubles is None else min(run.troubles, body.troubles)


def _name(body: NewNoteBody) -> str | None:
    """Return what a note scores; a score without a name is of the whole."""
    return body.name or (None if body.score is None else "overall")


def _check(body: NewNoteBody) -> None:
    refuse = partial(InvalidInput, "note")
    takes_attention = body.acknowledges or body.mutes
    if takes_attention and not body.text.strip():
        raise refuse(expected="a text that says why", found="none", next_step="Say why it needs no attention.")
    if takes_attention and body.action_id is not None:
        raise refuse(expected="a note on the run", found="an action_id", next_step="Leave it out: runs need attention.")
    if not body.text.strip() and body.score is None:
        raise refuse(expected="a text or a score", found="neither", next_step="Say something, or give a score.")


def _check_action(reader: CallReader, project_id: str, run_id: str, action_id: str | None) -> None:
    if action_id is not None and reader.action(project_id, run_id, action_id) is None:
        raise UnknownAction(
            f"action {shown(action_id)}",
            expected=f"an action of run {shown(run_id)}",
            found="none such",
            next_step="Leave it out to speak of the run.",
        )


@route("GET /api/v1/intercepts", Permission.SEE_ALL)
def list_intercepts(call: Call, reader: CallReader, query: InterceptsQuery) -> InterceptsAnswer:
    """List the runs that need attention, the latest first, with the reasons."""
    thresholds = call.app.thresholds
    begin = since(call, query.window) or LONG_AGO
    looked_at, at_once, is_all = 0, 5 * query.limit, False
    found: list[InterceptView] = []
    while len(found) <= query.limit and looked_at < LOOKED_AT and not is_all:
        rows = reader.runs_in_need(
            call.project_id,
            since=begin,
            agent_id=query.agent_id,
            has_acknowledged=query.include_acknowledged,
            skip=looked_at,
            limit=at_once,
        )
        looked_at, at_once, is_all = looked_at + len(rows), 2 * at_once, len(rows) < at_once
        rows = _with_words(reader, call.project_id, rows, query.q) if query.q else rows
        found += _intercepts(reader, rows, thresholds, has_acknowledged=query.include_acknowledged)
    return InterceptsAnswer(
        data=found[: query.limit],
        more=len(found) > query.limit or not is_all,
        thresholds=ThresholdsView(least=thresholds.least, rate=float(thresholds.rate), times=float(thresholds.times)),
    )


def _intercepts(
    reader: CallReader, rows: Sequence[tuple[Run, bool]], thresholds: Thresholds, *, has_acknowledged: bool
) -> Iterator[InterceptView]:
    """Yield those runs that need attention, for all that went wrong in them."""
    for run, is_unrecovered in rows:
        of_agent = _stops_of_agent(reader, run) if depends_on_agent(run, thresholds) else None
        if why := reasons(run, has_unrecovered_error=is_unrecovered, thresholds=thresholds, of_agent=of_agent):
            shown_reasons = [InterceptReason(kind=reason.kind.value, text=reason.text) for reason in why]
            said = acknowledgement(run, reader.notes_of_run(run.project_id, run.id)) if has_acknowledged else None
            yield InterceptView(
                run=run_view(run), reasons=shown_reasons, acknowledged=None if said is None else note_view(said)
            )


def _stops_of_agent(reader: CallReader, run: Run) -> Stops:
    """Return how often the agent was stopped in the hours before that of a run: what starts later changes nothing."""
    begin = run.started_at - OWN_SPAN
    return reader.stops_of_agent(run.project_id, run.agent_id, since=begin, until=run.started_at)


def _with_words(reader: CallReader, project_id: str, rows: list[tuple[Run, bool]], text: str) -> list[tuple[Run, bool]]:
    """Return those of the runs in need that a search of the registry finds."""
    wanted = RunFilter(text=text, ids=frozenset(run.id for run, _ in rows))
    found, _ = reader.registry(project_id, wanted, sort="started", is_ascending=False, after=None, limit=len(rows) or 1)
    ids = {run.id for run in found}
    return [(run, is_unrecovered) for run, is_unrecovered in rows if run.id in ids]
