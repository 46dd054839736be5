"""Tokens open the door while they are good, and no secret lies about."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.event_stream import events
from tests.support.raw_http import a_key, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.token_holder import Holder, a_token_name
from tests.support.waiting import wait_until


def test_a_token_is_shown_once_and_listed_without_its_secret(admin: Holder) -> None:
    name = a_token_name()

    made = admin.ask_json("POST", "/api/tokens", {"name": name, "role": "viewer", "expires_in_days": 30}).value
    listed = admin.ask("GET", "/api/tokens")

    assert made["token"].startswith(f"titan_{made['token_id']}_")
    (entry,) = [token for token in listed.value["tokens"] if token["token_id"] == made["token_id"]]
    assert (entry["name"], entry["role"], entry["revoked_at"]) == (name, "viewer", None)
    in_30_days = datetime.fromisoformat(entry["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < in_30_days <= timedelta(days=30)
    assert made["token"].split("_")[2].encode() not in listed.body


def test_the_list_says_which_token_is_the_home_s_own(admin: Holder) -> None:
    namesake = admin.ask_json("POST", "/api/tokens", {"name": "home"}).value

    listed = admin.ask("GET", "/api/tokens").value

    assert listed["home_token_id"] == admin.token_id != namesake["token_id"]


def test_no_secret_is_kept_anywhere(titan: RunningTitan, admin: Holder) -> None:
    name = a_token_name()
    key = a_key()
    made = ask_json(admin.port, "POST", "/api/tokens", {"name": name}, {**key, **admin.header}).value
    Holder(admin.port, made["token"]).ask("GET", "/api/health")
    Holder(admin.port, made["token"][:-1] + "0").ask("GET", "/api/health")

    secret = made["token"].split("_")[2].encode()
    written = [path for path in titan.home.rglob("*") if path.is_file() and secret in path.read_bytes()]

    assert written == []
    assert secret.decode() not in titan.log


def test_a_repeated_creation_makes_another_token_for_no_receipt_may_hold_the_first(admin: Holder) -> None:
    key, body = a_key(), {"name": a_token_name()}

    tokens = [ask_json(admin.port, "POST", "/api/tokens", body, {**key, **admin.header}).value for _ in range(2)]

    assert tokens[0]["token"] != tokens[1]["token"]


@pytest.mark.parametrize(
    "token",
    [
        None,
        "titan",
        "titan_000000000000_" + "0" * 64,
        "titan_000000000000_0",
        "0" * 32,
        "none",
        "é",
        "a" * 5000,
        "titan_000000000000_" + "٠" * 64,
    ],
)
@pytest.mark.parametrize("target", ["/api/health", "/api/jobs", "/schema/openapi.json", "/no/such/route", "/"])
def test_without_a_good_token_nothing_is_said(titan: RunningTitan, token: str | None, target: str) -> None:
    answer = Holder(titan.sdk_port, token).ask("GET", target)

    assert answer.refusal == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "titan tokens create" in answer.message


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Basic YTo=", "Basic ?", "Basic", "Bearer", "Bearer ", "bearer x y", "ApiKey", "titan"]
)
def test_another_kind_of_authorization_is_none(nobody: Holder, header: str) -> None:
    assert nobody.ask("GET", "/api/health", headers={"Authorization": header}).refusal == (401, "Unauthorized")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "ApiKey", "apikey"])
def test_a_token_is_good_under_both_schemes(admin: Holder, nobody: Holder, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {admin.token}"}

    assert nobody.ask("GET", "/api/health", headers=header).status == 200


def test_a_token_may_be_the_password_of_a_client_that_knows_nothing_else(admin: Holder, nobody: Holder) -> None:
    header = {"Authorization": f"Basic {b64encode(f'pk-lf-1:{admin.token}'.encode()).decode()}"}

    assert nobody.ask("GET", "/api/health", headers=header).status == 200


def test_a_bad_token_is_bad_under_both_schemes(nobody: Holder) -> None:
    answer = nobody.ask("GET", "/api/health", headers={"Authorization": "ApiKey made-up"})

    assert answer.refusal == (401, "Unauthorized")


def test_a_body_is_not_read_before_its_sender_is_known(nobody: Holder) -> None:
    answer = nobody.ask("PUT", "/api/files/a.bin", headers={"Content-Length": str(10**9)})

    assert answer.refusal == (401, "Unauthorized")


def test_a_revoked_token_is_refused_at_once_and_says_so(admin: Holder) -> None:
    holder = admin.make()
    assert holder.ask("GET", "/api/health").status == 200

    revoked = admin.ask("POST", f"/api/tokens/{holder.token_id}/revoke")
    again = admin.ask("POST", f"/api/tokens/{holder.token_id}/revoke")
    answer = holder.ask("GET", "/api/health")

    assert revoked.status == 200
    assert revoked.value["revoked_at"] == again.value["revoked_at"] is not None
    assert answer.refusal == (401, "Unauthorized")
    assert "revoked at" in answer.message


def test_a_revoked_token_ends_the_event_stream_that_it_opened(quiet: Holder) -> None:
    holder = quiet.make("viewer")

    with events(holder.port, "?after=unknown", holder.header) as stream:
        stream.take(1)
        quiet.ask("POST", f"/api/tokens/{holder.token_id}/revoke")
        seen = list(stream)

    assert [event.kind for event in seen] in ([], ["TokenRevoked"])


def test_an_expired_token_is_refused_and_says_so(admin: Holder) -> None:
    holder = admin.make(expires_in_days=1e-7)  # 9 ms
    wait_until(lambda: holder.ask("GET", "/api/health").status == 401, "the token to expire")

    assert "expired at" in holder.ask("GET", "/api/health").message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "a", "role": "job"},
        {"name": "a", "role": "root"},
        {"name": "a", "expires_in_days": 0},
        {"name": "a", "expires_in_days": -1},
        {"name": "a", "expires_in_days": 1e9},
        {"name": "a", "secret": "mine"},
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(admin: Holder, body: dict[str, object]) -> None:
    assert admin.ask_json("POST", "/api/tokens", body).status == 400


@pytest.mark.parametrize("token_id", ["0" * 12, "unknown", "%00", "%F0%9F%98%80"])
def test_an_unknown_token_cannot_be_revoked(admin: Holder, token_id: str) -> None:
    assert admin.ask("POST", f"/api/tokens/{token_id}/revoke").status in (400, 404)


def test_the_last_use_is_noted_once_a_minute(admin: Holder) -> None:
    holder = admin.make()

    def last_use() -> str | None:
        tokens = admin.ask("GET", "/api/tokens").value["tokens"]
        (found,) = [token["last_used_at"] for token in tokens if token["token_id"] == holder.token_id]
        return None if found is None else str(found)

    assert last_use() is None
    holder.ask("GET", "/api/health")
    wait_until(lambda: last_use() is not None, "the use to be noted")
    first = last_use()
    for _ in range(5):
        holder.ask("GET", "/api/health")

    assert last_use() == first


def test_a_failed_try_is_logged_without_the_token(titan: RunningTitan, nobody: Holder) -> None:
    wrong = "titan_" + "7" * 12 + "_" + "9" * 64

    def try_and_look() -> bool:  # a line a second at most: another test may have had this second's
        Holder(titan.sdk_port, wrong).ask("GET", "/api/v1/runs?secret=1")
        return "GET '/api/v1/runs' with one that this server does not know" in titan.log

    wait_until(try_and_look, "a line about the failed try")

    assert "9" * 64 not in titan.log


def test_making_and_revoking_is_in_the_journal(titan: RunningTitan, admin: Holder) -> None:
    holder = admin.make("worker")
    admin.ask("POST", f"/api/tokens/{holder.token_id}/revoke")

    with closing(sqlite3.connect(f"file:{titan.home}/control.db?mode=ro", uri=True)) as connection:
        rows = connection.execute("select kind, cause, data from journal where kind like 'Token%'").fetchall()

    told = [(kind, cause) for kind, cause, data in rows if holder.token_id in data]
    assert told == [("TokenCreated", "request of token 'home'"), ("TokenRevoked", "request of token 'home'")]
