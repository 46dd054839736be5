"""The ledger as a file, under its filters, in three formats; and what is said of a run in work that is deleted."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


@pytest.fixture
def agent(port: int) -> str:
    """Record calls of an agent of this test's own in two runs, and return its id."""
    agent = a_name("agent")
    for number, outcome in enumerate(["success", "error"]):
        times = {"started_at_ns": AT_NS + number, "ended_at_ns": AT_NS + 5_000_000}
        call = {"type": "action", "id": f"c{number}", "name": "=1+1", "kind": "tool", **times, "tags": ["x", "y"]}
        frame = {"type": "action", "id": f"f{number}", "name": "frame", "kind": "step", **times}
        told = {**call, "outcome": outcome, "cost_usd": "0.000001", "inputs": "kept apart"}
        body = {"run_id": f"{agent}-{number}", "agent_id": agent, "entries": [frame, told]}
        assert ask_json(port, "POST", "/api/v1/actions", body).status == 200
    return agent


def export(port: int, query: str) -> tuple[str, bytes]:
    answer = ask(port, "GET", f"/api/v1/ledger/export?{query}")
    assert answer.status == 200, answer.body
    return answer.headers["content-type"], answer.body


def test_each_call_is_a_line_with_the_fields_of_the_ledger(port: int, agent: str) -> None:
    media, body = export(port, f"agent_id={agent}")

    shown = ask(port, "GET", f"/api/v1/ledger?agent_id={agent}&sort_order=asc").value["data"]
    assert media.startswith("application/jsonl")
    assert [json.loads(line) for line in body.splitlines()] == shown
    assert [one["id"] for one in shown] == ["c0", "c1"]


def test_a_json_export_of_the_ledger_holds_its_filters(port: int, agent: str) -> None:
    query = f"agent_id={agent}&outcome=error&format=json"

    document = json.loads(export(port, query)[1])

    assert document["filters"] == {"agent_id": agent, "outcome": "error", "format": "json"}
    assert [one["id"] for one in document["calls"]] == ["c1"]


def test_a_table_has_a_row_for_each_call_and_runs_in_no_spreadsheet(port: int, agent: str) -> None:
    media, body = export(port, f"agent_id={agent}&format=csv")

    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert media.startswith("text/csv")
    assert [(row["run_id"], row["name"], row["cost_usd"], row["tags"]) for row in rows] == [
        (f"{agent}-0", "'=1+1", "0.000001", "x, y"),
        (f"{agent}-1", "'=1+1", "0.000001", "x, y"),
    ]


def test_without_a_call_each_format_is_whole(port: int) -> None:
    nobody = f"agent_id={a_name('nobody')}"

    assert export(port, nobody)[1] == b""
    assert json.loads(export(port, f"{nobody}&format=json")[1])["calls"] == []
    assert export(port, f"{nobody}&format=csv")[1].decode().count("\r\n") == 1


@pytest.mark.parametrize("query", ["format=xml", "outcome=good", "min_cost=NaN", "page=1"])
def test_an_impossible_export_is_refused_before_it_begins(port: int, query: str) -> None:
    assert ask(port, "GET", f"/api/v1/ledger/export?{query}").status == 400


def test_a_run_in_work_says_how_it_can_be_ended_before_it_is_deleted(port: int) -> None:
    run = a_name("run")
    call = {"type": "action", "id": "a", "name": "n", "started_at_ns": AT_NS}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [call]})

    refused = ask(port, "DELETE", f"/api/v1/runs/{run}", headers=a_key())
    ended = ask_json(port, "POST", f"/api/v1/runs/{run}/end", {"status": "completed"})
    deleted = ask(port, "DELETE", f"/api/v1/runs/{run}", headers=a_key())

    assert refused.refusal == (409, "Conflict")
    assert "say it with POST /api/v1/runs/{run}/end" in refused.body.decode()
    assert (ended.status, deleted.status) == (200, 200)
