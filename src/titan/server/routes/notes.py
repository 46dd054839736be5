"""Routes of notes on runs and actions, of scores from Langfuse's SDKs, and of critical intercepts."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from litestar import Response

from titan.ingest.langfuse_scores import Refused, Score, read_events, read_scores
from titan.model.actions import digest_of
from titan.model.errors import Conflict, InvalidInput, UnknownAction, UnknownNote
from titan.model.runs import Note, Run, Stops
from titan.model.shaped import shaped
from titan.orchestrator.receipts import note_once
from titan.ports.runs_store import CallReader, CallTransaction, RunFilter
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.attention import OWN_SPAN, Thresholds, acknowledgement, depends_on_agent, reasons
from titan.rules.runs.lifecycle import not_reported_yet
from titan.server.http.authorization import check_reporter, check_scored
from titan.server.http.call import Call
from titan.server.http.responses import json_answer
from titan.server.http.route import Routes
from titan.server.lookup import origin_of, unknown
from titan.server.routes.recording import run_of_caller
from titan.server.routes.registry import find_recorded_run, window_start
from titan.server.views.runs import note_view, run_view
from titan.wire import notes as wire
from titan.wire.base import OkAnswer

route = Routes()

LOOKED_AT: Final = 5_000  # about as many runs with errors; most of them may have recovered
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@route("GET /api/v1/runs/{run}/notes", Permission.SEE_ALL)
def list_notes(call: Call, reader: CallReader) -> wire.NotesAnswer:
    """List the notes on a run and its actions."""
    run = find_recorded_run(reader, call)
    return wire.NotesAnswer(data=[note_view(note) for note in reader.notes_of_run(run.project_id, run.id)])


@route("POST /api/v1/runs/{run}/notes", Permission.CURATE, status=201, mutates=True)
async def add_note(call: Call, body: wire.NewNoteBody) -> wire.NoteView:
    """Add a note to a run or to one of its actions: a text, a score, or both. Secrets are redacted."""
    mark = call.mark()
    _check(body)
    clean = call.app.recorder.without_secrets
    note_id, text, name = call.app.ids.secret(), clean(body.text), clean(_name(body) or "") or None
    author = clean(body.author) if body.author else call.caller.name
    action_id = body.action_id and call.app.recorder.known_as(body.action_id)

    def act(tx: CallTransaction) -> Note:
        run = find_recorded_run(tx, call)
        _check_action(tx, run.project_id, run.id, action_id)
        note = shaped(
            Note,
            body,
            id=note_id,
            project_id=run.project_id,
            run_id=run.id,
            action_id=action_id,
            author=author,
            at=tx.now,
            name=name,
            text=text,
            troubles=_acknowledged_troubles(run, body),
        )
        kept = note_once(tx, mark, note)
        _publish(tx, run, [kept])
        return kept

    return note_view(await call.change_runs(act))


@route("DELETE /api/v1/runs/{run}/notes/{note}", Permission.CURATE)
def take_back_note(call: Call, tx: CallTransaction) -> OkAnswer:
    """Delete what somebody said of a run or of one of its actions."""
    note_id = call.path("note")
    run = find_recorded_run(tx, call)
    note = tx.note_by_id(run.project_id, note_id)
    if note is None or note.run_id != run.id:
        raise unknown(UnknownNote, "note", note_id, "List them with GET /api/v1/runs/{run}/notes.")
    tx.forget_note(note)
    _publish(tx, run, [note])
    return OkAnswer()


@route("POST /api/v1/runs/{run}/unmute", Permission.CURATE)
def unmute_run(call: Call, tx: CallTransaction) -> wire.UnmuteAnswer:
    """Delete all notes that mute a run, at once; one that nothing mutes stays as it is."""
    run = find_recorded_run(tx, call)
    notes = tx.notes_of_run(run.project_id, run.id)
    muting, others = ([note for note in notes if note.mutes is mutes] for mutes in (True, False))
    for note in muting:
        tx.forget_note(note)
    _publish(tx, run, muting)
    said = acknowledgement(run, others)
    return wire.UnmuteAnswer(
        run_id=run.id,
        deleted=[note_view(note) for note in muting],
        acknowledged=None if said is None else note_view(said),
    )


def _publish(tx: CallTransaction, run: Run, notes: Iterable[Note]) -> None:
    """Store the run as changed if a note affects whether it needs attention, so that live clients hear of it."""
    if any(note.acknowledges or note.mutes for note in notes):
        tx.save_run(run)


def _acknowledged_troubles(run: Run, body: wire.NewNoteBody) -> int:
    """Return how many of the run's troubles a note acknowledges: those that its author saw."""
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


def _name(body: wire.NewNoteBody) -> str | None:
    """Return the name of a note's score, by default `overall`."""
    return body.name or (None if body.score is None else "overall")


def _check(body: wire.NewNoteBody) -> None:
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
        raise unknown(UnknownAction, "action", action_id, "Leave it out to speak of the run.")


@route("GET /api/v1/intercepts", Permission.SEE_ALL)
def list_intercepts(call: Call, reader: CallReader, query: wire.InterceptsQuery) -> wire.InterceptsAnswer:
    """List the runs that need attention, the latest first, with the reasons."""
    thresholds = call.app.thresholds
    begin = window_start(call, query.window) or LONG_AGO
    looked_at, at_once, is_all = 0, 5 * query.limit, False
    found: list[wire.InterceptView] = []
    while len(found) <= query.limit and looked_at < LOOKED_AT and not is_all:
        rows = reader.runs_in_need(
            call.project_id,
            since=begin,
            origin=origin_of(query.origin, is_named=False),
            agent_id=query.agent_id,
            has_acknowledged=query.include_acknowledged,
            skip=looked_at,
            limit=at_once,
        )
        looked_at, at_once, is_all = looked_at + len(rows), 2 * at_once, len(rows) < at_once
        rows = _with_words(reader, call.project_id, rows, query.q) if query.q else rows
        found += _intercepts(reader, rows, thresholds, has_acknowledged=query.include_acknowledged)
    return wire.InterceptsAnswer(
        data=found[: query.limit],
        more=len(found) > query.limit or not is_all,
        thresholds=wire.ThresholdsView(
            least=thresholds.least, rate=float(thresholds.rate), times=float(thresholds.times)
        ),
    )


def _intercepts(
    reader: CallReader, rows: Sequence[tuple[Run, bool]], thresholds: Thresholds, *, has_acknowledged: bool
) -> Iterator[wire.InterceptView]:
    """Yield the runs that need attention, with the reasons."""
    for run, is_unrecovered in rows:
        of_agent = _stops_of_agent(reader, run) if depends_on_agent(run, thresholds) else None
        if why := reasons(run, has_unrecovered_error=is_unrecovered, thresholds=thresholds, of_agent=of_agent):
            shown_reasons = [wire.InterceptReason(kind=reason.kind.value, text=reason.text) for reason in why]
            said = acknowledgement(run, reader.notes_of_run(run.project_id, run.id)) if has_acknowledged else None
            yield wire.InterceptView(
                run=run_view(run), reasons=shown_reasons, acknowledged=None if said is None else note_view(said)
            )


def _stops_of_agent(reader: CallReader, run: Run) -> Stops:
    """Return how often the agent was stopped in the period before a run."""
    begin = run.started_at - OWN_SPAN
    return reader.stops_of_agent(run.project_id, run.agent_id, since=begin, until=run.started_at)


def _with_words(reader: CallReader, project_id: str, rows: list[tuple[Run, bool]], text: str) -> list[tuple[Run, bool]]:
    """Return the runs that a search of the registry finds."""
    wanted = RunFilter(text=text, ids=frozenset(run.id for run, _ in rows))
    found, _ = reader.registry(project_id, wanted, sort="started", is_ascending=False, after=None, limit=len(rows) or 1)
    ids = {run.id for run in found}
    return [(run, is_unrecovered) for run, is_unrecovered in rows if run.id in ids]


@route("POST /api/public/scores", Permission.RECORD, body=dict, answer=dict, adds=True)
async def add_scores(call: Call) -> Response[bytes]:
    """Store a score of Langfuse's SDKs, or a list of them, as notes on runs and actions."""
    raw = await call.raw_body()
    read = read_scores(raw)
    scores, refused = _split(read)
    is_one = not raw.lstrip().startswith(b"[")
    if is_one and refused:
        raise InvalidInput(
            "the score",
            expected="an object with `name`, `value` and `traceId`",
            found=refused[0].reason,
            next_step="Correct it and send it again; nothing was stored.",
        )
    ids = await _keep(call, scores)
    if is_one:
        return json_answer(wire.ScoreAnswer(id=ids[0]))
    if refused:
        return json_answer(_results(scores, refused), 207)
    return json_answer(wire.ScoresAccepted(), 202)


@route("POST /api/public/ingestion", Permission.RECORD, body=dict, status=207, adds=True)
async def take_ingestion(call: Call) -> wire.IngestionAnswer:
    """Store the scores in a batch of Langfuse's SDK 3 and older; other events are refused."""
    read = read_events(await call.raw_body())
    scores, _ = _split([each for _, each in read])
    await _keep(call, scores)
    return wire.IngestionAnswer(
        successes=[wire.EventTaken(id=event_id) for event_id, each in read if isinstance(each, Score)],
        errors=[
            wire.EventRefused(id=event_id, message=each.reason) for event_id, each in read if isinstance(each, Refused)
        ],
    )


def _split(read: Sequence[Score | Refused]) -> tuple[list[Score], list[Refused]]:
    return [each for each in read if isinstance(each, Score)], [each for each in read if isinstance(each, Refused)]


def _results(scores: Sequence[Score], refused: Sequence[Refused]) -> wire.ScoresAnswer:
    errors = [wire.ScoreError(message=f"{one.id}: {one.reason}" if one.id else one.reason) for one in refused]
    return wire.ScoresAnswer(accepted=len(scores), rejected=len(refused), errors=errors)


async def _keep(call: Call, scores: Sequence[Score]) -> list[str]:
    """Store scores as notes; return their ids.

    Raises:
        Forbidden: a job may not write to one of the runs; nothing was stored.
    """
    run_ids = list(dict.fromkeys(score.trace_id for score in scores))
    await check_reporter(call, run_ids)
    await check_scored(call, list(map(call.app.recorder.known_as, run_ids)))
    own = await run_of_caller(call)  # spans of a job are in the job's run, whatever their trace
    clean, known_as = call.app.recorder.without_secrets, call.app.recorder.known_as
    author = "langfuse"

    def act(tx: CallTransaction) -> list[str]:
        notes = []
        for score in scores:
            run_id = _run_of(tx, call, score, None if own is None else own.id)
            note = Note(
                id=_note_id(call, score),
                project_id=call.project_id,
                run_id=run_id,
                action_id=score.observation_id and known_as(score.observation_id),
                author=author,
                at=score.at or tx.now,
                name=clean(score.name),
                score=score.score,
                text=clean(score.text),
            )
            tx.save_note(note)
            notes.append(score.id or note.id)
        return notes

    return await call.change_runs(act) if scores else []


def _run_of(tx: CallTransaction, call: Call, score: Score, own: str | None) -> str:
    """Return the run of a score's trace, else the caller's `own`, else a new one.

    Scores arrive before spans, which are sent in batches, so the run may not exist yet.
    """
    project_id, trace_id = call.project_id, call.app.recorder.known_as(score.trace_id)
    run = tx.run(project_id, trace_id)
    if run is not None:
        return run.id
    run_id = own or trace_id
    if tx.run(project_id, run_id) is None:
        keeps_content = call.app.recorder.capture.keeps_content(project_id)
        at = score.at or tx.now
        tx.save_run(not_reported_yet(project_id, run_id, at=at, now=tx.now, keeps_content=keeps_content))
    return run_id


def _note_id(call: Call, score: Score) -> str:
    """Return the id of a score's note: a score that is sent again replaces the earlier one."""
    if score.id is None:
        return call.app.ids.secret()
    return digest_of(f"{call.project_id} langfuse {score.id}").hex()
