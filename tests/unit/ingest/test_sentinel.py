"""agentsentinel-sdk's batches, one trap at a time; and that nothing a client sends breaks the reader."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON
from titan.ingest.agentsentinel import (
    Batch,
    Sender,
    failure_of,
    failure_text,
    read_batch,
    read_intervention,
)
from titan.ingest.values import payload_of
from titan.model.actions import ActionEntry, ActionKind, Failure, Outcome, RunEnd, RunEntry
from titan.model.errors import InvalidInput
from titan.rules.runs.sanitize import storable
from titan_sdk.tape import decode

NOBODY = Sender()
BODIES = st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()
)


def an_entry(**fields: object) -> dict[str, object]:
    return {
        "id": "e1",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "action": "search",
        "cost_usd": 0.01,
        "duration_ms": 2.5,
        "outcome": "success",
        "tags": [],
        "payload": {"inputs": {"args": [1], "kwargs": {}}, "outputs": None},
        **fields,
    }


def a_batch(*entries: object, sender: Sender = NOBODY, **fields: object) -> Batch:
    return read_batch(json.dumps({"run_id": "r", "entries": entries, **fields}).encode(), sender, now=NOON)


def only_action(batch: Batch) -> ActionEntry:
    [action] = [entry for entry in batch.entries if isinstance(entry, ActionEntry)]
    return action


def only_run(batch: Batch) -> RunEntry:
    [run] = [entry for entry in batch.entries if isinstance(entry, RunEntry) and entry.end is None]
    return run


def end_of(batch: Batch) -> RunEntry | None:
    """Return the end of a run when it is what the batch says last."""
    last = batch.entries[-1]
    return last if isinstance(last, RunEntry) and last.end is not None else None


def test_the_example_of_the_seed_is_read_though_it_has_no_id_and_no_time() -> None:
    example = {
        "action": "call_llm",
        "inputs": {"prompt": "What is 2+2?", "model": "gpt-4o", "max_tokens": 100},
        "outputs": {"response": "2 + 2 equals 4.", "tokens": 15, "cost_usd": 0.0008},
        "duration_ns": 523000000,
        "outcome": "success",
    }

    action = only_action(a_batch(example))

    assert (action.name, action.kind, action.cost) == ("call_llm", ActionKind.MODEL, Decimal("0.0008"))
    assert (action.ended_at, action.started_at) == (NOON, NOON - timedelta(milliseconds=523))
    assert action.use is not None
    assert action.use.model == "gpt-4o"
    assert only_action(a_batch(example)).id == action.id


def test_an_entry_is_known_by_its_name_as_well_as_by_its_action() -> None:
    entry = an_entry(name="search")
    del entry["action"]

    assert only_action(a_batch(entry)).name == "search"


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (0.1, Decimal("0.1")),
        ("0.10", Decimal("0.10")),  # the client writes a Decimal as a string
        (1e-9, Decimal("1E-9")),
        (0.1 + 0.2, Decimal("0.300000000000")),
        (0, Decimal(0)),
        (None, None),
    ],
)
def test_a_cost_is_exact_to_the_picodollar(cost: object, expected: Decimal | None) -> None:
    assert only_action(a_batch(an_entry(cost_usd=cost))).cost == expected


def test_the_entrys_own_cost_takes_precedence_over_that_of_its_outputs() -> None:
    outputs = {"inputs": None, "outputs": {"cost_usd": 5}}

    assert only_action(a_batch(an_entry(payload=outputs))).cost == Decimal("0.01")
    assert only_action(a_batch(an_entry(payload=outputs, cost_usd=None))).cost == 5


def test_a_cost_that_its_own_price_list_does_not_know_is_unknown_and_not_nothing() -> None:
    metadata = {"model": "my-model", "prompt_tokens": 5, "pricing_found": False}

    entry = an_entry(action="llm_call:my-model", cost_usd=0.0, payload={"inputs": metadata})

    assert only_action(a_batch(entry)).cost is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"outcome": "maybe"}, "outcome"),
        ({"outcome": None}, "outcome"),
        ({"action": ""}, "action"),
        ({"action": None}, "action or name"),
        ({"timestamp": "yesterday"}, "ISO 8601"),
        ({"timestamp": "0001-01-01T00:00:00+10:00"}, "ISO 8601"),
        ({"timestamp": "0001-01-01T00:00:00"}, "year 1"),
        ({"cost_usd": float("nan")}, "cost"),
        ({"cost_usd": -1}, "cost"),
        ({"cost_usd": "1e400"}, "cost"),
        ({"cost_usd": None, "payload": {"outputs": {"cost_usd": []}}}, "outputs.cost_usd"),
        ({"duration_ms": float("nan")}, "duration"),
        ({"duration_ms": float("inf")}, "duration"),
        ({"duration_ms": -1}, "duration_ms"),
        ({"tags": [1]}, "tags"),
        ({"id": "x" * 201}, "id"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_and_holds_up_no_other(fields: dict[str, object], named: str) -> None:
    batch = a_batch(an_entry(id="good"), an_entry(**{"id": "bad", **fields}))

    [refused] = batch.refused
    assert only_action(batch).id == "good"
    assert refused.index == 1
    assert named in refused.reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"entries": [1]}', b"\xff", b"[" * 5000, b"9" * 5000])
def test_a_body_that_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="the batch"):
        read_batch(body, NOBODY, now=NOON)


def test_the_run_is_that_of_the_entry_else_of_the_batch_else_of_the_header() -> None:
    header = Sender(run_id="header", agent_id="header's")

    assert only_action(a_batch(an_entry(run_id="own"), sender=header)).run_id == "own"
    assert only_action(a_batch(an_entry(), sender=header)).run_id == "r"
    batch = a_batch(an_entry(), sender=header, run_id=None)
    assert (only_action(batch).run_id, only_run(batch).agent_id) == ("header", "header's")
    assert [one.reason for one in a_batch(an_entry(), run_id=None).refused] == [
        "expected run_id, of the entry, the batch or the header; found neither"
    ]


def test_calls_are_in_order_of_their_ends_and_equal_ones_as_written() -> None:
    late, early = "2026-03-01T12:00:01+00:00", "2026-03-01T12:00:00Z"

    batch = a_batch(
        an_entry(id="c", timestamp=late), an_entry(id="a", timestamp=early), an_entry(id="b", timestamp=early)
    )

    assert [entry.id for entry in batch.entries if isinstance(entry, ActionEntry)] == ["a", "b", "c"]


def test_the_same_batch_again_says_the_same() -> None:
    entries = (an_entry(id=None), an_entry(id="two"))

    assert a_batch(*entries) == a_batch(*entries)


def test_text_that_looks_like_a_tag_of_the_recording_is_data() -> None:
    body = json.dumps({"run_id": "r", "entries": [an_entry(payload={"inputs": {"$tuple": [1]}, "outputs": "KEY"})]})

    action = only_action(read_batch(body.replace("KEY", '{\\"$shared\\":0}').encode(), NOBODY, now=NOON))

    assert action.inputs is not None
    assert decode(action.inputs.whole) == {"$tuple": [1]}
    assert action.outputs is not None
    assert decode(action.outputs.whole) == '{"$shared":0}'


def test_an_escaped_dollar_is_a_dollar() -> None:
    body = b'{"run_id": "r", "entries": [{"action": "a", "outcome": "success", "inputs": {"\\u0024set": [1]}}]}'

    action = only_action(read_batch(body, NOBODY, now=NOON))

    assert action.inputs is not None
    assert decode(action.inputs.whole) == {"$set": [1]}


@given(
    kwargs=st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=3),
    messages=st.lists(st.dictionaries(st.sampled_from(["role", "$shared", "é"]), st.integers(0, 1)), max_size=3),
)
def test_a_payload_is_restored_whatever_other_arguments_its_messages_have(
    kwargs: dict[str, object], messages: list[dict[str, int]]
) -> None:
    inputs = {"args": [{"$shared": 0}], "kwargs": {**kwargs, "messages": messages}}

    action = only_action(a_batch(an_entry(payload={"inputs": inputs})))

    assert action.inputs is not None
    assert decode(action.inputs.whole) == inputs


@given(BODIES)
def test_no_bytes_break_the_reader(body: bytes) -> None:
    for read in (lambda: read_batch(body, NOBODY, now=NOON), lambda: read_intervention(body, NOBODY)):
        with pytest.raises(InvalidInput):
            read()


def test_half_a_surrogate_pair_and_a_nul_are_replaced_where_no_store_could_keep_them() -> None:
    action = storable(only_action(a_batch(an_entry(action="a\ud800b\0c", tags=["\udfff"]))))

    assert isinstance(action, ActionEntry)
    assert (action.name, action.tags) == ("a\ufffdb\ufffdc", ("\ufffd",))


@pytest.mark.parametrize("outcome", ["error", "blocked", "rejected"])
def test_an_outcome_without_words_is_all_that_is_known(outcome: str) -> None:
    silent = only_action(a_batch(an_entry(outcome=outcome, payload={"inputs": {}, "outputs": None})))
    typed = only_action(
        a_batch(an_entry(outcome=outcome, payload={"inputs": {"error_type": "KeyError"}, "outputs": None}))
    )

    assert (silent.outcome, silent.failure, silent.outputs) == (Outcome(outcome), None, None)
    assert typed.failure == Failure(type="KeyError")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("ValueError: nope", "ValueError", "nope"),
        ("openai.RateLimitError: slow: down", "openai.RateLimitError", "slow: down"),
        ("KeyError: ", "KeyError", ""),
        ("Action budget exceeded: 0.06 > 0.05", "error", "Action budget exceeded: 0.06 > 0.05"),
        ("no colon", "error", "no colon"),
        ("", "error", ""),
    ],
)
def test_an_errors_words_are_taken_apart_and_put_together_again(text: str, kind: str, message: str) -> None:
    failure = failure_of(Outcome.ERROR, text)

    assert (failure.type, failure.message) == (kind, message)
    assert failure_text(failure) == text


@pytest.mark.parametrize(
    ("name", "status", "outcome", "expected"),
    [
        ("autogen:run_start:x", "started", "error", (ActionKind.STEP, Outcome.SUCCESS, None)),
        ("autogen:message:ann", "received", "error", (ActionKind.EVENT, Outcome.SUCCESS, None)),
        ("autogen:run_end:x", "completed", "success", (ActionKind.STEP, Outcome.SUCCESS, RunEnd.COMPLETED)),
        ("autogen:run_end:x", "interrupted", "error", (ActionKind.STEP, Outcome.ERROR, RunEnd.FAILED)),
        ("crew:start:x", "started", "error", (ActionKind.STEP, Outcome.SUCCESS, None)),
        ("crew:complete:x", "completed", "success", (ActionKind.STEP, Outcome.SUCCESS, RunEnd.COMPLETED)),
        ("crew:error:x", "failed", "error", (ActionKind.STEP, Outcome.ERROR, RunEnd.FAILED)),
    ],
)
def test_marks_of_integrations_are_no_calls(
    name: str, status: str, outcome: str, expected: tuple[ActionKind, Outcome, RunEnd | None]
) -> None:
    payload = {"inputs": {"error": "why", "error_type": "Boom"}, "outputs": {"status": status}}

    batch = a_batch(an_entry(action=name, outcome=outcome, payload=payload))

    action, end = only_action(batch), end_of(batch)
    assert (action.kind, action.outcome, end and end.end) == expected
    assert end is None or end.reason == ("why" if end.end is RunEnd.FAILED else None)


def test_an_agent_that_is_not_the_runs_own_is_the_one_that_acted() -> None:
    batch = a_batch(an_entry(agent_id="helper"), an_entry(id="e2", agent_id="chief"), agent_id="chief")

    assert [entry.actor for entry in batch.entries if isinstance(entry, ActionEntry)] == ["helper", None]
    assert only_run(batch).agent_id == "chief"


def test_compliance_is_stored_without_empty_fields() -> None:
    said: dict[str, object] = {
        "approval_status": "approved",
        "approval_notes": None,
        "input_data_sources": [],
        "confidence_score": 0.5,
    }

    action = only_action(a_batch(an_entry(compliance_metadata=said, later_field={"a": 1})))

    assert decode(action.details or "") == {
        "compliance": {"approval_status": "approved", "confidence_score": 0.5},
        "attributes": {"later_field": {"a": 1}},
    }


def test_an_intervention_names_its_run_by_the_header_where_it_has_none() -> None:
    body = json.dumps(
        {
            "intervention_type": "rate_limited",
            "outcome": "blocked",
            "action_name": "search",
            "run_id": None,
            "estimated_cost": 0.25,
            "timestamp": "2026-03-01T12:00:00+00:00",
            "context": {"limit": 5},
        }
    ).encode()

    run, event = read_intervention(body, Sender(run_id="r9", agent_id="ann"))

    assert (run.run_id, run.agent_id, run.at) == ("r9", "ann", NOON)
    details = decode(event.details or "")
    assert isinstance(details, dict)
    assert details["intervention"] == {
        "type": "rate_limited",
        "outcome": "blocked",
        "action_name": "search",
        "estimated_cost_usd": "0.25",
        "context": {"limit": 5},
    }


@pytest.mark.parametrize("key", ["é", "\ud800", "$set", "$shared"])
def test_a_payload_with_any_key_reads_as_it_was_sent(key: str) -> None:
    sent = {"args": [1e16, 0.1], "kwargs": {"messages": [{"role": "user", "content": "hi"}], key: 1e16}, key: None}

    payload = payload_of(sent)

    assert decode(payload.whole.encode()) == sent
