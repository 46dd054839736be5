"""One call of a tool: who answers, what it changes, what is wrong with it (specification 2.5, 2.9)."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.unit.world.a_shop import a_state, an_environment, called
from titan.world.consistency import ViolationKind
from titan.world.ledger import Remove, SetFlag, Update
from titan.world.simulation import Ask, AskEndpoint, AskModel, Detail, Reply, Source, State


def test_a_declared_read_needs_nobody() -> None:
    shop = an_environment()

    answer = called(shop, a_state(shop), "get_order", order_id="O2")

    assert answer.response["status"] == "shipped"
    assert (answer.source, answer.detail, answer.operations) == (Source.ODYSSEY, Detail.LEDGER_READ, ())


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({"text": "LAMP"}, ["P1", "P2"]),
        ({"text": "lamp", "in_stock": 0}, ["P1"]),
        ({"text": "chair"}, []),
        ({}, ["P1", "P2"]),
    ],
)
def test_a_search_leaves_out_products_that_do_not_match(args: dict[str, Any], found: list[str]) -> None:
    shop = an_environment()

    answer = called(shop, a_state(shop), "search_products", **args)

    assert [one["product_id"] for one in answer.response["products"]] == found  # Lamp before Desk lamp: descending


def test_a_declared_write_applies_its_effects_in_order_and_answers_from_the_ledger_after_them() -> None:
    shop = an_environment()

    answer = called(shop, a_state(shop), "cancel_order", order_id="O1")

    assert answer.response == {"order_id": "O1", "status": "cancelled", "message": "Cancelled O1."}
    assert [one.operation for one in answer.operations] == [
        Update(type="order", id="O1", set={"status": "cancelled"}),
        SetFlag(name="order_cancelled:O1", value=True),
        Update(type="product", id="P1", set={"stock": 4}),
    ]
    assert answer.detail is Detail.LEDGER_WRITE
    assert answer.violations == ()


def test_a_precondition_that_does_not_hold_refuses_and_changes_nothing() -> None:
    shop = an_environment()
    state = a_state(shop)

    answer = called(shop, state, "cancel_order", order_id="O2")

    assert answer.response == {"error": {"code": "not_cancellable", "message": "Order O2 is shipped."}}
    assert answer.state.ledger is state.ledger


def test_an_argument_that_names_nothing_is_refused() -> None:
    shop = an_environment()

    answer = called(shop, a_state(shop), "refund", order_id="O9", amount=3)

    assert answer.response == {"error": {"code": "not_found", "message": "There is no order 'O9'."}}


def test_new_ids_are_counted_and_sums_are_rounded() -> None:
    shop = an_environment()
    state = a_state(shop)

    for amount in (10.1, 20.2):
        state = called(shop, state, "refund", order_id="O1", amount=amount).state

    assert state.ledger.ids("refund") == ["R1", "R2"]
    assert state.ledger.entities["order"]["O1"].attrs["refunded"] == 30.3


def test_an_unknown_tool_and_arguments_that_do_not_fit_are_answered_and_change_nothing() -> None:
    shop = an_environment()

    unknown = called(shop, a_state(shop), "get_ordr", order_id="O1")
    wrong = called(shop, a_state(shop), "get_order", order_id=7)

    assert (unknown.source, unknown.detail) == (Source.ERROR, Detail.UNKNOWN_TOOL)
    assert unknown.response["error"]["code"] == "unknown_tool"
    assert (wrong.source, wrong.detail) == (Source.ODYSSEY, Detail.ARGUMENTS)
    assert "order_id" in wrong.response["error"]["message"]


# --- a model ---


def _model(*texts: Any) -> Any:
    """A model that gives these answers in turn; `asked` of it holds what it was asked."""
    left = list(texts)
    asked: list[AskModel] = []

    def reply(ask: Ask) -> Reply:
        assert isinstance(ask, AskModel)
        asked.append(ask)
        answer = left.pop(0)
        text = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
        return Reply(state=reply.state, content=text)  # type: ignore[attr-defined]  # set by the test

    reply.asked = asked  # type: ignore[attr-defined]
    return reply


def test_a_tool_without_declared_effects_is_answered_by_a_model() -> None:
    shop = an_environment()
    model = _model({"tool_response": {"text": "Two boxes left."}, "ledger_updates": []})
    model.state = a_state(shop)

    answer = called(shop, model.state, "chat_with_warehouse", model)

    assert (answer.response, answer.source, answer.detail) == (
        {"text": "Two boxes left."},
        Source.ODYSSEY,
        Detail.MODEL,
    )
    assert "O1" in model.asked[0].messages[1]["content"]


def test_an_answer_with_a_violation_is_asked_for_again_with_its_words_and_then_refused() -> None:
    shop = an_environment()
    bad = {"tool_response": {"order_id": "O1", "status": "shipped"}, "ledger_updates": []}
    model = _model(bad, bad, bad)
    model.state = a_state(shop)

    answer = called(shop, model.state, "write_note", model, order_id="O1")

    assert (answer.source, answer.retries) == (Source.ERROR, 2)
    assert {one.kind for one in answer.violations} == {
        ViolationKind.RESPONSE_CONTRADICTS_LEDGER,
        ViolationKind.SILENT_WRITE,
    }
    assert "the ledger says 'placed'" in model.asked[1].messages[-1]["content"]
    assert len({ask.key for ask in model.asked}) == 2  # the third asks what the second asked


def test_observed_violations_are_listed_beside_the_answer() -> None:
    shop = an_environment(consistency="observe")
    update = {"op": "update", "type": "order", "id": "O7", "set": {"colour": "red"}}
    model = _model({"tool_response": {"order_id": "O7"}, "ledger_updates": [update]})
    model.state = a_state(shop)

    answer = called(shop, model.state, "write_note", model, order_id="O7")

    assert answer.source is Source.ODYSSEY
    assert [one.drop_reason for one in answer.operations] == ["update_missing"]
    assert [one.kind for one in answer.violations] == [
        ViolationKind.UNDECLARED_FIELD,
        ViolationKind.UPDATE_MISSING,
        ViolationKind.PHANTOM_ENTITY,
        ViolationKind.SILENT_WRITE,
    ]


def test_a_model_is_asked_again_when_the_world_changed_while_it_thought() -> None:
    shop = an_environment()
    answered = {"tool_response": {"text": "All there."}, "ledger_updates": []}
    model = _model(answered, answered)
    before = a_state(shop)
    model.state = State(ledger=before.ledger.apply(Remove(type="order", id="O2"), call=0))

    answer = called(shop, before, "chat_with_warehouse", model)

    assert len(model.asked) == 2
    assert "O2" not in model.asked[1].messages[1]["content"]
    assert answer.retries == 0


# --- an endpoint ---


def _passing(**changes: Any) -> dict[str, Any]:
    tool = {"name": "pay", "mode": "passthrough", "endpoint": "psp", "ledger_write_policy": "adapter"} | changes
    return {"tools": [tool]}


def test_effects_of_a_passthrough_read_its_response() -> None:
    effect = {"op": "update", "entity_type": "order", "id_from": "$.order", "field_map": {"refunded": "$.amount"}}
    shop = an_environment(**_passing(effects=[effect]))
    state = a_state(shop)

    def endpoint(ask: Ask) -> Reply:
        assert isinstance(ask, AskEndpoint)
        return Reply(state=state, content={"order": "O1", "amount": 5})

    answer = called(shop, state, "pay", endpoint)

    assert answer.source is Source.PASSTHROUGH
    assert answer.state.ledger.entities["order"]["O1"].attrs["refunded"] == 5


def test_an_endpoint_that_fails_is_a_transport_error_and_drops_nothing_silently() -> None:
    shop = an_environment(**_passing())
    state = a_state(shop)

    answer = called(shop, state, "pay", lambda _ask: Reply(state=state, failure="connection refused"))

    assert answer.source is Source.TRANSPORT_ERROR
    assert answer.response["error"]["message"] == "connection refused"


def test_an_effect_whose_path_names_nothing_is_dropped_and_reported() -> None:
    effect = {"op": "update", "entity_type": "order", "id_from": "$.order", "field_map": {"refunded": "$.amount"}}
    shop = an_environment(**_passing(effects=[effect]))
    state = a_state(shop)

    answer = called(shop, state, "pay", lambda _ask: Reply(state=state, content={"order": "O1"}))

    assert [one.kind for one in answer.violations] == [ViolationKind.EFFECT_DROPPED]
    assert answer.operations == ()


@pytest.mark.parametrize("total", [12, 30.3])
def test_an_effect_whose_condition_does_not_hold_is_no_violation(total: float) -> None:
    effect = {"op": "update", "entity_type": "order", "id_from": "order_id", "when": {"field": "total", "eq": 12}}
    tool = {"name": "mark", "effects": [effect | {"field_map": {"notes": {"const": ["small"]}}}]}
    shop = an_environment(tools=[tool])
    state = a_state(shop)

    answers = [called(shop, state, "mark", order_id=order_id) for order_id in ("O1", "O2")]

    assert [one.violations for one in answers] == [(), ()]
    assert [len(one.operations) for one in answers] == [0, 1]


def test_a_value_of_another_type_is_not_the_value() -> None:
    fields = {"paid": {"enum": [True, 25]}}
    ledger = {"entities": {"bill": {"fields": fields}}}
    bill = {"op": "add", "entity_type": "bill", "id_from": {"next": "B"}, "field_map": {"paid": "paid"}}
    remove = {"op": "update", "entity_type": "box", "id_from": {"const": "X"}, "list_remove": {"held": "$args.value"}}
    tools = [{"name": "pay", "effects": [bill]}, {"name": "take", "effects": [remove]}]
    rule = {"trigger": "tool_call", "tool": "pay", "match": {"args": {"paid": True}}, "action": {"type": "error"}}
    state = {"entities": {"box": {"X": {"held": [True, 1]}}}}
    shop = an_environment(rule, ledger=ledger, initial_state=state, tools=tools, consistency="observe")
    start = a_state(shop)

    assert [one.kind for one in called(shop, start, "pay", paid=1).violations] == [ViolationKind.ENUM_VIOLATION]
    assert called(shop, start, "pay", paid=25.0).violations == ()
    assert called(shop, start, "pay", paid=True).source is Source.INJECTED
    taken = called(shop, start, "take", value=1).state.ledger.entity("box", "X")
    assert taken is not None
    assert [type(one) for one in taken.attrs["held"]] == [bool]


# --- failures ---


def test_an_injected_error_takes_precedence_over_the_tool_and_a_passthrough() -> None:
    rule = {"trigger": "any_tool_call", "match": {"nth": 2}, "action": {"type": "error", "status": 503}}
    shop = an_environment(rule)
    state = a_state(shop)

    first = called(shop, state, "cancel_order", order_id="O1")
    second = called(shop, first.state, "get_order", order_id="O1")
    third = called(shop, second.state, "get_order", order_id="O1")

    assert [one.source for one in (first, second, third)] == [Source.ODYSSEY, Source.INJECTED, Source.ODYSSEY]
    assert (second.failure_rule_id, second.operations) == ("rule-1", ())
    assert second.response == {"error": {"code": "http_503", "message": "The service answered 503."}}


def test_latency_delays_the_tools_own_answer() -> None:
    rule = {"trigger": "tool_call", "tool": "get_order", "action": {"type": "latency", "delay_ms": 1500}}
    shop = an_environment(rule)

    answer = called(shop, a_state(shop), "get_order", order_id="O1")

    assert (answer.source, answer.detail, answer.delay_ms) == (Source.INJECTED, Detail.LEDGER_READ, 1500)
    assert answer.response["order_id"] == "O1"


def test_operations_of_a_rule_are_applied() -> None:
    operation = {"op": "remove", "type": "order", "id": "O2"}
    rule = {"trigger": "any_tool_call", "action": {"type": "timeout"}, "ops": [operation], "max_fires": 1}
    shop = an_environment(rule)

    answer = called(shop, a_state(shop), "get_order", order_id="O2")
    after = called(shop, replace(answer.state), "get_order", order_id="O2")

    assert [one.origin for one in answer.operations] == ["rule"]
    assert after.response["error"]["code"] == "not_found"
