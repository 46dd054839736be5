"""Verdicts over the ledger, without a model."""

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.world.a_shop import DEFINITION, ID, a_state, an_environment, called, nobody
from titan.evaluate.results import pass_hat
from titan.judge.scorers import Ended, MadeCall, Scorer, ScorerResult, Verdict, overall, score
from titan.world.ledger import InitialState
from titan.world.simulation import Call, Reply, State


def _ended(*calls: tuple[str, dict[str, Any]]) -> Ended:
    return _ended_with("", *calls)


def _ended_with(
    final_response: str, *calls: tuple[str, dict[str, Any]], rules: Any = (), reply: Any = nobody, **changes: Any
) -> Ended:
    shop = an_environment(*rules, **changes)
    initial = state = a_state(shop)
    made = []
    for tool, args in calls:
        answer = called(shop, state, tool, partial(reply, state) if reply is not nobody else nobody, **args)
        state = answer.state
        made.append(MadeCall.of(Call(sequence=0, tool=tool, args=args), answer))
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
        ({"type": "reference_calls", "calls": [{"tool": "write_note", "arguments": {"order_id": "O2"}}]}, "FAIL"),
        ({"type": "tool_called", "tool": "cancel_order", "arguments": {"order_id": "O1"}}, "PASS"),
        ({"type": "tool_called", "tool": "cancel_order", "arguments": {"order_id": "O2"}}, "FAIL"),
        ({"type": "tool_called", "tool": "refund", "cmp": "eq", "value": 0}, "PASS"),
    ],
)
def test_a_scorer_looks_at_the_ledger_at_the_end(fields: dict[str, Any], verdict: str) -> None:
    assert _scored(_ended(CANCELLED), **fields).verdict == verdict


def test_the_expected_state_scorer_names_the_differences() -> None:
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
def test_answers_are_compared_case_insensitively(fields: dict[str, Any], verdict: str) -> None:
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
def test_the_failure_mode_is_derived_from_the_run(wanted: Any, calls: Any, rules: Any, mode: str) -> None:
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
def test_the_expected_value_is_described_in_words(fields: dict[str, Any], words: str) -> None:
    found = _scored(_ended(), type="entity_field", entity_type="product", id="P1", field="stock", **fields)

    assert found.detail == f"product 'P1' {words}"


def test_a_wrong_answer_is_named_so() -> None:
    ended = _ended_with("It is red.", ("get_order", {"order_id": "O1"}))

    assert _scored(ended, type="response_contains", all=["blue"]).failure_mode == "wrong_answer"


def _results(*verdicts: str, required: bool = True) -> list[ScorerResult]:
    return [ScorerResult(name="", verdict=Verdict(one), detail="", required=required) for one in verdicts]


def test_an_ungraded_result_neither_passes_nor_fails() -> None:
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
    assert 0 < found.low < found.share < found.high < 1
    assert pass_hat(5, [(4, 4)]) is None
    alone = pass_hat(1, [(4, 4)])
    assert alone is not None
    assert alone.low < 0.3  # one task proves little


# --- types ---


@pytest.mark.parametrize(
    ("found", "wanted", "verdict"),
    [
        (1, True, "FAIL"),
        (0, False, "FAIL"),
        (True, True, "PASS"),
        (25, 25.0, "PASS"),
        ([1], [True], "FAIL"),
        ({"paid": 1}, {"paid": True}, "FAIL"),
        ({"paid": [25.0]}, {"paid": [25]}, "PASS"),
        ("1", 1, "FAIL"),
        (None, 0, "FAIL"),
    ],
)
def test_true_is_not_1_and_25_is_25_0_for_every_scorer(found: Any, wanted: Any, verdict: str) -> None:
    ended = _ended_with("", initial_state={"entities": {"box": {"B1": {"held": found}}}, "flags": {"held": found}})
    state = {"entities": {"box": {"B1": {"held": wanted}}}, "flags": {"held": found}}
    flags = {"entities": {"box": {"B1": {"held": found}}}, "flags": {"held": wanted}}
    where = [{"field": "held", "value": {"const": wanted}}]

    assert _scored(ended, type="expected_state", state=state).verdict == verdict
    assert (
        _scored(ended, type="entity_field", entity_type="box", id="B1", field="held", value=wanted).verdict == verdict
    )
    assert _scored(ended, type="entity_count", entity_type="box", value=1, where=where).verdict == verdict
    assert (_scored(ended, type="entity_absent", entity_type="box", where=where).verdict == "FAIL") is (
        verdict == "PASS"
    )
    if None not in (found, wanted):  # a flag without a value is not set
        assert _scored(ended, type="flag_set", flag="held", value=wanted).verdict == verdict
        assert _scored(ended, type="expected_state", state=flags).verdict == verdict


def test_the_arguments_of_a_call_are_compared_by_their_types() -> None:
    ended = _ended(("refund", {"order_id": "O1", "amount": 1}))

    assert _scored(ended, type="tool_called", tool="refund", arguments={"amount": 1.0}).verdict is Verdict.PASS
    assert _scored(ended, type="tool_called", tool="refund", arguments={"amount": True}).verdict is Verdict.FAIL
    assert _scored(ended, type="tool_called", tool="refund", arguments={"reason": None}).verdict is Verdict.FAIL


# --- calls that failed, and tools that no declaration answers ---


def _by_model(state: State, _ask: Any) -> Reply:
    update = {"op": "update", "type": "order", "id": "O2", "set": {"notes": ["call"]}}
    content = msgspec.json.encode({"tool_response": {"status": "ok"}, "ledger_updates": [update]}).decode()
    return Reply(state=state, content=content)


def _unavailable(state: State, _ask: Any) -> Reply:
    return Reply(state=state, failure="no model")


NOTED = ("write_note", {"order_id": "O2"})
NOTE = {"tool": "write_note", "arguments": {"order_id": "O2"}}


def test_only_successful_calls_are_counted() -> None:
    refused = ("cancel_order", {"order_id": "O2"})  # shipped

    assert _scored(_ended(refused), type="tool_called", tool="cancel_order").verdict is Verdict.FAIL
    assert (
        _scored(_ended(CANCELLED, refused), type="tool_called", tool="cancel_order", cmp="eq").verdict is Verdict.PASS
    )
    malformed = {"trigger": "tool_call", "tool": "cancel_order", "action": {"type": "malformed"}}
    cut = _ended_with("", CANCELLED, rules=[malformed])
    assert _scored(cut, type="tool_called", tool="cancel_order").verdict is Verdict.FAIL


def test_a_write_that_nobody_could_answer_leaves_a_task_ungraded() -> None:
    ended = _ended_with("done", NOTED, reply=_unavailable)

    called = _scored(ended, type="tool_called", tool="write_note", arguments={"order_id": "O2"})
    compared = _scored(ended, type="reference_calls", calls=[NOTE])

    assert (called.verdict, compared.verdict) == (Verdict.ERROR, Verdict.ERROR)
    assert called.detail == (
        "write_note was called successfully 0 times with order_id 'O2'; calls that nobody could answer: 1"
    )
    assert _scored(ended, type="tool_called", tool="write_note", cmp="le", value=1).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "reference_calls", "calls": []},
        {"type": "expected_state", "state": DEFINITION["initial_state"]},
        {"type": "entity_field", "entity_type": "order", "id": "O2", "field": "status", "value": "shipped"},
        {"type": "entity_absent", "entity_type": "order", "where": [{"field": "notes", "cmp": "exists"}]},
        {"type": "entity_count", "entity_type": "refund", "value": 0},
        {"type": "flag_set", "flag": "escalated", "is_set": False},
    ],
)
def test_a_write_too_many_that_nobody_could_answer_does_not_pass(fields: dict[str, Any]) -> None:
    reads = {"name": "look_at_note", "access": "read", "input_schema": ID}
    tools = [*DEFINITION["tools"], reads]

    unanswered = _scored(_ended_with("done", NOTED, reply=_unavailable), **fields)

    assert unanswered.verdict is Verdict.ERROR
    assert unanswered.detail.endswith("but write_note was called, and nobody could answer")
    read = _ended_with("done", ("look_at_note", {"order_id": "O2"}), reply=_unavailable, tools=tools)
    assert _scored(read, **fields).verdict is Verdict.PASS
    assert _scored(_ended_with("done", ("no_such_tool", {}), reply=_unavailable), **fields).verdict is Verdict.PASS


def test_a_write_that_was_answered_when_it_was_made_again_is_graded() -> None:
    failures = iter([True, False])

    def at_the_second_time(state: State, ask: Any) -> Reply:
        return _unavailable(state, ask) if next(failures) else _by_model(state, ask)

    ended = _ended_with("done", NOTED, NOTED, reply=at_the_second_time)

    assert _scored(ended, type="reference_calls", calls=[NOTE]).verdict is Verdict.PASS


def test_a_tool_answered_by_a_model_is_compared_by_its_changes() -> None:
    noted = _ended_with("done", NOTED, reply=_by_model)
    more = _ended_with("done", NOTED, CANCELLED, reply=_by_model)

    assert _scored(noted, type="reference_calls", calls=[NOTE]).verdict is Verdict.PASS
    extra = _scored(more, type="reference_calls", calls=[NOTE])
    assert (extra.verdict, extra.failure_mode) == (Verdict.FAIL, "extra_action")
    missing = _scored(_ended(CANCELLED), type="reference_calls", calls=[NOTE])
    assert (missing.verdict, missing.detail) == (Verdict.FAIL, "reference call 1, write_note, was not made")


def test_a_write_that_was_undone_again_passes() -> None:
    undo = {
        "name": "drop_refund",
        "input_schema": {"type": "object"},
        "effects": [
            {"op": "remove", "entity_type": "refund", "id_from": "refund_id"},
            {"op": "update", "entity_type": "order", "id_from": "order_id", "field_map": {"refunded": 0}},
        ],
    }
    tools = [*DEFINITION["tools"], undo]
    dropped = ("drop_refund", {"refund_id": "R1", "order_id": "O1"})
    ended = _ended_with("done", REFUNDED, dropped, CANCELLED, tools=tools)
    calls = [{"tool": "cancel_order", "arguments": {"order_id": "O1"}}]

    assert _scored(ended, type="reference_calls", calls=calls).verdict is Verdict.PASS


def test_a_reference_call_that_the_world_refuses_is_a_fault_of_the_suite() -> None:
    calls = [{"tool": "cancel_order", "arguments": {"order_id": "O2"}}]

    found = _scored(_ended(CANCELLED), type="reference_calls", calls=calls)

    assert found.verdict is Verdict.ERROR
    assert found.detail == "the suite: reference call 1, cancel_order, is refused: Order O2 is shipped."


# --- ids that the world makes ---


def _refund(order_id: str, amount: float) -> tuple[str, dict[str, Any]]:
    return "refund", {"order_id": order_id, "amount": amount}


def _reference(*calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"tool": tool, "arguments": args} for tool, args in calls]


def test_independent_writes_pass_in_any_order() -> None:
    ended = _ended(_refund("O2", 12), CANCELLED, _refund("O1", 3))

    in_order = _reference(_refund("O1", 3.0), _refund("O2", 12), CANCELLED)
    state = msgspec.to_builtins(an_environment().world.initial_state)
    state["entities"]["order"]["O1"] |= {"status": "cancelled", "refunded": 3}
    state["entities"]["order"]["O2"] |= {"refunded": 12}
    state["entities"]["product"]["P1"] |= {"stock": 4}
    state["entities"]["refund"] = {"R1": {"order_id": "O1", "amount": 3}, "R2": {"order_id": "O2", "amount": 12}}
    state["flags"] = {"order_cancelled:O1": True}

    assert _scored(ended, type="reference_calls", calls=in_order).verdict is Verdict.PASS
    assert _scored(ended, type="expected_state", state=state).verdict is Verdict.PASS


def test_references_to_a_generated_id_are_aligned_with_it() -> None:
    add = {"op": "add", "entity_type": "refund", "id_from": {"next": "R"}, "field_map": {"amount": "amount"}}
    note = {
        "name": "note",
        "input_schema": {"type": "object"},
        "effects": [
            {
                "op": "update",
                "entity_type": "order",
                "id_from": "order_id",
                "list_append": {"notes": "$args.text"},
                "flags": ["refunded:{text}"],
            }
        ],
    }
    ledger = DEFINITION["ledger"] | {"flags": None}
    tools = [{"name": "refund", "input_schema": {"type": "object"}, "effects": [add]}, note]

    def noted(order_id: str, text: str) -> tuple[str, dict[str, Any]]:
        return "note", {"order_id": order_id, "text": text}

    alike = [("refund", {"amount": 5}), ("refund", {"amount": 5})]  # told apart only by what refers to them
    ended = _ended_with("", *alike, noted("O1", "R2"), noted("O2", "R1"), tools=tools, ledger=ledger)
    other = _ended_with("", *alike, noted("O1", "R2"), noted("O2", "R2"), tools=tools, ledger=ledger)
    calls = _reference(*alike, noted("O1", "R1"), noted("O2", "R2"))

    assert _scored(ended, type="reference_calls", calls=calls).verdict is Verdict.PASS
    assert _scored(other, type="reference_calls", calls=calls).verdict is Verdict.FAIL


@given(st.permutations([("O1", 1), ("O1", 2), ("O2", 3), ("O2", 3), ("O1", 4)]))
def test_independent_writes_pass_in_every_order(order: list[tuple[str, float]]) -> None:
    reference = _reference(*(_refund(*one) for one in sorted(order)))

    assert (
        _scored(_ended(*(_refund(*one) for one in order)), type="reference_calls", calls=reference).verdict
        is Verdict.PASS
    )
    fewer = _scored(_ended(*(_refund(*one) for one in order[1:])), type="reference_calls", calls=reference)
    assert fewer.verdict is Verdict.FAIL


def test_entities_that_differ_are_still_named_by_their_ids() -> None:
    ended = _ended(_refund("O1", 30))

    found = _scored(ended, type="reference_calls", calls=_reference(_refund("O1", 25)))

    assert "refund 'R1' amount: expected 25, found 30" in found.detail
    more = _scored(
        _ended(_refund("O1", 3), _refund("O2", 2)), type="reference_calls", calls=_reference(_refund("O2", 2))
    )
    assert (more.verdict, more.failure_mode) == (Verdict.FAIL, "extra_action")
    assert "refund 'R2' should not be there" in more.detail
