"""A cost that goes on to a call in steps goes back once another call turns out to be the one that it was said of."""

from decimal import Decimal

from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_span, heard, in_any_order
from titan.model.actions import ActionKind, ModelUse, Source
from titan.model.recorded import Tally

MODEL = ActionKind.MODEL
TOKENS = ModelUse(model="other", input_tokens=10, output_tokens=5)
PRICED = replace(TOKENS, model="priced")

OUTER = a_span("s0", ends=1000, cost="2000", use=ModelUse(model="priced"))
CALL = a_span("s1", begins=72, ends=609, use=TOKENS, parent_id="s0")
STEP = a_call("s3", source=Source.OTLP, kind=ActionKind.STEP, begins=87, ends=408, parent_id="s1")
IN_STEP = a_span("s8", begins=115, ends=158, use=replace(TOKENS, response_id="r1"), parent_id="s3")
BESIDE = a_span("s2", begins=207, ends=231, use=PRICED, parent_id="s1")


def costs(memory: Memory) -> dict[str, Decimal | None]:
    return {action.id: action.cost for action in memory.all if action.kind is MODEL}


def test_a_cost_that_was_said_once_counts_once_whichever_call_it_was_lent_to_first() -> None:
    expected = Tally(calls=2, success=2, cost=Decimal(2000), unpriced=1, input_tokens=20, output_tokens=10)

    for memory in in_any_order(OUTER, CALL, STEP, IN_STEP, BESIDE):
        assert memory.run.tally == expected
        assert costs(memory) == {"s8": None, "s2": Decimal(2000)}


def test_a_cost_that_moved_stays_where_it_is_when_all_is_told_again() -> None:
    memory = Memory()
    for batch in ([CALL], [STEP], [IN_STEP, OUTER], [BESIDE]):
        memory.hear(*batch)

    again = memory.hear(BESIDE, OUTER, CALL, STEP, IN_STEP)

    assert (again.repeated, again.runs, again.actions) == (5, [], [])
    assert memory.run.tally.cost == Decimal(2000)


def test_a_call_that_lends_in_steps_lends_the_same_to_what_is_told_of_it_later() -> None:
    inner = replace(IN_STEP, parent_id="s3", use=TOKENS)
    begun = replace(inner, ended_at=None, use=None)

    for memory in in_any_order(OUTER, CALL, STEP, begun, inner):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(2000), input_tokens=10, output_tokens=5)


def test_an_answer_goes_back_with_the_cost() -> None:
    named, inner = replace(CALL, use=replace(TOKENS, response_id="r")), replace(IN_STEP, use=TOKENS)

    for memory in in_any_order(OUTER, named, STEP, inner, BESIDE):
        assert {action.id: action.response_id for action in memory.all if action.kind is MODEL} == {
            "s8": None,
            "s2": "r",
        }


def test_what_a_call_is_lent_joins_it_past_steps_with_the_one_around() -> None:
    outer = a_span("s0", ends=1000, use=replace(PRICED, response_id="r3"))
    frame = a_span("s2", begins=444, ends=627, use=replace(PRICED, response_id="r1"), parent_id="s0", error="no")
    tried = a_span("s4", begins=510, ends=589, use=ModelUse(model="priced"), parent_id="s2", error="no")
    call = a_span("s5", begins=475, ends=597, use=ModelUse(model="priced"), parent_id="s2")

    for memory in in_any_order(outer, frame, tried, call):
        assert memory.run.tally == heard([outer, frame, tried, call]).run.tally
        assert memory.run.tally.calls == 2
