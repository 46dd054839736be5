"""A cost that was said once counts once: what calls lend one another is found anew from what each said itself."""

from decimal import Decimal
from random import Random

import pytest
from msgspec.structs import replace

from tests.support.random_nests import a_tree, in_batches
from tests.support.recorded import Memory, a_call, a_span, heard, in_any_order
from titan.model.actions import ActionEntry, ActionKind, ModelUse, Source
from titan.model.recorded import Tally

ANSWERED = ModelUse(response_id="r")


def an_agent(id: str, *, parent_id: str) -> ActionEntry:
    return a_call(id, source=Source.OTLP, kind=ActionKind.AGENT, begins=3, ends=9, parent_id=parent_id)


@pytest.mark.parametrize("has_steps", [False, True])
@pytest.mark.parametrize("seed", range(100))
def test_in_any_order_and_batches_random_nests_come_to_the_same(seed: int, has_steps: bool) -> None:
    rnd = Random(seed)
    spans = a_tree(rnd, run_id="R_1", has_steps=has_steps)
    together = heard(spans).run.tally

    for _ in range(4):
        memory = Memory()
        for batch in in_batches(rnd, spans):
            memory.hear(*batch)
        assert memory.run.tally == together


def test_what_a_call_says_of_one_within_an_agent_and_of_one_beside_it_is_said_once() -> None:
    outer = a_span("o", ends=100, cost="5", use=ANSWERED)
    beside = a_span("i", begins=1, ends=2, parent_id="o")
    named = a_span("k", begins=4, ends=8, use=ANSWERED, parent_id="a")

    for memory in in_any_order(outer, beside, an_agent("a", parent_id="o"), named):
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal(5))


def test_a_call_that_is_told_of_in_two_frames_counts_once() -> None:
    far = a_span("far", ends=100, use=ANSWERED)
    frame = a_span("frame", begins=1, ends=90, cost="7", parent_id="elsewhere")
    call = a_span("call", begins=2, ends=80, cost="2", use=ANSWERED, parent_id="frame")

    for memory in in_any_order(far, frame, call):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(2))


def test_of_two_calls_around_one_that_name_its_answer_the_inner_one_knows_its_cost() -> None:
    outer = a_span("o", ends=100, cost="5", use=ANSWERED, parent_id="p")
    inner = a_span("i", begins=1, ends=90, cost="3", use=ANSWERED, parent_id="q")
    call = a_span("c", begins=2, ends=80, use=ANSWERED, parent_id="a")

    for memory in in_any_order(outer, inner, call):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(3))


def test_a_call_whose_frame_was_made_beside_the_one_that_names_its_answer_is_said_once() -> None:
    outer = a_span("o", begins=2, ends=100, cost="5", use=ANSWERED, parent_id="p")
    frame = a_span("f", begins=1, ends=90, cost="7", parent_id="q")
    call = a_span("c", begins=3, ends=80, use=ANSWERED, parent_id="f")

    for memory in in_any_order(outer, frame, call):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(5))


def test_what_a_call_was_lent_by_its_answer_gives_way_to_its_own_word() -> None:
    outer = a_span("o", ends=100, cost="5", use=ANSWERED)
    ended = a_span("c", begins=2, ends=80, cost="4", use=ANSWERED, parent_id="a")
    begun = replace(ended, ended_at=None, cost=None)

    for memory in in_any_order(outer, begun, ended):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(4))


def test_of_calls_that_name_two_answers_in_one_frame_the_frame_hands_on_what_the_inner_one_says() -> None:
    frame = a_span("f", begins=2, ends=90, parent_id="q")
    told = [frame]
    for place, answer in enumerate(["r1", "r2"]):
        use = ModelUse(response_id=answer)
        told += [
            a_span(f"o{place}", begins=place / 2, ends=100, cost="5", use=use, parent_id=f"p{place}"),
            a_span(f"c{place}", begins=3 + place * 20, ends=4 + place * 20, use=use, parent_id="f"),
        ]

    tallies = [memory.run.tally for memory in in_any_order(*told)]

    assert tallies == [Tally(calls=2, success=2, cost=Decimal(5), unpriced=1)] * len(tallies)


def test_frames_that_name_each_other_as_where_they_were_made_harm_nobody() -> None:
    call = a_span("c", begins=9, ends=10, use=ANSWERED, parent_id="f")
    one = a_span("f", begins=3, ends=20, parent_id="g")
    other = a_span("g", begins=2, ends=30, parent_id="f")
    outer = a_span("o", begins=1, ends=100, cost="5", use=ANSWERED, parent_id="p")

    for memory in in_any_order(call, one, other, outer):
        assert len(memory.all) == 4
