"""`titan tokens`: who may ask a server that others can reach."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from titan.cli.arguments import parse_seconds
from titan.cli.exit_codes import not_found, usage_error
from titan.cli.options import Home, JsonOption, ServerOption, argument, examples, noun, option
from titan.cli.server import Document, Server, connect, names_a_server, read, servers_of
from titan.cli.terminal import Column, Columns, Status, remark, say, show_json, show_list
from titan.cli.views.formats import age, moment
from titan.model.tokens import Scope
from titan.settings import home_folder, setting
from titan.wire.server import NewTokenAnswer, TokensAnswer, TokenView

A_DAY: Final = timedelta(days=1)

app = noun("List, create and revoke tokens.")

Name = Annotated[str, argument("NAME", "Who or what will hold it, for people.")]
TokenId = Annotated[str, argument("ID", "Its id, as `titan tokens list` shows it.")]
RoleOption = Annotated[
    Literal["admin", "owner", "manager", "worker", "viewer"] | None,
    option(
        "--role",
        "admin: everything; owner: everything in its organisation; manager: as owner but tokens; worker: work for the "
        "server; viewer: look only. Default: admin, with --org owner.",
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

_COLUMNS: Columns[TokenView] = (
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


@app.command(
    epilog=examples(
        "titan tokens create laptop",
        "titan tokens create gpu-box --role worker --trusted --expires 30d",
        "titan tokens create sandbox --role worker --label SANDBOX",
        "titan tokens create dashboard --role viewer --project finance",
        "titan tokens create ci --key --scope workflows:manage --scope runs:read --expires 90d",
    )
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
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Make a token and write it to stdout: it is shown this once."""
    expires_in = None if expires is None else timedelta(seconds=parse_seconds("--expires", expires))
    if key and role is not None:
        raise usage_error("titan tokens create", expected="--key or --role", found="both")
    asked = "key" if key else role
    body: dict[str, Any] = {"name": name, "role": asked, "labels": label, "project": project}
    body |= {"organisation": org, "scopes": None if scope is None else [str(one) for one in scope]}
    days = None if expires_in is None else expires_in / A_DAY
    answer = _asked(
        *(server, home, "create_token"),
        lambda titan: titan.post("api", "tokens", body=body | {"trusted": trusted, "expires_in_days": days}),
        **body | {"is_trusted": trusted, "expires_in": expires_in},
    )
    if as_json:
        show_json(answer)
        return
    made = read(answer, NewTokenAnswer)
    say(made.token)
    remark(f"Token {made.token_id} of '{made.name}' ({made.role}). Keep it now: it is shown this once.")
    if role == "worker" and not trusted:
        remark("What jobs on its workers submit runs on workers with this token only; --trusted lifts that.")
        remark("It is enforced where the server needs tokens: titan up --require-token, or --host.")
        if not label:
            remark("Its workers may offer any label, and are given the jobs that require it; --label limits that.")


@app.command("list", epilog=examples("titan tokens", "titan tokens list --json | jq -r '.tokens[].name'"))
def list_tokens(
    *, org: Org = None, home: Home = None, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """List the tokens, newest first: who holds them, and when each was last used."""
    answer = _asked(
        *(server, home, "list_tokens"), lambda titan: titan.get("api", "tokens", organisation=org), organisation=org
    )
    if as_json:
        show_json(answer)
    else:
        show_list(_COLUMNS, read(answer, TokensAnswer).tokens, nothing="No tokens. Make one: titan tokens create NAME")


@app.command(epilog=examples("titan tokens revoke 0123456789ab"))
def revoke(token: TokenId, *, home: Home = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Revoke a token, at once and for ever."""
    answer = _asked(
        *(server, home, "revoke_token"), lambda titan: titan.post("api", "tokens", token, "revoke"), token_id=token
    )
    if as_json:
        show_json(answer)
    else:
        revoked = read(answer, TokenView)
        say(f"Revoked token {revoked.token_id} of '{revoked.name}'.")


def _asked(
    url: str | None, home: Path | None, what: str, ask: Callable[[Server], Document], **arguments: object
) -> Document:
    """Return what the server answers that keeps the tokens; where none runs on the home, its store is at hand.

    A home that was named wins over a server that the environment names.
    """
    if url is not None or (home is None and names_a_server()):
        return ask(connect(url))
    place = home or home_folder()
    titan = next((server for server in servers_of(place) if server.answers()), None)
    return _in_store(place, what, **arguments) if titan is None else ask(titan)


def _in_store(home: Path, what: str, **arguments: object) -> Document:
    """Return what `titan.server.http.offline` answers on the store of a home on which no server runs."""
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
