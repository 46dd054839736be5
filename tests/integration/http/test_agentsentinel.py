"""What agentsentinel-sdk posted, posted again: the statuses that it insists on, and runs that are told twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.captured import CapturedRequest, captured_requests
from tests.support.raw_http import Answer, ask
from tests.support.running_titan import RunningTitan

CAPTURED = "unit/ingest/captured_sentinel/agentsentinel-sdk-0.4.0.jsonl"

#: The client takes any other status for a failure (spec/runs.md 2.4).
STATUSES = {
    "/api/v1/policies/sync": 200,
    "/api/v1/kill-switch/check": 200,
    "/api/v1/ingest": 202,
    "/api/v1/interventions/": 201,
    "/api/v1/approvals": 201,
    "/api/v1/approvals/check": 200,
    "/api/v1/approvals/a1/poll": 200,
    "/api/v1/budgets/reserve": 201,
    "/api/v1/replay/run-A/results": 201,
    "/api/v1/actions/register": 201,
}


def send(port: int, request: CapturedRequest, path: str | None = None) -> Answer:
    headers: Mapping[str, str] = {**request.headers, "content-type": "application/json"}
    return ask(port, request.method, path or request.path, request.body, headers)


def a_batch(run_id: str, *entries: dict[str, object]) -> bytes:
    return json.dumps({"run_id": run_id, "agent_id": "ann", "entries": entries}).encode()


def an_entry(entry_id: str, **fields: object) -> dict[str, object]:
    at = "2026-03-01T12:00:00+00:00"
    return {"id": entry_id, "timestamp": at, "action": "search", "outcome": "success", "cost_usd": 0.1, **fields}


def test_every_request_is_answered_with_the_status_that_the_client_insists_on(port: int) -> None:
    requests = list(captured_requests(CAPTURED))

    answered = {request.path.partition("?")[0]: send(port, request).status for request in requests}

    assert answered == STATUSES


@pytest.mark.parametrize("path", ["/api/v1/ingest", "/api/v1/ingest/"])
def test_a_slash_at_the_end_changes_nothing(port: int, path: str) -> None:
    answer = ask(port, "POST", path, a_batch("slashes", an_entry("e1")))

    assert (answer.status, answer.value["refused"]) == (202, [])


def test_a_batch_that_comes_again_changes_nothing(port: int) -> None:
    body = a_batch("twice", an_entry("e1"), an_entry("e2", outcome="blocked"))

    first, second = ask(port, "POST", "/api/v1/ingest", body), ask(port, "POST", "/api/v1/ingest", body)

    run = ask(port, "GET", "/api/v1/runs/twice").value
    assert (first.value["stored"], second.value["stored"], second.value["repeated"]) == (3, 0, 3)
    assert (run["agent_id"], run["tally"]["cost_usd"], run["tally"]["prevented_cost_usd"]) == ("ann", "0.1", "0.1")


def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_kept(port: int, titan: RunningTitan) -> None:
    body = a_batch("partly", an_entry("bad", outcome="maybe"), an_entry("good"))

    answer = ask(port, "POST", "/api/v1/ingest", body)

    [refused] = answer.value["refused"]
    assert (answer.status, refused["index"], refused["id"]) == (202, 0, "bad")
    assert "outcome" in refused["reason"]
    assert ask(port, "GET", "/api/v1/runs/partly").value["tally"]["calls"] == 1
    assert "agentsentinel-sdk: entries left out: 1" in titan.log  # the client tells nobody


def test_an_invalid_batch_is_refused(port: int) -> None:
    assert ask(port, "POST", "/api/v1/ingest", b"{}").refusal == (400, "InvalidInput")


def test_an_empty_policy_exists_since_a_missing_one_would_block_writing_tools(port: int) -> None:
    answer = ask(port, "GET", "/api/v1/policies/sync?agent_id=ann&run_id=r").value

    [policy] = answer["policies"]
    assert (policy["scope"], policy["enabled"], answer["conflicts"]) == ("global", True, [])


def test_a_bundle_holds_the_runs_calls_in_the_order_they_began(port: int) -> None:
    body = a_batch(
        "bundled",
        an_entry("e1", payload={"inputs": {"args": [1], "kwargs": {}}, "outputs": [1]}),
        an_entry("e2", outcome="error", payload={"inputs": {}, "outputs": "ValueError: nope"}),
        an_entry("e3", outcome="idempotent_replay"),
    )
    ask(port, "POST", "/api/v1/ingest", body)

    bundle: dict[str, Any] = ask(port, "GET", "/api/v1/replay/bundled/bundle").value

    assert (bundle["run_id"], bundle["agent_id"]) == ("bundled", "ann")
    assert [entry["outputs"] for entry in bundle["entries"]] == [[1], "ValueError: nope", None]


def test_a_bundle_of_a_run_that_nobody_knows_is_refused(port: int) -> None:
    assert ask(port, "GET", "/api/v1/replay/nobody/bundle").refusal == (404, "UnknownRun")


def test_interventions_of_guards_are_listed_latest_first(port: int) -> None:
    for place, (kind, outcome) in enumerate([("hard_block", "blocked"), ("budget_exceeded", "escalated")]):
        told = {
            "run_id": "guarded",
            "agent_id": "ann",
            "timestamp": f"2026-03-01T12:00:0{place}+00:00",
            "action_name": "pay",
            "intervention_type": kind,
            "outcome": outcome,
            "estimated_cost": 0.25,
            "risk_level": "high",
        }
        assert ask(port, "POST", "/api/v1/interventions/", json.dumps(told).encode()).status == 201

    whole = ask(port, "GET", "/api/v1/interventions?run_id=guarded").value
    one = ask(port, "GET", "/api/v1/interventions?intervention_type=hard_block&run_id=guarded&page_size=1").value

    assert [row["intervention_type"] for row in whole["data"]] == ["budget_exceeded", "hard_block"]
    assert (whole["total"], whole["by_type"]) == (2, {"budget_exceeded": 1, "hard_block": 1})
    [row] = one["data"]
    assert {name: row[name] for name in row if name != "id"} == {
        "run_id": "guarded",
        "agent_id": "ann",
        "timestamp": "2026-03-01T12:00:00Z",
        "intervention_type": "hard_block",
        "outcome": "blocked",
        "action_name": "pay",
        "reason": None,
        "estimated_cost": "0.25",
        "risk_level": "high",
    }


def test_policies_and_approvals_are_listed_as_they_are(port: int) -> None:
    assert [policy["name"] for policy in ask(port, "GET", "/api/v1/policies").value["data"]] == ["Nothing is limited"]
    for path in ("/api/v1/approvals", "/api/v1/approvals/pending"):
        assert ask(port, "GET", path).value == {"data": [], "total": 0}


def test_the_ledger_is_summed_up_under_its_filters(port: int) -> None:
    body = a_batch(
        "summed", an_entry("e1"), an_entry("e2", outcome="blocked"), an_entry("e3", outcome="error", action="send")
    )
    ask(port, "POST", "/api/v1/ingest", body)

    whole = ask(port, "GET", "/api/v1/ledger/stats?run_id=summed").value
    some = ask(port, "GET", "/api/v1/ledger/stats?run_id=summed&outcome=success,blocked&action_name=search").value

    assert (whole["calls"], whole["cost_usd"], whole["prevented_cost_usd"]) == (3, "0.2", "0.1")
    assert (some["calls"], some["success_rate"]) == (2, 0.5)
    listed = ask(port, "GET", "/api/v1/ledger?run_id=summed&outcome=error,blocked").value
    assert sorted(row["id"] for row in listed["data"]) == ["e2", "e3"]


@pytest.mark.parametrize(
    ("status", "error"), [("completed", None), ("failed", "ValueError: nope"), ("cancelled", None)]
)
def test_a_run_is_ended_by_a_word(port: int, status: str, error: str | None) -> None:
    run = f"ended-{status}"
    ask(port, "POST", "/api/v1/ingest", a_batch(run, an_entry("e1")))
    body = json.dumps({"status": status, "error": error}).encode()

    first, again = (ask(port, "POST", f"/api/v1/runs/{run}/end", body) for _ in range(2))

    assert (first.status, first.value["status"], first.value["reason"]) == (200, status, error)
    assert first.value["status_source"] == "explicit"
    assert again.value == first.value


def test_only_a_run_that_is_known_is_ended(port: int) -> None:
    body = b'{"status": "completed"}'

    assert ask(port, "POST", "/api/v1/runs/nobody/end", body).refusal == (404, "UnknownRun")
    assert ask(port, "POST", "/api/v1/runs/nobody/end", b'{"status": "done"}').refusal == (400, "InvalidInput")
