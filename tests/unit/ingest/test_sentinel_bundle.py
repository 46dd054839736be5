"""A recorded run as agentsentinel-sdk wants it for a replay."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.support.builders import NOON
from titan.ingest.agentsentinel import MOST_LEVELS, BundleEntry, bundle_entry
from titan.ingest.values import payload_of
from titan.model.actions import ActionKind, Failure, Outcome, Payload
from titan.model.runs import COUNTS_ALL, Action
from titan_sdk.tape import encode

ACTION = Action(
    number=1,
    project_id="default",
    run_id="r",
    id="e1",
    kind=ActionKind.CALL,
    name="search",
    agent_id="ann",
    started_at=NOON,
    sources=("sentinel",),
    count=COUNTS_ALL,
    ended_at=NOON + timedelta(milliseconds=3),
    duration_ns=2_500_000,
    outcome=Outcome.SUCCESS,
    cost=Decimal("0.01"),
    tags=("web",),
)


def a_bundled(inputs: Payload | None, outputs: Payload | None = None, failure: Failure | None = None) -> BundleEntry:
    return bundle_entry(ACTION, inputs=inputs, outputs=outputs, failure=failure)


def test_an_entry_has_all_fields_that_the_client_reads() -> None:
    given = {"args": [1], "kwargs": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}}

    entry = a_bundled(payload_of(given), payload_of({"hits": [1, 2]}))

    assert json.loads(msgspec.json.encode(entry)) == {
        "id": "e1",
        "action": "search",
        "inputs": given,
        "outputs": {"hits": [1, 2]},
        "cost_usd": 0.01,
        "duration_ms": 2.5,
        "outcome": "success",
        "timestamp": "2026-03-01T12:00:00.003000+00:00",
        "tags": ["web"],
        "run_id": "r",
    }


def test_an_error_is_its_words_as_the_client_wrote_them() -> None:
    assert a_bundled(None, None, Failure(type="ValueError", message="nope")).outputs == "ValueError: nope"
    assert a_bundled(None, None, Failure(type="blocked", message="denied")).outputs == "denied"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (2**70, 2**70),
        (float("nan"), "nan"),
        ({1: {"$set": 1}}, {"1": {"$set": 1}}),
        (Decimal("1.10"), "1.10"),
        (b"a", "b'a'"),
        (None, None),
    ],
)
def test_values_that_json_lacks_become_pythons_equivalents(value: object, plain: object) -> None:
    outputs = a_bundled(None, Payload(encode(value).decode())).outputs

    assert outputs == plain


def test_inputs_from_another_source_are_the_single_argument() -> None:
    assert a_bundled(payload_of("question")).inputs == {"args": ["question"], "kwargs": {}}
    assert a_bundled(None).inputs == {}


@pytest.mark.parametrize("levels", [100, MOST_LEVELS])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")])
def test_a_deeply_nested_value_is_bundled_whole(levels: int, start: str, end: str) -> None:
    text = start * levels + "0" + end * levels

    entry = a_bundled(None, Payload(text))

    assert msgspec.json.encode(entry.outputs).decode() == text


def test_levels_too_deep_for_clients_are_bundled_as_text() -> None:
    text = "[" * 2000 + "]" * 2000

    outputs = a_bundled(None, Payload(text)).outputs

    for _ in range(MOST_LEVELS):
        [outputs] = outputs
    assert outputs == "[" * (2000 - MOST_LEVELS) + "]" * (2000 - MOST_LEVELS)


def test_sets_within_sets_are_in_order() -> None:
    value = {frozenset({frozenset({3, 1}), frozenset({2})}), (1, frozenset({5, 4}))}

    assert a_bundled(None, Payload(encode(value).decode())).outputs == [[1, [4, 5]], [[1, 3], [2]]]
