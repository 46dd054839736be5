"""Programs that tell of themselves to somebody else, pointed at Titan and not changed: each leaves a correct run.

What they said when they were captured leaves the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.acceptance.conftest import Tell
from tests.support.capturing import KEPT_FOR_EVER
from tests.support.foreign_programs import ANSWER, MODEL
from tests.support.running_titan import RunningTitan, running_titan

#: 26 of 31 tokens at 0.15, 5 from the cache at 0.075 and 9 at 0.6 dollars a million.
EACH: Final = "0.000009675"


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    home = tmp_path_factory.mktemp("telemetry") / "home"
    with running_titan(home, offers=(), environment=KEPT_FOR_EVER) as running:
        yield running


class Left:
    """A run that a client left."""

    def __init__(self, url: str, run: dict[str, Any]) -> None:
        self._url = f"{url}/api/v1/runs/{run['run_id']}"
        self.run = run
        self.tally: dict[str, Any] = run["tally"]
        self.skeleton: dict[str, Any] = httpx.get(f"{self._url}/skeleton").raise_for_status().json()

    @property
    def tree(self) -> list[str]:
        """What it did, as it began, each line indented as it stands below another."""
        found = self.skeleton
        places = {number: place for place, number in enumerate(found["number"])}

        def depth(place: int) -> int:
            parent = found["parent"][place]
            return 0 if parent == 0 else 1 + depth(places[parent])

        told = zip(found["kind"], found["name"], found["outcome"], strict=True)
        return [
            f"{'  ' * depth(place)}{kind} {found['names'][name]}{'' if outcome == 'success' else f': {outcome}'}"
            for place, (kind, name, outcome) in enumerate(told)
        ]

    def actions(self, kind: str, name: str | None = None) -> list[dict[str, Any]]:
        """Return everything about its actions of a kind and name."""
        names = [self.skeleton["names"][place] for place in self.skeleton["name"]]
        told = zip(self.skeleton["id"], self.skeleton["kind"], names, strict=True)
        ids = [id_ for id_, of_kind, named in told if of_kind == kind and name in (None, named)]
        return [httpx.get(f"{self._url}/actions/{id_}").raise_for_status().json() for id_ in ids]

    def tokens(self) -> tuple[int, int]:
        return self.tally["input_tokens"], self.tally["output_tokens"]


def runs_of(titan: RunningTitan, tell: Tell, program: str) -> list[Left]:
    """Return the runs that a client's program leaves, the newest first."""
    url = f"http://127.0.0.1:{titan.sdk_port}"
    before = {run["run_id"] for run in all_runs(url)}
    assert ANSWER in tell(program, titan, None)
    return [Left(url, run) for run in all_runs(url) if run["run_id"] not in before]


def all_runs(url: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = httpx.get(f"{url}/api/v1/runs?limit=100&window=all").raise_for_status().json()["data"]
    return runs


def body_of(action: dict[str, Any], which: str) -> Any:
    return json.loads(action["bodies"][which]["text"])


def check_models(left: Left, count: int, *, name: str = "chat", model: str = MODEL) -> None:
    """Check that so many calls of the model have their tokens and cost, each once, and the run their sums."""
    calls = [call["action"] for call in left.actions("model", name)]
    used = [(call["model"], call["input_tokens"], call["output_tokens"], call["cost_usd"]) for call in calls]
    assert used == [(model, 31, 9, EACH)] * count
    assert len({call["id"] for call in calls}) == count


def test_pydantic_ai_with_logfire(titan: RunningTitan, tell: Tell) -> None:
    failed, asked = runs_of(titan, tell, "pydantic_ai_logfire")

    assert (failed.run["name"], failed.run["status"], failed.run["reason"]) == ("fails", "failed", "nope")
    assert failed.tree == ["step fails: error"]
    assert failed.actions("step")[0]["action"]["error_type"] == "ValueError"
    assert (asked.run["agent_id"], asked.run["status"], asked.run["name"]) == (
        "weather_agent",
        "completed",
        "ask about Paris",
    )
    assert asked.tree == [
        "step ask about {city}",
        "  agent weather_agent",
        "    model chat",
        "    tool get_weather",
        "    model chat",
    ]
    check_models(asked, 2)
    assert (asked.tokens(), asked.tally["cost_usd"], asked.tally["calls"]) == ((62, 18), "0.00001935", 3)
    [tool] = asked.actions("tool")
    assert (body_of(tool, "inputs"), body_of(tool, "outputs")) == ({"city": "Paris"}, "sunny in Paris")
    assert tool["action"]["actor"] == "weather_agent"
    assert body_of(asked.actions("agent")[0], "outputs") == ANSWER


def test_openai_agents(titan: RunningTitan, tell: Tell) -> None:
    [left] = runs_of(titan, tell, "openai_agents_handoff")

    assert (left.run["agent_id"], left.run["status"], left.run["name"], left.run["session_id"]) == (
        "triage",
        "completed",
        "Weather question",
        "session-1",
    )
    tools = {"      tool get_weather", "      tool broken: error"}
    assert [line for line in left.tree if line not in tools] == [
        "step Agent workflow",
        "  agent triage",
        "    turn turn 1",
        "      model chat",
        "      handoff triage → weather_agent",
        "  agent weather_agent",
        "    turn turn 2",
        "      model chat",
        "    turn turn 3",
        "      model chat",
    ]
    assert tools < set(left.tree)  # they run beside each other
    check_models(left, 3, model="gpt-4o-mini")
    assert (left.tokens(), left.tally["cost_usd"]) == ((93, 27), "0.000029025")
    assert (left.tally["calls"], left.tally["success"], left.tally["error"]) == (5, 4, 1)
    [tool] = left.actions("tool", "get_weather")
    assert (body_of(tool, "inputs"), body_of(tool, "outputs")) == ({"city": "Paris"}, "sunny in Paris")
    asked = body_of(left.actions("model")[2], "inputs")["messages"]
    assert [message["role"] for message in asked][:2] == ["system", "user"]
    assert asked[-1]["role"] == "tool"


def test_langfuse(titan: RunningTitan, tell: Tell) -> None:
    [left] = runs_of(titan, tell, "langfuse_observed")

    assert (left.run["agent_id"], left.run["status"], left.run["name"]) == ("weather_agent", "completed", "weather")
    assert (left.run["session_id"], left.run["tags"]) == ("session-1", ["demo"])
    assert left.tree == [
        "agent weather_agent",
        "  tool get_weather",
        "  tool broken: error",
        "  model OpenAI-generation",
        "  model priced",
    ]
    check_models(left, 1, name="OpenAI-generation")
    [given] = left.actions("model", "priced")
    assert (given["action"]["cost_usd"], given["action"]["is_cost_estimated"]) == ("0.00013", False)
    assert (left.tokens(), left.tally["cost_usd"], left.tally["error"]) == ((41, 12), "0.000139675", 1)
    [tool] = left.actions("tool", "get_weather")
    assert body_of(tool, "outputs") == {"sky": "sunny", "city": "Paris"}
    [streamed_call] = left.actions("model", "OpenAI-generation")
    assert ANSWER in streamed_call["bodies"]["outputs"]["text"]
    assert left.actions("tool", "broken")[0]["action"]["error_message"] == "nope"


def test_langgraph_with_openinference(titan: RunningTitan, tell: Tell) -> None:
    [left] = runs_of(titan, tell, "langgraph_openinference")

    assert (left.run["agent_id"], left.run["status"], left.run["session_id"]) == (
        "weather_agent",
        "completed",
        "session-1",
    )
    node = ["    step call_model", "    step RunnableSequence", "      step Prompt", "      model ChatOpenAI"]
    assert left.tree == [
        "agent weather_agent",
        "  agent agent",
        *node,
        "    step should_continue",
        "  step tools",
        "    tool get_weather",
        "  agent agent",
        *node,
        "    step should_continue",
    ]
    check_models(left, 2, name="ChatOpenAI")
    assert (left.tokens(), left.tally["cost_usd"], left.tally["calls"]) == ((62, 18), "0.00001935", 3)
    [tool] = left.actions("tool")
    assert body_of(tool, "inputs") == "Paris"
    assert body_of(tool, "outputs")["data"]["content"] == "sunny in Paris"


def test_traceloop(titan: RunningTitan, tell: Tell) -> None:
    [left] = runs_of(titan, tell, "traceloop_workflow")

    assert (left.run["agent_id"], left.run["status"], left.run["session_id"]) == (
        "weather_agent",
        "completed",
        "session-1",
    )
    assert left.tree == [
        "step ask_about_paris",
        "  step fails: error",
        "  agent weather_agent",
        "    model chat",
        "    tool get_weather",
        "    model chat",
    ]
    check_models(left, 2)
    assert (left.tokens(), left.tally["cost_usd"], left.tally["calls"]) == ((62, 18), "0.00001935", 3)
    [tool] = left.actions("tool")
    assert body_of(tool, "inputs") == {"args": [], "kwargs": {"city": "Paris"}}
    assert body_of(tool, "outputs") == "sunny in Paris"
    assert ANSWER in left.actions("model")[1]["bodies"]["outputs"]["text"]
    assert left.actions("step", "fails")[0]["action"]["error_type"] == "ValueError"
