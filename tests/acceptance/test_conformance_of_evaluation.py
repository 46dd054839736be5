"""The conformance checklist of evaluation, line by line: a real server, real agents behind addresses and as jobs.

Lines about pages, the judge, coding runs, sessions, organisations, keys, passthrough and MCP have tests of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.agent_server import Asked, Raw, agent_server
from tests.support.evaluations import PROJECT, a_workflow, dispatched, ended, http_agent, python_agent, tried
from tests.support.odd_agents import dripping_agent, strict_agent
from tests.support.raw_http import ask, ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from tests.unit.world.a_shop import DEFINITION, ID
from titan.model.evaluations import ErrorClass
from titan.world.ledger import InitialState, Operation, seeded

CANCEL = 'return call("cancel_order", order_id="O1")["message"]'


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that the tests share; each has workflows of its own."""
    with running_titan(tmp_path_factory.mktemp("conformance") / "home") as running:
        yield running


@pytest.fixture
def port(titan: RunningTitan) -> int:
    """Where the shared server listens."""
    return titan.sdk_port


def world(*tools: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the shop with further tools."""
    return {**DEFINITION, "tools": [*DEFINITION["tools"], *tools], **changes}


def asked_of(agent: Any, port: int, name: str, **fields: Any) -> dict[str, Any]:
    """Return the one run of an agent that behaves so."""
    with agent_server(agent) as url:
        return tried(port, name, http_agent(url), **fields)


def calls_of(port: int, name: str, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tool calls of a run of the task t0."""
    path = f"{PROJECT}/workflows/{name}/tasks/t0/agent-runs/{run['run_id']}/tool-calls"
    calls: list[dict[str, Any]] = given(port, path)["tool_calls"]
    return calls


# --- statuses, classes, verdicts ---

CLASSES: list[tuple[str, Raw, str]] = [
    ("unauthorized", Raw(status=401), "auth_failed"),
    ("forbidden", Raw(status=403), "auth_failed"),
    ("too-late", Raw(status=408), "agent_timeout"),
    ("gateway-timeout", Raw(status=504), "agent_timeout"),
    ("broken", Raw(status=500, body=b"boom"), "agent_5xx"),
    ("busy", Raw(status=429), "agent_4xx"),
    ("no-json", Raw(body=b"<html>"), "agent_bad_response"),
    ("nothing", Raw(body=b""), "agent_bad_response"),
    ("empty-object", Raw(body=b"{}"), "contract_error"),
    ("empty-text", Raw(body=b'{"final_response": ""}'), "contract_error"),
    ("number", Raw(body=b'{"final_response": 3}'), "contract_error"),
    ("list", Raw(body=b"[]"), "contract_error"),
    ("50-mb", Raw(body=b'"' + b"x" * 50_000_000 + b'"'), "contract_error"),
]


@pytest.mark.parametrize(("name", "answer", "error_class"), CLASSES, ids=[one[0] for one in CLASSES])
def test_an_answer_is_classified_by_status_then_json_then_contract(
    port: int, name: str, answer: Raw, error_class: str
) -> None:
    found = asked_of(lambda _: answer, port, f"class-{name}")

    assert (found["status"], found["error_class"]) == ("failed", error_class)
    # One value is stored: a row of a list shows it as pending, the card as not applicable.
    assert (found["verdict"], found["card_verdict"]) == ("PENDING", "NOT APPLICABLE")
    [row] = given(port, f"{PROJECT}/workflows/class-{name}/agent-runs")["agent_runs"]
    assert row["verdict"] == "PENDING"


def test_the_ten_classes_are_these() -> None:
    assert {one.value for one in ErrorClass} == {
        "auth_failed", "agent_timeout", "agent_5xx", "agent_4xx", "agent_bad_response", "agent_unreachable",
        "proxy_misconfigured", "contract_error", "transport_error", "internal_error",
    }  # fmt: skip


def test_the_beginning_of_a_failing_agents_answer_is_kept(port: int) -> None:
    found = asked_of(lambda _: Raw(status=500, body=b"boom " * 200), port, "detail")

    assert found["error"]["detail"] == ("boom " * 200)[:500]


def test_an_agent_whose_answer_drips_is_out_of_time(port: int) -> None:
    with dripping_agent() as url:
        found = tried(port, "drips", http_agent(url), run_timeout_s=1)

    assert found["error_class"] == "agent_timeout"


def test_a_redirect_is_not_followed(port: int) -> None:
    followed: list[Asked] = []

    def inside(asked: Asked) -> str:
        followed.append(asked)
        return "done"

    with agent_server(inside) as url:
        found = asked_of(lambda _: Raw(status=307, headers={"Location": url}), port, "redirects")

    assert (found["error_class"], followed) == ("transport_error", [])


def test_a_failure_has_a_mode_and_a_pass_has_none(port: int) -> None:
    passed = tried(port, "mode-pass", python_agent(CANCEL))
    failed = tried(port, "mode-fail", python_agent('call("get_order", order_id="O1"); return "done"'))

    assert (passed["verdict"], passed["failure_mode"]) == ("PASS", None)
    assert (failed["verdict"], failed["failure_mode"]) == ("FAIL", "missing_action")


def test_not_applicable_neither_passes_nor_fails(port: int) -> None:
    path = a_workflow(port, "unscored", python_agent(CANCEL))
    rows = [{"id": "t0", "odyssey_seed": {"user_instruction": "Hello"}, "scorers": []}]
    assert ask_json(port, "POST", f"{path}/tasks", {"tasks": rows, "reseed": True}).value["reseeded"] == 1

    found = ended(port, path, dispatched(port, path)[0])

    assert (found["status"], found["verdict"], found["failure_mode"]) == ("completed", "NOT APPLICABLE", None)


def test_a_run_whose_grading_fails_is_completed_and_says_so(port: int) -> None:
    path = a_workflow(port, "ungradable", python_agent(CANCEL))
    scorer = {"type": "reference_calls", "calls": [{"tool": "no_such_tool", "arguments": {}}]}
    rows = [{"id": "t0", "odyssey_seed": {"user_instruction": "Hello"}, "scorers": [scorer]}]
    ask_json(port, "POST", f"{path}/tasks", {"tasks": rows, "reseed": True})

    found = ended(port, path, dispatched(port, path)[0])

    assert (found["status"], found["verdict"]) == ("completed", "NOT APPLICABLE")
    assert "the suite: reference call 1, no_such_tool, is refused" in found["soft_warnings"][0]
    assert found["scorers"][0]["verdict"] == "ERROR"


def test_costs_and_sources_sum_up(port: int) -> None:
    def agent(asked: Asked) -> Any:
        asked.call("get_order", order_id="O1")
        asked.call("get_order", order_id="O2")
        asked.call("made_up")
        return {"final_response": "done", "metadata": {"cost_usd": 0.25}}

    found = asked_of(agent, port, "sums")

    assert found["tool_calls"] == sum(found["sources"].values()) == 3
    assert found["sources"] == {"odyssey": 2, "error": 1}
    assert found["cost_usd"] == "0.25"  # the simulator was not asked


# --- the answer, its messages and events ---


def test_valid_messages_are_stored_and_events_always(port: int) -> None:
    rows = [{"role": "assistant", "content": "Hm.", "thinking": [{"type": "text", "text": "?"}], "unknown": 1}]
    found: dict[str, dict[str, Any]] = {}
    for name, messages in (("rich", rows), ("plain", None), ("invalid", [{"role": "king"}])):

        def agent(asked: Asked, messages: Any = messages) -> Any:
            token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}
            path = f"/api/world/runs/{asked.body['run_id']}/traces/thinking"
            assert ask(port, "POST", path, b'{"text": "hm"}', token).status == 200
            return {"final_response": "done", "messages": messages, "anything": True}

        found[name] = asked_of(agent, port, f"messages-{name}")
        event = given(port, f"/api/v1/runs/{found[name]['run_id']}/actions/event-0")["action"]
        assert (event["name"], event["kind"]) == ("thinking", "thought")

    assert [row["role"] for row in found["rich"]["messages"]] == ["assistant"]
    assert found["rich"]["soft_warnings"] == found["plain"]["soft_warnings"] == []
    assert found["plain"]["messages"] is None
    assert found["invalid"]["messages"] is None
    assert "messages" in found["invalid"]["soft_warnings"][0]


def test_an_event_has_its_reported_time_else_its_arrival(port: int) -> None:
    said: list[str] = []

    def agent(asked: Asked) -> Any:
        said.append(datetime.now(UTC).isoformat())
        bodies = (f'{{"n": 0, "__occurred_at": "{said[0]}"}}', f'{{"n": 1, "__occurred_at": "{said[0]}"}}', '{"n": 2}')
        token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}
        path = f"/api/world/runs/{asked.body['run_id']}/traces"
        sequences = [ask(port, "POST", f"{path}/custom", body.encode(), token).value["sequence"] for body in bodies]
        assert sequences == [0, 1, 2]
        unknown = ask(port, "POST", f"{path}/dream", b"{}", token)
        assert (unknown.status, unknown.value["detail"]["error_class"]) == (400, "trace_event_type_invalid")
        return "done"

    found = asked_of(agent, port, "events")

    times = [
        datetime.fromisoformat(
            given(port, f"/api/v1/runs/{found['run_id']}/actions/event-{number}")["action"]["started_at"]
        )
        for number in range(3)
    ]
    assert times[0] == times[1] == datetime.fromisoformat(said[0])
    assert times[2] >= datetime.fromisoformat(found["started_at"])


@pytest.mark.parametrize(
    ("name", "answer", "changes", "warns"),
    [
        ("idle", "done", {}, True),
        ("busy", None, {}, False),
        ("failed", Raw(status=500), {}, False),
        ("no-tools", "done", {"world": {**DEFINITION, "tools": []}}, False),
    ],
)
def test_completed_runs_that_called_none_of_their_tools_have_a_banner(
    port: int, name: str, answer: Any, changes: dict[str, Any], warns: bool
) -> None:
    def agent(asked: Asked) -> Any:
        if answer is None:
            asked.call("get_order", order_id="O1")
        return answer or "done"

    assert asked_of(agent, port, f"banner-{name}", **changes)["has_no_calls"] is warns


# --- the ledger ---

SAME = {
    "name": "confirm_order",
    "input_schema": ID,
    "effects": [
        {"op": "update", "entity_type": "order", "id_from": "order_id", "field_map": {"status": {"const": "placed"}}}
    ],
}
REMOVE = {
    "name": "delete_product",
    "input_schema": {"type": "object", "properties": {"product_id": {"type": "string"}}},
    "effects": [{"op": "remove", "entity_type": "product", "id_from": "product_id"}],
}


def test_the_snapshot_after_each_call_is_the_fold_of_the_operations_until_then(port: int) -> None:
    def agent(asked: Asked) -> Any:
        asked.call("confirm_order", order_id="O1")  # to the value that it has
        asked.call("refund", order_id="O2", amount=5)
        asked.call("cancel_order", order_id="O1")
        asked.call("delete_product", product_id="P2")
        return "done"

    found = asked_of(agent, port, "folds", world=world(SAME, REMOVE))

    calls = calls_of(port, "folds", found)
    ledger = seeded(msgspec.convert(DEFINITION["initial_state"], InitialState))
    base = f"{PROJECT}/workflows/folds/tasks/t0/agent-runs/{found['run_id']}/tool-calls"
    for call in calls:
        for stored in call["operations"]:
            plain = {name: value for name, value in stored.items() if name not in ("origin", "drop_reason")}
            operation: Operation = msgspec.convert(plain, Operation)
            ledger = ledger.apply(operation, call=call["sequence"])
        shown = given(port, f"{base}/{call['sequence']}")["ledger"]
        assert shown == msgspec.to_builtins(ledger.snapshot())
    # An update to the same value changes nothing in the snapshot, and is there to be seen.
    assert calls[0]["operations"][0] == {
        "op": "update", "type": "order", "id": "O1", "set": {"status": "placed"}, "unset": [],
        "origin": "effect", "drop_reason": None,
    }  # fmt: skip
    last = given(port, f"{base}/3")["ledger"]
    assert ("P2" in last["entities"]["product"], last["removed"]["product"]["P2"]["removed_at_call"]) == (False, 3)
    assert last["flags"]["order_cancelled:O1"]["set_at_call"] == 2


def test_a_failure_is_injected_before_anything_is_simulated(port: int) -> None:
    rule = {"trigger": "any_tool_call", "match": {"first": 1}, "action": {"type": "error", "status": 503}}
    body = 'call("cancel_order", order_id="O1"); call("cancel_order", order_id="O1"); return "done"'

    found = tried(port, "first-injected", python_agent(body), seed={"failure_rules": [rule]})

    first, second = calls_of(port, "first-injected", found)
    assert (first["source"], first["operations"]) == ("injected", [])
    assert (second["source"], len(second["operations"])) == ("odyssey", 3)
    assert found["verdict"] == "PASS"


def test_a_call_repeated_with_its_key_adds_no_operation(port: int) -> None:
    def agent(asked: Asked) -> Any:
        first = asked.call("refund", "one", order_id="O1", amount=5)
        assert asked.call("refund", "one", order_id="O1", amount=5) == first
        return "done"

    found = asked_of(agent, port, "repeated")

    [call] = calls_of(port, "repeated", found)
    assert [one["op"] for one in call["operations"]] == ["add", "update"]


# --- tokens ---


def test_a_token_is_valid_for_its_own_run_alone_and_while_it_runs(port: int) -> None:
    tokens: dict[str, str] = {}
    both = threading.Barrier(2, timeout=60)
    refused: list[tuple[int, str]] = []

    def agent(asked: Asked) -> Any:
        run_id = asked.body["run_id"]
        tokens[run_id] = asked.headers["X-Titan-Run-Token"]
        both.wait(60)
        [other] = tokens.keys() - {run_id}
        refused.append(refusal(other, tokens[run_id]))
        both.wait(60)
        return "done"

    def refusal(run_id: str, token: str) -> tuple[int, str]:
        path = f"/api/world/runs/{run_id}/tools/get_order"
        answer = ask_json(port, "POST", path, {"order_id": "O1"}, {"Authorization": f"Bearer {token}"})
        return answer.status, answer.value["detail"]["error_class"]

    with agent_server(agent) as url:
        path = a_workflow(port, "two-runs", http_agent(url))
        for run_id in dispatched(port, path, repeat=2):
            assert ended(port, path, run_id)["status"] == "completed"

    afterwards = [refusal(run_id, token) for run_id, token in tokens.items()]
    assert [status for status, _ in refused + afterwards] == [401] * 4
    assert all(error_class.startswith("run_token_") for _, error_class in refused + afterwards)


# --- connections ---


def test_a_ping_is_answered_after_authentication(port: int) -> None:
    with strict_agent() as url:
        for bearer, ok, error_class in (("right", True, None), ("wrong", False, "auth_failed")):
            definition = {**http_agent(url), "headers": {"Authorization": f"Bearer {bearer}"}}
            name = f"ping-{bearer}"
            assert ask_json(port, "PUT", f"{PROJECT}/agents/{name}", {"definition": definition}).status == 200
            found = ask_json(port, "POST", f"{PROJECT}/agents/{name}/test-connection", {}).value
            assert (found["ok"], found["error_class"]) == (ok, error_class)


def test_an_agent_that_gets_401_from_the_proxy_has_reached_it(port: int) -> None:
    with strict_agent() as url:
        definition = {**http_agent(url), "headers": {"Authorization": "Bearer right"}}
        ask_json(port, "PUT", f"{PROJECT}/agents/probes", {"definition": definition})
        found = ask_json(port, "POST", f"{PROJECT}/agents/probes/test-connection", {}).value

    assert found["outbound"] == {"reachable": True, "status_code": 401}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest",
        "http://10.0.0.7/",
        "http://192.168.1.1/",
        "http://0.0.0.0/",
        "file:///etc/passwd",
    ],
)
def test_an_address_of_this_machine_or_its_networks_is_refused_when_it_is_saved(port: int, url: str) -> None:
    answer = ask_json(port, "PUT", f"{PROJECT}/agents/inside", {"definition": {"kind": "http", "url": url}})

    assert answer.status == 400
    assert "definition.url" in answer.message


def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_dispatched(port: int) -> None:
    # With a dot at its end the name is no literal one: what it stands for is looked up when the agent is asked.
    definition = {"kind": "http", "url": "http://localhost.:1/"}
    path = a_workflow(port, "sly", definition, auto_redispatch=False)

    found = ended(port, path, dispatched(port, path)[0])

    assert found["error_class"] == "agent_unreachable"


# --- re-runs ---


def test_a_rerun_keeps_its_source_takes_the_newest_agent_and_the_frozen_seed(port: int) -> None:
    path = a_workflow(port, "rerun", python_agent('return "idle"'))
    [first] = dispatched(port, path)
    before = ended(port, path, first)
    ask_json(port, "PUT", f"{PROJECT}/agents/rerun", {"definition": python_agent(CANCEL)})

    answer = ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{first}/re-run", {})

    assert (answer.status, answer.value["source_run_id"]) == (202, first)
    second = ended(port, path, answer.value["run_id"])
    assert (second["agent_version"], second["verdict"]) == (before["agent_version"] + 1, "PASS")
    assert second["seed_digest"] == before["seed_digest"]
    assert given(port, f"{path}/tasks/t0/agent-runs/{first}") == before
    listed = given(port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    assert [one["run_id"] for one in listed] == [second["run_id"], first]  # the most recent one first


def test_a_run_under_way_is_not_rerun(port: int) -> None:
    path = a_workflow(port, "in-flight", python_agent("import time; time.sleep(60)"))
    [run_id] = dispatched(port, path)

    answer = ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{run_id}/re-run", {})

    assert (answer.status, "run_in_flight" in answer.message) == (409, True)
    ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{run_id}/cancel", {})


def test_a_task_of_several_turns_is_stored_and_refused_by_name(port: int) -> None:
    path = a_workflow(port, "several-turns", python_agent(CANCEL), seed={"turn_mode": "model_as_user"})

    answer = ask_json(port, "POST", f"{path}/agent-runs", {})

    assert (answer.status // 100, "multi_turn_not_supported" in answer.message) == (4, True)
    assert given(port, f"{path}/tasks/t0")["odyssey_seed"]["turn_mode"] == "model_as_user"


# --- a server that is killed ---


def test_a_kill_repeats_runs_without_a_call_and_ends_the_others(tmp_path: Path) -> None:
    """Some agents have called a tool when the server is killed, some have not, and some tasks still wait."""
    reached = threading.Semaphore(0)
    dead = threading.Event()

    def agent(asked: Asked) -> Any:
        if dead.is_set():
            asked.call("cancel_order", order_id="O1")
            return "done"
        if asked.body["task_id"] == "t0":
            asked.call("get_order", order_id="O1")
        reached.release()
        dead.wait(60)
        return "too late"

    with running_titan(tmp_path / "home") as titan, agent_server(agent) as url:
        path = a_workflow(titan.sdk_port, "killed", http_agent(url), tasks=20, concurrency_cap=5)
        run_ids = dispatched(titan.sdk_port, path)
        for _ in range(5):
            assert reached.acquire(timeout=60)
        titan.kill()
        dead.set()
        titan.start_again()

        def all_ended() -> bool:
            runs = given(titan.sdk_port, f"{path}/agent-runs")["agent_runs"]
            return all(run["ended_at"] is not None for run in runs)

        wait_until(all_ended, "the end of all agent runs")
        runs = given(titan.sdk_port, f"{path}/agent-runs")["agent_runs"]

    by_task: dict[str, list[dict[str, Any]]] = {}
    for run in reversed(runs):
        by_task.setdefault(run["task_id"], []).append(run)
    assert {one[0]["run_id"] for one in by_task.values()} == set(run_ids)
    [with_a_call] = by_task.pop("t0")
    assert (with_a_call["error_class"], with_a_call["trigger"]) == ("internal_error", "seed")
    assert all(one[-1]["verdict"] == "PASS" for one in by_task.values())
    cut = [one for one in by_task.values() if len(one) == 2]
    assert [(one[0]["error_class"], one[1]["trigger"]) for one in cut] == [("internal_error", "auto_redispatch")] * 4
