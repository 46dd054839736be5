"""What every store answers about tokens."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON
from tests.support.stored import a_token
from tests.support.stores import committed
from titan.model.errors import StoreRefused
from titan.model.tokens import Organisation, Role, Scope, SignIn
from titan.ports.jobs_store import Store, Transaction

A_DAY = timedelta(days=1)


def test_a_token_comes_back_as_it_was_stored(store: Store) -> None:
    plain = a_token()
    full = replace(
        a_token("f" * 12, role=Role.WORKER),
        last_used_at=NOON,
        expires_at=NOON + A_DAY,
        revoked_at=NOON,
        is_trusted=True,
        labels=("GPU", "CPU"),
    )

    def add_both(tx: Transaction) -> None:
        tx.add_token(plain)
        tx.add_token(full)

    committed(store, add_both)

    assert store.read(lambda reader: reader.token(plain.id)) == plain
    assert store.read(lambda reader: reader.token(full.id)) == full
    assert store.read(lambda reader: reader.token("unknown")) is None


def test_a_key_and_organisations_come_back_as_they_were_stored(store: Store) -> None:
    key = replace(a_token(role=Role.KEY), scopes=(Scope.RUNS_READ,), last_four="beef", organisation_id="acme")
    two = [Organisation(id=name, created_at=NOON) for name in ("acme", "zeta")]

    def add(tx: Transaction) -> None:
        tx.add_token(key)
        for one in reversed(two):
            tx.add_organisation(one)

    committed(store, add)

    assert store.read(lambda reader: reader.token(key.id)) == key
    assert store.read(lambda reader: reader.organisations()) == two
    with pytest.raises(StoreRefused):
        committed(store, lambda tx: tx.add_token(replace(key, id="e" * 12, scopes=None)))


def test_tokens_of_all_projects_are_listed_newest_first(store: Store) -> None:
    limited = replace(a_token("c" * 12), project_id="other")
    new, old = a_token("a" * 12), a_token("b" * 12, age=A_DAY)

    def add_all(tx: Transaction) -> None:
        for token in (old, limited, new):
            tx.add_token(token)

    committed(store, add_all)

    assert store.read(lambda reader: reader.tokens()) == [limited, new, old]


def test_use_and_revocation_are_kept_and_nothing_else_changes(reopen: Callable[[], Store]) -> None:
    token = a_token()
    store = reopen()
    committed(store, lambda tx: tx.add_token(token))

    changed = replace(token, name="other", last_used_at=NOON, revoked_at=NOON + A_DAY)
    committed(store, lambda tx: tx.save_token(changed))

    again = reopen()
    assert again.read(lambda reader: reader.token(token.id)) == replace(changed, name="laptop")


def test_a_job_is_no_holder_of_a_stored_token(store: Store) -> None:
    with pytest.raises(StoreRefused):
        committed(store, lambda tx: tx.add_token(a_token(role=Role.JOB)))


def a_sign_in(number: int, *, lasts: timedelta = A_DAY) -> SignIn:
    return SignIn(hash=f"{number:064d}", token_id=a_token().id, created_at=NOON, expires_at=NOON + lasts)


def test_a_sign_in_comes_back_until_it_is_forgotten(store: Store) -> None:
    committed(store, lambda tx: tx.add_token(a_token()))
    committed(store, lambda tx: tx.add_sign_in(a_sign_in(1)))

    assert store.read(lambda reader: reader.sign_in(a_sign_in(1).hash)) == a_sign_in(1)
    assert store.read(lambda reader: reader.sign_in("0")) is None
    assert committed(store, lambda tx: tx.forget_sign_in(a_sign_in(1).hash)) is True
    assert committed(store, lambda tx: tx.forget_sign_in(a_sign_in(1).hash)) is False
    assert store.read(lambda reader: reader.sign_in(a_sign_in(1).hash)) is None


def test_sign_ins_that_expired_are_forgotten_and_no_others(store: Store) -> None:
    old, new = a_sign_in(1), a_sign_in(2, lasts=2 * A_DAY)
    committed(store, lambda tx: tx.add_token(a_token()))
    committed(store, lambda tx: tx.add_sign_in(old))
    committed(store, lambda tx: tx.add_sign_in(new))

    assert committed(store, lambda tx: tx.forget_sign_ins(before=NOON + 2 * A_DAY)) == 1
    assert store.read(lambda reader: (reader.sign_in(old.hash), reader.sign_in(new.hash))) == (None, new)


def test_nobody_is_signed_in_with_a_token_that_there_is_not(store: Store) -> None:
    with pytest.raises(StoreRefused):
        committed(store, lambda tx: tx.add_sign_in(a_sign_in(1)))
