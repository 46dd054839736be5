"""The lists of a store of calls: registry, ledger, words, agents; every filter, every order, every page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import product

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, record_heard, run_of
from tests.support.recorded import RUN, a_call, a_word, at
from tests.support.stores import StandingClock
from titan.model.actions import ActionKind, Entry, Failure, Outcome, Payload, RunEnd
from titan.model.errors import InvalidInput
from titan.model.run_control import RunStatus
from titan.model.runs import Action, AgentDay, AgentRow, ErrorKind, Run
from titan.ports.runs_store import CallFilter, CallReader, CallStore, RunFilter

SORTS = ("started", "cost", "duration", "actions", "success_rate", "determinism")
DAY = 86_400


def a_run(
    run_id: str,
    *,
    begins: float = 0,
    ends: float | None = None,
    costs: Sequence[str] = (),
    errors: int = 0,
    agent: str = "ada",
) -> list[Entry]:
    """Return what is told of a run with a good call for each of `costs`, and some that failed."""
    good = [a_call(f"g{n}", run_id=run_id, begins=begins, ends=begins, cost=cost) for n, cost in enumerate(costs)]
    bad = [a_call(f"b{n}", run_id=run_id, begins=begins, ends=begins, error="no") for n in range(errors)]
    end = [] if ends is None else [a_word(run_id=run_id, seconds=ends, end=RunEnd.COMPLETED)]
    return [a_word(run_id=run_id, seconds=begins, agent_id=agent), *good, *bad, *end]


def registry(
    store: CallStore, wanted: RunFilter, *, sort: str = "started", is_ascending: bool = False, limit: int = 100
) -> list[str]:
    """Return ids of the runs of all pages."""
    return [run.id for page in pages(store, wanted, sort=sort, is_ascending=is_ascending, limit=limit) for run in page]


def pages(store: CallStore, wanted: RunFilter, *, sort: str, is_ascending: bool, limit: int) -> Iterator[list[Run]]:
    """Yield the pages of a list one after the other."""
    cursor: str | None = None
    while True:
        found, cursor = store.read(page_after(cursor, wanted, sort=sort, is_ascending=is_ascending, limit=limit))
        yield found
        if cursor is None:
            return


class page_after:  # noqa: N801  # reads as a function
    """Ask for the page behind a cursor."""

    def __init__(self, cursor: str | None, wanted: RunFilter, *, sort: str, is_ascending: bool, limit: int) -> None:
        self._cursor, self._wanted = cursor, wanted
        self._sort, self._is_ascending, self._limit = sort, is_ascending, limit

    def __call__(self, reader: CallReader) -> tuple[list[Run], str | None]:
        return reader.registry(
            PROJECT,
            self._wanted,
            sort=self._sort,
            is_ascending=self._is_ascending,
            after=self._cursor,
            limit=self._limit,
        )


def with_six_runs(calls: CallStore) -> CallStore:
    """Record six runs, of which two and two are alike."""
    for entries in (
        a_run("R_1", begins=0, ends=9, costs=["0.1"]),
        a_run("R_2", begins=5, costs=["2", "1"], errors=1),
        a_run("R_3", begins=5, ends=6, costs=["3"], agent="bob"),
        a_run("R_4", begins=7),
        a_run("R_5", begins=8, ends=12, errors=2, agent="bob"),
        a_run("R_6", begins=8, ends=12, errors=2),
    ):
        record(calls, *entries)
    return calls


@pytest.fixture(scope="module")
def six(new_calls: Callable[[], CallStore]) -> CallStore:
    """Return a store with six runs, to be read."""
    return with_six_runs(new_calls())


# --- the registry ---

ORDERS: Mapping[str, list[str]] = {
    "started": ["R_1", "R_2", "R_3", "R_4", "R_5", "R_6"],
    "cost": ["R_4", "R_5", "R_6", "R_1", "R_2", "R_3"],
    "duration": ["R_2", "R_4", "R_3", "R_5", "R_6", "R_1"],
    "actions": ["R_4", "R_1", "R_3", "R_5", "R_6", "R_2"],
    "success_rate": ["R_4", "R_5", "R_6", "R_2", "R_1", "R_3"],
    "determinism": ["R_1", "R_2", "R_3", "R_4", "R_5", "R_6"],  # none has a score: as they were first heard of
}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_registry_in_every_order_and_in_pages_of_every_size(six: CallStore, sort: str, limit: int) -> None:
    ascending = registry(six, RunFilter(), sort=sort, is_ascending=True, limit=limit)
    descending = registry(six, RunFilter(), sort=sort, limit=limit)

    assert ascending == ORDERS[sort]
    assert descending == ORDERS[sort][::-1]


FILTERS: Sequence[tuple[RunFilter, list[str]]] = [
    (RunFilter(), ["R_1", "R_2", "R_3", "R_4", "R_5", "R_6"]),
    (RunFilter(statuses=frozenset({RunStatus.RUNNING})), ["R_2", "R_4"]),
    (
        RunFilter(statuses=frozenset({RunStatus.RUNNING, RunStatus.COMPLETED})),
        ["R_1", "R_2", "R_3", "R_4", "R_5", "R_6"],
    ),
    (RunFilter(statuses=frozenset({RunStatus.FAILED, RunStatus.CANCELLED})), []),
    (RunFilter(min_cost=Decimal(3)), ["R_2", "R_3"]),
    (RunFilter(min_cost=Decimal("0.1")), ["R_1", "R_2", "R_3"]),
    (RunFilter(started_since=at(6)), ["R_2", "R_4", "R_5", "R_6"]),
    (RunFilter(agent_id="bob"), ["R_3", "R_5"]),
    (RunFilter(agent_id="nobody"), []),
    (RunFilter(agent_id="bob", min_cost=Decimal(1), statuses=frozenset({RunStatus.COMPLETED})), ["R_3"]),
    (RunFilter(text="R_3"), ["R_3"]),
    (RunFilter(text="r_3"), ["R_3"]),
    (RunFilter(text="bo"), ["R_3", "R_5"]),
    (RunFilter(text="_"), ["R_1", "R_2", "R_3", "R_4", "R_5", "R_6"]),
    (RunFilter(text="%"), []),
    (RunFilter(text="\\"), []),
    (RunFilter(text="look up"), ["R_1", "R_2", "R_3", "R_5", "R_6"]),
    (RunFilter(text="look_up"), ["R_1", "R_2", "R_3", "R_5", "R_6"]),
    (RunFilter(text="no", agent_id="bob"), ["R_5"]),
]


@pytest.mark.parametrize(("wanted", "ids"), FILTERS)
@pytest.mark.parametrize("sort", SORTS)
def test_every_filter_in_every_order(six: CallStore, wanted: RunFilter, ids: list[str], sort: str) -> None:
    assert registry(six, wanted, sort=sort, is_ascending=True, limit=2) == [id for id in ORDERS[sort] if id in ids]
    assert six.read(lambda reader: reader.count_runs(PROJECT, wanted, up_to=100)) == len(ids)
    assert six.read(lambda reader: reader.count_runs(PROJECT, wanted, up_to=2)) == min(len(ids), 2)


def test_a_tag_is_asked_for_as_it_is(calls: CallStore) -> None:
    record(
        calls, a_word(run_id="R_1", tags=("a", 'say "hi"')), a_word(run_id="R_2", tags=("ab",)), a_word(run_id="R_3")
    )

    assert registry(calls, RunFilter(tag="a")) == ["R_1"]
    assert registry(calls, RunFilter(tag='say "hi"')) == ["R_1"]
    assert registry(calls, RunFilter(tag="b")) == []
    assert calls.read(lambda reader: reader.count_runs(PROJECT, RunFilter(tag="ab"), up_to=9)) == 1


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("[", ["R_2"]),
        ("[]", []),
        (",", ["R_2"]),
        ('","', []),
        ('"', ["R_1"]),
        ('SAY "h', ["R_1"]),
        ("\\d", ["R_2"]),
        ("\\", ["R_2"]),
        ("100%", ["R_1"]),
        ("nightl", ["R_1", "R_2"]),
    ],
)
def test_a_search_looks_at_each_tag_and_not_at_how_tags_are_stored(calls: CallStore, text: str, ids: list[str]) -> None:
    record(
        calls,
        a_word(run_id="R_1", tags=("nightly", 'say "hi"', "100%")),
        a_word(run_id="R_2", tags=("nightly", r"\d[x], of")),
        a_word(run_id="R_3"),
    )

    assert registry(calls, RunFilter(text=text, is_by_name=True), is_ascending=True) == ids


def test_sessions_and_archived_runs_are_asked_for(calls: CallStore) -> None:
    record(calls, a_word(run_id="R_1", session_id="s"), a_word(run_id="R_2", session_id="s", end=RunEnd.FAILED))
    record(calls, replace(a_word(run_id="R_3", session_id="t"), parent_run_id="R_1", forked_at_action_id="a"))
    run = run_of(calls, "R_2")
    assert run is not None
    kept(calls, lambda tx: tx.archive_run(run))

    assert registry(calls, RunFilter(session_id="s")) == ["R_1"]
    assert registry(calls, RunFilter(parent_run_id="R_1")) == ["R_3"]
    assert registry(calls, RunFilter(session_id="s", has_archived=True)) == ["R_2", "R_1"]
    assert calls.read(lambda reader: reader.count_runs(PROJECT, RunFilter(has_archived=True), up_to=9)) == 3


def test_runs_that_come_between_two_pages_shift_nothing(calls: CallStore) -> None:
    listed = pages(with_six_runs(calls), RunFilter(), sort="started", is_ascending=False, limit=2)
    seen = [run.id for run in next(listed)]

    for number in range(7, 10):
        record(calls, *a_run(f"R_{number}", begins=8 + number))
    seen += [run.id for page in listed for run in page]

    assert seen == ["R_6", "R_5", "R_4", "R_3", "R_2", "R_1"]


@pytest.mark.parametrize("cursor", ["x", "", "W10", "bnVsbA", "WyJhIiwxXQ", "é"])
def test_a_cursor_that_is_none_is_refused(calls: CallStore, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        calls.read(page_after(cursor, RunFilter(), sort="started", is_ascending=False, limit=2))


# --- the ledger ---


def with_two_runs(calls: CallStore) -> CallStore:
    """Record calls of two runs, and what frames them."""
    record(
        calls,
        a_word(agent_id="ada"),
        a_call("agent", kind=ActionKind.AGENT, name="look_up", cost="9"),
        a_call("a1", begins=1, ends=2, cost="0.1"),
        a_call("a2", begins=2, ends=9, cost="0.2", kind=ActionKind.MODEL, name="chat"),
        a_call("a3", begins=2, ends=3, outcome=Outcome.BLOCKED, cost="0.2"),
        a_call("a4", begins=3, ends=None),
    )
    record(
        calls,
        a_word(run_id="R_2", agent_id="bob"),
        replace(a_call("b1", run_id="R_2", begins=4, ends=4, error="zebra crossing"), inputs=Payload('["tiger"]')),
        a_call("b2", run_id="R_2", begins=5, ends=17, cost="0.000000000001", kind=ActionKind.CALL),
    )
    return calls


@pytest.fixture(scope="module")
def ledger(new_calls: Callable[[], CallStore]) -> CallStore:
    """Return a store with calls of two runs, to be read."""
    return with_two_runs(new_calls())


CALLS: Sequence[tuple[CallFilter, list[str]]] = [
    (CallFilter(), ["a1", "a2", "a3", "a4", "b1", "b2"]),
    (CallFilter(outcomes=frozenset({"success"})), ["a1", "a2", "b2"]),
    (CallFilter(outcomes=frozenset({"blocked"})), ["a3"]),
    (CallFilter(outcomes=frozenset({"running"})), ["a4"]),
    (CallFilter(outcomes=frozenset({"nonsense"})), []),
    (CallFilter(outcomes=frozenset({"success", "blocked"})), ["a1", "a2", "a3", "b2"]),
    (CallFilter(outcomes=frozenset({"blocked", "running"})), ["a3", "a4"]),
    (CallFilter(outcomes=frozenset({"error", "blocked", "running", "rejected"}), run_id=RUN), ["a3", "a4"]),
    (CallFilter(kinds=frozenset({"model", "tool"})), ["a1", "a2", "a3", "a4", "b1"]),
    (CallFilter(name="look_up"), ["a1", "a3", "a4", "b1", "b2"]),
    (CallFilter(kinds=frozenset({"model"})), ["a2"]),
    (CallFilter(kinds=frozenset({"agent"})), []),
    (CallFilter(agent_id="bob"), ["b1", "b2"]),
    (CallFilter(run_id=RUN), ["a1", "a2", "a3", "a4"]),
    (CallFilter(run_id="nobody"), []),
    (CallFilter(min_cost=Decimal("0.2")), ["a2", "a3"]),
    (CallFilter(max_cost=Decimal("0.1")), ["a1", "b2"]),
    (CallFilter(min_cost=Decimal("0.1"), max_cost=Decimal("0.1")), ["a1"]),
    (CallFilter(since=at(3)), ["a4", "b1", "b2"]),
    (CallFilter(until=at(2)), ["a1"]),
    (CallFilter(since=at(2), until=at(4), outcomes=frozenset({"success"}), name="chat"), ["a2"]),
    (CallFilter(text="zebra"), ["b1"]),
    (CallFilter(text="tiger zebra"), ["b1"]),
    (CallFilter(text="lion zebra"), []),
    (CallFilter(text="?!"), []),
    (CallFilter(text="zeb", agent_id="ada"), []),
]


@pytest.mark.parametrize(("wanted", "ids"), CALLS)
def test_the_ledger_under_every_filter(ledger: CallStore, wanted: CallFilter, ids: list[str]) -> None:
    def listed(reader: CallReader, *, is_ascending: bool, skip: int = 0, limit: int = 99) -> list[str]:
        page = reader.ledger(PROJECT, wanted, sort="time", is_ascending=is_ascending, skip=skip, limit=limit, up_to=99)
        assert page.total == len(ids)
        return [action.id for action in page.calls]

    assert ledger.read(lambda reader: listed(reader, is_ascending=True)) == ids
    assert ledger.read(lambda reader: listed(reader, is_ascending=False)) == ids[::-1]
    assert ledger.read(lambda reader: listed(reader, is_ascending=True, skip=1, limit=2)) == ids[1:3]
    assert ledger.read(lambda reader: listed(reader, is_ascending=True, skip=99)) == []
    few = ledger.read(
        lambda reader: reader.ledger(PROJECT, wanted, sort="time", is_ascending=True, skip=0, limit=1, up_to=2)
    )
    assert few.total == min(2, len(ids))


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("cost", ["a3", "a2", "a1", "b2", "b0", "b1", "a4"]),  # no cost behind a cost of 0
        ("duration", ["b2", "a2", "a3", "a1", "b0", "b1", "a4"]),
    ],
)
def test_the_ledger_by_cost_and_by_duration(calls: CallStore, sort: str, ids: list[str]) -> None:
    ledger = with_two_runs(calls)
    record(ledger, a_call("b0", run_id="R_2", begins=0, ends=0, cost="0"))

    def listed(reader: CallReader, *, skip: int = 0, limit: int = 99, is_ascending: bool = False) -> list[Action]:
        asked = partial(reader.ledger, PROJECT, CallFilter(), sort=sort, is_ascending=is_ascending, up_to=99)
        page = asked(skip=skip, limit=limit)
        assert page.total == len(ids)
        return page.calls

    found = ledger.read(listed)
    pages = [
        [action.id for action in ledger.read(partial(listed, skip=skip, limit=limit))]
        for skip, limit in product(range(7), range(1, 4))  # an index holds only those that stand out
    ]

    rising = ledger.read(partial(listed, is_ascending=True))
    assert [action.id for action in found] == ids
    assert [action.id for action in rising] == ids[::-1]
    assert {action.run_id for action in found} == {RUN, "R_2"}
    assert pages == [ids[skip : skip + limit] for skip, limit in product(range(7), range(1, 4))]


# --- intercepts, agents ---


def test_agents_are_the_sums_of_their_runs(six: CallStore) -> None:
    def ids(reader: CallReader, part: str | None = None, after: str = "", limit: int = 9) -> list[str]:
        return [row.agent_id for row in reader.agents(PROJECT, part=part, after=after, limit=limit)]

    [bob] = six.read(lambda reader: reader.agents(PROJECT, agent_id="bob", limit=9))

    assert bob == AgentRow(
        agent_id="bob",
        first_seen_at=at(5),
        last_seen_at=at(12),
        runs=2,
        running=0,
        completed=2,
        failed=0,
        cost=Decimal(3),
        unpriced=0,
        estimated=0,
        calls=3,
        attempts=3,
        success=1,
    )
    assert six.read(ids) == ["ada", "bob"]
    assert six.read(lambda reader: ids(reader, limit=1)) == ["ada"]
    assert six.read(lambda reader: ids(reader, after="ada")) == ["bob"]
    assert six.read(lambda reader: ids(reader, part="O")) == ["bob"]
    assert six.read(lambda reader: ids(reader, part="%")) == []


def test_the_days_of_an_agent(calls: CallStore) -> None:
    record(calls, *a_run("R_1", costs=["1"]), *a_run("R_2", begins=DAY, costs=["2"], errors=1))
    record(calls, *a_run("R_3", begins=DAY), *a_run("R_4", begins=DAY, agent="bob"))
    record(calls, a_word(run_id="R_3", seconds=DAY + 1, end=RunEnd.FAILED))

    days = calls.read(lambda reader: reader.days_of_agent(PROJECT, "ada", since=at(0)))

    assert days == [
        AgentDay(
            day=date(2026, 3, 1),
            runs=1,
            completed=0,
            failed=0,
            attempts=1,
            success=1,
            cost=Decimal(1),
            unpriced=0,
            estimated=0,
        ),
        AgentDay(
            day=date(2026, 3, 2),
            runs=2,
            completed=0,
            failed=1,
            attempts=2,
            success=1,
            cost=Decimal(2),
            unpriced=0,
            estimated=0,
        ),
    ]
    assert calls.read(lambda reader: reader.days_of_agent(PROJECT, "ada", since=at(1))) == days[1:]
    assert calls.read(lambda reader: reader.days_of_agent(PROJECT, "nobody", since=at(0))) == []


def test_the_errors_of_an_agent_the_most_frequent_first(calls: CallStore) -> None:
    def failing(id: str, kind: str, seconds: float) -> Entry:
        return replace(a_call(id, begins=seconds, ends=seconds), failure=Failure(type=kind))

    record(calls, a_word(agent_id="ada"), failing("a1", "E", 1), failing("a2", "F", 2), failing("a3", "E", 3))

    assert calls.read(lambda reader: reader.errors_of_agent(PROJECT, "ada", limit=9)) == [
        ErrorKind(type="E", count=2, first_seen_at=at(1), last_seen_at=at(3), run_id=RUN, action_id="a3"),
        ErrorKind(type="F", count=1, first_seen_at=at(2), last_seen_at=at(2), run_id=RUN, action_id="a2"),
    ]
    assert len(calls.read(lambda reader: reader.errors_of_agent(PROJECT, "ada", limit=1))) == 1


def test_a_cancelled_call_is_no_type_of_error_of_its_agent(calls: CallStore) -> None:
    def failing(id: str, kind: str) -> Entry:
        return replace(a_call(id, begins=1, ends=1), failure=Failure(type=kind))

    names = ["CancelledError", "asyncio.exceptions.CancelledError", "MyCancelledError", "OrderCancelled"]
    record(calls, a_word(agent_id="ada"), *(failing(f"a{at}", name) for at, name in enumerate(names)))

    kinds = calls.read(lambda reader: reader.errors_of_agent(PROJECT, "ada", limit=9))

    assert sorted(kind.type for kind in kinds) == ["MyCancelledError", "OrderCancelled"]


def test_old_runs_are_those_that_ended_long_ago_and_are_not_pinned(calls: CallStore, clock: StandingClock) -> None:
    for number in range(1, 6):
        record(calls, *a_run(f"R_{number}", begins=10 - number, ends=10 - number))
    record(calls, *a_run("R_6", begins=0))
    runs = {number: calls.read(lambda reader, n=number: reader.run(PROJECT, f"R_{n}")) for number in (1, 2)}  # type: ignore[misc]  # mypy does not see through a default
    pinned, archived = runs[1], runs[2]
    assert pinned is not None
    assert archived is not None
    kept(calls, lambda tx: tx.save_run(replace(pinned, pinned_at=at(0))))
    kept(calls, lambda tx: tx.archive_run(archived))

    def old(reader: CallReader, *, has_archived: bool, limit: int = 9) -> list[str]:
        return [run.id for run in reader.old_runs(before=at(9), has_archived=has_archived, limit=limit)]

    assert calls.read(lambda reader: old(reader, has_archived=False)) == ["R_5", "R_4", "R_3"]
    assert calls.read(lambda reader: old(reader, has_archived=True)) == ["R_5", "R_4", "R_3", "R_2"]
    assert calls.read(lambda reader: old(reader, has_archived=True, limit=1)) == ["R_5"]
    assert calls.read(lambda reader: reader.pinned_runs()) == {(PROJECT, "R_1")}


def test_an_old_run_of_stages_without_recordings_is_archived_and_not_deleted(calls: CallStore) -> None:
    record(calls, *a_run("R_1", begins=1, ends=1))
    run = calls.read(lambda reader: reader.run(PROJECT, "R_1"))
    assert run is not None
    for run_id, entries in (("bare", 0), ("full", 1)):
        staged = replace(run, id=run_id, has_stages=True, entry_count=entries)
        kept(calls, lambda tx, staged=staged: tx.save_run(staged))  # type: ignore[misc]  # as above

    def old(*, has_archived: bool) -> list[str]:
        return calls.read(
            lambda reader: sorted(run.id for run in reader.old_runs(before=at(9), has_archived=has_archived, limit=9))
        )

    assert (old(has_archived=False), old(has_archived=True)) == (["R_1", "bare", "full"], ["R_1", "full"])


def test_a_list_of_runs_with_stages_holds_no_others(calls: CallStore) -> None:
    record(calls, *a_run("R_1", begins=1, ends=1), *a_run("R_2", begins=2, ends=2))
    run = calls.read(lambda reader: reader.run(PROJECT, "R_2"))
    assert run is not None
    kept(calls, lambda tx: tx.save_run(replace(run, has_stages=True)))

    found, _ = calls.read(
        lambda reader: reader.registry(
            PROJECT, RunFilter(has_stages=True), sort="started", is_ascending=False, after=None, limit=9
        )
    )

    assert [run.id for run in found] == ["R_2"]


def test_a_run_that_is_dated_2036_stays_on_top_of_no_list(calls: CallStore, clock: StandingClock) -> None:
    ahead = 10 * 365 * 86400
    record_heard(calls, [a_call(run_id="far", begins=ahead, ends=ahead + 1)])
    clock.advance(timedelta(minutes=1))
    record_heard(calls, [a_call(run_id="later", begins=30, ends=31)])

    assert registry(calls, RunFilter()) == ["later", "far"]
    far = run_of(calls, "far")
    assert far is not None
    assert (far.started_at, far.last_event_at) == (at(-1), at(0))
