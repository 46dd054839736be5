"""Where no token is needed nobody has to sign in; who does is who the token says."""

from __future__ import annotations

import json

from tests.support.raw_http import ask, ask_json


def test_who_asks_may_do_everything_without_signing_in(port: int) -> None:
    view = ask(port, "GET", "/api/session").value

    assert (view["needs_token"], view["is_signed_in"], view["role"]) == (False, False, "admin")


def test_a_cookie_of_another_titan_on_this_machine_keeps_nobody_out(port: int) -> None:
    assert ask(port, "GET", "/api/v1/runs", b"", {"Cookie": "titan_session=0123"}).status == 200


def test_who_signs_in_is_who_the_token_says(port: int) -> None:
    token = ask_json(port, "POST", "/api/tokens", {"name": "wall", "role": "viewer"}).value["token"]
    own = {"Host": f"127.0.0.1:{port}", "Origin": f"http://127.0.0.1:{port}"}
    answer = ask(port, "POST", "/api/session", json.dumps({"token": token}).encode(), own)
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    assert ask(port, "PUT", "/api/store", b'{"key": "k", "value": "v"}', {**own, **cookie}).refusal == (
        403,
        "Forbidden",
    )
