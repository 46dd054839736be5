"""Without content, details keep names, ids and counts, and nothing that somebody asked or was answered."""

import json

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, a_word
from titan.model.actions import Failure, Payload
from titan.rules.runs.content import facts_in, without_content


@pytest.mark.parametrize(
    "key",
    [
        *(
            "langfuse.trace.input",
            "llm.prompts",
            "embedding.text",
            "crewai.task.description",
            "gen_ai.tool.definitions",
        ),
        *("llm.invocation_parameters", "input.value", "gen_ai.request.stop_sequences", "exception.message", "anything"),
    ],
)
def test_an_attribute_that_may_be_content_is_dropped(key: str) -> None:
    assert facts_in(json.dumps({"attributes": {key: "asked"}, "resource": {key: "asked"}})) is None


def test_names_ids_and_counts_stay() -> None:
    facts = {
        "attributes": {
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.response.finish_reasons": ["stop"],
            "llm.usage.seconds": 3,
        },
        "resource": {"service.name": "writer", "telemetry.sdk.language": "python"},
        "scope": {"name": "openai", "version": "1"},
        "callsite": {"file": "a.py", "line": 3, "qualname": "f"},
        "defined_at": {"file": "a.py", "line": 1, "qualname": "f"},
        "task_id": "t",
        "parameters": ["a", "b"],
    }

    assert json.loads(facts_in(json.dumps(facts)) or "") == facts


def test_details_that_mix_facts_and_content_keep_only_the_facts() -> None:
    told = {
        "intervention": {"type": "hard_block", "reason": "too dear", "action_inputs": {"a": "asked"}},
        "compliance": {"approval_status": "approved", "decision_rationale": "asked"},
        "replay": {"status": "failed", "divergences": [{"actual_inputs": "asked"}]},
        "verdict": {"name": "tone", "score": 0.5, "explanation": "asked"},
        "sums": {"input_tokens": 3, "note": "asked"},
        "exception": {"$object": "asked"},
        "title": "asked",
        "thread": {"name": "asked"},
        "scope": {"name": {"asked": 1}, "version": [{"asked": 1}]},
    }

    assert json.loads(facts_in(json.dumps(told)) or "") == {
        "intervention": {"type": "hard_block", "reason": "too dear"},
        "compliance": {"approval_status": "approved"},
        "replay": {"status": "failed"},
        "verdict": {"name": "tone", "score": 0.5},
        "sums": {"input_tokens": 3},
    }


@pytest.mark.parametrize("details", [None, "{}", "[1]", "asked", '"asked"', "\ud800", "[" * 5000])
def test_details_without_facts_or_unreadable_are_dropped(details: str | None) -> None:
    assert facts_in(details) is None


def test_an_entry_without_content_is_returned_unchanged() -> None:
    call = replace(a_call(error="no"), details='{"task_id":"t"}', tags=("x",))
    word = replace(a_word(reason="why"), details='{"task_id":"t"}')

    assert without_content(call) is call
    assert without_content(word) is word


def test_inputs_outputs_tracebacks_and_content_in_details_go_and_the_rest_stays() -> None:
    call = replace(
        a_call(), outputs=Payload("2"), failure=Failure(type="E", message="m", traceback="t"), details='{"said":"hi"}'
    )

    assert without_content(call) == replace(call, outputs=None, failure=Failure(type="E", message="m"), details=None)
    assert without_content(replace(a_word(), details='{"traceback":"t"}')) == a_word()


def test_where_no_content_is_stored_a_run_keeps_no_code() -> None:
    word = replace(a_word(), process='{"command":["agent.py"]}', program=Payload('{"modules":[]}'))

    assert without_content(word) == a_word()
