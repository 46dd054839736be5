"""Agents tried in a world: from dispatch to verdict, with real processes."""

import json
import urllib.error
from typing import Any

import pytest

from tests.support.agent_server import Asked, Raw, agent_server
from tests.support.evaluations import AGENT, a_workflow, dispatched, ended, http_agent, python_agent, tried
from tests.support.raw_http import ask, ask_json, given

CANCEL = 'return call("cancel_order", order_id="O1")["message"]'


def test_a_python_agent_runs_as_a_job_and_its_run_is_one_like_others(port: int) -> None:
    found = tried(port, "python", python_agent(CANCEL))

    assert (found["status"], found["verdict"], found["final_response"]) == ("completed", "PASS", "Cancelled O1.")
    assert found["sources"] == {"odyssey": 1}
    run = given(port, f"/api/v1/runs/{found['run_id']}")
    assert (run["status"], run["agent_id"], run["tally"]["calls"], run["stage_count"]) == ("completed", "python", 1, 1)
    action = given(port, f"/api/v1/runs/{found['run_id']}/actions/call-0")["action"]
    assert (action["name"], action["kind"]) == ("cancel_order", "tool")


def test_an_agent_behind_an_address_calls_tools_and_is_graded_by_its_changes(port: int) -> None:
    asked: list[dict[str, Any]] = []

    def agent(ask: Asked) -> Any:
        asked.append(ask.body)
        assert ask.call("get_order", order_id="O1")["response"]["status"] == "placed"
        return {"final_response": "I looked.", "metadata": {"cost_usd": 0.25}}

    with agent_server(agent) as url:
        found = tried(port, "looks", http_agent(url))

    assert (found["status"], found["verdict"], found["failure_mode"]) == (
        "completed",
        "FAIL",
        "missing_action",
    )
    assert found["cost_usd"] == "0.25"
    run = given(port, f"/api/v1/runs/{found['run_id']}")
    assert (run["tally"]["cost_usd"], run["tally"]["calls"]) == ("0.25", 2)
    assert asked[0]["input"]["user_instruction"] == "Cancel my order O1."
    assert {tool["name"] for tool in asked[0]["tools_schema"]} >= {"get_order", "cancel_order"}
    assert "initial_state" not in str(asked[0])


def test_a_call_repeated_with_its_key_changes_nothing_twice(port: int) -> None:
    def agent(ask: Asked) -> Any:
        first = ask.call("refund", "key-1", order_id="O1", amount=5)
        assert ask.call("refund", "key-1", order_id="O1", amount=5) == first
        return "refunded"

    with agent_server(agent) as url:
        path = a_workflow(port, "repeats", http_agent(url))
        [run_id] = dispatched(port, path)
        found = ended(port, path, run_id)

    assert found["tool_calls"] == 1
    ledger = given(port, f"{path}/tasks/t0/agent-runs/{run_id}/tool-calls/0")["ledger"]
    assert list(ledger["entities"]["refund"]) == ["R1"]
    assert ledger["entities"]["order"]["O1"]["attrs"]["refunded"] == 5


def test_injected_failures_and_made_up_tools_are_evidence(port: int) -> None:
    rule = {
        "trigger": "tool_call",
        "tool": "get_order",
        "match": {"nth": 1},
        "action": {"type": "error", "status": 503},
    }
    body = 'call("get_order", order_id="O1"); call("get_ordr"); call("cancel_order", order_id="O1"); return "done"'

    found = tried(port, "injected", python_agent(body), seed={"failure_rules": [rule]})

    assert found["sources"] == {"injected": 1, "error": 1, "odyssey": 1}
    path = f"/api/projects/default/workflows/injected/tasks/t0/agent-runs/{found['run_id']}/tool-calls"
    assert [(one["tool"], one["source"], one["failure_rule_id"]) for one in given(port, path)["tool_calls"]] == [
        ("get_order", "injected", "rule-1"),
        ("get_ordr", "error", None),
        ("cancel_order", "odyssey", None),
    ]


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (Raw(status=401), "auth_failed"),
        (Raw(status=500, body=b"boom"), "agent_5xx"),
        (Raw(status=404), "agent_4xx"),
        (Raw(body=b"<html>"), "agent_bad_response"),
        (Raw(body=b"{}"), "contract_error"),
        (Raw(status=302, headers={"Location": "http://127.0.0.1:1/"}), "transport_error"),
        (Raw(body=b'"' + b"x" * 11_000_000 + b'"'), "contract_error"),
    ],
)
def test_a_bad_answer_gets_its_class(port: int, answer: Raw, error_class: str) -> None:
    with agent_server(lambda _ask: answer) as url:
        found = tried(port, f"bad-{answer.status}-{len(answer.body)}", http_agent(url))

    assert (found["status"], found["error_class"]) == ("failed", error_class)
    assert (found["verdict"], found["card_verdict"]) == ("PENDING", "NOT APPLICABLE")
    assert given(port, f"/api/v1/runs/{found['run_id']}")["status"] == "failed"


def test_an_agent_that_is_not_there_or_takes_too_long_or_raises_has_failed(port: int) -> None:
    away = tried(port, "away", http_agent("http://127.0.0.1:1/"))
    slow = tried(port, "slow", python_agent("import time; time.sleep(60)"), run_timeout_s=1)
    broken = tried(port, "broken", python_agent('raise ValueError("no idea")'))

    assert away["error_class"] == "agent_unreachable"
    assert slow["error_class"] == "agent_timeout"
    assert broken["error_class"] == "agent_5xx"
    assert "no idea" in broken["error"]["message"]


def test_the_function_of_a_job_may_be_a_coroutine(port: int) -> None:
    source = AGENT.replace("def run(", "async def run(").replace("BODY", CANCEL)

    found = tried(port, "coroutine", {"kind": "python", "source": source})

    assert (found["status"], found["verdict"], found["final_response"]) == ("completed", "PASS", "Cancelled O1.")


def test_an_answer_of_a_job_over_10_mb_breaks_the_contract(port: int) -> None:
    found = tried(port, "long-answer", python_agent('return "x" * 11_000_000'))

    assert found["error_class"] == "contract_error"
    assert "expected at most 10,485,760" in found["error"]["message"]


@pytest.mark.parametrize("comes", [CANCEL, "pass"], ids=["after-a-call", "before-any"])
def test_an_agent_whose_watcher_is_killed_is_not_begun_again_within_its_run(port: int, comes: str) -> None:
    name = "watcher-called" if comes == CANCEL else "watcher-idle"
    body = f"{comes.replace('return ', '')}; import os, time; os.kill(os.getppid(), 9); time.sleep(30)"
    path = a_workflow(port, name, python_agent(body))

    found = ended(port, path, dispatched(port, path)[0])

    assert (found["status"], found["error_class"]) == ("failed", "internal_error")
    assert "lost after it had begun" in found["error"]["message"]
    assert found["tool_calls"] == (comes == CANCEL)
    repeated = [one["trigger"] for one in given(port, f"{path}/agent-runs")["agent_runs"][:-1]]
    assert repeated == ([] if comes == CANCEL else ["auto_redispatch"])


def test_a_second_attempt_of_a_job_is_not_given_the_task(port: int) -> None:
    """A worker that leaves gives its jobs back, which another one begins."""
    body = """
    headers = {"Authorization": f"Bearer {run_token}"}
    urllib.request.urlopen(urllib.request.Request(f"{proxy_url}/task", headers=headers)).close()
    headers["X-Titan-Attempt"] = "another"
    try:
        urllib.request.urlopen(urllib.request.Request(f"{proxy_url}/task", headers=headers))
    except urllib.error.HTTPError as refused:
        return str(refused.code)"""

    found = tried(port, "begun-twice", python_agent(f"import urllib.error{body}"))

    assert found["error_class"] == "internal_error"
    assert "lost after it had begun" in found["error"]["message"]


@pytest.mark.parametrize("kind", ["job", "service"])
def test_arguments_over_1_mb_are_refused_with_413(port: int, kind: str) -> None:
    body = """
    import urllib.error
    try:
        call("get_order", order_id="x" * 2_000_000)
    except urllib.error.HTTPError as refused:
        return f"{refused.code} {json.load(refused)['detail']['error_class']}"
"""

    def agent(ask: Asked) -> str:
        answer: list[str] = []
        for _ in range(20):
            try:
                ask.call("get_order", order_id="x" * 2_000_000)
            except urllib.error.HTTPError as refused:
                answer.append(f"{refused.code} {json.load(refused)['detail']['error_class']}")
        return ", ".join(sorted(set(answer)))

    with agent_server(agent) as url:
        found = tried(port, f"large-{kind}", python_agent(body) if kind == "job" else http_agent(url))

    assert found["final_response"] == "413 payload_too_large"


def test_an_address_of_this_machine_needs_permission(port: int) -> None:
    with agent_server(lambda _ask: "done") as url:
        found = tried(port, "inside", {"kind": "http", "url": url.replace("127.0.0.1", "127.1")})

    assert found["error_class"] == "agent_unreachable"
    assert "allow_loopback" in found["error"]["message"]


def test_a_token_is_valid_for_its_own_run_and_while_it_runs(port: int) -> None:
    tokens: dict[str, str] = {}

    def agent(ask: Asked) -> Any:
        tokens[ask.body["run_id"]] = ask.headers["X-Titan-Run-Token"]
        return "done"

    with agent_server(agent) as url:
        path = a_workflow(port, "tokens", http_agent(url))
        [run_id] = dispatched(port, path)
        ended(port, path, run_id)

    target = f"/api/world/runs/{run_id}/tools/get_order"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {tokens[run_id]}"}):
        answer = ask_json(port, "POST", target, {"order_id": "O1"}, headers)
        assert answer.status == 401


def test_requests_that_the_proxy_does_not_accept_are_refused_by_name(port: int) -> None:
    found: list[tuple[int, str]] = []

    def agent(asked: Asked) -> Any:
        run = f"/api/world/runs/{asked.body['run_id']}"
        token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}
        for target, body, headers in (
            ("/tools/get_order", b"[]", {}),
            ("/tools/get_order", b"{}", {"X-Titan-Run-Token": "another"}),
            ("/tools/get_order", b"{}", {"X-Titan-Actor-Id": "a b"}),
            ("/traces/dream", b"{}", {}),
            ("/traces/handoff", b"{}", {}),
        ):
            answer = ask(port, "POST", run + target, body, {**token, **headers})
            found.append((answer.status, answer.value["detail"]["error_class"]))
        event = ask(port, "POST", run + "/traces/thinking", b'{"text": "hm", "__occurred_at": "noon"}', token)
        assert (event.status, event.value["sequence"]) == (200, 0)
        return "done"

    with agent_server(agent) as url:
        run = tried(port, "refused", http_agent(url))

    assert found == [
        (400, "arguments_invalid"),
        (401, "run_token_mismatch"),
        (400, "actor_id_invalid"),
        (400, "trace_event_type_invalid"),
        (400, "trace_payload_invalid"),
    ]
    assert "__occurred_at" in run["soft_warnings"][0]
    assert run["has_no_calls"]


def test_a_rerun_keeps_the_first_one_and_a_task_of_several_turns_is_refused(port: int) -> None:
    path = a_workflow(port, "again", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    ended(port, path, run_id)

    answer = ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{run_id}/re-run", {})

    assert (answer.status, answer.value["source_run_id"]) == (202, run_id)
    second = ended(port, path, answer.value["run_id"])
    assert (second["attempt"], second["trigger"], second["source_run_id"]) == (2, "rerun", run_id)
    assert len(given(port, f"{path}/tasks/t0/agent-runs")["agent_runs"]) == 2
    many = a_workflow(port, "turns", python_agent(CANCEL), seed={"turn_mode": "model_as_user"})
    refused = ask_json(port, "POST", f"{many}/agent-runs", {})
    assert (refused.status, "multi_turn_not_supported" in refused.message) == (422, True)


def test_a_run_under_way_can_be_cancelled(port: int) -> None:
    path = a_workflow(port, "long", python_agent("import time; time.sleep(60)"))
    [run_id] = dispatched(port, path)

    answer = ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{run_id}/cancel", {})

    assert answer.value["status"] == "cancelled"
    assert ended(port, path, run_id)["status"] == "cancelled"


def test_a_definition_that_does_not_fit_is_refused_with_its_place(port: int) -> None:
    body = {"definition": {"world": {"name": "w", "tools": [{"name": "t", "mode": "sometimes"}]}}}

    answer = ask_json(port, "PUT", "/api/projects/default/workflows/odd", body)

    assert answer.status == 400
    assert (
        "definition.world.tools[0].mode: expected one of simulated, passthrough; found 'sometimes'." in answer.message
    )


def test_a_project_sees_its_own_workflows_alone(port: int) -> None:
    a_workflow(port, "mine", python_agent(CANCEL))

    for path in ("workflows/mine", "workflows/mine/tasks", "workflows/mine/tasks/t0", "workflows/mine/agent-runs"):
        assert ask(port, "GET", f"/api/projects/other/{path}").status == 404
    assert given(port, "/api/projects/other/workflows")["workflows"] == []
