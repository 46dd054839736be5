"""A small world for tests: orders, products, refunds."""

from typing import Any

import msgspec

from titan.world.definition import FailureRule, World
from titan.world.ledger import seeded
from titan.world.simulation import Answer, Ask, Call, Environment, Reply, State, drive

ID = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}

DEFINITION: dict[str, Any] = {
    "name": "shop",
    "consistency": "enforce",
    "ledger": {
        "entities": {
            "order": {
                "id_field": "order_id",
                "fields": {
                    "order_id": {"type": "string"},
                    "status": {"type": "string", "enum": ["placed", "shipped", "cancelled"]},
                    "product_id": {"type": "string", "ref": "product"},
                    "total": {"type": "number"},
                    "refunded": {"type": "number"},
                    "notes": {"type": "array", "items": {"type": "string"}},
                },
            },
            "product": {"fields": {"name": {"type": "string"}, "stock": {"type": "integer"}}},
            "refund": {"fields": {"order_id": {"type": "string", "ref": "order"}, "amount": {"type": "number"}}},
        },
        "flags": ["order_cancelled:*", "escalated"],
    },
    "initial_state": {
        "entities": {
            "order": {
                "O1": {"order_id": "O1", "status": "placed", "product_id": "P1", "total": 30.3, "refunded": 0},
                "O2": {"order_id": "O2", "status": "shipped", "product_id": "P2", "total": 12, "refunded": 0},
            },
            "product": {"P1": {"name": "Lamp", "stock": 3}, "P2": {"name": "Desk lamp", "stock": 0}},
        }
    },
    "tools": [
        {
            "name": "get_order",
            "input_schema": ID,
            "ledger_read": {"op": "get", "entity_type": "order", "id_from": "order_id"},
        },
        {
            "name": "search_products",
            "input_schema": {"type": "object", "properties": {"text": {}, "in_stock": {}}},
            "ledger_read": {
                "op": "list",
                "entity_type": "product",
                "where": [
                    {"field": "name", "cmp": "ilike", "value": {"param": "text"}},
                    {"field": "stock", "cmp": "gt", "value": {"param": "in_stock"}},
                ],
                "project": {"product_id": "id", "name": "name"},
                "order_by": "-name",
                "wrap": "products",
            },
        },
        {
            "name": "cancel_order",
            "input_schema": ID,
            "bindings": [{"arg": "order_id", "entity_type": "order"}],
            "preconditions": [
                {
                    "entity_type": "order",
                    "id_from": "order_id",
                    "where": [{"field": "status", "value": "placed"}],
                    "error": {"code": "not_cancellable", "message": "Order {order_id} is {order.status}."},
                }
            ],
            "effects": [
                {
                    "op": "update",
                    "entity_type": "order",
                    "id_from": "order_id",
                    "field_map": {"status": {"const": "cancelled"}},
                    "flags": ["order_cancelled:{order_id}"],
                },
                {"op": "update", "entity_type": "product", "id_from": "$order.product_id", "increment": {"stock": 1}},
            ],
            "response": {"order_id": "$args.order_id", "status": "$order.status", "message": "Cancelled {order_id}."},
        },
        {
            "name": "refund",
            "input_schema": {"type": "object", "properties": {"order_id": {}, "amount": {"type": "number"}}},
            "bindings": [{"arg": "order_id", "entity_type": "order"}],
            "effects": [
                {
                    "op": "add",
                    "entity_type": "refund",
                    "id_from": {"next": "R"},
                    "field_map": {"order_id": "order_id", "amount": "amount"},
                },
                {"op": "update", "entity_type": "order", "id_from": "order_id", "increment": {"refunded": "amount"}},
            ],
        },
        {"name": "chat_with_warehouse", "access": "read", "output_schema": {"type": "object", "required": ["text"]}},
        {"name": "write_note", "access": "write", "input_schema": ID},
    ],
}


def a_world(**changes: Any) -> World:
    """The world, with other fields."""
    return msgspec.convert({**DEFINITION, **changes}, World)


def an_environment(*rules: dict[str, Any], **changes: Any) -> Environment:
    """The world with failures."""
    return Environment(a_world(**changes), msgspec.convert(list(rules), list[FailureRule]))


def a_state(environment: Environment) -> State:
    """Its initial state."""
    return State(ledger=seeded(environment.world.initial_state))


def nobody(ask: Ask) -> Reply:
    """Fail: the call should need nobody."""
    raise AssertionError(f"asked {ask}")


def called(environment: Environment, state: State, tool: str, reply: Any = nobody, **args: Any) -> Answer:
    """The answer to one call."""
    return drive(environment.answer(Call(sequence=0, tool=tool, args=args), state), reply)
