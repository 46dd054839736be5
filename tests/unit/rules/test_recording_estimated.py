"""A cost that no source says is estimated from all reports of the call, and gives way to a cost that one says."""

from decimal import Decimal

from msgspec.structs import replace

from tests.support.recorded import a_call, a_span, heard, in_any_order
from titan.model.actions import ActionKind, ModelUse, Source
from titan.model.runs import Tally

MODEL = ActionKind.MODEL
TOKENS = ModelUse(input_tokens=30, output_tokens=9)
NAMED = ModelUse(model="priced", provider="p")


def estimated(cost: str) -> Tally:
    return Tally(calls=1, success=1, cost=Decimal(cost), estimated=1, input_tokens=30, output_tokens=9)


def test_a_call_is_priced_by_the_model_of_its_beginning_and_the_tokens_of_its_end() -> None:
    begun, ended = a_span("s1", ends=None, use=NAMED), a_span("s1", ends=9, use=TOKENS)

    for memory in in_any_order(begun, ended):
        assert memory.run.tally == estimated("39")


def test_tokens_read_from_a_cache_cost_less_whichever_source_says_so() -> None:
    cached = replace(TOKENS, cache_read_tokens=20)
    told = [
        a_call("c", source=Source.SDK, kind=MODEL, ends=9, use=NAMED),
        a_call("c", source=Source.OTLP, kind=MODEL, ends=9, use=cached),
    ]

    for memory in in_any_order(*told):
        assert memory.run.tally == estimated("19")


def test_an_estimate_gives_way_to_a_cost_that_is_said_and_to_larger_counts() -> None:
    begun, ended = a_span("s1", ends=None, use=NAMED), a_span("s1", ends=9, use=TOKENS)
    more = a_call("s1", source=Source.SDK, kind=MODEL, ends=9, use=replace(TOKENS, output_tokens=11))
    said = a_call("s1", source=Source.SENTINEL, kind=MODEL, ends=9, cost="0.5")

    for memory in in_any_order(begun, ended, more):
        assert memory.run.tally.cost == Decimal(41)
    for memory in in_any_order(begun, ended, more, said):
        assert (memory.run.tally.cost, memory.run.tally.estimated) == (Decimal("0.5"), 0)


def test_a_call_without_a_known_price_has_no_cost() -> None:
    for use in (replace(TOKENS, model="free"), TOKENS, ModelUse(model="priced")):
        for memory in in_any_order(a_span("s1", ends=9), a_span("s1", ends=9, use=use)):
            assert (memory.run.tally.cost, memory.run.tally.unpriced) == (Decimal(0), 1)


def test_a_call_that_still_runs_has_no_cost_yet() -> None:
    assert heard([a_span("s1", ends=None, use=replace(TOKENS, model="priced"))]).run.tally == Tally(
        calls=1, running=1, input_tokens=30, output_tokens=9
    )
