"""Tools that a model simulates, end to end: a model behind an address, a server, an agent."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_server import Asked, agent_server
from tests.support.evaluations import a_workflow, dispatched, ended, http_agent
from tests.support.raw_http import given
from tests.support.running_titan import running_titan
from tests.unit.world.a_shop import DEFINITION

TOOL = {
    "name": "adjust",
    "description": "Sets how much of an order was refunded.",
    "input_schema": {"type": "object", "properties": {"order_id": {}, "refunded": {}}, "required": ["order_id"]},
    "output_schema": {"type": "object", "properties": {"refunded": {"type": "number"}}, "required": ["refunded"]},
    "access": "write",
}
WORLD = {**DEFINITION, "tools": [*DEFINITION["tools"], TOOL]}

Model = Callable[[dict[str, Any]], Any]


def said(response: Any, *updates: dict[str, Any]) -> str:
    """Return the text of a model that answers so."""
    return json.dumps({"tool_response": response, "ledger_updates": updates})


def refunded(amount: float, order: str = "O1") -> str:
    """Return the text of a model that sets what was refunded."""
    return said({"refunded": amount}, {"op": "update", "type": "order", "id": order, "set": {"refunded": amount}})


@contextmanager
def a_model(answer: Model) -> Iterator[str]:
    """Give the address of a model that answers a request's body with this text."""

    def behave(ask: Asked) -> Any:
        message = {"role": "assistant", "content": answer(ask.body)}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": [choice],
            "usage": usage,
        }

    with agent_server(behave) as url:
        yield f"{url}#gpt-4o-mini"


def run_of(home: Path, model: Model, act: Callable[[Asked], Any]) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """Return an agent run with its tool calls and the ledger after the last, in a server with this model."""

    def agent(ask: Asked) -> str:
        act(ask)
        return "done"

    with a_model(model) as address, running_titan(home, offers=(), model=address) as titan, agent_server(agent) as url:
        port = titan.sdk_port
        path = a_workflow(port, "simulated", http_agent(url), world=WORLD)
        [run_id] = dispatched(port, path)
        run = ended(port, path, run_id)
        calls = given(port, f"{path}/tasks/t0/agent-runs/{run_id}/tool-calls")["tool_calls"]
        newest = max(calls, key=lambda call: call["commit"])["sequence"]
        last = given(port, f"{path}/tasks/t0/agent-runs/{run_id}/tool-calls/{newest}")
        return run, calls, last["ledger"]


def test_an_unusable_answer_is_retried_with_its_fault_and_a_good_one_is_cached(
    tmp_path: Path,
) -> None:
    asked: list[dict[str, Any]] = []
    answers = ["Sure, done!", said({"refunded": "much"}), refunded(5)]

    def model(body: dict[str, Any]) -> str:
        asked.append(body)
        return answers[len(asked) - 1]

    def act(ask: Asked) -> None:
        first = ask.call("adjust", order_id="O1", refunded=5)
        assert (first["source"], first["response"]) == ("odyssey", {"refunded": 5})

    run, [call], ledger = run_of(tmp_path / "home", model, act)

    assert [body["temperature"] for body in asked] == [0, 0, 0]
    assert "no JSON as asked" in asked[1]["messages"][-1]["content"]
    assert "tool_response" in asked[2]["messages"][-1]["content"]
    assert (call["source"], call["detail"], len(call["operations"])) == ("odyssey", "model", 1)
    assert ledger["entities"]["order"]["O1"]["attrs"]["refunded"] == 5
    assert float(run["cost_usd"]) == pytest.approx(3 * (100 * 0.15e-6 + 10 * 0.60e-6))


def test_three_bad_answers_are_an_error_and_the_ledger_stays(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    def model(body: dict[str, Any]) -> str:
        asked.append(body)
        return refunded(5, order="O9")

    def act(ask: Asked) -> None:
        for _ in range(2):
            assert ask.call("adjust", order_id="O1")["response"]["error"]["code"] == "simulator_failed"

    run, calls, ledger = run_of(tmp_path / "home", model, act)

    assert run["sources"] == {"error": 2}
    assert len(asked) == 2  # the second retry asks what the first asked, and the second call what the first did
    assert calls[0]["violations"][0]["kind"] == "update_missing"
    assert ledger["entities"]["order"]["O1"]["attrs"]["refunded"] == 0


def test_an_answer_to_a_world_that_changed_meanwhile_is_asked_anew(tmp_path: Path) -> None:
    both_asked = threading.Barrier(2, timeout=60)
    asked: list[float] = []

    def model(body: dict[str, Any]) -> str:
        user = body["messages"][-1]["content"]
        shown = json.loads(user.partition("Ledger: ")[2].partition("\n")[0])["order"]["O1"]["refunded"]
        asked.append(shown)
        amount = json.loads(user.rpartition("Arguments: ")[2])["refunded"]
        if len(asked) <= 2:
            both_asked.wait(60)  # so that both were shown the same world
        return refunded(shown + amount)

    def act(ask: Asked) -> None:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda amount: ask.call("adjust", order_id="O1", refunded=amount), (5, 7)))
        assert {one["source"] for one in found} == {"odyssey"}

    _, calls, ledger = run_of(tmp_path / "home", model, act)

    assert asked[:2] == [0, 0]
    assert asked[2] in (5, 7)  # what the other call had set by then
    assert len(asked) == 3
    assert sorted(call["sequence"] for call in calls) == [0, 1]
    assert ledger["entities"]["order"]["O1"]["attrs"]["refunded"] == 12
