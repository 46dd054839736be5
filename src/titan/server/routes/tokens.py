"""Tokens: make, list, revoke."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from litestar import Response

from titan.engine import tokens
from titan.engine.home_token import WORKER_FILE, home_token_id
from titan.engine.home_token_keeping import keep_home_token
from titan.model.tokens import Role
from titan.ports import Transaction
from titan.rules.names import check_label, check_name
from titan.server import wire_access
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.views import new_token_answer, token_view


async def create_token(call: Call) -> Response[bytes]:
    """Make a token; its text is in this answer and nowhere else.

    An Idempotency-Key is not honoured, for a receipt would keep the secret for a day. A repeat makes another token;
    one whose answer was lost opens nothing, for nobody knows it.
    """
    body = await call.body(wire_access.NewTokenBody)
    new = tokens.NewToken(
        project_id=call.house.project_id,
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
    """List all tokens, newest first, revoked and expired ones too."""
    found = await call.house.store.look(lambda reader: reader.tokens(call.house.project_id))
    own_id = home_token_id(Path(call.house.runs_with.home))
    return json_answer(
        wire_access.TokensAnswer(tokens=[token_view(token) for token in found], home_token_id=own_id),
    )


async def revoke_token(call: Call) -> Response[bytes]:
    """Revoke a token, at once; a second time changes nothing. The one of the home's workers is replaced."""
    raw = await call.raw_body()
    token_id, cause = call.path("token"), f"request of {call.caller.name}"

    def act(tx: Transaction) -> object:
        return token_view(tokens.revoke(tx, call.house.project_id, token_id, cause=cause))

    answer = await call.house.orchestrator.keep(call.once(raw, act))
    home = Path(call.house.runs_with.home)
    if token_id == home_token_id(home, WORKER_FILE):  # its workers go on with another, or they could report nothing
        now, ids = call.house.clock.now(), call.house.ids
        keep = partial(keep_home_token, call.house.store, home, call.house.project_id, WORKER_FILE, ids=ids, now=now)
        await asyncio.to_thread(keep)
    return json_answer(answer)
