"""`titan tokens`: who may ask a server that others can reach."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import typer

from titan.cli.arguments import parse_seconds
from titan.cli.exits import CommandFailed, ExitCode
from titan.cli.formats import NOTHING, age, moment
from titan.cli.options import JsonOption, ServerOption, examples, noun
from titan.cli.screen import Cell, Column, Status, remark, say, show_json, show_table
from titan.cli.server import Document, Server, connect, names_a_server, read, servers_of
from titan.cli.views import now
from titan.settings import home_folder, setting
from titan.wire.access import NewTokenAnswer, TokensAnswer, TokenView

A_DAY: Final = timedelta(days=1)

app = noun("List, create and revoke tokens.")

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Who or what will hold it, for people.")]
TokenId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `titan tokens list` shows it.")]
RoleOption: TypeAlias = Annotated[
    Literal["admin", "worker", "viewer"],
    typer.Option("--role", help="admin: everything; worker: work for the server; viewer: look only."),
]
Expires: TypeAlias = Annotated[
    str | None, typer.Option("--expires", metavar="TIME", help="When it ends: 30d, 12h. Default: never.")
]
Trusted: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--trusted",
        help="With --role worker: jobs on its workers may submit work for every worker. Otherwise what they submit "
        "runs on workers with this token only.",
    ),
]
Labels: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="LABEL",
        help="With --role worker: its workers may offer only this label. May be repeated. Default: any.",
    ),
]
OfProject: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="PROJECT",
        help="All that it sees and changes. Not with --role worker. Default: every project.",
    ),
]
Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="TITAN_HOME",
        help="The home, where no server runs on it.",
        show_default="~/.titan",
        file_okay=False,
    ),
]

_COLUMNS = (
    Column("ID"),
    Column("NAME", folds=True),
    Column("ROLE"),
    Column("STATE"),
    Column("USED", "right"),
    Column("EXPIRES", "right"),
    Column("MADE", least_columns=100),
)


@app.command(
    epilog=examples(
        "titan tokens create laptop",
        "titan tokens create gpu-box --role worker --trusted --expires 30d",
        "titan tokens create sandbox --role worker --label SANDBOX",
        "titan tokens create dashboard --role viewer --project finance",
    )
)
def create(
    name: Name,
    *,
    role: RoleOption = "admin",
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
    place = home or home_folder()
    titan = _server(server, home)
    if titan is None:
        asked = {"name": name, "role": role, "is_trusted": trusted, "labels": label, "project": project}
        answer = _in_store(place, "create_token", expires_in=expires_in, **asked)
    else:
        days = None if expires_in is None else expires_in / A_DAY
        body = {"name": name, "role": role, "trusted": trusted, "labels": label, "project": project}
        answer = titan.post("api", "tokens", body=body | {"expires_in_days": days})
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
def list_tokens(*, home: Home = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the tokens, newest first: who holds them, and when each was last used."""
    place = home or home_folder()
    titan = _server(server, home)
    answer = _in_store(place, "list_tokens") if titan is None else titan.get("api", "tokens")
    if as_json:
        show_json(answer)
        return
    listed = read(answer, TokensAnswer).tokens
    if not listed:
        say("No tokens. Make one: titan tokens create NAME")
        return
    show_table(_COLUMNS, [_row(token) for token in listed])


@app.command(epilog=examples("titan tokens revoke 0123456789ab"))
def revoke(token: TokenId, *, home: Home = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Revoke a token, at once and for ever."""
    place = home or home_folder()
    titan = _server(server, home)
    if titan is None:
        answer = _in_store(place, "revoke_token", token_id=token)
    else:
        answer = titan.post("api", "tokens", token, "revoke")
    if as_json:
        show_json(answer)
    else:
        revoked = read(answer, TokenView)
        say(f"Revoked token {revoked.token_id} of '{revoked.name}'.")


def _server(url: str | None, home: Path | None) -> Server | None:
    """Return the server that keeps the tokens, None where none runs on this home: then its store is at hand.

    A home that was named wins over a server that the environment names.
    """
    if url is not None or (home is None and names_a_server()):
        return connect(url)
    return next((server for server in servers_of(home or home_folder()) if server.answers()), None)


def _in_store(home: Path, what: str, **arguments: object) -> Document:
    """Return what `titan.server.offline` answers on the store of a home on which no server runs."""
    if what != "create_token" and not setting("TITAN_STORE") and not (home / "control.db").exists():
        raise CommandFailed(
            f"home {home}",
            exit_code=ExitCode.NOT_FOUND,
            expected="a home of Titan's",
            found="a folder without a store" if home.exists() else "no such folder",
            next_step="Name it with --home or TITAN_HOME; the first `titan up` makes one.",
        )
    from titan.main import offline_store  # most of a second to import
    from titan.server import offline

    with offline_store(home) as store:
        answer = store.transact(partial(getattr(offline, what), **arguments)).result()
    document: Document = msgspec.to_builtins(answer)
    return document


def _row(token: TokenView) -> list[Cell]:
    at = now()
    return [
        token.token_id,
        token.name,
        _role(token),
        Status(_state(token)),
        NOTHING if token.last_used_at is None else age(token.last_used_at, now=at),
        "never" if token.expires_at is None else moment(token.expires_at, now=at),
        moment(token.created_at, now=at),
    ]


def _role(token: TokenView) -> str:
    about = ["trusted"] if token.trusted else []
    of = [] if token.project is None else ["of", token.project]
    return " ".join([token.role, *about, *(token.labels or ()), *of])


def _state(token: TokenView) -> str:
    if token.revoked_at is not None:
        return "REVOKED"
    return "EXPIRED" if token.expires_at is not None and token.expires_at <= now() else "GOOD"
