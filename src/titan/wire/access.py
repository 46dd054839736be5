"""Tokens, browser sessions, projects."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.model.tokens import Role
from titan.wire.base import Request


class NewTokenBody(Request):
    """POST /api/tokens."""

    name: str
    role: Literal["admin", "worker", "viewer"] = "admin"
    trusted: Annotated[
        bool, Meta(description="Only with role worker: what its workers' jobs submit may run on every worker.")
    ] = False
    labels: (
        Annotated[
            list[Annotated[str, Meta(max_length=64)]],
            Meta(min_length=1, max_length=100, description="Only with role worker: all that its workers may offer."),
        ]
        | None
    ) = None
    project: Annotated[
        str | None, Meta(description="All that it sees and changes; null: every project. Not with role worker.")
    ] = None
    expires_in_days: Annotated[float, Meta(gt=0, le=36_525, description="Null: never.")] | None = None


class TokenView(Struct, kw_only=True):
    """A token, without its secret."""

    token_id: str
    name: str
    role: Role
    trusted: Annotated[
        bool | None,
        Meta(description="Of role worker: whether what its workers' jobs submit may run on every worker; else null."),
    ]
    labels: Annotated[tuple[str, ...] | None, Meta(description="All that its workers may offer; null: anything.")]
    project: Annotated[str | None, Meta(description="All that it sees and changes; null: every project.")]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class TokensAnswer(Struct, kw_only=True):
    """GET /api/tokens, newest first."""

    tokens: list[TokenView]
    home_token_id: str | None = None  #: the server's own worker and commands show it; unknown while no server runs


class NewTokenAnswer(Struct, kw_only=True):
    """POST /api/tokens; `token` is shown here and never again."""

    token_id: str
    name: str
    role: Role
    token: str
    expires_at: datetime | None


class SignInBody(Request):
    """POST /api/session."""

    token: Annotated[str, Meta(max_length=1000)]


class SessionView(Struct, kw_only=True):
    """/api/session: who asks."""

    is_signed_in: Annotated[bool, Meta(description="By the cookie of a browser.")]
    needs_token: Annotated[bool, Meta(description="Whether this server answers nobody without one.")]
    role: Annotated[Role | None, Meta(description="What the caller may do; null: nothing but sign in.")]
    name: Annotated[str | None, Meta(description="Of the token; null without one.")]
    token_id: str | None
    project: Annotated[str | None, Meta(description="All that the caller sees and changes; null: every project.")]


class ProjectView(Struct, kw_only=True):
    """A project."""

    name: str
    keeps_content: Annotated[bool, Meta(description="Whether inputs and outputs are stored of runs that begin now.")]


class ProjectsAnswer(Struct, kw_only=True):
    """GET /api/v1/projects, by name."""

    data: list[ProjectView]
