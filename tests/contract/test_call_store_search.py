"""How far a search over all runs looks, and that it says so."""

from functools import partial

from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import record
from tests.support.recorded import a_call, a_word
from titan.model.actions import Payload
from titan.ports_calls import CallFilter, CallReader, CallStore, RunFilter


def test_a_search_looks_at_the_newest_hits_but_where_something_else_is_asked_for_too(calls: CallStore) -> None:
    old = [replace(a_call(f"o{n}", run_id="R_old", begins=n), outputs=Payload('"salmon"')) for n in range(3)]
    record(calls, a_word(run_id="R_old", agent_id="fisher"), *old)
    record(calls, *(replace(a_call(f"n{n}", cost="1"), outputs=Payload('"salmon"')) for n in range(3_000)))

    def found(reader: CallReader, wanted: CallFilter) -> tuple[int, bool]:
        page = reader.ledger(PROJECT, wanted, sort="time", is_ascending=True, skip=0, limit=9_999, up_to=9_999)
        assert len(page.calls) == page.total
        return page.total, page.is_search_capped

    def found_runs(reader: CallReader, wanted: RunFilter) -> tuple[int, bool]:
        return reader.count_runs(PROJECT, wanted, up_to=9), reader.is_search_capped(wanted)

    salmon = CallFilter(text="salmon")
    assert calls.read(partial(found, wanted=salmon)) == (3_000, True)
    assert calls.read(partial(found, wanted=CallFilter(text="salmon", run_id="R_old"))) == (3, False)
    assert calls.read(partial(found, wanted=CallFilter(text="salmon", run_id="nobody"))) == (0, False)
    assert calls.read(partial(found, wanted=CallFilter(text="salmon", agent_id="fisher"))) == (3, False)
    assert calls.read(partial(found, wanted=CallFilter(text="trout"))) == (0, False)
    assert calls.read(partial(found, wanted=CallFilter(agent_id="fisher"))) == (3, False)
    assert sum(one.calls for one in calls.read(lambda reader: reader.sums_of_calls(PROJECT, salmon))) == 3_003
    assert calls.read(partial(found_runs, wanted=RunFilter(text="salmon"))) == (1, True)
    assert calls.read(partial(found_runs, wanted=RunFilter(text="salmon", is_searched_whole=True))) == (2, False)
    assert calls.read(partial(found_runs, wanted=RunFilter(text="salmon", agent_id="fisher"))) == (1, False)
