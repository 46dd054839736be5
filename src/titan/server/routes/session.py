"""The session of a browser: sign in with a token, see who one is, sign out."""

from datetime import timedelta
from functools import partial

from litestar import Response

from titan.engine import tokens
from titan.ports import Transaction
from titan.server.access import Caller, set_cookie
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.wire.access import SessionView, SignInBody


async def sign_in(call: Call) -> Response[bytes]:
    """Sign a browser in: check the token, and have a cookie stand for it from now on."""
    body = await call.body(SignInBody)
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


async def who_am_i(call: Call) -> Response[bytes]:
    """Say who asks, and whether this server needs a token."""
    return _answer(call, call.caller)


async def sign_out(call: Call) -> Response[bytes]:
    """Sign a browser out; the token stays good."""
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
