"""A call that one source told of as a call within a call counts once, in whatever order and batches the two come."""

from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_seen, a_span, heard, in_any_order
from titan.model.actions import ActionEntry, ActionKind, ModelUse, Source
from titan.model.recorded import Tally

MODEL = ActionKind.MODEL


def test_a_call_that_a_framework_and_its_client_tell_of_counts_once() -> None:
    outer = a_span("s1", begins=0, ends=9, cost="0.5", use=ModelUse(input_tokens=7))
    inner = a_span("s2", begins=1, ends=8, cost="0.5", use=ModelUse(input_tokens=7), parent_id="s1")

    for memory in in_any_order(outer, inner):
        assert {action.id: action.kind for action in memory.all} == {"s1": ActionKind.STEP, "s2": MODEL}
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.5"), input_tokens=7)


def test_a_call_within_a_call_counts_once_though_both_take_no_time_and_give_one_answer() -> None:
    answered = ModelUse(response_id="r")
    outer, inner = a_span("s1", cost="2", use=answered), a_span("s2", cost="1", use=answered, parent_id="s1")

    for memory in in_any_order(outer, inner):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))


def test_of_calls_within_calls_the_innermost_counts() -> None:
    spans = [a_span("s1", cost="3"), a_span("s2", cost="2", parent_id="s1"), a_span("s3", cost="1", parent_id="s2")]

    for memory in in_any_order(*spans):
        assert [action.id for action in memory.all if action.kind is MODEL] == ["s3"]
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))


def test_a_call_within_a_call_counts_once_by_their_answer_though_a_step_stands_between() -> None:
    answered = ModelUse(response_id="r")
    outer, inner = (
        a_span("s1", ends=9, use=answered, cost="2"),
        a_span("s2", begins=1, ends=8, use=answered, cost="1", parent_id="step"),
    )
    step = a_call("step", source=Source.OTLP, kind=ActionKind.STEP, parent_id="s1")

    for memory in in_any_order(outer, step, inner):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))


@pytest.mark.parametrize(
    ("begins", "ends", "parent"),
    [(1, 2, "agent"), (5, 6, "other"), (1, None, "other")],
    ids=["beside it", "after it", "nobody knows how long"],
)
def test_calls_of_one_answer_that_are_not_within_each_other_are_two(
    begins: float, ends: float | None, parent: str
) -> None:
    answered = ModelUse(response_id="r")
    one = a_span("s1", ends=4, use=answered, parent_id="agent")
    other = a_span("s2", begins=begins, ends=ends, use=answered, parent_id=parent)

    for memory in in_any_order(one, other):
        assert memory.run.tally.calls == 2


@pytest.mark.parametrize("place", ["s1", "s2"])
def test_the_cost_that_our_endpoint_saw_counts_wherever_in_a_call_within_a_call(place: str) -> None:
    answered = ModelUse(response_id="r")
    outer = a_span("s1", ends=9, cost="5", use=answered)
    inner = a_span("s2", begins=1, ends=8, cost="4", use=answered, parent_id="s1")
    seen = a_seen("e1", begins=2, ends=7, cost="0.2", use=answered, parent_id=place)

    for memory in in_any_order(outer, inner, seen):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.2"))


def test_what_our_endpoint_saw_of_another_answer_stays_a_call_of_its_own() -> None:
    outer, seen = a_span("s1", ends=9, use=ModelUse(response_id="r1")), a_seen(use=ModelUse(response_id="r1"))
    inner = a_span("s2", begins=1, ends=8, use=ModelUse(response_id="r2"), parent_id="s1")

    for memory in in_any_order(outer, seen, inner):
        assert memory.run.tally.calls == 2


def test_a_call_that_another_teller_made_in_one_is_a_call_of_its_own() -> None:
    inner = a_call("c2", kind=MODEL, parent_id="s1")

    for memory in in_any_order(a_span("s1"), inner):
        assert memory.run.tally.calls == 2


def test_the_answer_that_the_outer_call_alone_names_is_that_of_the_inner_one() -> None:
    begins, inner = a_span("s1", ends=None), a_span("s2", begins=1, ends=8, cost="4", parent_id="s1")
    ends = a_span("s1", ends=9, cost="5", use=ModelUse(response_id="r"))
    seen = a_seen("e1", begins=2, ends=7, cost="0.2", use=ModelUse(response_id="r"))

    for memory in in_any_order(begins, inner, ends, seen):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.2"))


def test_an_answer_that_another_of_the_tellers_calls_gave_is_not_handed_to_the_inner_call() -> None:
    answered = ModelUse(response_id="r")
    other = a_span("s3", begins=20, ends=21, cost="3", use=answered)
    outer, inner = a_span("s1", ends=9, cost="5", use=answered), a_span("s2", begins=1, cost="4", parent_id="s1")

    assert heard([other, outer, inner]).run.tally == Tally(calls=2, success=2, cost=Decimal(7))


def test_a_call_that_has_only_begun_is_no_other_tellers_word_of_the_call_within_it() -> None:
    answered = ModelUse(response_id="r")
    outer, innermost = a_span("s1", ends=9, use=answered), a_span("s3", begins=2, ends=7, use=answered, parent_id="s2")
    begun, ended = (a_span("s2", begins=1, ends=ends, parent_id="s1") for ends in (None, 8))

    for memory in in_any_order(outer, innermost, begun, ended):
        assert [action.id for action in memory.all if action.kind is MODEL] == ["s3"]


# --- with steps between ---

ONCE = ModelUse(model="gpt-4o-mini", input_tokens=31, output_tokens=9)


def a_step(id: str = "step", *, kind: ActionKind = ActionKind.STEP, parent_id: str = "s1") -> ActionEntry:
    return a_call(id, source=Source.OTLP, kind=kind, begins=1, ends=8, parent_id=parent_id)


def outer_span(use: ModelUse = ONCE, **said: float | None) -> ActionEntry:
    return a_span("s1", **{"begins": 0, "ends": 9, **said}, cost="2", use=use)


def inner_span(use: ModelUse = ONCE, *, parent_id: str = "step", **said: float | None) -> ActionEntry:
    return a_span("s2", **{"begins": 2, "ends": 7, **said}, cost="1", use=use, parent_id=parent_id)


def memories(*entries: ActionEntry) -> list[Memory]:
    """Return what entries come to in any order, together and one by one; of many, one by one in some orders."""
    if len(entries) <= 4:
        return in_any_order(*entries)
    alone = []
    for order in (entries, entries[::-1], (*entries[2:], *entries[:2]), (*entries[::2], *entries[1::2])):
        memory = Memory()
        for entry in order:
            memory.hear(entry)
        alone.append(memory)
    return alone + [heard(order) for order in permutations(entries)]


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_call_that_a_framework_and_its_client_tell_of_counts_once_though_steps_stand_between(steps: int) -> None:
    between = [a_step(f"step{n}", parent_id=f"step{n - 1}" if n else "s1") for n in range(steps)]
    told = [outer_span(), *between, inner_span(parent_id=f"step{steps - 1}")]

    for order in (told, told[::-1], [told[0], told[-1], *between], [told[-1], told[0], *between[::-1]]):
        together, alone = heard(order), Memory()
        for entry in order:
            alone.hear(entry)
        for memory in (together, alone):
            assert [action.id for action in memory.all if action.kind is MODEL] == ["s2"]
            assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1), input_tokens=31, output_tokens=9)


def test_of_three_calls_with_steps_between_the_innermost_counts() -> None:
    innermost = a_span("s3", begins=3, ends=6, cost="0.5", use=ONCE, parent_id="within")

    for memory in memories(outer_span(), a_step(), inner_span(), a_step("within", parent_id="s2"), innermost):
        assert [action.id for action in memory.all if action.kind is MODEL] == ["s3"]
        assert memory.run.tally.cost == Decimal("0.5")


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("claude-3-5-haiku-20241022", "anthropic/claude-3-5-haiku"),
    ],
)
def test_a_model_is_the_same_with_its_date_and_its_provider(outer: str, inner: str) -> None:
    told = [outer_span(replace(ONCE, model=outer)), a_step(), inner_span(replace(ONCE, model=inner))]

    for memory in memories(*told):
        assert memory.run.tally.calls == 1


@pytest.mark.parametrize("place", ["s2", None])
def test_the_cost_that_our_endpoint_saw_counts_though_a_step_stands_between(place: str | None) -> None:
    answered = replace(ONCE, response_id="r")
    seen = a_seen("e1", begins=3, ends=6, cost="0.2", parent_id=place, use=answered)

    for memory in memories(outer_span(answered), a_step(), inner_span(), seen):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=31, output_tokens=9)


@pytest.mark.parametrize(
    ("outer", "step", "inner"),
    [
        (outer_span(), a_step(), inner_span(replace(ONCE, output_tokens=8))),
        (outer_span(), a_step(), inner_span(replace(ONCE, input_tokens=30))),
        (outer_span(replace(ONCE, output_tokens=None)), a_step(), inner_span(replace(ONCE, output_tokens=None))),
        (outer_span(), a_step(), inner_span(replace(ONCE, model="gpt-4o"))),
        (outer_span(replace(ONCE, model=None)), a_step(), inner_span()),
        (outer_span(replace(ONCE, response_id="r1")), a_step(), inner_span(replace(ONCE, response_id="r2"))),
        (outer_span(), a_step(kind=ActionKind.TOOL), inner_span()),
        (outer_span(), a_step(kind=ActionKind.AGENT), inner_span()),
        (outer_span(), a_step(parent_id="elsewhere"), inner_span()),
        (outer_span(ends=6), a_step(), inner_span()),
        (outer_span(begins=3), a_step(), inner_span()),
        (outer_span(), a_step(), inner_span(ends=None)),
        (outer_span(ends=None), a_step(), inner_span(ends=None)),
        (outer_span(replace(ONCE, output_tokens=0)), a_step(), inner_span(replace(ONCE, output_tokens=0))),
    ],
    ids=[
        *("more said", "more asked", "tokens unknown", "another model", "model unknown", "another answer"),
        *("a tool's", "an agent's", "beside it", "ends later", "begins sooner", "goes on", "both go on", "no tokens"),
    ],
)
def test_calls_with_a_step_between_that_may_be_two_are_two(
    outer: ActionEntry, step: ActionEntry, inner: ActionEntry
) -> None:
    for memory in memories(outer, step, inner):
        assert [action.kind for action in memory.all].count(MODEL) == 2


def test_a_call_that_a_tool_made_in_steps_of_its_own_is_another_though_tokens_are_equal() -> None:
    tool = a_step("tool", kind=ActionKind.TOOL)

    for memory in memories(outer_span(), tool, a_step(parent_id="tool"), inner_span()):
        assert [action.kind for action in memory.all].count(MODEL) == 2


def test_a_call_that_failed_within_one_that_succeeded_was_a_try_of_its_own_though_tokens_are_equal() -> None:
    failed = a_span("s2", begins=2, ends=7, use=ONCE, parent_id="step", error="overloaded")

    for memory in memories(outer_span(), a_step(), failed):
        assert (memory.run.tally.success, memory.run.tally.error) == (1, 1)


def test_a_circle_of_steps_is_walked_no_further_than_any_framework_goes() -> None:
    circle = [a_step("step", parent_id="other"), a_step("other", parent_id="step")]

    for memory in memories(outer_span(), *circle, inner_span()):
        assert memory.run.tally.calls == 2


def test_two_calls_that_our_endpoint_saw_are_two_though_the_span_of_one_is_around_the_others() -> None:
    outer = a_span("s1", ends=9, use=ModelUse(response_id="r1"))
    inner = a_span("s2", begins=4, ends=8, use=ModelUse(response_id="r2"), parent_id="s1")
    first = a_seen("e1", begins=1, ends=3, cost="0.2", use=ModelUse(response_id="r1"))
    second = a_seen("e2", begins=5, ends=7, cost="0.3", use=ModelUse(response_id="r2"))

    for memory in in_any_order(outer, first, inner, second):
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal("0.5"))


@pytest.mark.parametrize("tokens", [(20, 7), (None, None)], ids=["other tokens", "no tokens"])
def test_a_call_of_our_endpoint_in_a_span_is_the_call_though_another_span_in_it_came_before(
    tokens: tuple[int | None, int | None],
) -> None:
    outer = a_span("s0", ends=1000, cost="27", use=ModelUse(input_tokens=tokens[0], output_tokens=tokens[1]))
    beside = a_span("s2", begins=443, ends=683, cost="25", parent_id="s0")
    seen = a_seen("e1", begins=1, ends=999, cost="0.3", parent_id="s0")

    for memory in in_any_order(outer, beside, seen):
        assert (memory.run.tally.calls, memory.run.tally.cost) == (1, Decimal("0.3"))
