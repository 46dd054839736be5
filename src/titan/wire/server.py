"""The server: health, settings, cleaning, tokens, browser sessions, organisations, projects."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.model.tokens import Role, Scope
from titan.wire.base import Request


class NewTokenBody(Request):
    """POST /api/tokens."""

    name: str
    role: Annotated[
        Literal["admin", "owner", "manager", "worker", "viewer", "key"] | None,
        Meta(description="key: a program's, with `scopes`. Null: admin, in another organisation than local owner."),
    ] = None
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
    organisation: Annotated[
        str | None, Meta(description="Null: the caller's. Another one: for who operates the server.")
    ] = None
    scopes: Annotated[list[Scope], Meta(min_length=1)] | None = None
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
    organisation: str
    scopes: Annotated[tuple[Scope, ...] | None, Meta(description="What a key may do; null of other roles.")]
    last_four: Annotated[str | None, Meta(description="The last digits of a key; null of other roles.")]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class TokensQuery(Request):
    """GET /api/tokens."""

    organisation: Annotated[
        str | None, Meta(description="Null: the caller's. Another one: for who operates the server.")
    ] = None


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
    organisation: Annotated[str | None, Meta(description="Whose projects the caller sees; null: nobody's.")]


class OrganisationBody(Request):
    """POST /api/v1/organisations."""

    name: Annotated[str, Meta(description="1 to 100 ASCII letters, digits, `_ . -`.")]


class OrganisationView(Struct, kw_only=True):
    """An organisation."""

    name: str
    created_at: Annotated[datetime | None, Meta(description="Null of `local`, the server's own.")]
    members: Annotated[int, Meta(description="Tokens of people that open something now.")]


class NewOrganisationAnswer(Struct, kw_only=True):
    """POST /api/v1/organisations; `owner` is the token of its first owner, shown here and never again."""

    name: str
    owner: NewTokenAnswer


class OrganisationsAnswer(Struct, kw_only=True):
    """GET /api/v1/organisations, by name: for who operates the server all, for others their own."""

    data: list[OrganisationView]


class ProjectView(Struct, kw_only=True):
    """A project."""

    name: str
    keeps_content: Annotated[bool, Meta(description="Whether inputs and outputs are stored of runs that begin now.")]


class ProjectsAnswer(Struct, kw_only=True):
    """GET /api/v1/projects, by name."""

    data: list[ProjectView]


class StorageView(Struct, kw_only=True):
    """The disk of the home."""

    free_bytes: int
    is_low: bool


class HealthAnswer(Struct, kw_only=True):
    """GET /api/health."""

    status: Literal["ok"]
    version: str
    now: datetime
    started_at: datetime
    home_id: str
    model: str | None
    storage: StorageView


class CleanQuery(Request):
    """POST /api/clean."""

    dry_run: Annotated[bool, Meta(description="Whether only to report what would be deleted.")] = False


class CleanAnswer(Struct, kw_only=True):
    """POST /api/clean: what was deleted; in a dry run, what would be deleted at least."""

    is_dry_run: bool
    runs: int
    dags: int
    jobs: int
    journal_entries: int
    recorded: int
    archived: int
    workers: int
    files: int
    keys: int
    logs: int
    log_bytes: int
    blobs: int
    blob_bytes: int
    database_unused_bytes: Annotated[int, Meta(description="The database's file keeps its size and fills these again.")]


class RuleView(Struct, kw_only=True):
    """A setting that is a number, and its value on this server."""

    name: Annotated[str, Meta(description="Of the environment variable that sets it.")]
    value: Annotated[int | float, Meta(description="0 is for ever, or no limit.")]
    unit: str
    help: str


class StoreView(Struct, kw_only=True):
    """Where the facts are stored; never a password."""

    kind: Literal["sqlite", "postgresql"]
    place: str


class SettingsAnswer(Struct, kw_only=True):
    """GET /api/settings: what this server runs with."""

    version: str
    home: str
    store: StoreView
    urls: Annotated[list[str], Meta(description="For people first, for SDKs last.")]
    is_encrypted: bool
    needs_token: bool
    allowed_hosts: list[str]
    model: str | None
    runs_local_workers: Annotated[bool, Meta(description="Whether POST /api/workers/local can start one.")]
    retention: list[RuleView]
    limits: list[RuleView]
    thresholds: Annotated[list[RuleView], Meta(description="From where on a run is a critical intercept.")]
    notifications: Annotated[list[str], Meta(description="Addresses, shortened.")]
