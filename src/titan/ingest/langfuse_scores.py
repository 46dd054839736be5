"""Read the scores that Langfuse's SDKs 3 to 5 post to /api/public/scores and /api/public/ingestion.

A score is about a trace or an observation in it: a span, whose id is the action's. Invalid scores are refused one by
one; the others are taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from titan.ingest.values import in_utc, read_json
from titan.model.errors import InvalidInput
from titan.rules.runs.sanitize import storable_text, storable_time

SCORE: Final = "score-create"
MOST_SCORES: Final = 1000  # of one request
Id = Annotated[str, Meta(min_length=1, max_length=200)]


class ScoreBody(Struct, rename="camel"):
    """A score in a request. Langfuse's other fields (config, environment, metadata) are dropped."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    value: float | bool | Annotated[str, Meta(max_length=10_000)]
    id: Id | None = None
    trace_id: Id | None = None
    observation_id: Id | None = None
    comment: Annotated[str, Meta(max_length=10_000)] | None = None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score of a trace, or of one of its spans."""

    id: str | None  #: the client's: a second score with the same id replaces the first
    trace_id: str
    observation_id: str | None
    name: str
    score: float | None  #: None for a categorical score, whose category begins `text`
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An invalid part of a request."""

    id: str
    reason: str


def read_scores(body: bytes) -> list[Score | Refused]:
    """Return the scores in a body of POST /api/public/scores, which holds one or a list.

    Raises:
        InvalidInput: it is no JSON, or holds too many.
    """
    read = read_json(body, what="the scores")
    return [_score(one) for one in _checked(read if isinstance(read, list) else [read])]


def read_events(body: bytes) -> list[tuple[str, Score | Refused]]:
    """Return the scores in a body of POST /api/public/ingestion, each with the id of its event.

    Raises:
        InvalidInput: it is no batch, or holds too many.
    """
    read = read_json(body, what="the batch")
    batch = read.get("batch") if isinstance(read, dict) else None
    if not isinstance(batch, list):
        raise _unreadable("an object with the list `batch`", type(read).__name__)
    return list(_of_events(_checked(batch)))


def _of_events(batch: list[Any]) -> Iterator[tuple[str, Score | Refused]]:
    for event in batch:
        fields = _fields(event)
        event_id, kind = storable_text(str(fields.get("id", ""))), storable_text(str(fields.get("type", "")))
        if kind == SCORE:
            yield event_id, _score(fields.get("body"))
        else:
            reason = f"only {SCORE} is taken here; spans come by OpenTelemetry, to /api/public/otel/v1/traces"
            yield event_id, Refused(id=event_id, reason=f"{kind or 'an event without a type'}: {reason}")


def _score(given: Any) -> Score | Refused:
    fields = {name: storable_text(value) if isinstance(value, str) else value for name, value in _fields(given).items()}
    try:
        body = msgspec.convert(fields or given, ScoreBody)
        at = body.timestamp and storable_time(in_utc(body.timestamp, what="timestamp"))
        if isinstance(body.value, float) and not isfinite(body.value):
            raise ValueError(f"value: expected a number; found {body.value}")
    except (ValueError, InvalidInput) as error:  # among them ValidationError, and half a surrogate pair
        return Refused(id=str(fields.get("id", "")), reason=str(error))
    if body.trace_id is None:
        return Refused(
            id=body.id or "", reason="a score of a session or dataset: only traces and their spans have them"
        )
    category = body.value if isinstance(body.value, str) else None
    return Score(
        id=body.id,
        trace_id=body.trace_id,
        observation_id=body.observation_id,
        name=body.name,
        score=None if isinstance(body.value, str) else float(body.value),
        text="\n".join(filter(None, (category, body.comment))),
        at=at,
    )


def _fields(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _checked(batch: list[Any]) -> list[Any]:
    if len(batch) > MOST_SCORES:
        raise _unreadable(f"at most {MOST_SCORES}", str(len(batch)))
    return batch


def _unreadable(expected: str, found: str) -> InvalidInput:
    return InvalidInput("the scores", expected=expected, found=found, next_step="Correct it and send it again.")
