"""What a token looks like, and whether one that is shown is good."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, PROJECT
from titan.model.tokens import Role, Token
from titan.rules import tokens

SECRET = "5" * 64
TOKEN = Token(
    project_id=PROJECT,
    id="0123456789ab",
    name="laptop",
    role=Role.ADMIN,
    hash=tokens.hash_of(SECRET),
    created_at=NOON,
)


def test_a_written_token_is_read_back() -> None:
    assert tokens.read(tokens.written(TOKEN.id, SECRET)) == tokens.Shown(id=TOKEN.id, secret=SECRET)


@pytest.mark.parametrize(
    "text", ["", "titan__", f"titan_{TOKEN.id}_", f"TITAN_{TOKEN.id}_{SECRET}", f"titan_{TOKEN.id}_{SECRET}\n"]
)
def test_an_invalid_token_is_none(text: str) -> None:
    assert tokens.read(text) is None


def test_a_key_is_found_by_the_beginning_of_its_hash() -> None:
    secret = "a" * 40

    shown = tokens.read(tokens.written_key(secret))

    assert tokens.written_key(secret) == f"pk_live_{secret}"
    assert shown == tokens.Shown(id=tokens.hash_of(secret)[:12], secret=secret)


def test_only_its_own_secret_fits() -> None:
    assert tokens.fits(TOKEN, SECRET)
    assert not tokens.fits(TOKEN, "4" + SECRET[1:])


def test_a_token_is_good_until_it_expires_or_is_revoked() -> None:
    expiring = replace(TOKEN, expires_at=NOON + timedelta(days=1))

    assert tokens.why_over(TOKEN, now=NOON) is None
    assert tokens.why_over(expiring, now=NOON + timedelta(hours=23)) is None
    assert tokens.why_over(expiring, now=NOON + timedelta(days=1)) == "one that expired at 2026-03-02 12:00 UTC"
    assert tokens.why_over(replace(TOKEN, revoked_at=NOON), now=NOON) == "one that was revoked at 2026-03-01 12:00 UTC"


def test_an_attempts_token_is_distinguished_from_other_programs_keys() -> None:
    assert tokens.is_an_attempts(tokens.written_attempts("0123456789abcdef" * 2))
    assert tokens.is_an_attempts("0123456789abcdef" * 2), "as attempts had them before they had a prefix"
    assert not tokens.is_an_attempts("sk-proj-" + "0" * 24)
    assert not tokens.is_an_attempts(tokens.written(TOKEN.id, SECRET))
