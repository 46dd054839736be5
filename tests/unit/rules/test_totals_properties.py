"""Totals of random actions: they are the same in every order, and nothing counts twice or is lost."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.action_facts import CLIENT, FRAMEWORK, an_action
from titan.model.actions import ActionKind, Outcome
from titan.model.runs import ActionFacts
from titan.rules.runs.totals import totals

#: Mostly model spans, as careless instrumentations send them.
KINDS = (ActionKind.MODEL, ActionKind.MODEL, ActionKind.MODEL, ActionKind.TOOL, ActionKind.AGENT, ActionKind.STEP)


@st.composite
def some_actions(draw: st.DrawFn, *, is_tree: bool = False, sources: Sequence[str] = (CLIENT,)) -> list[ActionFacts]:
    """Draw up to eight actions; unless they are a tree, some may name one another as parents in a cycle."""
    size = draw(st.integers(1, 8))
    actions = []
    for place in range(size):
        begins = draw(st.integers(0, 9))
        parents = range(place) if is_tree else range(size)
        actions.append(
            an_action(
                f"a{place}",
                parent=draw(st.sampled_from([None, *(f"a{n}" for n in parents)])),
                kind=draw(st.sampled_from(KINDS)),
                source=draw(st.sampled_from(sources)),
                begins=begins,
                ends=begins + draw(st.integers(0, 9)),
                outcome=draw(st.sampled_from([Outcome.SUCCESS, Outcome.ERROR])),
                cost=draw(st.sampled_from([None, "1", "2", "4"])),
                is_cost_estimated=draw(st.booleans()),
                model=draw(st.sampled_from([None, "m", "n"])),
                tokens=draw(st.sampled_from([(None, None), (10, 5), (20, None)])),
                response_id=draw(st.sampled_from([None, "r1", "r2"])),
            )
        )
    return actions


SOURCES = (CLIENT, FRAMEWORK, "sdk", "endpoint")


@settings(max_examples=120, deadline=None)
@given(some_actions(sources=SOURCES), st.data())
def test_the_order_of_actions_changes_nothing(actions: list[ActionFacts], data: st.DataObject) -> None:
    elsewhere = data.draw(st.sets(st.sampled_from(["r1", "r2"])))

    shuffled = data.draw(st.permutations(actions))

    assert totals(shuffled, answered_elsewhere=elsewhere) == totals(actions, answered_elsewhere=elsewhere)


@settings(max_examples=120, deadline=None)
@given(some_actions(sources=SOURCES))
def test_where_there_are_model_spans_one_counts_and_every_duplicate_is_of_a_call(actions: list[ActionFacts]) -> None:
    found, counts = totals(actions)

    models = {action.number for action in actions if action.kind == ActionKind.MODEL}
    counted = {number for number in models if number not in counts or counts[number].is_call}
    assert bool(counted) == bool(models)
    assert {count.duplicate_of for count in counts.values()} <= {None, *counted}
    assert all(number in models or not count.is_call for number, count in counts.items())
    assert found.tally.calls == len(counted) + sum(action.kind == ActionKind.TOOL for action in actions)


@settings(max_examples=120, deadline=None)
@given(some_actions(sources=SOURCES, is_tree=True), st.data())
def test_another_wrapper_with_the_same_report_changes_nothing(actions: list[ActionFacts], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(actions) - 1))
    wrapped = replace(actions[place], kind=ActionKind.MODEL.value, sources=(CLIENT,))
    before = [*actions[:place], wrapped, *actions[place + 1 :]]

    wrapper = replace(wrapped, id="w", number=0, sources=(FRAMEWORK,))
    after = [*actions[:place], replace(wrapped, parent_id="w"), *actions[place + 1 :], wrapper]

    assert totals(after)[0].tally == totals(before)[0].tally


@settings(max_examples=120, deadline=None)
@given(some_actions(is_tree=True))
def test_in_a_tree_totals_are_those_of_a_plain_recursion(drawn: list[ActionFacts]) -> None:
    """Wrappers report no tokens here: those with more than their calls stand for them (`test_totals_incomplete`)."""
    around = {one.parent_id for one in drawn}
    bare = {"input_tokens": None, "output_tokens": None, "response_id": None}
    actions = [
        replace(one, **bare, cost=one.cost if one.kind == ActionKind.MODEL else None)
        if one.kind in (ActionKind.AGENT, ActionKind.STEP) or (one.id in around and one.kind == ActionKind.MODEL)
        else replace(one, response_id=None)
        for one in drawn
    ]
    tools = [action for action in actions if action.kind == ActionKind.TOOL]
    inner: dict[str | None, list[ActionFacts]] = {}
    for action in actions:
        if action.kind == ActionKind.MODEL:
            inner.setdefault(model_above(action, {one.id: one for one in actions}), []).append(action)

    found = totals(actions)[0].tally

    tops = inner.get(None, [])
    assert found.calls == len(tools) + sum(leaves(top, inner) for top in tops)
    assert found.cost * 10**12 == sum(one.cost or 0 for one in tools) + sum(cost(top, inner)[1] for top in tops)
    assert found.input_tokens == sum(one.input_tokens or 0 for one in tools) + sum(tokens(top, inner) for top in tops)


def model_above(action: ActionFacts, by_id: Mapping[str, ActionFacts]) -> str | None:
    above = None if action.parent_id is None else by_id[action.parent_id]
    if above is None or above.kind == ActionKind.MODEL:
        return None if above is None else above.id
    return model_above(above, by_id)


def leaves(model: ActionFacts, inner: Mapping[str | None, list[ActionFacts]]) -> int:
    return sum(leaves(one, inner) for one in inner.get(model.id, [])) or 1


def cost(model: ActionFacts, inner: Mapping[str | None, list[ActionFacts]]) -> tuple[int, Decimal]:
    """Return how well the cost of a model span and of what is below it is known, and that cost in picodollars."""
    own = 0 if model.cost is None else 1 if model.is_cost_estimated else 2
    below = [cost(one, inner) for one in inner.get(model.id, [])]
    known = max((level for level, _ in below), default=-1)
    return (own, Decimal(model.cost or 0)) if own > known else (known, sum((one for _, one in below), Decimal(0)))


def tokens(model: ActionFacts, inner: Mapping[str | None, list[ActionFacts]]) -> int:
    return sum(tokens(one, inner) for one in inner.get(model.id, [])) or model.input_tokens or 0
