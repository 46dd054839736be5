"""Scores as Langfuse's SDKs send them: notes on runs and actions, by the ids of traces and spans."""

from collections.abc import Sequence

from litestar import Response

from titan.ingest.langfuse_scores import Refused, Score, read_events, read_scores
from titan.model.actions import digest_of
from titan.model.errors import InvalidInput
from titan.model.runs import Note
from titan.ports.runs_store import CallTransaction
from titan.rules.access import Permission
from titan.rules.runs.lifecycle import not_reported_yet
from titan.server.http.authorization import check_reporter
from titan.server.http.call import Call
from titan.server.http.responses import json_answer
from titan.server.http.route import Routes
from titan.server.routes.recording import run_of_caller
from titan.wire.scores import (
    EventRefused,
    EventTaken,
    IngestionAnswer,
    ScoreAnswer,
    ScoreError,
    ScoresAccepted,
    ScoresAnswer,
)

route = Routes()


@route("POST /api/public/scores", Permission.RECORD, body=dict, answer=dict, adds=True)
async def add_scores(call: Call) -> Response[bytes]:
    """Keep a score of Langfuse's SDKs, or a list of them, as notes on the run and action they are about."""
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
        return json_answer(ScoreAnswer(id=ids[0]))
    if refused:
        return json_answer(_results(scores, refused), 207)
    return json_answer(ScoresAccepted(), 202)


@route("POST /api/public/ingestion", Permission.RECORD, body=dict, status=207, adds=True)
async def take_ingestion(call: Call) -> IngestionAnswer:
    """Keep the scores in a batch of Langfuse's SDK 3 and before; its other events come by OpenTelemetry."""
    read = read_events(await call.raw_body())
    scores, _ = _split([each for _, each in read])
    await _keep(call, scores)
    return IngestionAnswer(
        successes=[EventTaken(id=event_id) for event_id, each in read if isinstance(each, Score)],
        errors=[EventRefused(id=event_id, message=each.reason) for event_id, each in read if isinstance(each, Refused)],
    )


def _split(read: Sequence[Score | Refused]) -> tuple[list[Score], list[Refused]]:
    return [each for each in read if isinstance(each, Score)], [each for each in read if isinstance(each, Refused)]


def _results(scores: Sequence[Score], refused: Sequence[Refused]) -> ScoresAnswer:
    errors = [ScoreError(message=f"{one.id}: {one.reason}" if one.id else one.reason) for one in refused]
    return ScoresAnswer(accepted=len(scores), rejected=len(refused), errors=errors)


async def _keep(call: Call, scores: Sequence[Score]) -> list[str]:
    """Keep scores as notes; return their ids.

    Raises:
        Forbidden: a job speaks of somebody else's run; nothing was kept.
    """
    await check_reporter(call, list(dict.fromkeys(score.trace_id for score in scores)))
    own = await run_of_caller(call)  # what a job sends by OpenTelemetry is in its run, whatever its trace
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
    """Return the run that a score is about: the one of its trace, else the caller's `own`.

    Scores are sent at once and spans in batches, so it may be unheard of yet.
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
    """Return an id for good: a score that is sent again under its id replaces the one before."""
    if score.id is None:
        return call.app.ids.secret()
    return digest_of(f"{call.project_id} langfuse {score.id}").hex()
