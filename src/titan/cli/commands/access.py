"""`titan tokens`, `titan orgs` and `titan projects`: access to a server that others reach."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from titan.cli.arguments import parse_seconds
from titan.cli.exit_codes import not_found, usage_error
from titan.cli.options import Answer, Home, ServerOption, argument, asks, noun, option
from titan.cli.server import Document, Server, connect, names_a_server, read, server_of
from titan.cli.terminal import Column, Columns, Status, remark, say, show_list, show_table
from titan.cli.views.formats import age, moment
from titan.model.tokens import Scope
from titan.settings import home_folder, setting
from titan.wire.server import (
    NewOrganisationAnswer,
    NewTokenAnswer,
    OrganisationsAnswer,
    OrganisationView,
    ProjectsAnswer,
    ProjectView,
    TokensAnswer,
    TokenView,
)

A_DAY: Final = timedelta(days=1)

tokens = noun("List, create and revoke tokens.")

Name = Annotated[str, argument("NAME", "Who or what will hold it, for people.")]
TokenId = Annotated[str, argument("ID", "Its id, as `titan tokens list` shows it.")]
RoleOption = Annotated[
    Literal["admin", "owner", "manager", "worker", "viewer"] | None,
    option(
        "--role",
        "admin: everything; owner: everything in its organisation; manager: as owner but tokens; worker: run the "
        "organisation's jobs; viewer: look only. Default: admin, with --org owner.",
    ),
]
Key = Annotated[bool, option("--key", "Make a key for a program, pk_live_…, that may do what --scope says.")]
Scopes = Annotated[list[Scope] | None, option("--scope SCOPE", f"With --key: {', '.join(Scope)}. May be repeated.")]
Org = Annotated[str | None, option("--org NAME", "The organisation. Default: that of the token that asks.")]
Expires = Annotated[str | None, option("--expires TIME", "When it ends: 30d, 12h. Default: never.")]
Trusted = Annotated[
    bool,
    option(
        "--trusted",
        "With --role worker: jobs on its workers may submit work for every worker. Otherwise what they submit "
        "runs on workers with this token only.",
    ),
]
Labels = Annotated[
    list[str] | None,
    option(
        "--label LABEL", "With --role worker: its workers may offer only this label. May be repeated. Default: any."
    ),
]
OfProject = Annotated[
    str | None,
    option("--project PROJECT", "All that it sees and changes. Not with --role worker. Default: every project."),
]

_TOKENS: Columns[TokenView] = (
    Column("ID", lambda token, _: token.token_id),
    Column("NAME", lambda token, _: token.name, folds=True),
    Column("ROLE", lambda token, _: _role(token)),
    Column("STATE", lambda token, at: Status(_state(token, at))),
    Column("USED", lambda token, at: age(token.last_used_at, now=at) if token.last_used_at else None, is_right=True),
    Column(
        "EXPIRES", lambda token, at: moment(token.expires_at, now=at) if token.expires_at else "never", is_right=True
    ),
    Column("MADE", lambda token, at: moment(token.created_at, now=at), least_columns=100),
)


@asks(
    tokens,
    "titan tokens create laptop",
    "titan tokens create gpu-box --role worker --trusted --expires 30d",
    "titan tokens create sandbox --role worker --label SANDBOX",
    "titan tokens create dashboard --role viewer --project finance",
    "titan tokens create ci --key --scope workflows:manage --scope runs:read --expires 90d",
    is_local=True,
)
def create(
    name: Name,
    *,
    role: RoleOption = None,
    key: Key = False,
    scope: Scopes = None,
    org: Org = None,
    trusted: Trusted = False,
    label: Labels = None,
    project: OfProject = None,
    expires: Expires = None,
    home: Home = None,
    server: ServerOption = None,
) -> Answer:
    """Make a token and write it to stdout: it is shown this once."""
    expires_in = None if expires is None else timedelta(seconds=parse_seconds("--expires", expires))
    if key and role is not None:
        raise usage_error("titan tokens create", "--key or --role", "both")
    body: dict[str, Any] = {"name": name, "role": "key" if key else role, "labels": label, "project": project}
    body |= {"organisation": org, "scopes": None if scope is None else [str(one) for one in scope]}
    days = None if expires_in is None else expires_in / A_DAY
    answer = _asked(
        *(server, home, "create_token"),
        lambda titan: titan.post("api", "tokens", body=body | {"trusted": trusted, "expires_in_days": days}),
        **body | {"is_trusted": trusted, "expires_in": expires_in},
    )

    def show() -> None:
        made = read(answer, NewTokenAnswer)
        say(made.token)
        remark(f"Token {made.token_id} of '{made.name}' ({made.role}). Keep it now: it is shown this once.")
        if role == "worker" and not trusted:
            remark("What jobs on its workers submit runs on workers with this token only; --trusted lifts that.")
            remark("It is enforced where the server needs tokens: titan up --require-token, or --host.")
            if not label:
                remark("Its workers may offer any label, and are given the jobs that require it; --label limits that.")

    return Answer(answer, show)


@asks(tokens, "titan tokens", "titan tokens list --json | jq -r '.tokens[].name'", name="list", is_local=True)
def list_tokens(*, org: Org = None, home: Home = None, server: ServerOption = None) -> Answer:
    """List the tokens, newest first: who holds them, and when each was last used."""
    answer = _asked(
        *(server, home, "list_tokens"), lambda titan: titan.get("api", "tokens", organisation=org), organisation=org
    )
    nothing = "No tokens. Make one: titan tokens create NAME"
    return Answer(answer, lambda: show_list(_TOKENS, read(answer, TokensAnswer).tokens, nothing=nothing))


@asks(tokens, "titan tokens revoke 0123456789ab", is_local=True)
def revoke(token: TokenId, *, home: Home = None, server: ServerOption = None) -> Answer:
    """Revoke a token, at once and for ever."""
    answer = _asked(
        *(server, home, "revoke_token"), lambda titan: titan.post("api", "tokens", token, "revoke"), token_id=token
    )
    revoked = read(answer, TokenView)
    return Answer(answer, lambda: say(f"Revoked token {revoked.token_id} of '{revoked.name}'."))


def _asked(
    url: str | None, home: Path | None, what: str, ask: Callable[[Server], Document], **arguments: object
) -> Document:
    """Return the answer of the server, or of the home's own store where no server runs on the home.

    `--home` wins over a server that the environment names.
    """
    if url is not None or (home is None and names_a_server()):
        return ask(connect(url))
    place = home or home_folder()
    titan = server_of(place)
    return _in_store(place, what, **arguments) if titan is None else ask(titan)


def _in_store(home: Path, what: str, **arguments: object) -> Document:
    """Return the answer of `titan.server.http.offline` on the store of a home on which no server runs."""
    if what != "create_token" and not setting("TITAN_STORE") and not (home / "control.db").exists():
        found = "a folder without a store" if home.exists() else "no such folder"
        next_step = "Name it with --home or TITAN_HOME; the first `titan up` makes one."
        raise not_found(f"home {home}", "a home of Titan's", found, next_step, kind="CommandFailed")
    from titan.main import offline_store  # most of a second to import
    from titan.server.http import offline

    with offline_store(home) as store:
        answer = store.transact(partial(getattr(offline, what), **arguments)).result()
    document: Document = msgspec.to_builtins(answer)
    return document


def _role(token: TokenView) -> str:
    about = ["trusted"] if token.trusted else []
    of = [] if token.project is None else ["of", token.project]
    key = [*token.scopes, f"…{token.last_four}"] if token.scopes else []
    return " ".join([token.role, *about, *(token.labels or ()), *key, *of])


def _state(token: TokenView, at: datetime) -> str:
    if token.revoked_at is not None:
        return "REVOKED"
    return "EXPIRED" if token.expires_at is not None and token.expires_at <= at else "GOOD"


# --- organisations and projects ---

organisations = noun("List and create organisations.")

_ORGANISATIONS: Columns[OrganisationView] = (
    Column("ORGANISATION", lambda one, _: one.name),
    Column("MEMBERS", lambda one, _: str(one.members), is_right=True),
    Column("MADE", lambda one, at: moment(one.created_at, now=at) if one.created_at else "–"),
)


@asks(organisations, "titan orgs", "titan orgs list --json | jq -r '.data[].name'", name="list")
def list_organisations(titan: Server) -> Answer:
    """List organisations: all for who operates the server, else the token's own. MEMBERS counts tokens of people."""
    answer = titan.get("api", "v1", "organisations")
    return Answer(answer, lambda: show_table(_ORGANISATIONS, read(answer, OrganisationsAnswer).data))


@asks(organisations, "titan orgs create acme", name="create")
def create_organisation(titan: Server, name: Annotated[str, argument("NAME", "What it is called: a slug.")]) -> Answer:
    """Make an organisation, and write the token of its first owner to stdout: it is shown this once."""
    answer = titan.post("api", "v1", "organisations", body={"name": name})
    made = read(answer, NewOrganisationAnswer)

    def show() -> None:
        say(made.owner.token)
        remark(f"Token {made.owner.token_id} of the owner of '{made.name}'. Keep it now: it is shown this once.")

    return Answer(answer, show)


projects = noun("List projects.")

_PROJECTS: Columns[ProjectView] = (
    Column("PROJECT", lambda project, _: project.name, folds=True),
    Column("CONTENT", lambda project, _: "stored" if project.keeps_content else "off"),
)


@asks(projects, "titan projects", "titan projects list --json | jq -r '.data[].name'", name="list")
def list_projects(titan: Server) -> Answer:
    """List the projects that have a run, a DAG, a token or a setting.

    CONTENT says whether inputs and outputs are stored of the runs that begin now.
    """
    answer = titan.get("api", "v1", "projects")
    return Answer(answer, lambda: show_table(_PROJECTS, read(answer, ProjectsAnswer).data))
