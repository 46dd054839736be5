"""Whatever the order and the batches in which entries come, they come to the same."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.random_reports import nests, plain, some_calls
from tests.support.recorded import Memory, a_seen, heard
from titan.model.actions import Entry, ModelUse, Outcome
from titan.model.runs import Tally


@settings(max_examples=80, deadline=None)
@given(some_calls(), st.data())
def test_entries_give_the_same_result_in_any_order_and_batches(entries: Sequence[Entry], data: st.DataObject) -> None:
    memory, again = heard(entries), Memory()

    order = data.draw(st.permutations([*entries, *data.draw(st.lists(st.sampled_from(entries), max_size=3))]))
    cut = data.draw(st.integers(0, len(order)))
    again.hear(*order[:cut])
    again.hear(*order[cut:])

    assert plain(again) == plain(memory)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_call_reported_by_wrappers_and_our_endpoint_has_the_endpoints_sums(data: st.DataObject) -> None:
    nest = [replace(entry, outcome=entry.outcome and Outcome.SUCCESS) for entry in data.draw(nests(1))]
    innermost = max(nest, key=lambda entry: entry.id)
    answer = next(entry.use.response_id for entry in nest if entry.use is not None)
    use = ModelUse(input_tokens=1, response_id=answer)
    seen = a_seen(begins=9, ends=10, use=use, cost="0.3", parent_id=innermost.id)

    memory = Memory()
    for entry in data.draw(st.permutations([*nest, seen, *nest])):
        memory.hear(entry)

    assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.3"), input_tokens=1)
