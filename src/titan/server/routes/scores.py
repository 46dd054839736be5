"""Scores as Langfuse's SDKs send them: notes on runs and actions, by the ids of traces and spans."""

from collections.abc import Sequence

from litestar import Response

from titan.ingest.langfuse_scores import Refused, Score, read_events, read_scores
from titan.model.actions import digest_of
from titan.model.errors import InvalidInput
from titan.model.runs import Note
from titan.ports_calls import CallTransaction
from titan.rules.run_lifecycle import not_heard_yet
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.reach import check_teller
from titan.server.routes.recording import run_of_caller
from titan.server.routes.registry import change
from titan.wire.scores import (
    EventRefused,
    EventTaken,
    IngestionAnswer,
    ScoreAnswer,
    ScoreError,
    ScoresAccepted,
    ScoresAnswer,
)


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


async def take_ingestion(call: Call) -> Response[bytes]:
    """Keep the scores in a batch of Langfuse's SDK 3 and before; its other events come by OpenTelemetry."""
    read = read_events(await call.raw_body())
    scores, _ = _split([told for _, told in read])
    await _keep(call, scores)
    answer = IngestionAnswer(
        successes=[EventTaken(id=event_id) for event_id, told in read if isinstance(told, Score)],
        errors=[EventRefused(id=event_id, message=told.reason) for event_id, told in read if isinstance(told, Refused)],
    )
    return json_answer(answer, 207)


def _split(read: Sequence[Score | Refused]) -> tuple[list[Score], list[Refused]]:
    return [told for told in read if isinstance(told, Score)], [told for told in read if isinstance(told, Refused)]


def _results(scores: Sequence[Score], refused: Sequence[Refused]) -> ScoresAnswer:
    errors = [ScoreError(message=f"{one.id}: {one.reason}" if one.id else one.reason) for one in refused]
    return ScoresAnswer(accepted=len(scores), rejected=len(refused), errors=errors)


async def _keep(call: Call, scores: Sequence[Score]) -> list[str]:
    """Keep scores as notes; return their ids.

    Raises:
        Forbidden: a job speaks of somebody else's run; nothing was kept.
    """
    await check_teller(call, list(dict.fromkeys(score.trace_id for score in scores)))
    own = await run_of_caller(call)  # what a job sends by OpenTelemetry is in its run, whatever its trace
    clean, known_as = call.house.recorder.without_secrets, call.house.recorder.known_as
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

    return await change(call, act) if scores else []


def _run_of(tx: CallTransaction, call: Call, score: Score, own: str | None) -> str:
    """Return the run that a score is about: the one of its trace, else the caller's `own`.

    Scores are sent at once and spans in batches, so it may be unheard of yet.
    """
    project_id, trace_id = call.project_id, call.house.recorder.known_as(score.trace_id)
    run = tx.run(project_id, trace_id)
    if run is not None:
        return run.id
    run_id = own or trace_id
    if tx.run(project_id, run_id) is None:
        keeps_content = call.house.recorder.capture.keeps_content(project_id)
        at = score.at or tx.now
        tx.save_run(not_heard_yet(project_id, run_id, at=at, now=tx.now, keeps_content=keeps_content))
    return run_id


def _note_id(call: Call, score: Score) -> str:
    """Return an id for good: a score that is sent again under its id replaces the one before."""
    if score.id is None:
        return call.house.ids.secret()
    return digest_of(f"{call.project_id} langfuse {score.id}").hex()
