"""A row that Titan did not write is StoreDamaged, whatever is wrong in it, and the rows beside it can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, kept, record, run_of, tamper, tape_of
from tests.support.recorded import a_call
from tests.support.stored import a_stored_job, store_dag
from tests.support.stores import committed, tamper_with_jobs
from titan.model.errors import StoreDamaged
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallFilter, CallStore

JOB: Final = a_stored_job()


def the_ledger(store: CallStore) -> object:
    asked = {"sort": "time", "is_ascending": False, "skip": 0, "limit": 10, "up_to": 10}
    return store.read(lambda reader: reader.ledger(PROJECT, CallFilter(), **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damage", "ask"),
    [
        ("update actions set tags = '[\"half' where id = 'a1'", actions_of),
        ("update actions set started_at_us = 9223372036854775807 where id = 'a1'", actions_of),
        ("update actions set tags = '{}' where id = 'a1'", the_ledger),
        ("update runs set started_at_us = 9223372036854775807 where id = 'R_1'", run_of),
        ("update runs set reported_end = '{' where id = 'R_1'", run_of),
        ("update bodies set facts = '{\"kind\": 7}'", tape_of),
        ("update bodies set inputs = '[', inputs_shared = '1-x'", tape_of),
    ],
)
def test_a_damaged_row_of_a_recorded_run_is_named(
    calls: CallStore, damage: str, ask: Callable[[CallStore], object]
) -> None:
    record(calls, a_call("a1"), a_call("b1", run_id="R_2"))
    tamper(calls, damage)

    with pytest.raises(StoreDamaged, match="expected one that Titan wrote; found one that cannot be read"):
        ask(calls)


def test_reports_of_a_damaged_run_are_refused_and_other_runs_continue(calls: CallStore) -> None:
    record(calls, a_call("a1"))
    tamper(calls, "update runs set reported_end = '{' where id = 'R_1'")

    with pytest.raises(StoreDamaged):
        record(calls, a_call("a2"))

    record(calls, a_call("b1", run_id="R_2"))
    assert len(actions_of(calls, "R_2")) == 1


def fail_by_itself(_reader: object) -> None:
    raise KeyError("mine")


def test_an_error_in_a_callback_on_recorded_runs_is_not_reported_as_damage(calls: CallStore) -> None:
    with pytest.raises(KeyError, match="mine"):
        kept(calls, fail_by_itself)
    with pytest.raises(KeyError, match="mine"):
        calls.read(fail_by_itself)


def test_an_error_in_a_callback_on_jobs_is_not_reported_as_damage(store: Store) -> None:
    with pytest.raises(KeyError, match="mine"):
        committed(store, fail_by_itself)
    with pytest.raises(KeyError, match="mine"):
        store.read(fail_by_itself)


@pytest.mark.parametrize(
    "damage",
    [
        "update jobs set spec = '{'",
        "update jobs set spec = '{}'",
        "update jobs set submitted_at_us = 9223372036854775807",
    ],
)
def test_a_damaged_row_of_a_job_is_named(store: Store, damage: str) -> None:
    store_dag(store, JOB)
    tamper_with_jobs(store, damage)

    with pytest.raises(StoreDamaged, match="expected one that Titan wrote; found one that cannot be read"):
        store.read(lambda reader: reader.job(JOB.id))
    with pytest.raises(StoreDamaged):
        store.read(lambda reader: reader.jobs_of_dag(JOB.dag_id))
    with pytest.raises(StoreDamaged):
        committed(store, lambda tx: tx.job(JOB.id))
