"""A browser signs in with a token once; a cookie that is not the token stands for it until it ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.raw_http import Answer, ask
from tests.support.running_titan import RunningTitan
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until


def origin(port: int) -> dict[str, str]:
    """Return what a page of the server itself is asked with."""
    return {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}


def sign_in(port: int, token: str | None, headers: dict[str, str] | None = None) -> Answer:
    """Show a token as the console's page does."""
    body = json.dumps({"token": token}).encode()
    return ask(port, "POST", "/api/session", body, {**origin(port), **(headers or {})})


def cookie_of(holder: Holder) -> str:
    """Sign a browser in and return the cookie it shows from then on."""
    answer = sign_in(holder.port, holder.token)
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


def test_a_cookie_replaces_the_token(admin: Holder) -> None:
    viewer = admin.make("viewer", name="wall")
    answer = sign_in(viewer.port, viewer.token)
    cookie = {"Cookie": f"theme=dark; {answer.headers['set-cookie'].partition(';')[0]}"}

    assert answer.value == {
        "is_signed_in": True,
        "needs_token": True,
        "role": "viewer",
        "name": "wall",
        "token_id": viewer.token_id,
        "project": None,
        "organisation": "local",
    }
    assert ask(admin.port, "GET", "/api/session", b"", cookie).value == answer.value
    assert ask(admin.port, "GET", "/api/v1/runs", b"", cookie).status == 200
    assert ask(admin.port, "GET", "/api/tokens", b"", cookie).refusal == (403, "Forbidden")


def test_no_script_and_no_other_site_gets_the_cookie_and_it_is_not_the_token(admin: Holder) -> None:
    holder = admin.make()
    header = sign_in(holder.port, holder.token).headers["set-cookie"]
    name, _, value = header.partition(";")[0].partition("=")

    assert name == "titan_session"
    assert value not in (holder.token or "")
    assert set(header.split("; ")[1:]) == {"Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Strict"}


def test_behind_a_proxy_that_speaks_tls_the_cookie_goes_no_other_way(admin: Holder) -> None:
    answer = sign_in(
        admin.port, admin.token, {"X-Forwarded-Proto": "https", "Origin": f"https://localhost:{admin.port}"}
    )

    assert answer.headers["set-cookie"].endswith("; Secure")


def test_behind_a_proxy_on_another_machine_the_page_says_that_it_came_by_tls(admin: Holder) -> None:
    page = {"Host": "titan.example.org", "Origin": "https://titan.example.org"}

    signed_in = sign_in(admin.port, admin.token, page)
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    left = ask(admin.port, "DELETE", "/api/session", b"", {**page, "Cookie": cookie})

    assert signed_in.headers["set-cookie"].endswith("; Secure")
    assert left.headers["set-cookie"].endswith("; Secure")


def test_who_is_not_signed_in_learns_that_a_token_is_needed_and_nothing_more(nobody: Holder) -> None:
    stranger = {
        "is_signed_in": False,
        "needs_token": True,
        "role": None,
        "name": None,
        "token_id": None,
        "project": None,
        "organisation": None,
    }

    assert nobody.ask("GET", "/api/session").value == stranger
    assert ask(nobody.port, "GET", "/api/session", b"", {"Cookie": "titan_session=unknown"}).value == stranger
    assert ask(nobody.port, "GET", "/api/v1/runs", b"", {"Cookie": "titan_session=unknown"}).refusal == (
        401,
        "Unauthorized",
    )


def test_a_change_by_cookie_says_which_page_asks(admin: Holder) -> None:
    cookie = {"Cookie": cookie_of(admin)}
    own = origin(admin.port)

    def put(headers: dict[str, str]) -> int:
        body = b'{"key": "signed-in", "value": "1"}'
        return ask(admin.port, "PUT", "/api/store", body, {**cookie, **headers}).status

    assert put(own) == 200
    assert put({"Host": own["Host"]}) == 403
    assert put({**own, "Origin": "http://localhost:1"}) == 403
    assert ask(admin.port, "GET", "/api/store?key=signed-in", b"", {**cookie, "Host": own["Host"]}).status == 200


def test_signing_out_ends_the_cookie_and_not_the_token(admin: Holder) -> None:
    holder = admin.make()
    headers = {**origin(holder.port), "Cookie": cookie_of(holder)}

    left = ask(holder.port, "DELETE", "/api/session", b"", headers)

    assert left.value["is_signed_in"] is False
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert ask(holder.port, "GET", "/api/v1/runs", b"", headers).refusal == (401, "Unauthorized")
    assert holder.ask("GET", "/api/v1/runs").status == 200


def test_a_revoked_token_signs_its_browsers_out_at_once(admin: Holder) -> None:
    holder = admin.make()
    headers = {"Cookie": cookie_of(holder)}
    assert ask(holder.port, "GET", "/api/v1/runs", b"", headers).status == 200

    admin.ask_json("POST", f"/api/tokens/{holder.token_id}/revoke")

    assert ask(holder.port, "GET", "/api/v1/runs", b"", headers).refusal == (401, "Unauthorized")


def test_a_sign_in_lasts_no_longer_than_its_token(admin: Holder) -> None:
    holder = admin.make(expires_in_days=1)

    header = sign_in(holder.port, holder.token).headers["set-cookie"]

    assert 86_000 < int(header.partition("Max-Age=")[2].partition(";")[0]) <= 86_400


@pytest.mark.parametrize("token", ["", "titan_0123456789ab_" + "0" * 64, "x" * 900])
def test_an_invalid_token_signs_nobody_in_and_is_logged_without_it(
    titan: RunningTitan, admin: Holder, token: str
) -> None:
    refused = sign_in(admin.port, token)

    assert refused.refusal == (401, "Unauthorized")
    assert "set-cookie" not in refused.headers

    def is_logged() -> bool:  # one line a second
        return sign_in(admin.port, token).status == 401 and "asked to sign in" in titan.log

    wait_until(is_logged, "the failure stands in the log")
    assert token == "" or token not in titan.log


def test_who_tries_tokens_keeps_nobody_out_that_has_one(admin: Holder) -> None:
    with ThreadPoolExecutor(50) as strangers:
        tries = [strangers.submit(sign_in, admin.port, f"titan_0123456789ab_{number:064x}") for number in range(200)]

        assert sign_in(admin.port, admin.token).status == 200
        assert {each.result().status for each in tries} == {401}


def test_another_page_signs_nobody_in(admin: Holder) -> None:
    assert sign_in(admin.port, admin.token, {"Origin": "https://evil.example"}).refusal == (403, "Forbidden")


def test_a_sign_in_outlives_a_restart(tmp_path: Path) -> None:
    titan = RunningTitan(tmp_path / "home", offers=(), options=("--require-token",))
    try:
        cookie = {"Cookie": cookie_of(Holder(titan.sdk_port, titan.home_token))}
        titan.kill()
        titan.start_again()

        assert ask(titan.sdk_port, "GET", "/api/v1/runs", b"", cookie).status == 200
    finally:
        titan.stop()
