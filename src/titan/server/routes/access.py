"""Routes of browser sessions, tokens, organisations and projects."""

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

from litestar import Response

from titan import tokens
from titan.home.identity import WORKER_TOKEN_FILE, home_token_id
from titan.home.token_files import keep_home_token
from titan.model.errors import Forbidden
from titan.model.projects import DEFAULT_PROJECT, ORGANISATION, name_of_project, project_id_of
from titan.model.tokens import MEMBERS, Organisation, Role, Token
from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runs_store import CallReader
from titan.rules.access import Permission
from titan.rules.names import check_label, check_name, check_project, shown
from titan.server.evaluation import check_slug
from titan.server.http.access import Caller, set_cookie
from titan.server.http.call import Call, Json
from titan.server.http.offline import default_role, new_token_answer, token_view
from titan.server.http.responses import json_answer
from titan.server.http.route import Routes
from titan.wire import server as wire

route = Routes()


@route("POST /api/session", Permission.SIGN_IN, answer=wire.SessionView)
async def sign_in(call: Call, body: wire.SignInBody) -> Response[bytes]:
    """Sign a browser in: check the token, and set a session cookie."""
    caller = await call.sender.authenticator.sign_in(body.token, client=call.client)
    token = caller.token
    assert token is not None, "whoever signs in has a token of ours"

    def act(tx: Transaction) -> tuple[str, timedelta]:
        if call.sender.cookie is not None:
            tokens.sign_out(tx, call.sender.cookie)
        made, secret = tokens.sign_in(tx, token, ids=call.app.ids)
        return secret, made.expires_at - made.created_at

    secret, lasts = await call.app.orchestrator.keep(act)
    return _answer(call, caller, cookie=set_cookie(secret, lasts, is_encrypted=call.is_page_encrypted))


@route("GET /api/session", Permission.SIGN_IN, answer=wire.SessionView)
async def who_am_i(call: Call) -> Response[bytes]:
    """Show the caller, and whether this server requires a token."""
    return _answer(call, call.caller)


@route("DELETE /api/session", Permission.SIGN_IN, answer=wire.SessionView)
async def sign_out(call: Call) -> Response[bytes]:
    """Sign a browser out; the token stays valid."""
    if call.sender.cookie is not None:
        await call.app.orchestrator.keep(partial(tokens.sign_out, secret=call.sender.cookie))
    nobody = call.sender.authenticator.without_token()
    return _answer(call, nobody, cookie=set_cookie("", timedelta(0), is_encrypted=call.is_page_encrypted))


def _answer(call: Call, caller: Caller, *, cookie: str | None = None) -> Response[bytes]:
    view = wire.SessionView(
        is_signed_in=caller.is_signed_in,
        needs_token=call.sender.authenticator.access.requires_token,
        role=caller.role,
        name=caller.token.name if caller.token is not None else None,
        token_id=caller.token.id if caller.token is not None else None,
        project=None if caller.project_id is None else name_of_project(caller.project_id),
        organisation=None if caller.role is None else caller.organisation_id,
    )
    answer = json_answer(view)
    answer.headers["Cache-Control"] = "no-store"
    if cookie is not None:
        answer.headers["Set-Cookie"] = cookie
    return answer


@route("POST /api/tokens", Permission.ADMINISTER, status=201)
async def create_token(call: Call, body: wire.NewTokenBody) -> wire.NewTokenAnswer:
    """Create a token; only this answer contains its text.

    An Idempotency-Key is not honoured, for a receipt would keep the secret for a day. A repeat makes another token;
    one whose answer was lost opens nothing, for nobody knows it.
    """
    organisation_id = _organisation_asked(call, body.organisation)
    role = Role(body.role) if body.role is not None else default_role(organisation_id)
    is_for_the_server = role is Role.ADMIN or (role is Role.WORKER and organisation_id == ORGANISATION)
    if is_for_the_server and not call.caller.may(Permission.OPERATE):
        raise Forbidden(
            call.caller.name,
            expected=f"a role that may {Permission.OPERATE.value}, to make a token of role {role.value}",
            found=call.caller.role.value if call.caller.role is not None else "none",
            next_step="Make one of role owner, manager, viewer or key.",
        )
    new = tokens.NewToken(
        project_id=_project_of_new(call, body, organisation_id),
        organisation_id=organisation_id,
        scopes=None if body.scopes is None else tuple(body.scopes),
        name=check_name("token", body.name),
        role=role,
        is_trusted=body.trusted,
        labels=None if body.labels is None else tuple(map(check_label, body.labels)),
        expires_in=None if body.expires_in_days is None else timedelta(days=body.expires_in_days),
    )
    create = partial(tokens.create, new=new, ids=call.app.ids, cause=f"request of {call.caller.name}")
    minted = await call.app.orchestrator.keep(create)
    return new_token_answer(minted)


@route("GET /api/tokens", Permission.ADMINISTER)
async def list_tokens(call: Call, query: wire.TokensQuery) -> wire.TokensAnswer:
    """List an organisation's tokens, newest first; for a token of a project, only those of the project."""
    organisation_id, by = _organisation_asked(call, query.organisation), call.caller.token
    of_it = [token for token in await call.app.store.look(_tokens) if token.organisation_id == organisation_id]
    found = [token for token in of_it if tokens.administers(by, token)]
    own_id = home_token_id(Path(call.app.server_info.home))
    return wire.TokensAnswer(tokens=[token_view(token) for token in found], home_token_id=own_id)


@route("POST /api/tokens/{token}/revoke", Permission.ADMINISTER, mutates=True)
async def revoke_token(call: Call) -> Json[wire.TokenView]:
    """Revoke a token at once. Revoking it again changes nothing; the token of the home's workers is replaced."""
    token_id, cause = call.path("token"), f"request of {call.caller.name}"

    def act(tx: Transaction) -> wire.TokenView:
        return token_view(tokens.revoke(tx, token_id, by=call.caller.token, cause=cause))

    answer = await call.keep(act)
    home = Path(call.app.server_info.home)
    if token_id == home_token_id(home, WORKER_TOKEN_FILE):
        # Its workers continue with a new one, or they could not report.
        now, ids = call.app.clock.now(), call.app.ids
        keep = partial(keep_home_token, call.app.store, home, WORKER_TOKEN_FILE, ids=ids, now=now)
        await asyncio.to_thread(keep)
    return answer


def _tokens(reader: Reader) -> list[Token]:
    return reader.tokens()


def _organisation_asked(call: Call, asked: str | None) -> str:
    """Return the organisation whose tokens are asked for: the caller's, or any for operators of the server.

    Raises:
        Forbidden: the caller asks for another organisation, and does not operate the server.
    """
    caller = call.caller
    if asked in (None, caller.organisation_id):
        return caller.organisation_id
    if caller.may(Permission.OPERATE) and caller.is_of_the_server:
        return asked or ORGANISATION
    raise Forbidden(
        caller.name,
        expected=f"organisation {shown(caller.organisation_id)}",
        found=f"organisation {shown(asked or '')}",
        next_step="Use a token of that organisation.",
    )


def _project_of_new(call: Call, body: wire.NewTokenBody, organisation_id: str) -> str | None:
    """Return the project that a new token is limited to: the one asked for, else its creator's.

    Raises:
        InvalidName: it can be no project's name.
        Forbidden: its creator is limited to another project.
    """
    own, named = call.caller.project_id, body.project
    asked = None
    if named is not None:
        asked = project_id_of(organisation_id, call.app.recorder.known_as(check_project(named)))
    if own is not None and asked not in (None, own):
        raise Forbidden(
            call.caller.name,
            expected=f"project {shown(name_of_project(own))}",
            found=f"project {shown(named or '')}",
            next_step="Use a token of that project, or of all.",
        )
    return asked or own


# --- organisations and projects ---


@route("GET /api/v1/organisations", Permission.SEE_ALL)
async def list_organisations(call: Call) -> wire.OrganisationsAnswer:
    """List organisations: all for an admin of the server, else the caller's."""

    def look(reader: Reader) -> tuple[list[Organisation], list[Token]]:
        return reader.organisations(), tokens.good_tokens(reader, now=call.app.clock.now())

    others, good = await call.app.store.look(look)
    members = Counter(token.organisation_id for token in good if token.role in MEMBERS)
    created = {ORGANISATION: None} | {one.id: one.created_at for one in others}
    sees_all = call.caller.may(Permission.OPERATE) and call.caller.is_of_the_server
    seen = sorted(created) if sees_all else [call.caller.organisation_id]
    return wire.OrganisationsAnswer(
        data=[wire.OrganisationView(name=name, created_at=created[name], members=members[name]) for name in seen]
    )


@route("POST /api/v1/organisations", Permission.OPERATE, status=201)
async def create_organisation(call: Call, body: wire.OrganisationBody) -> wire.NewOrganisationAnswer:
    """Create an organisation with the token of its first owner, whose text only this answer contains."""
    check_slug(body.name)
    cause = f"request of {call.caller.name}"
    create = partial(tokens.create_organisation, organisation_id=body.name, ids=call.app.ids, cause=cause)
    minted = await call.app.orchestrator.keep(create)
    return wire.NewOrganisationAnswer(name=body.name, owner=new_token_answer(minted))


@route("GET /api/v1/projects", Permission.SEE_ALL)
async def list_projects(call: Call) -> wire.ProjectsAnswer:
    """List the projects with a run, a DAG, a token or a setting; for a token of a project, only that one."""
    names = await asyncio.to_thread(_names, call)
    keeps_content = call.app.recorder.capture.keeps_content
    views = [wire.ProjectView(name=name, keeps_content=keeps_content(name)) for name in sorted(names)]
    return wire.ProjectsAnswer(data=views)


def _names(call: Call) -> set[str]:
    caller, app = call.caller, call.app
    if caller.project_id is not None:
        return {name_of_project(caller.project_id)}

    def with_work(reader: Reader) -> list[str]:
        return reader.projects()

    def with_runs(reader: CallReader) -> list[str]:
        return reader.projects()

    found = [*app.store.read(with_work), *app.calls.read(with_runs)]
    names = {DEFAULT_PROJECT, *(name_of_project(project_id) for project_id in found if caller.owns(project_id))}
    known = {name.casefold() for name in names}
    off = app.recorder.capture.off_projects if caller.is_of_the_server else ()
    return names | {name for name in off if name.casefold() not in known}
