"""Statements of a session wait and are sent together; each query gets its own answer, however many wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import a_database
from titan.store.postgres.address import Address
from titan.store.postgres.session import PostgresSession

MANY = 1005  # more than wait at once


@pytest.fixture
def session() -> Iterator[PostgresSession]:
    """Give a session whose settings 0 to MANY have their number as value."""
    with a_database() as url:
        session = Address(url).connect()
        for number in range(MANY):
            session.run("set_meta", {"name": str(number), "value": f"v{number}"})
        session.flush()
        yield session
        session.close()


def test_of_more_queries_than_wait_at_once_each_has_its_own_rows(session: PostgresSession) -> None:
    session.look_ahead([], [("meta", {"name": str(number)}) for number in range(MANY)])
    sent = session.exchange_count

    assert [session.all("meta", name=str(number)) for number in range(MANY)] == [[(f"v{n}",)] for n in range(MANY)]
    assert session.exchange_count == sent


@pytest.mark.parametrize("waiting", [998, 999, 1000, 1001])
def test_a_query_behind_many_statements_gets_its_answer(session: PostgresSession, waiting: int) -> None:
    for number in range(waiting):
        session.run("set_meta", {"name": "last", "value": str(number)})

    assert session.one("meta", name="last") == (str(waiting - 1),)
