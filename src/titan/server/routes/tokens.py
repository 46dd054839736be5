"""Tokens: make, list, revoke."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from litestar import Response

from titan.engine import tokens
from titan.engine.home_token import WORKER_FILE, home_token_id
from titan.engine.home_token_keeping import keep_home_token
from titan.model.errors import Forbidden
from titan.model.tokens import Role, Token
from titan.ports import Reader, Transaction
from titan.rules.names import check_label, check_name, check_project, shown
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.views import new_token_answer, token_view
from titan.wire.access import NewTokenBody, TokensAnswer


async def create_token(call: Call) -> Response[bytes]:
    """Make a token; its text is in this answer and nowhere else.

    An Idempotency-Key is not honoured, for a receipt would keep the secret for a day. A repeat makes another token;
    one whose answer was lost opens nothing, for nobody knows it.
    """
    body = await call.body(NewTokenBody)
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
    return json_answer(new_token_answer(minted), 201)


async def list_tokens(call: Call) -> Response[bytes]:
    """List tokens, newest first, revoked and expired ones too; for one of a project, those of that project."""
    within = call.caller.project_id
    found = [token for token in await call.house.store.look(_tokens) if within in (None, token.project_id)]
    own_id = home_token_id(Path(call.house.runs_with.home))
    return json_answer(
        TokensAnswer(tokens=[token_view(token) for token in found], home_token_id=own_id),
    )


async def revoke_token(call: Call) -> Response[bytes]:
    """Revoke a token, at once; a second time changes nothing. The one of the home's workers is replaced."""
    raw = await call.raw_body()
    token_id, cause = call.path("token"), f"request of {call.caller.name}"

    def act(tx: Transaction) -> object:
        return token_view(tokens.revoke(tx, token_id, within=call.caller.project_id, cause=cause))

    answer = await call.house.orchestrator.keep(call.once(raw, act))
    home = Path(call.house.runs_with.home)
    if token_id == home_token_id(home, WORKER_FILE):  # its workers go on with another, or they could report nothing
        now, ids = call.house.clock.now(), call.house.ids
        keep = partial(keep_home_token, call.house.store, home, WORKER_FILE, ids=ids, now=now)
        await asyncio.to_thread(keep)
    return json_answer(answer)


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
