"""What people say of recorded runs and their actions: words and scores."""

from collections.abc import Iterable
from functools import partial

from litestar import Response

from titan.engine.receipts import note_once
from titan.model.errors import Conflict, InvalidInput, UnknownAction, UnknownNote
from titan.model.runs import Note, Run
from titan.ports_calls import CallReader, CallTransaction
from titan.rules.intercepts import acknowledgement
from titan.rules.names import shown
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.recorded_views import note_view
from titan.server.routes.registry import change, find_recorded, look
from titan.wire.base import OkAnswer
from titan.wire.notes import NewNoteBody, NotesAnswer, UnmuteAnswer


async def list_notes(call: Call) -> Response[bytes]:
    """List what people said of a run and its actions."""

    def find(reader: CallReader) -> NotesAnswer:
        run = find_recorded(reader, call)
        return NotesAnswer(data=[note_view(note) for note in reader.notes_of_run(run.project_id, run.id)])

    return json_answer(await look(call, find))


async def add_note(call: Call) -> Response[bytes]:
    """Say something of a run or of one of its actions: a score, words, or both. Secrets are taken out as of calls."""
    raw = await call.raw_body()
    body, mark = call.decode(raw, NewNoteBody), call.mark(raw)
    _check(body)
    clean = call.house.recorder.without_secrets
    note_id, text, name = call.house.ids.secret(), clean(body.text), clean(_name(body) or "") or None
    author = clean(body.author) if body.author else call.caller.name
    action_id = body.action_id and call.house.recorder.known_as(body.action_id)

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

    return json_answer(note_view(await change(call, act)), 201)


async def take_back_note(call: Call) -> Response[bytes]:
    """Delete what somebody said of a run or of one of its actions."""
    note_id = call.path("note")

    def act(tx: CallTransaction) -> None:
        run = find_recorded(tx, call)
        note = tx.note_said(run.project_id, note_id)
        if note is None or note.run_id != run.id:
            raise UnknownNote(
                f"note {shown(note_id)}",
                expected=f"a note on run {shown(run.id)}",
                found="none such",
                next_step="List them with GET /api/v1/runs/{run}/notes.",
            )
        tx.forget_note(note)
        _tell(tx, run, [note])

    await change(call, act)
    return json_answer(OkAnswer())


async def unmute_run(call: Call) -> Response[bytes]:
    """Delete all notes that mute a run, at once; one that nothing mutes stays as it is."""

    def act(tx: CallTransaction) -> UnmuteAnswer:
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

    return json_answer(await change(call, act))


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
