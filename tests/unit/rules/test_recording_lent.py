"""Of calls told of within one another each that is one is counted, and no cost, token or answer told of is lost."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_seen, a_span, heard, in_any_order
from titan.model.actions import ActionEntry, ActionKind, ModelUse, Outcome, Source
from titan.model.recorded import Tally

MODEL = ActionKind.MODEL
USED = ModelUse(model="gpt-4o", provider="openai", input_tokens=1000, output_tokens=100, response_id="A")


def everyhow(*entries: ActionEntry) -> list[Memory]:
    """Return what entries come to in any order, together and each in a request of its own."""
    alone = []
    for memory in in_any_order(*entries):
        one_by_one = Memory()
        for new in memory.kept:
            one_by_one.hear(new.entry)
        alone += [memory, one_by_one]
    return alone


def outer_span(**said: object) -> ActionEntry:
    return replace(a_span("s1", ends=9), **said)


def inner_span(id: str = "s2", *, begins: float = 1, **said: object) -> ActionEntry:
    return replace(a_span(id, begins=begins, ends=begins + 1, parent_id="s1"), **said)


# --- two calls ---


def test_two_that_name_different_answers_are_two_calls() -> None:
    outer = outer_span(use=USED, cost=Decimal("0.5"))
    inner = inner_span(use=ModelUse(model="small", input_tokens=30, response_id="B"), cost=Decimal("0.02"))

    for memory in everyhow(outer, inner):
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal("0.52"), input_tokens=1030, output_tokens=100)


def test_what_was_taken_for_a_frame_is_a_call_once_both_have_named_their_answers() -> None:
    begun, inner = a_span("s1", ends=None), inner_span(use=ModelUse(response_id="B"), cost=Decimal("0.02"))
    memory = heard([begun, inner])
    before = memory.run.tally

    settled = memory.hear(outer_span(use=USED, cost=Decimal("0.5")))

    assert before == Tally(calls=1, success=1, cost=Decimal("0.02"))
    assert [(action.id, action.kind) for action in settled.actions] == [("s1", MODEL)]
    assert (memory.run.tally.calls, memory.run.tally.cost) == (2, Decimal("0.52"))


def test_the_answer_that_our_endpoint_names_of_the_inner_call_tells_the_two_apart() -> None:
    outer = outer_span(use=USED, cost=Decimal("0.5"))
    seen = a_seen("e1", begins=1, ends=2, parent_id="s2", cost="0.02", use=ModelUse(response_id="B"))

    for memory in everyhow(outer, inner_span(), seen):
        assert (memory.run.tally.calls, memory.run.tally.cost) == (2, Decimal("0.52"))


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.BLOCKED, Outcome.REJECTED])
def test_what_came_to_nothing_within_a_call_that_succeeded_was_a_try_of_its_own(outcome: Outcome) -> None:
    outer = a_call("o", kind=MODEL, ends=9, cost="0.5")
    tried = a_call("i", kind=MODEL, begins=1, ends=2, parent_id="o", outcome=outcome)

    for memory in everyhow(a_call("o", kind=MODEL, ends=None), outer, tried):
        assert memory.run.tally == Tally(
            calls=2,
            success=1,
            cost=Decimal("0.5"),
            error=int(outcome is Outcome.ERROR),
            blocked=int(outcome is Outcome.BLOCKED),
            rejected=int(outcome is Outcome.REJECTED),
            unpriced=int(outcome is Outcome.ERROR),
        )


def test_of_tries_within_a_call_the_one_that_succeeded_is_the_call() -> None:
    outer = outer_span(use=USED, cost=Decimal("0.5"))
    failed, succeeded = inner_span(outcome=Outcome.ERROR, cost=Decimal("0.1")), inner_span("s3", begins=3)

    for memory in everyhow(outer, failed, succeeded):
        assert memory.run.tally == Tally(
            calls=2, success=1, error=1, cost=Decimal("0.6"), input_tokens=1000, output_tokens=100
        )


def test_a_failure_of_the_same_answer_is_the_same_call() -> None:
    inner = inner_span(use=ModelUse(response_id="A"), outcome=Outcome.ERROR)

    for memory in everyhow(outer_span(use=USED, cost=Decimal("0.5")), inner):
        assert memory.run.tally == Tally(calls=1, error=1, cost=Decimal("0.5"), input_tokens=1000, output_tokens=100)


# --- what only the outer one tells ---


@pytest.mark.parametrize(
    ("outer", "inner", "cost", "is_estimated"),
    [
        (("0.5", False), (None, False), "0.5", False),
        (("0.5", True), (None, False), "0.5", True),
        (("0.5", False), ("0.4", True), "0.5", False),
        (("0.5", True), ("0.4", True), "0.4", True),
        (("0.5", True), ("0.4", False), "0.4", False),
        (("0.5", False), ("0.4", False), "0.4", False),
        ((None, False), ("0.4", True), "0.4", True),
    ],
)
def test_the_inner_call_costs_what_is_known_best(
    outer: tuple[str | None, bool], inner: tuple[str | None, bool], cost: str, is_estimated: bool
) -> None:
    around = replace(a_span("s1", ends=9, cost=outer[0], is_cost_estimated=outer[1]))
    within = replace(a_span("s2", begins=1, ends=8, cost=inner[0], is_cost_estimated=inner[1], parent_id="s1"))

    for memory in everyhow(around, within):
        [call] = [action for action in memory.all if action.kind is MODEL]
        assert (call.id, call.cost, call.is_cost_estimated) == ("s2", Decimal(cost), is_estimated)
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(cost), estimated=int(is_estimated))


def test_what_the_inner_call_lacks_is_handed_down_to_the_innermost() -> None:
    spans = [
        outer_span(use=USED, cost=Decimal("0.5"), is_cost_estimated=True),
        replace(inner_span(), ended_at=None),
        inner_span(use=ModelUse(model="gpt-4o-2024-08-06")),
        replace(inner_span("s3"), parent_id="s2"),
    ]

    for memory in everyhow(*spans):
        assert memory.run.tally == Tally(
            calls=1, success=1, cost=Decimal("0.5"), estimated=1, input_tokens=1000, output_tokens=100
        )
        [call] = [action for action in memory.all if action.kind is MODEL]
        assert (call.id, call.model, call.provider, call.response_id) == ("s3", "gpt-4o-2024-08-06", "openai", "A")


def test_what_the_outermost_call_hands_down_arrives_though_the_call_between_was_known_before() -> None:
    outermost, between = outer_span(cost=Decimal(5)), inner_span()
    innermost = replace(inner_span("s3", cost=Decimal(2), is_cost_estimated=True), parent_id="s2")
    memory = heard([between])

    memory.hear(innermost, outermost)

    assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(5))


def test_what_was_handed_to_a_call_gives_way_to_its_own_word() -> None:
    outer = outer_span(use=USED, cost=Decimal("0.5"), is_cost_estimated=True)
    begun = replace(inner_span(), ended_at=None)
    own = inner_span(use=ModelUse(model="m", input_tokens=7, output_tokens=2), cost=Decimal("0.001"))

    for memory in everyhow(outer, begun, own):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.001"), input_tokens=7, output_tokens=2)
        assert [action.model for action in memory.all if action.kind is MODEL] == ["m"]


def test_a_cached_call_saves_what_the_call_around_it_says_it_costs() -> None:
    cached = inner_span(outcome=Outcome.REPLAYED)

    for memory in everyhow(outer_span(cost=Decimal("0.5")), cached):
        assert memory.run.tally == Tally(calls=1, replayed=1, saved=Decimal("0.5"))


@pytest.mark.parametrize(
    ("known", "tokens", "whole"),
    [
        ((None, None), (None, None), [("0.5", 1000), ("0", None)]),
        (("0.2", None), (400, None), [("0.2", 400), ("0.3", 600)]),
        (("0.2", "0.2"), (400, 500), [("0.2", 400), ("0.2", 500)]),
        (("0.7", None), (1400, None), [("0.7", 1400), (None, None)]),
    ],
)
def test_several_calls_within_one_come_to_what_it_says(
    known: Sequence[str | None], tokens: Sequence[int | None], whole: Sequence[tuple[str | None, int | None]]
) -> None:
    outer = outer_span(use=ModelUse(input_tokens=1000), cost=Decimal("0.5"))
    inner = [
        inner_span(
            f"s{place + 2}",
            begins=place * 2,
            cost=None if cost is None else Decimal(cost),
            use=ModelUse(input_tokens=tokens[place]),
        )
        for place, cost in enumerate(known)
    ]

    for memory in everyhow(outer, *inner):
        calls = sorted((action for action in memory.all if action.kind is MODEL), key=lambda action: action.id)
        assert [(call.cost, call.input_tokens) for call in calls] == [
            (None if cost is None else Decimal(cost), count) for cost, count in whole
        ]


def test_the_cost_that_the_outer_of_two_says_counts_though_a_step_stands_between() -> None:
    used = ModelUse(model="gpt-4o", input_tokens=1000, output_tokens=100)
    step = replace(inner_span("step"), kind=ActionKind.STEP)
    inner = replace(inner_span(use=used), parent_id="step")

    for memory in everyhow(outer_span(use=used, cost=Decimal("0.5")), step, inner):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.5"), input_tokens=1000, output_tokens=100)


# --- what our endpoint saw ---


def test_a_call_within_calls_of_which_our_endpoint_saw_the_outermost_is_that_call() -> None:
    seen = a_seen("e1", ends=8, cost="0.2", use=ModelUse(response_id="A"))
    spans = [outer_span(use=ModelUse(response_id="A")), seen, inner_span(), replace(inner_span("s3"), parent_id="s2")]
    memory = Memory()

    for span in spans:
        memory.hear(span)

    assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.2"))


def test_what_our_endpoint_saw_the_call_around_of_is_a_call_once_it_names_another_answer() -> None:
    seen = a_seen("e1", ends=8, cost="0.2", use=ModelUse(response_id="A"))
    memory = heard([outer_span(use=ModelUse(response_id="A")), seen, replace(inner_span(), ended_at=None)])
    before = memory.run.tally.calls

    memory.hear(inner_span(use=ModelUse(response_id="B"), cost=Decimal("0.1")))

    assert (before, memory.run.tally.calls, memory.run.tally.cost) == (1, 2, Decimal("0.3"))


def test_calls_that_name_each_other_as_where_they_were_made_harm_nobody() -> None:
    one, other = replace(outer_span(), parent_id="s2"), inner_span()

    for memory in everyhow(one, other):
        assert len(memory.all) == 2


def test_what_another_teller_says_within_a_call_is_handed_nothing() -> None:
    inner = a_call("c", source=Source.SDK, kind=MODEL, parent_id="s1")

    for memory in everyhow(outer_span(cost=Decimal("0.5")), inner):
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal("0.5"), unpriced=1)
