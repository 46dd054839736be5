"""Shapes that several resources share: errors, queries, limits."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

# --- errors ---


class Problem(Struct, kw_only=True):
    """An error, for people and programs."""

    type: str
    message: str
    subject: str = ""
    expected: str = ""
    found: str = ""
    next_step: str = ""


class ProblemAnswer(Struct, kw_only=True):
    """The body of every answer from 400 on."""

    error: Problem


MAX_WAIT_SECONDS = 30.0  # below the idle limit of common proxies
Wait = Annotated[float, Meta(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end; at most 30.")]
Limit = Annotated[int, Meta(ge=1, le=10_000, description="How many rows at most.")]
MAX_NUMBER = 2**63 - 1  # of a 64-bit column
Offset = Annotated[int, Meta(ge=0, le=MAX_NUMBER, description="Bytes from the beginning.")]
Window = Annotated[str, Meta(description="How far back: 90m, 24h, 7d, 2w, any number of them, or all.")]
Order = Literal["asc", "desc"]
PageLimit = Annotated[int, Meta(ge=1, le=200, description="How many rows at most.")]
OriginChoice = Annotated[
    Literal["production", "evaluation", "all"] | None,
    Meta(description="Default: production; all in exports, and where a run, DAG or session is named."),
]
SearchCapped = Annotated[
    bool, Meta(description="More entries contain the words of the search than were searched: only the newest were.")
]
Total = Annotated[int, Meta(description="How many there are in all; counted up to 10,000.")]
Unpriced = Annotated[int, Meta(description="Model calls whose cost is not known; `cost_usd` lacks them.")]
Estimated = Annotated[int, Meta(description="Calls whose share of `cost_usd` was computed from tokens.")]


class Request(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body or query; a field it does not know is refused, never ignored."""


class IntervalView(Struct, kw_only=True):
    """A 95 % interval."""

    low: float
    high: float


class ScopeQuery(Request):
    """Where to look for a job by its name: in a DAG, else in a run, else the newest of all."""

    dag: str | None = None
    run: str | None = None


class NoQuery(Request):
    """A route without a query."""


class OkAnswer(Struct, kw_only=True):
    """The original's success word."""

    status: Literal["OK"] = "OK"
