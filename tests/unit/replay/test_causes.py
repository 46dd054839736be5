"""How executions agree, and where they first differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.builders import NOON
from titan.insight.replay.recorded_action import RecordedAction, body_of
from titan.replay.differences import Position, agree_at, agreement, calls_of, first_unlike


def an_action(name: str, inputs: str = "1", *, task: str = "", at: int = 0) -> RecordedAction:
    return RecordedAction(
        id=f"{name}{at}",
        name=name,
        is_call=True,
        started_at=NOON + timedelta(seconds=at),
        task=task,
        inputs=body_of(inputs),
        outputs=body_of('"x"'),
    )


SAME = [an_action("search"), an_action("rank", at=1), an_action("write", at=2)]


def test_executions_that_do_the_same_agree_wholly() -> None:
    found = agreement([calls_of(SAME)] * 3)

    assert (found.score, found.root, found.differing, found.executions) == (100, None, 0, 3)


def test_nothing_agrees_with_nothing() -> None:
    assert agreement([calls_of([]), calls_of([])]).score == 100


def test_the_first_place_at_which_they_differ_is_the_root() -> None:
    other = [SAME[0], replace(SAME[1], inputs=body_of("2")), replace(SAME[2], outputs=body_of("3"))]

    found = agreement([calls_of(SAME), calls_of(SAME), calls_of(other)])

    assert (found.root, found.differing) == (Position("", 1), 1)
    assert found.score == 77  # (1 + 2/3 + 2/3) / 3


def test_a_call_that_some_did_not_make_counts_as_a_difference() -> None:
    found = agreement([calls_of(SAME), calls_of(SAME[:2])])

    assert (found.root, found.score) == (Position("", 2), 83)


def test_tasks_are_compared_each_by_itself() -> None:
    one = [an_action("a", task="1"), an_action("b", task="2", at=1)]
    other = [an_action("b", task="2"), an_action("a", task="1", at=1)]

    assert agreement([calls_of(one), calls_of(other)]).score == 100


def test_for_threads_with_a_shared_name_only_the_calls_are_compared() -> None:
    one = [an_action("a", "1", task="/pool"), an_action("a", "2", task="/pool", at=1)]
    other = [an_action("a", "2", task="/pool"), an_action("a", "1", task="/pool", at=1)]

    assert agreement([calls_of(one), calls_of(other)]).score == 100


def test_in_a_task_of_a_thread_the_order_counts() -> None:
    one = [an_action("a", "1", task="/pool/1"), an_action("a", "2", task="/pool/1", at=1)]
    other = [an_action("a", "2", task="/pool/1"), an_action("a", "1", task="/pool/1", at=1)]

    assert agreement([calls_of(one), calls_of(other)]).root == Position("/pool/1", 0)


def test_where_an_execution_leaves_its_recording() -> None:
    assert first_unlike(calls_of(SAME), calls_of(SAME)) is None
    assert first_unlike(calls_of(SAME[:2]), calls_of(SAME)) == Position("", 2)
    assert first_unlike(calls_of(SAME), calls_of([an_action("find"), *SAME[1:]])) == Position("", 0)


def test_agreement_at_one_place() -> None:
    other = [SAME[0], replace(SAME[1], failure="ValueError: no")]

    executions = [calls_of(SAME), calls_of(other)]

    assert agree_at(executions, Position("", 0))
    assert not agree_at(executions, Position("", 1))
