"""Reading recorded runs: by any id, only what is new, and payloads that are shown in part."""

from __future__ import annotations

import base64
import json
import time
from hashlib import sha256
from urllib.parse import quote

import pytest

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


def record(port: int, run: str, *actions: dict[str, object]) -> None:
    entries = [
        {"type": "action", "name": "look_up", "started_at_ns": AT_NS, "ended_at_ns": AT_NS + 1, **action}
        for action in actions
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": entries})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("ending", ["a,b", "[1", "%2C", "plain"])
def test_runs_of_any_id_are_asked_for_by_id(port: int, ending: str) -> None:
    run, other = a_name("run") + ending, a_name("run")
    record(port, run, {"id": "a1"})
    record(port, other, {"id": "a1"})

    both = ask(port, "GET", f"/api/v1/runs?window=all&ids={quote(json.dumps([run, other]))}").value
    one = ask(port, "GET", f"/api/v1/runs?window=all&ids={quote(json.dumps([run]))}").value

    assert {found["run_id"] for found in both["data"]} == {run, other}
    assert [found["run_id"] for found in one["data"]] == [run]


@pytest.mark.parametrize("ending", ["/1", "/", "//x", "/a b?c#d/%2F", "%2F", "/skeleton", "..", "\u00e9/\U0001f600"])
def test_a_run_an_agent_and_an_action_of_any_id_have_their_routes(port: int, ending: str) -> None:
    run, action = "/" + a_name("run") + ending, "a/1" + ending
    told = {"type": "action", "id": action, "name": "x", "started_at_ns": AT_NS, "ended_at_ns": AT_NS}
    body = {"run_id": run, "agent_id": run, "entries": [told, {"type": "run", "at_ns": AT_NS + 1, "end": "completed"}]}
    assert ask_json(port, "POST", "/api/v1/actions", body).status == 200
    path = f"/api/v1/runs/{quote(run, safe='')}"

    shown, skeleton = ask(port, "GET", path), ask(port, "GET", path + "/skeleton")
    acted = ask(port, "GET", f"{path}/actions/{quote(action, safe='')}")
    agent = ask(port, "GET", f"/api/v1/agents/{quote(run, safe='')}/stats")
    noted = ask_json(port, "POST", path + "/notes", {"text": "good"})
    deleted = ask(port, "DELETE", path)

    assert (shown.value["run_id"], acted.value["action"]["id"]) == (run, action)
    assert [answer.status for answer in (skeleton, agent, noted, deleted)] == [200, 200, 201, 200]
    assert ask(port, "GET", path).refusal == (404, "UnknownRun")


def test_a_run_called_like_a_route_is_asked_for_with_an_escape(port: int) -> None:
    record(port, "export", {"id": "a1"})

    run, skeleton = (ask(port, "GET", f"/api/v1/runs/%65xport{rest}") for rest in ("", "/skeleton"))

    assert run.value["run_id"] == "export"
    assert skeleton.status == 200
    assert ask(port, "GET", "/api/v1/runs/export/skeleton").value["run"]["run_id"] == "export"
    ask_json(port, "POST", "/api/v1/runs/export/end", {"status": "completed"})
    assert ask(port, "DELETE", "/api/v1/runs/%65xport").status == 200
    assert ask(port, "GET", "/api/v1/runs/%65xport").refusal == (404, "UnknownRun")


def test_a_slash_that_is_escaped_parts_nothing(port: int) -> None:
    answer = ask(port, "GET", "/api/v1%2Fruns")

    assert answer.refusal == (404, "NoSuchRoute")
    assert "GET /api/v1/runs" in answer.message


def test_ids_are_separated_by_commas_too(port: int) -> None:
    first, second = "[" + a_name("run"), a_name("run")
    record(port, first, {"id": "a1"}, {"id": "a,2"})
    record(port, second, {"id": "a1"})

    found = ask(port, "GET", f"/api/v1/runs?window=all&ids={quote(first)},{second}").value
    bodies = ask(port, "GET", f"/api/v1/runs/{quote(first)}/bodies?ids={quote(json.dumps(['a,2', 'a1']))}").value

    assert {run["run_id"] for run in found["data"]} == {first, second}
    assert [one["id"] for one in bodies["data"]] == ["a,2", "a1"]


def test_a_parent_that_comes_late_brings_its_children_again_with_its_number(port: int) -> None:
    run = a_name("run")
    record(port, run, {"id": "child", "parent_id": "parent"}, {"id": "other"})
    first = ask(port, "GET", f"/api/v1/runs/{run}/skeleton").value
    record(port, run, {"id": "parent"}, {"id": "second", "parent_id": "parent"})

    news = ask(port, "GET", f"/api/v1/runs/{run}/skeleton?after={first['version']}").value
    later = ask(port, "GET", f"/api/v1/runs/{run}/skeleton?after={news['version']}").value

    numbers = dict(zip(news["id"], news["number"], strict=True))
    assert dict(zip(first["id"], first["parent"], strict=True)) == {"child": -1, "other": 0}
    assert dict(zip(news["id"], news["parent"], strict=True)) == {
        "child": numbers["parent"],
        "parent": 0,
        "second": numbers["parent"],
    }
    assert later["id"] == []


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_a_failed_run_needs_attention_however_many_others_recovered_since(port: int, limit: int) -> None:
    agent, failure = a_name("agent"), {"type": "Boom", "message": "no"}
    runs = [a_name("run") for _ in range(2)]
    for place, run in enumerate(runs):
        record_of(port, agent, an_action(run, "a", place, failure=failure))
    good = [(a_name("run"), 2 + place) for place in range(101)]
    told = [(an_action(run, "a", at, failure=failure), an_action(run, "b", at + 1)) for run, at in good]
    record_of(port, agent, *(action for pair in told for action in pair))

    answer = ask(port, "GET", f"/api/v1/intercepts?window=all&agent_id={agent}&limit={limit}").value

    assert [one["run"]["run_id"] for one in answer["data"]] == runs[::-1][:limit]
    assert answer["more"] is (limit < 2)


def an_action(run: str, id: str, second: int, **fields: object) -> dict[str, object]:
    begun = AT_NS + second * 1_000_000_000
    action = {"type": "action", "id": id, "name": "x", "kind": "tool", "run_id": run}
    return {**action, "started_at_ns": begun, "ended_at_ns": begun + 1, **fields}


def record_of(port: int, agent: str, *entries: dict[str, object]) -> None:
    runs = {entry["run_id"]: entry["started_at_ns"] for entry in entries}
    words = [{"type": "run", "run_id": run, "agent_id": agent, "at_ns": at_ns} for run, at_ns in runs.items()]
    body = {"run_id": entries[0]["run_id"], "entries": [*words, *entries]}
    answer = ask_json(port, "POST", "/api/v1/actions", body)
    assert answer.status == 200, answer.body


def test_the_skeleton_names_the_actions_whose_cost_was_computed_from_tokens(port: int) -> None:
    run, chat = (
        a_name("run"),
        {"kind": "model", "use": {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 1000}},
    )
    record(port, run, {"id": "told", **chat, "cost_usd": "0.5"}, {"id": "priced", **chat})

    found = ask(port, "GET", f"/api/v1/runs/{run}/skeleton").value

    numbers = dict(zip(found["id"], found["number"], strict=True))
    assert found["estimated"] == [numbers["priced"]]


def test_runs_that_need_attention_are_searched_like_the_list(port: int) -> None:
    run, other = a_name("run"), a_name("run")
    failed = {"outcome": "error", "failure": {"type": "Oops", "message": "nope"}}
    record(port, run, {"id": "a1", "inputs": f"about {run}salmon", **failed})
    record(port, other, {"id": "a1", **failed})

    by_word = ask(port, "GET", f"/api/v1/intercepts?window=all&limit=100&q={run}salmon").value["data"]
    by_id = ask(port, "GET", f"/api/v1/intercepts?window=all&limit=100&q={other}").value["data"]

    assert [[found["run"]["run_id"] for found in data] for data in (by_word, by_id)] == [[run], [other]]


def test_a_pinned_run_is_deleted_only_when_it_was_unpinned(port: int) -> None:
    run = a_name("run")
    record(port, run, {"id": "a1"})
    path = f"/api/v1/runs/{run}"
    assert ask_json(port, "POST", f"{path}/end", {"status": "completed"}).status == 200
    assert ask_json(port, "POST", f"{path}/pin", {}).status == 200

    refused = ask(port, "DELETE", path, headers=a_key())
    ask_json(port, "POST", f"{path}/unpin", {})
    done = ask(port, "DELETE", path, headers=a_key())

    assert (refused.status, done.status) == (409, 200), refused.body
    assert "Unpin it" in refused.body.decode()


def test_a_cut_payload_names_its_digest_where_it_is_content_of_its_own(port: int) -> None:
    run, large = a_name("run"), "x" * 70_000
    record(port, run, {"id": "a1", "inputs": "y" * 3000, "outputs": large})

    [body] = ask(port, "GET", f"/api/v1/runs/{run}/bodies?ids=a1").value["data"]

    assert (body["inputs"]["cut"]["size_bytes"], body["inputs"]["cut"]["sha256"]) == (3002, None)
    assert body["outputs"]["cut"]["sha256"] == sha256(json.dumps(large).encode()).hexdigest()


HUGE_CURSOR = base64.urlsafe_b64encode(b"[0,99999999999999999999]").decode().rstrip("=")
LARGE_CURSOR = base64.urlsafe_b64encode(b"[99999999999999999999,1]").decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "runs?min_cost=NaN",
        "runs?min_cost=Infinity",
        f"runs?cursor={HUGE_CURSOR}",
        f"runs?cursor={LARGE_CURSOR}",
        "ledger?min_cost=NaN",
        "ledger?max_cost=-Infinity",
        "ledger?outcome=bogus",
        "ledger?outcome=success,bogus",
        "ledger?kind=bogus",
        "ledger/stats?kind=turn",
    ],
)
def test_a_query_with_an_impossible_value_is_refused(port: int, query: str) -> None:
    assert ask(port, "GET", f"/api/v1/{query}").status == 400


def test_a_refused_outcome_is_answered_with_those_there_are(port: int) -> None:
    answer = ask(port, "GET", "/api/v1/ledger?outcome=bogus")

    assert "success, error, blocked, rejected, replayed, idempotent_replay, running" in answer.body.decode()


@pytest.mark.parametrize("cost", ["1e30", "1e400", "1e999999"])
def test_no_run_and_no_call_costs_more_than_there_is(port: int, cost: str) -> None:
    run = a_name("run")
    record(port, run, {"id": "a1", "cost_usd": "1"})

    dear = ask(port, "GET", f"/api/v1/runs?min_cost={cost}&window=all&ids={run}")
    cheap = ask(port, "GET", f"/api/v1/ledger?run_id={run}&max_cost={cost}")

    assert (dear.status, dear.value["data"]) == (200, [])
    assert [action["id"] for action in cheap.value["data"]] == ["a1"]


def test_a_run_that_ended_before_its_call_is_exported_so_that_it_can_be_imported(port: int) -> None:
    run = a_name("run")
    record(port, run, {"id": "a1"})
    end = {"type": "run", "at_ns": AT_NS - 10**10, "end": "completed"}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [end]})
    lines = ask(port, "GET", f"/api/v1/runs/export?run_id={run}")

    told = ask(port, "POST", "/api/v1/import", lines.body, {"Content-Type": "application/x-ndjson"})

    assert (lines.status, told.status) == (200, 200), told.body


@pytest.mark.parametrize("path", ["runs", "intercepts"])
def test_a_window_is_any_span_of_runs_and_of_those_that_need_attention(port: int, path: str) -> None:
    agent, run = a_name("agent"), a_name("run")
    two_hours_ago = (time.time_ns() - AT_NS) // 10**9 - 7200
    record_of(port, agent, an_action(run, "a", two_hours_ago, failure={"type": "Boom", "message": "no"}))
    end = {"type": "run", "at_ns": AT_NS + two_hours_ago * 10**9 + 2, "end": "failed"}
    assert ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [end]}).status == 200

    windows = ("119m", "130m", "3h", "1w", "99999w")
    found = [ask(port, "GET", f"/api/v1/{path}?window={window}&agent_id={agent}").value["data"] for window in windows]

    assert [len(data) for data in found] == [0, 1, 1, 1, 1]
