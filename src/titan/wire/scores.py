"""What Langfuse's SDKs are answered when they send scores. What they send stands in `titan.ingest.langfuse_scores`."""

from typing import Literal

from msgspec import Struct


class ScoreAnswer(Struct, kw_only=True):
    """POST /api/public/scores, of one score."""

    id: str


class ScoresAccepted(Struct, kw_only=True):
    """POST /api/public/scores, of a list that is kept whole: 202."""

    message: Literal["Accepted"] = "Accepted"


class ScoreError(Struct, kw_only=True):
    """Why a score is not kept."""

    message: str


class ScoresAnswer(Struct, kw_only=True):
    """POST /api/public/scores, where not all are kept: 207, and 400 for the only one."""

    accepted: int
    rejected: int
    errors: list[ScoreError]


class EventTaken(Struct, kw_only=True):
    """An event that is kept."""

    id: str
    status: int = 201


class EventRefused(Struct, kw_only=True):
    """An event that is not kept."""

    id: str
    message: str
    status: int = 400


class IngestionAnswer(Struct, kw_only=True):
    """POST /api/public/ingestion."""

    successes: list[EventTaken]
    errors: list[EventRefused]
