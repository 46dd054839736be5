"""Shapes of notes, critical intercepts, and answers to scores of Langfuse's SDKs."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import OriginChoice, PageLimit, Request, Window
from titan.wire.runs import RunView


class NoteView(Struct, kw_only=True):
    """What a person said of a run or an action: a score, words, or both."""

    id: str
    action_id: str | None
    author: str
    at: datetime
    name: Annotated[str | None, Meta(description='What is scored: "quality".')]
    score: float | None
    text: str
    acknowledges: Annotated[bool, Meta(description="Its run needs no attention until it has further errors.")]
    mutes: Annotated[bool, Meta(description="Its run needs no attention, whatever further errors it has.")]


class NewNoteBody(Request):
    """POST /api/v1/runs/{run}/notes."""

    text: Annotated[str, Meta(max_length=10_000)] = ""
    action_id: str | None = None
    name: Annotated[str, Meta(max_length=100)] | None = None
    score: float | None = None
    author: Annotated[str, Meta(max_length=200)] | None = None
    acknowledges: Annotated[
        bool,
        Meta(description="Take the run out of GET /api/v1/intercepts until it has further errors; needs a text: why."),
    ] = False
    troubles: (
        Annotated[
            int,
            Meta(
                ge=0, description="With `acknowledges`: the run's `troubles` as you saw them; what came since is not."
            ),
        ]
        | None
    ) = None
    mutes: Annotated[
        bool,
        Meta(description="Take the run out of GET /api/v1/intercepts until it is unmuted; needs a text that says why."),
    ] = False


class NotesAnswer(Struct, kw_only=True):
    """All notes on a run and its actions, the newest first."""

    data: list[NoteView]


class InterceptReason(Struct, kw_only=True):
    """Why a run needs attention."""

    kind: Literal["error", "entries_lost", "over_budget", "high_intervention"]
    text: Annotated[str, Meta(description='For people: "ValueError: nope", "run $1.02 / $0.05", "5 of 9 blocked".')]


class InterceptView(Struct, kw_only=True):
    """A run that needs attention."""

    run: RunView
    reasons: list[InterceptReason]
    acknowledged: Annotated[
        NoteView | None, Meta(description="The note that says so, of one that needs no attention any more.")
    ]


class InterceptsQuery(Request):
    """GET /api/v1/intercepts."""

    window: Annotated[Window, Meta(description="When it was last active: 90m, 24h, 7d, 2w … or all.")] = "7d"
    agent_id: str | None = None
    origin: OriginChoice = None
    q: Annotated[str | None, Meta(description="As in GET /api/v1/runs.")] = None
    include_acknowledged: Annotated[bool, Meta(description="Also those that somebody acknowledged or muted.")] = False
    limit: PageLimit = 20


class ThresholdsView(Struct, kw_only=True):
    """From where on a run counts as often stopped, as this server was started: `least`, with `rate` or `times`."""

    least: Annotated[int, Meta(description="Actions that were stopped; TITAN_INTERVENTIONS_LEAST.")]
    rate: Annotated[float, Meta(description="Their share of the run's actions; TITAN_INTERVENTIONS_RATE.")]
    times: Annotated[
        float,
        Meta(
            description="Or over so many times as often as in its agent's other runs of the 30 days before, and not by"
            " chance (Wilson, 95 %); 0: never. TITAN_INTERVENTIONS_TIMES."
        ),
    ]


class InterceptsAnswer(Struct, kw_only=True):
    """Runs that need attention, the latest first."""

    data: list[InterceptView]
    more: bool
    thresholds: ThresholdsView


class UnmuteAnswer(Struct, kw_only=True):
    """What was deleted so that a run is not muted any more."""

    run_id: str
    deleted: Annotated[list[NoteView], Meta(description="The notes that muted it, the newest first; none: none did.")]
    acknowledged: Annotated[
        NoteView | None, Meta(description="The note by which it needs no attention all the same, if there is one.")
    ]


class ScoreAnswer(Struct, kw_only=True):
    """POST /api/public/scores, of one score."""

    id: str


class ScoresAccepted(Struct, kw_only=True):
    """POST /api/public/scores, of a list that is stored whole: 202."""

    message: Literal["Accepted"] = "Accepted"


class ScoreError(Struct, kw_only=True):
    """Why a score is not stored."""

    message: str


class ScoresAnswer(Struct, kw_only=True):
    """POST /api/public/scores, where not all are stored: 207, and 400 for the only one."""

    accepted: int
    rejected: int
    errors: list[ScoreError]


class EventTaken(Struct, kw_only=True):
    """An event that is stored."""

    id: str
    status: int = 201


class EventRefused(Struct, kw_only=True):
    """An event that is not stored."""

    id: str
    message: str
    status: int = 400


class IngestionAnswer(Struct, kw_only=True):
    """POST /api/public/ingestion."""

    successes: list[EventTaken]
    errors: list[EventRefused]
