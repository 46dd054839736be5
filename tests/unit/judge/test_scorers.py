"""Verdicts over the ledger, without a model."""

from typing import Any

import msgspec
import pytest

from tests.unit.world.a_shop import a_state, an_environment, called
from titan.evaluate.results import pass_hat
from titan.judge.scorers import Ended, MadeCall, Scorer, ScorerResult, Verdict, overall, score
from titan.world.ledger import InitialState
from titan.world.simulation import is_error


def _ended(*calls: tuple[str, dict[str, Any]]) -> Ended:
    return _ended_with("", *calls)


def _ended_with(final_response: str, *calls: tuple[str, dict[str, Any]], rules: Any = ()) -> Ended:
    shop = an_environment(*rules)
    initial = state = a_state(shop)
    made = []
    for tool, args in calls:
        answer = called(shop, state, tool, **args)
        state = answer.state
        made.append(MadeCall(tool=tool, args=args, source=answer.source, has_failed=is_error(answer.response)))
    return Ended(
        ledger=state.ledger,
        initial=initial.ledger,
        environment=shop,
        calls=made,
        final_response=final_response,
    )


def _scored(ended: Ended, **fields: Any) -> ScorerResult:
    scorer: Scorer = msgspec.convert(fields, Scorer)
    return score(scorer, ended)


CANCELLED = ("cancel_order", {"order_id": "O1"})


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"type": "entity_field", "entity_type": "order", "id": "O1", "field": "status", "value": "cancelled"}, "PASS"),
        ({"type": "entity_field", "entity_type": "order", "id": "O2", "field": "status", "value": "cancelled"}, "FAIL"),
        ({"type": "entity_field", "entity_type": "order", "id": "O9", "field": "status", "value": "x"}, "FAIL"),
        (
            {"type": "entity_field", "entity_type": "product", "id": "P1", "field": "stock", "cmp": "ge", "value": 4},
            "PASS",
        ),
        ({"type": "entity_absent", "entity_type": "refund"}, "PASS"),
        ({"type": "entity_absent", "entity_type": "order", "id": "O1"}, "FAIL"),
        ({"type": "entity_count", "entity_type": "order", "value": 2}, "PASS"),
        (
            {
                "type": "entity_count",
                "entity_type": "order",
                "value": 2,
                "where": [{"field": "status", "value": "placed"}],
            },
            "FAIL",
        ),
        ({"type": "flag_set", "flag": "order_cancelled:O1"}, "PASS"),
        ({"type": "flag_set", "flag": "escalated"}, "FAIL"),
        ({"type": "flag_set", "flag": "escalated", "is_set": False}, "PASS"),
        ({"type": "reference_calls", "calls": [{"tool": "cancel_order", "arguments": {"order_id": "O1"}}]}, "PASS"),
        ({"type": "reference_calls", "calls": []}, "FAIL"),
        ({"type": "reference_calls", "calls": [{"tool": "cancel_order", "arguments": {"order_id": "O2"}}]}, "ERROR"),
        ({"type": "reference_calls", "calls": [{"tool": "write_note", "arguments": {"order_id": "O2"}}]}, "ERROR"),
        ({"type": "tool_called", "tool": "cancel_order", "arguments": {"order_id": "O1"}}, "PASS"),
        ({"type": "tool_called", "tool": "cancel_order", "arguments": {"order_id": "O2"}}, "FAIL"),
        ({"type": "tool_called", "tool": "refund", "cmp": "eq", "value": 0}, "PASS"),
    ],
)
def test_a_scorer_looks_at_the_ledger_at_the_end(fields: dict[str, Any], verdict: str) -> None:
    assert _scored(_ended(CANCELLED), **fields).verdict == verdict


def test_the_expected_state_names_what_differs() -> None:
    expected = msgspec.to_builtins(an_environment().world.initial_state)

    assert _scored(_ended(), type="expected_state", state=expected).verdict is Verdict.PASS
    found = _scored(_ended(CANCELLED), type="expected_state", state=expected)
    assert found.verdict is Verdict.FAIL
    assert "order 'O1' status: expected 'placed', found 'cancelled'" in found.detail
    assert "flag 'order_cancelled:O1': expected None, found True" in found.detail
    assert _scored(_ended(), type="expected_state", state=msgspec.to_builtins(InitialState())).verdict is Verdict.FAIL


def test_fields_that_do_not_count_are_left_out() -> None:
    refunded = ("refund", {"order_id": "O1", "amount": 3})
    expected = {"type": "reference_calls", "calls": [{"tool": "refund", "arguments": {"order_id": "O1", "amount": 4}}]}

    found = _scored(_ended(refunded), **expected, ignore=["refund.amount", "order.refunded"])

    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"all": ["o1", ["sent", "CANCELLED"]]}, "PASS"),
        ({"all": ["O1", "sent"]}, "FAIL"),
        ({"none": ["refunded"]}, "PASS"),
        ({"none": ["cancelled"]}, "FAIL"),
    ],
)
def test_an_answer_is_looked_at_whatever_its_case(fields: dict[str, Any], verdict: str) -> None:
    ended = _ended_with("O1 is Cancelled.", CANCELLED)

    assert _scored(ended, type="response_contains", **fields).verdict == verdict


REFUNDED = ("refund", {"order_id": "O1", "amount": 3})
OUTAGE = {"trigger": "tool_call", "tool": "cancel_order", "action": {"type": "error", "status": 503}}


@pytest.mark.parametrize(
    ("wanted", "calls", "rules", "mode"),
    [
        ([CANCELLED], [], [], "hallucinated_result"),
        ([CANCELLED], [CANCELLED], [OUTAGE], "failed_recovery"),
        ([CANCELLED], [("get_order", {"order_id": "O1"})], [], "missing_action"),
        ([CANCELLED, REFUNDED], [CANCELLED], [], "missing_action"),
        ([REFUNDED], [REFUNDED, REFUNDED], [], "extra_action"),
        ([REFUNDED], [("refund", {"order_id": "O1", "amount": 4})], [], "wrong_action"),
        ([REFUNDED], [("refund", {"order_id": "O2", "amount": 3})], [], "wrong_action"),
    ],
)
def test_a_failure_is_named_by_what_the_run_shows(wanted: Any, calls: Any, rules: Any, mode: str) -> None:
    reference = [{"tool": tool, "arguments": args} for tool, args in wanted]
    ended = _ended_with("done", *calls, rules=rules)

    assert _scored(ended, type="reference_calls", calls=reference).failure_mode == mode
    named = _scored(ended, type="reference_calls", calls=reference, failure_mode="policy_violation")
    assert named.failure_mode == "policy_violation"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": 4}, "has stock 3; expected 4"),
        ({"cmp": "ge", "value": 4}, "has stock 3; expected at least 4"),
        ({"cmp": "in", "value": [1, 2]}, "has stock 3; expected one of [1, 2]"),
    ],
)
def test_what_was_expected_is_said_in_words(fields: dict[str, Any], words: str) -> None:
    found = _scored(_ended(), type="entity_field", entity_type="product", id="P1", field="stock", **fields)

    assert found.detail == f"product 'P1' {words}"


def test_a_wrong_answer_is_named_so() -> None:
    ended = _ended_with("It is red.", ("get_order", {"order_id": "O1"}))

    assert _scored(ended, type="response_contains", all=["blue"]).failure_mode == "wrong_answer"


def _results(*verdicts: str, required: bool = True) -> list[ScorerResult]:
    return [ScorerResult(name="", verdict=Verdict(one), detail="", required=required) for one in verdicts]


def test_what_was_not_graded_neither_passes_nor_fails() -> None:
    assert overall(_results("PASS", "NOT APPLICABLE")) is Verdict.PASS
    assert overall(_results("NOT APPLICABLE")) is Verdict.NOT_APPLICABLE
    assert overall([]) is Verdict.NOT_APPLICABLE
    assert overall(_results("PASS", "ERROR")) is Verdict.ERROR
    assert overall(_results("ERROR", "FAIL")) is Verdict.FAIL
    assert overall(_results("PASS") + _results("FAIL", required=False)) is Verdict.PASS


def test_pass_hat_counts_tries_in_a_row() -> None:
    found = pass_hat(2, [(4, 4), (2, 4), (0, 4)])

    assert found is not None
    assert found.share == pytest.approx((1 + 1 / 6 + 0) / 3)
    assert 0 == found.low < found.share < found.high <= 1
    assert pass_hat(5, [(4, 4)]) is None
    alone = pass_hat(1, [(4, 4)])
    assert alone is not None
    assert alone.low < 0.3  # one task proves little
