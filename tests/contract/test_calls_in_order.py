"""The calls of all runs as they started, page by page, as an export reads them."""

from dataclasses import replace as changed
from itertools import count

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import record
from tests.support.recorded import a_call, at
from titan.model.actions import ActionKind, Outcome, Payload
from titan.ports.runs_store import CallFilter, CallStore


@pytest.fixture
def ledger(calls: CallStore) -> CallStore:
    """Return a store with calls that start together and apart, in two runs, one heard late."""
    record(calls, a_call("step", kind=ActionKind.STEP), a_call("c", begins=5), a_call("a", begins=1, cost="0.5"))
    record(calls, a_call("b", begins=1, run_id="other", outcome=Outcome.BLOCKED), a_call("late", begins=0))
    return calls


def exported(store: CallStore, wanted: CallFilter, *, limit: int) -> list[str]:
    """Return ids of the calls of all pages."""
    found: list[str] = []
    after = None
    for _ in count():
        page = store.read(lambda reader, after=after: reader.calls_after(PROJECT, wanted, after=after, limit=limit))  # type: ignore[misc]
        found += [action.id for action in page]
        if len(page) < limit:
            return found
        after = page[-1].started_at, page[-1].number
    raise AssertionError


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_any_length_hold_each_call_once_as_they_started(ledger: CallStore, limit: int) -> None:
    assert exported(ledger, CallFilter(), limit=limit) == ["late", "a", "b", "c"]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (CallFilter(run_id="other"), ["b"]),
        (CallFilter(outcomes=frozenset({"blocked"})), ["b"]),
        (CallFilter(since=at(1), until=at(5)), ["a", "b"]),
        (CallFilter(kinds=frozenset({"step"})), []),
        (CallFilter(run_id="nobody"), []),
    ],
)
def test_a_filter_of_the_ledger_leaves_the_same_calls(ledger: CallStore, wanted: CallFilter, ids: list[str]) -> None:
    assert exported(ledger, wanted, limit=1) == ids
    assert exported(ledger, changed(wanted, agent_id="nobody"), limit=1) == []


def test_all_calls_with_searched_words_are_found_however_many_hits_a_list_looks_at(calls: CallStore) -> None:
    many = 3_100  # a list looks at the newest 3,000
    record(calls, *(replace(a_call(f"a{n}", begins=n), inputs=Payload('"zebra"')) for n in range(many)), a_call("none"))

    found = exported(calls, CallFilter(text="zebra"), limit=2000)

    assert found == [f"a{n}" for n in range(many)]
