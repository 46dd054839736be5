"""The proxy of an agent run, line by line of specification 2.4: tokens, keys, limits, errors, events."""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.support.agent_server import Asked, agent_server
from tests.support.evaluations import a_workflow, dispatched, ended, http_agent, tried
from tests.support.raw_http import Answer, ask, given


class Proxy:
    """The proxy of a run as its agent sees it."""

    def __init__(self, port: int, asked: Asked) -> None:
        self.port = port
        self.run = f"/api/world/runs/{asked.body['run_id']}"
        self.token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}

    def post(self, target: str, body: bytes = b"{}", /, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.port, "POST", self.run + target, body, {**self.token, **named})


def with_proxy(port: int, name: str, act: Callable[[Proxy], Any], **fields: Any) -> dict[str, Any]:
    """Return the agent run of an agent that does this with its proxy; what fails in it fails the test."""
    failures: list[Exception] = []

    def agent(asked: Asked) -> str:
        try:
            act(Proxy(port, asked))
        except (AssertionError, LookupError) as failure:
            failures.append(failure)
        return "done"

    with agent_server(agent) as url:
        run = tried(port, name, http_agent(url), **fields)
    if failures:
        raise failures[0]
    return run


def refusal(answer: Answer) -> tuple[int, str]:
    """Return the status and the error class of a refusal, whose message says something."""
    assert answer.value["detail"]["message"]
    return answer.status, answer.value["detail"]["error_class"]


def test_each_wrong_token_has_its_class(port: int) -> None:
    kept: list[Proxy] = []

    def act(proxy: Proxy) -> None:
        kept.append(proxy)
        for headers, error_class in (
            ({"Authorization": ""}, "run_token_missing"),
            ({"Authorization": "Bearer short"}, "run_token_invalid"),
            ({"Authorization": "Bearer titan_run_" + "x" * 43}, "run_token_rejected"),
            ({"X_Titan_Run_Token": "titan_run_" + "x" * 43}, "run_token_mismatch"),
        ):
            assert refusal(proxy.post("/tools/get_order", **headers)) == (401, error_class)
        assert proxy.post("/tools/get_order", X_Titan_Run_Token=proxy.token["Authorization"][7:]).status == 200
        nowhere = ask(port, "POST", "/api/world/runs/nowhere/tools/get_order", b"{}", proxy.token)
        assert refusal(nowhere) == (404, "run_not_registered")

    with_proxy(port, "token-classes", act)

    assert refusal(kept[0].post("/tools/get_order")) == (401, "run_token_expired")
    other: list[tuple[int, str]] = []
    with_proxy(
        port, "token-classes", lambda proxy: other.append(refusal(Proxy.post(_as(kept[0], proxy), "/tools/get_order")))
    )
    assert other == [(401, "run_token_rejected")]


def _as(of_run: Proxy, with_token: Proxy) -> Proxy:
    found = object.__new__(Proxy)
    found.port, found.run, found.token = of_run.port, of_run.run, with_token.token
    return found


def test_a_probe_without_a_token_of_ours_finds_the_proxy_reachable(port: int) -> None:
    target = "/api/world/runs/connectivity-check/tools/__reachability_probe__"

    for token in ("bogus", "titan_run_" + "x" * 43):
        assert ask(port, "POST", target, b"{}", {"Authorization": f"Bearer {token}"}).status == 401


def test_every_tool_answer_has_status_200_even_an_error(port: int) -> None:
    found: list[Any] = []

    def act(proxy: Proxy) -> None:
        for tool, args in (("no_such", {}), ("get_order", {}), ("get_order", {"order_id": "O9"})):
            answer = proxy.post(f"/tools/{tool}", json.dumps(args).encode())
            assert answer.status == 200
            assert answer.value["tool_name"] == tool
            found.append((answer.value["sequence"], answer.value["source"], answer.value["response"]["error"]["code"]))

    with_proxy(port, "always-200", act)

    assert found[:2] == [(0, "error", "unknown_tool"), (1, "odyssey", "invalid_arguments")]
    assert found[2][:2] == (2, "odyssey")


def test_arguments_of_any_depth_are_refused_or_answered_and_the_run_goes_on(port: int) -> None:
    def act(proxy: Proxy) -> None:
        for levels in (101, 450, 900, 5_000):
            deep = b'{"order_id": ' + b"[" * levels + b"]" * levels + b"}"
            for _ in range(2):  # of one key: the second is compared with the first
                answer = proxy.post("/tools/get_order", deep, Idempotency_Key=f"deep-{levels}")
                assert refusal(answer) == (400, "arguments_invalid")
            begun = b'{"id": "a", "tool": "get_order", "arguments": ' + deep + b"}"
            assert proxy.post("/begin", begun).status == 400
            body = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_order", "arguments": '
            asked = proxy.post("/mcp", body + deep + b"}}", Accept="application/json", Content_Type="application/json")
            assert asked.status < 500
            assert proxy.post("/traces/custom", deep).status in (200, 400)
        assert proxy.post("/tools/get_order", b'{"order_id": "O1"}').status == 200

    with_proxy(port, "deep-arguments", act)


def test_requests_that_the_proxy_cannot_read_are_refused_permanently(port: int) -> None:
    def act(proxy: Proxy) -> None:
        assert refusal(proxy.post("/tools/get_order", b"[]")) == (400, "arguments_invalid")
        assert refusal(proxy.post("/tools/get_order", b"{" + b" " * 1_100_000 + b"}")) == (413, "payload_too_large")
        assert refusal(proxy.post("/traces/custom", b'{"a":"' + b"x" * 1_100_000)) == (413, "payload_too_large")
        assert refusal(proxy.post("/tools/get_order", X_Titan_Actor_Id="a b")) == (400, "actor_id_invalid")
        assert refusal(proxy.post("/tools/get_order", X_Titan_Actor_Id="/".join("abcdefghi"))) == (
            400,
            "actor_id_invalid",
        )
        assert refusal(proxy.post("/traces/dream")) == (400, "trace_event_type_invalid")
        assert refusal(proxy.post("/traces/thinking", b"3")) == (400, "trace_payload_invalid")
        for labels in ({}, {"from_sub_agent": "a", "to_sub_agent": "b c"}, {"from_sub_agent": 3, "to_sub_agent": "b"}):
            assert refusal(proxy.post("/traces/handoff", json.dumps(labels).encode())) == (400, "trace_payload_invalid")
        assert proxy.post("/traces/handoff", b'{"from_sub_agent":"a/b","to_sub_agent":"c"}').status == 200

    run = with_proxy(port, "unreadable", act)

    assert run["tool_calls"] == 0


def test_a_key_is_one_call_and_another_call_may_not_have_it(port: int) -> None:
    refund = b'{"order_id":"O1","amount":5}'

    def act(proxy: Proxy) -> None:
        first = proxy.post("/tools/refund", refund, Idempotency_Key="one")
        with ThreadPoolExecutor(4) as pool:
            again = list(pool.map(lambda _: proxy.post("/tools/refund", refund, Idempotency_Key="one"), range(4)))
        assert {answer.body for answer in again} == {first.body}
        other = proxy.post("/tools/refund", b'{"order_id":"O1","amount":6}', Idempotency_Key="one")
        assert refusal(other) == (422, "idempotency_key_reused")
        assert refusal(proxy.post("/tools/refund", refund, Idempotency_Key="a b")) == (400, "idempotency_key_invalid")

    run = with_proxy(port, "keys", act)

    assert run["tool_calls"] == 1


def test_calls_are_numbered_as_they_arrive_and_the_last_allowed_one_is_the_thousandth(port: int) -> None:
    def act(proxy: Proxy) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: proxy.post("/tools/no_such"), range(1000)))
        assert sorted(answer.value["sequence"] for answer in answers) == list(range(1000))
        assert refusal(proxy.post("/tools/no_such")) == (429, "call_limit")

    run = with_proxy(port, "many", act)

    assert run["tool_calls"] == 1000


def test_events_are_seen_while_the_run_goes_on_at_the_time_that_they_say(port: int) -> None:
    says: list[str] = []
    seen, may_end = threading.Event(), threading.Event()
    heard: list[Mapping[str, Any]] = []

    def listen() -> None:
        with connect(f"ws://127.0.0.1:{port}/api/v1/ws", proxy=None) as socket:
            may_end.set()
            while not seen.is_set():
                told = json.loads(socket.recv(30))
                if told["event_type"].startswith("action") and "thinking" in json.dumps(told):
                    heard.append(told)
                    seen.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert may_end.wait(30)

    def act(proxy: Proxy) -> None:
        says.append(datetime.now(UTC).isoformat())
        payload = {"text": "hm", "__occurred_at": says[0], "__secret": "meta"}
        answer = proxy.post("/traces/thinking", json.dumps(payload).encode())
        assert answer.value == {"accepted": True, "sequence": 0, "event_type": "thinking"}
        assert seen.wait(30), "the event was not sent while the run went on"
        assert given(port, f"/api/v1/runs/{proxy.run.rpartition('/')[2]}")["status"] == "running"

    run = with_proxy(port, "live", act)

    action = given(port, f"/api/v1/runs/{run['run_id']}/actions/event-0")
    assert datetime.fromisoformat(action["action"]["started_at"]) == datetime.fromisoformat(says[0])
    assert "meta" not in json.dumps(action)


@pytest.mark.parametrize("says", ["1999-01-02T03:04:05Z", "2031-01-02T03:04:05Z"])
def test_an_agents_clock_that_is_years_off_neither_moves_nor_ends_its_run(port: int, says: str) -> None:
    def act(proxy: Proxy) -> None:
        body = json.dumps({"text": "hm", "__occurred_at": says}).encode()
        assert proxy.post("/traces/thinking", body).status == 200

    run = with_proxy(port, f"years-off-{says[:4]}", act)

    action = given(port, f"/api/v1/runs/{run['run_id']}/actions/event-0")
    assert run["started_at"] <= action["action"]["started_at"] <= run["ended_at"]
    assert says in json.dumps(action)
    row = given(port, f"/api/v1/runs/{run['run_id']}")
    assert (row["status"], row["started_at"], row["ended_at"]) == ("completed", run["started_at"], run["ended_at"])
    assert run["run_id"] in [one["run_id"] for one in given(port, "/api/v1/runs?window=1h&origin=evaluation")["data"]]


def test_an_agents_clock_orders_its_events_within_the_run(port: int) -> None:
    behind = datetime.now(UTC) - timedelta(minutes=22)
    says = [
        behind,
        behind + timedelta(milliseconds=2),
        behind + timedelta(milliseconds=1),
        datetime(2031, 1, 1, tzinfo=UTC),
    ]

    def act(proxy: Proxy) -> None:
        for at in says:
            body = json.dumps({"text": "hm", "__occurred_at": at.isoformat()}).encode()
            assert proxy.post("/traces/thinking", body).status == 200

    run = with_proxy(port, "shifted", act)

    events = [given(port, f"/api/v1/runs/{run['run_id']}/actions/event-{n}")["action"] for n in range(4)]
    first, last, middle, outside = [datetime.fromisoformat(event["started_at"]) for event in events]
    assert (last - first, middle - first) == (timedelta(milliseconds=2), timedelta(milliseconds=1))
    assert outside <= datetime.fromisoformat(run["ended_at"])
    assert [event["tags"] for event in events] == [[], [], [], ["clock-skew"]]
    assert [warning for warning in run["soft_warnings"] if "2031-01-01" in warning]


@pytest.mark.parametrize(
    "type_", ["assistant_message", "system_prompt", "subagent_message", "subagent_final", "custom"]
)
def test_every_type_of_event_is_taken(port: int, type_: str) -> None:
    answers: list[Answer] = []

    def agent(asked: Asked) -> str:
        answers.append(Proxy(port, asked).post(f"/traces/{type_}", b'{"text": "hello"}', X_Titan_Actor_Id="a/b"))
        return "done"

    with agent_server(agent) as url:
        path = a_workflow(port, f"type-{type_}", http_agent(url))
        run = ended(port, path, dispatched(port, path)[0])

    assert answers[0].status == 200
    action = given(port, f"/api/v1/runs/{run['run_id']}/actions/event-0")["action"]
    assert (action["name"], action["actor"]) == (type_, "a/b")
