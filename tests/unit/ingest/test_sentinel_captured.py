"""What the real agentsentinel-sdk posted, read: runs of 0.4.0 and 0.2.0, and of its LangChain callback."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.builders import NOON
from tests.support.captured import CapturedRequest, captured_requests
from tests.support.recorded import Memory
from titan.ingest.agentsentinel import (
    RUNLESS,
    Sender,
    read_batch,
    read_intervention,
    read_replay_results,
)
from titan.model.actions import ATTEMPTS, CALLS, INCURRED, ActionEntry, ActionKind, Entry, Outcome, RunEnd, RunEntry
from titan.ports.runs_store import KnownCalls
from titan.rules.runs.recording import Applied, apply_entries
from titan_sdk.tape import decode

FOLDER = "unit/ingest/captured_sentinel"
NEW, OLD, LANGCHAIN = (f"{FOLDER}/agentsentinel-sdk-{name}.jsonl" for name in ("0.4.0", "0.2.0", "0.4.0-langchain"))


def sender_of(request: CapturedRequest) -> Sender:
    named = {name: request.headers.get(f"x-sentinel-{name.replace('_', '-')}") for name in Sender.__dataclass_fields__}
    return Sender(**named)


def actions_of(file: str) -> list[ActionEntry]:
    return [entry for entry in _entries(file) if isinstance(entry, ActionEntry)]


def runs_of(file: str) -> dict[str, RunEntry]:
    return {entry.run_id: entry for entry in _entries(file) if isinstance(entry, RunEntry) and entry.end is None}


def _entries(file: str) -> list[ActionEntry | RunEntry]:
    batches = [
        read_batch(request.body, sender_of(request), now=NOON)
        for request in captured_requests(file)
        if request.path == "/api/v1/ingest"
    ]
    assert all(not batch.refused for batch in batches)
    return [entry for batch in batches for entry in batch.entries]


def settled(entries: Sequence[Entry]) -> Applied:
    nothing = KnownCalls(runs={}, actions={}, next_number=1)
    return apply_entries(entries, nothing, project_id="default", now=NOON)


def test_every_call_is_read_with_its_outcome() -> None:
    found = Counter((action.run_id, action.name, action.outcome) for action in actions_of(NEW))

    assert found == {
        ("run-A", "search", Outcome.SUCCESS): 3,
        ("run-A", "send_mail", Outcome.SUCCESS): 1,
        ("run-A", "drop_table", Outcome.BLOCKED): 1,
        ("run-A", "fails", Outcome.ERROR): 1,
        ("run-A", "pricey", Outcome.SUCCESS): 1,
        ("run-A", "pricey", Outcome.BLOCKED): 1,
        ("run-A", "typed", Outcome.SUCCESS): 1,
        ("run-A", "charge", Outcome.SUCCESS): 1,
        ("run-A", "charge", Outcome.IDEMPOTENT_REPLAY): 1,
        ("run-A", "chat", Outcome.SUCCESS): 3,
        ("run-A", "crew:complete:x", Outcome.SUCCESS): 1,
        ("run-A:replay", "search", Outcome.REPLAYED): 2,
        ("run-B", "search", Outcome.SUCCESS): 1,
    }


def test_spent_cost_is_not_the_attempted_cost_of_the_client() -> None:
    calls = [action for action in actions_of(NEW) if action.run_id == "run-A" and action.kind in CALLS]

    said = sum(action.cost or 0 for action in calls)
    spent = sum(action.cost or 0 for action in calls if action.outcome in INCURRED)

    assert said == Decimal("1.223")
    assert spent == Decimal("0.143")
    assert len([action for action in calls if action.outcome in ATTEMPTS]) == 13


def test_a_call_began_as_long_before_its_end_as_it_took() -> None:
    [mail] = [action for action in actions_of(NEW) if action.name == "send_mail"]

    assert mail.duration_ns == 10_348_000
    assert mail.ended_at is not None
    assert mail.ended_at - mail.started_at == timedelta(microseconds=10_348)


def test_an_error_and_a_block_have_different_failures() -> None:
    failures = {action.name: action.failure for action in actions_of(NEW) if action.failure is not None}

    assert {name: (failure.type, failure.message) for name, failure in failures.items()} == {
        "drop_table": ("blocked", "Action 'drop_table' is on the denied list"),
        "fails": ("ValueError", "nope"),
        "pricey": ("blocked", "Action budget exceeded: 0.0600 > 0.0500 USD"),
    }
    assert all(action.outputs is None for action in actions_of(NEW) if action.failure is not None)


def test_the_messages_of_a_conversation_are_pieces_that_come_again() -> None:
    chats = [action.inputs for action in actions_of(NEW) if action.kind is ActionKind.MODEL]

    pieces = [payload.shared for payload in chats if payload is not None]
    assert [len(shared) for shared in pieces] == [2, 4, 6]
    assert pieces[2][:4] == pieces[1]
    assert decode(chats[0].whole if chats[0] else "") == {
        "args": [],
        "kwargs": {
            "model": "gpt-4o",
            "messages": [{"role": "system", "content": "You help."}, {"role": "user", "content": "question 0"}],
        },
    }


def test_values_survive_that_json_readers_trip_over() -> None:
    [typed] = [action.outputs for action in actions_of(NEW) if action.name == "typed"]
    measured = next(action.outputs for action in actions_of(OLD) if action.name == "measure")

    assert typed is not None
    value = decode(typed.whole)
    assert isinstance(value, dict)
    assert (value["big"], value["text"]) == (2**70, "café 😀")
    assert measured is not None
    assert measured.text == '{"value":{"$float":"nan"},"far":{"$float":"inf"},"x":1}'


def test_a_context_names_the_run_and_the_agent_that_acted() -> None:
    runs = runs_of(NEW)
    [acted] = [action for action in actions_of(NEW) if action.run_id == "run-B"]

    assert {run_id: run.agent_id for run_id, run in runs.items()} == {
        "run-A": "researcher",
        "run-A:replay": "researcher",
        "run-B": "writer",
    }
    assert acted.actor == "writer"
    assert decode(acted.details or "") == {
        "task_id": "t-9",
        "mission_id": "m-1",
        "harness": "plain",
        "principal": "ann@example.com",
    }


def test_a_mark_of_a_crew_that_is_done_is_the_end_of_a_run_unless_calls_follow() -> None:
    entries = _entries(NEW)
    [place] = [index for index, entry in enumerate(entries) if isinstance(entry, RunEntry) and entry.end is not None]

    mark, end = entries[place - 1], entries[place]

    assert isinstance(mark, ActionEntry)
    assert isinstance(end, RunEntry)
    assert (mark.name, end.run_id, end.end, end.at) == ("crew:complete:x", "run-A", RunEnd.COMPLETED, mark.ended_at)


@pytest.mark.parametrize(("file", "run_id"), [(NEW, "run-A"), (OLD, "run-20"), (LANGCHAIN, "run-LC")])
def test_a_run_has_the_same_totals_however_often_it_is_reported(file: str, run_id: str) -> None:
    once = settled(_entries(file))
    twice = settled([*_entries(file), *_entries(file)])

    assert [run.tally for run in once.runs] == [run.tally for run in twice.runs]
    assert once.actions == twice.actions
    assert twice.repeated >= len(once.kept) - 1  # an end that later calls took back is told once more
    [run] = [run for run in once.runs if run.id == run_id]
    assert {action.agent_id for action in once.actions if action.run_id == run_id} == {run.agent_id}


def test_the_runs_money_is_right() -> None:
    memory = Memory()
    memory.hear(*_entries(NEW))
    runs = memory.runs

    tally = runs["run-A"].tally
    assert (tally.success, tally.error, tally.blocked, tally.replayed) == (10, 1, 2, 1)
    assert (tally.cost, tally.prevented, tally.saved) == (Decimal("0.143"), Decimal("1.03"), Decimal("0.05"))
    assert (runs["run-A:replay"].tally.attempts, runs["run-A:replay"].tally.saved) == (0, Decimal("0.02"))


def test_replayed_calls_are_kept_apart_with_how_the_replay_ended() -> None:
    [results] = [request for request in captured_requests(NEW) if request.path.endswith("/results")]

    ended = read_replay_results(results.body, "run-A", now=NOON)

    assert (ended.run_id, ended.end, ended.done, ended.total) == ("run-A:replay", RunEnd.COMPLETED, 2, 2)
    details = decode(ended.details or "")
    assert isinstance(details, dict)
    assert details["replay"]["divergences"][0]["type"] == "input_mismatch"


def test_interventions_are_events_that_are_known_when_they_come_again() -> None:
    requests = [request for request in captured_requests(NEW) if request.path == "/api/v1/interventions/"]

    told = [read_intervention(request.body, sender_of(request)) for request in requests]
    again = [read_intervention(request.body, sender_of(request)) for request in requests]

    assert told == again
    assert len({event.id for _, event in told}) == 3
    assert {run.agent_id for run, _ in told} == {"researcher"}
    assert {event.kind for _, event in told} == {ActionKind.EVENT}
    details = [json.loads(event.details or "")["intervention"] for _, event in told]
    assert [(one["type"], one["outcome"], one["action_name"]) for one in details] == [
        ("hard_block", "blocked", "drop_table"),
        ("budget_exceeded", "blocked", "pricey"),
        ("idempotent_replay", "modified", "charge"),
    ]


def test_an_intervention_of_the_old_version_names_no_run_and_is_kept_all_the_same() -> None:
    [request] = [request for request in captured_requests(OLD) if request.path == "/api/v1/interventions/"]

    assert read_intervention(request.body, sender_of(request))[0].run_id == RUNLESS


@pytest.mark.parametrize(("run_id", "names"), [("run-20", ["measure", "fails", "drop"]), ("run-21", ["measure"])])
def test_the_old_version_is_read_too(run_id: str, names: list[str]) -> None:
    assert [action.name for action in actions_of(OLD) if action.run_id == run_id] == names
    assert runs_of(OLD)[run_id].agent_id == "older"


def test_the_langchain_callback_reports_models_and_tools() -> None:
    told = [(action.kind, action.outcome, action.failure and action.failure.type) for action in actions_of(LANGCHAIN)]
    first = actions_of(LANGCHAIN)[0]

    assert told == [
        (ActionKind.MODEL, Outcome.SUCCESS, None),
        (ActionKind.MODEL, Outcome.ERROR, "RuntimeError"),
        (ActionKind.TOOL, Outcome.ERROR, "ValueError"),
    ]
    assert first.use is not None
    assert (first.use.model, first.use.input_tokens, first.use.output_tokens) == ("gpt-4o", 1000, 200)
    assert first.cost == Decimal("0.008")
