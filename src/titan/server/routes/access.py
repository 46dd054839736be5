"""Who may ask: sessions of browsers, tokens, projects."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from litestar import Response

from titan.engine import tokens
from titan.engine.home_token import WORKER_FILE, home_token_id
from titan.engine.home_token_keeping import keep_home_token
from titan.model.errors import Forbidden
from titan.model.projects import DEFAULT_PROJECT
from titan.model.tokens import Role, Token
from titan.ports import Reader, Transaction
from titan.ports_calls import CallReader
from titan.rules.access import Permission
from titan.rules.names import check_label, check_name, check_project, shown
from titan.server.access import Caller, set_cookie
from titan.server.answers import json_answer
from titan.server.call import Call, Json
from titan.server.offline import new_token_answer, token_view
from titan.server.route import Routes
from titan.wire.access import (
    NewTokenAnswer,
    NewTokenBody,
    ProjectsAnswer,
    ProjectView,
    SessionView,
    SignInBody,
    TokensAnswer,
    TokenView,
)

route = Routes()


@route("POST /api/session", Permission.SIGN_IN, answer=SessionView)
async def sign_in(call: Call, body: SignInBody) -> Response[bytes]:
    """Sign a browser in: check the token, and have a cookie stand for it from now on."""
    caller = await call.door.sign_in(body.token, client=call.client)
    token = caller.token
    assert token is not None, "whoever signs in has a token of ours"

    def act(tx: Transaction) -> tuple[str, timedelta]:
        if call.cookie is not None:
            tokens.sign_out(tx, call.cookie)
        made, secret = tokens.sign_in(tx, token, ids=call.house.ids)
        return secret, made.expires_at - made.created_at

    secret, lasts = await call.house.orchestrator.keep(act)
    return _answer(call, caller, cookie=set_cookie(secret, lasts, is_encrypted=call.is_page_encrypted))


@route("GET /api/session", Permission.SIGN_IN, answer=SessionView)
async def who_am_i(call: Call) -> Response[bytes]:
    """Say who asks, and whether this server needs a token."""
    return _answer(call, call.caller)


@route("DELETE /api/session", Permission.SIGN_IN, answer=SessionView)
async def sign_out(call: Call) -> Response[bytes]:
    """Sign a browser out; the token stays valid."""
    if call.cookie is not None:
        await call.house.orchestrator.keep(partial(tokens.sign_out, secret=call.cookie))
    nobody = call.door.without_token()
    return _answer(call, nobody, cookie=set_cookie("", timedelta(0), is_encrypted=call.is_page_encrypted))


def _answer(call: Call, caller: Caller, *, cookie: str | None = None) -> Response[bytes]:
    view = SessionView(
        is_signed_in=caller.is_signed_in,
        needs_token=call.house.access.requires_token,
        role=caller.role,
        name=caller.token.name if caller.token is not None else None,
        token_id=caller.token.id if caller.token is not None else None,
        project=caller.project_id,
    )
    answer = json_answer(view)
    answer.headers["Cache-Control"] = "no-store"
    if cookie is not None:
        answer.headers["Set-Cookie"] = cookie
    return answer


@route("POST /api/tokens", Permission.ADMINISTER, status=201)
async def create_token(call: Call, body: NewTokenBody) -> NewTokenAnswer:
    """Make a token; its text is in this answer and nowhere else.

    An Idempotency-Key is not honoured, for a receipt would keep the secret for a day. A repeat makes another token;
    one whose answer was lost opens nothing, for nobody knows it.
    """
    new = tokens.NewToken(
        project_id=_project_of_new(call, body),
        name=check_name("token", body.name),
        role=Role(body.role),
        is_trusted=body.trusted,
        labels=None if body.labels is None else tuple(map(check_label, body.labels)),
        expires_in=None if body.expires_in_days is None else timedelta(days=body.expires_in_days),
    )
    create = partial(tokens.create, new=new, ids=call.house.ids, cause=f"request of {call.caller.name}")
    minted = await call.house.orchestrator.keep(create)
    return new_token_answer(minted)


@route("GET /api/tokens", Permission.ADMINISTER)
async def list_tokens(call: Call) -> TokensAnswer:
    """List tokens, newest first, revoked and expired ones too; for one of a project, those of that project."""
    within = call.caller.project_id
    found = [token for token in await call.house.store.look(_tokens) if within in (None, token.project_id)]
    own_id = home_token_id(Path(call.house.runs_with.home))
    return TokensAnswer(tokens=[token_view(token) for token in found], home_token_id=own_id)


@route("POST /api/tokens/{token}/revoke", Permission.ADMINISTER, mutates=True)
async def revoke_token(call: Call) -> Json[TokenView]:
    """Revoke a token, at once; a second time changes nothing. The one of the home's workers is replaced."""
    token_id, cause = call.path("token"), f"request of {call.caller.name}"

    def act(tx: Transaction) -> TokenView:
        return token_view(tokens.revoke(tx, token_id, within=call.caller.project_id, cause=cause))

    answer = await call.keep(act)
    home = Path(call.house.runs_with.home)
    if token_id == home_token_id(home, WORKER_FILE):  # its workers go on with another, or they could report nothing
        now, ids = call.house.clock.now(), call.house.ids
        keep = partial(keep_home_token, call.house.store, home, WORKER_FILE, ids=ids, now=now)
        await asyncio.to_thread(keep)
    return answer


def _tokens(reader: Reader) -> list[Token]:
    return reader.tokens()


def _project_of_new(call: Call, body: NewTokenBody) -> str | None:
    """Return the project that a new token is limited to: as it is asked for, else as its maker is.

    Raises:
        InvalidName: it can be no project's name.
        Forbidden: its maker is limited to another one.
    """
    own = call.caller.project_id
    asked = None if body.project is None else call.house.recorder.known_as(check_project(body.project))
    if own is not None and asked not in (None, own):
        raise Forbidden(
            call.caller.name,
            expected=f"project {shown(own)}",
            found=f"project {shown(asked or '')}",
            next_step="Use a token of that project, or of all.",
        )
    return asked or own


@route("GET /api/v1/projects", Permission.SEE_ALL)
async def list_projects(call: Call) -> ProjectsAnswer:
    """List the projects that have a run, a DAG, a token or a setting; for a token of a project, that one alone."""
    names = await asyncio.to_thread(_names, call)
    keeps_content = call.house.recorder.capture.keeps_content
    views = [ProjectView(name=name, keeps_content=keeps_content(name)) for name in sorted(names)]
    return ProjectsAnswer(data=views)


def _names(call: Call) -> set[str]:
    own, house = call.caller.project_id, call.house
    if own is not None:
        return {own}

    def with_work(reader: Reader) -> list[str]:
        return reader.projects()

    def with_runs(reader: CallReader) -> list[str]:
        return reader.projects()

    names = {DEFAULT_PROJECT, *house.store.read(with_work), *house.calls.read(with_runs)}
    known = {name.casefold() for name in names}
    return names | {name for name in house.recorder.capture.off_projects if name.casefold() not in known}
