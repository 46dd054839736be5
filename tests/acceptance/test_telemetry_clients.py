"""Programs that tell of themselves to somebody else, pointed at Titan and not changed: each leaves a correct run.

Traceloop's SDK needs a package that has no wheel, so it has no lock; what it sent is held by `tests/unit/ingest/otlp`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fake_endpoint import FakeEndpoint, Reply, a_completion, fake_endpoint
from tests.support.foreign import LOCKS, run_client
from tests.support.running_titan import RunningTitan, running_titan

pytestmark = pytest.mark.slow  # each client's environment is made first

ANSWER = "It is sunny in Paris."


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("telemetry") / "home", offers=()) as running:
        yield running


@pytest.fixture
def model() -> Iterator[FakeEndpoint]:
    with fake_endpoint() as endpoint:
        yield endpoint


def a_call_of(tool: str, arguments: str = '{"city": "Paris"}') -> Reply:
    """Return the reply of a model that wants a tool called."""
    call = {"id": f"call_{tool}", "type": "function", "function": {"name": tool, "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return a_completion(finish_reason="tool_calls", message=message)


def runs_of(titan: RunningTitan, model: FakeEndpoint, client: tuple[str, str], folder: Path) -> list[dict[str, Any]]:
    """Return the runs that a client's program leaves, the newest first."""
    before = {run["run_id"] for run in data_of(titan, "/api/v1/runs?limit=100")}
    url = f"http://127.0.0.1:{titan.sdk_port}"
    environment = {
        "HOME": str(folder),
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "LANGFUSE_HOST": url,
        "LANGFUSE_PUBLIC_KEY": "pk-lf-none",
        "LANGFUSE_SECRET_KEY": "sk-lf-none",
    }
    name, program = client
    arguments = (url,) if name == "openai-agents" else ()
    printed = run_client(name, LOCKS / program, *arguments, environment=environment, folder=folder)
    assert ANSWER in printed
    return [run for run in data_of(titan, "/api/v1/runs?limit=100") if run["run_id"] not in before]


def calls_of(titan: RunningTitan, run: dict[str, Any]) -> list[dict[str, Any]]:
    return data_of(titan, f"/api/v1/ledger?run_id={run['run_id']}&sort_order=asc&page_size=200")


def data_of(titan: RunningTitan, target: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"http://127.0.0.1:{titan.sdk_port}{target}").raise_for_status()
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def test_pydantic_ai_with_logfire(titan: RunningTitan, model: FakeEndpoint, tmp_path: Path) -> None:
    model.replies.extend([a_call_of("get_weather"), a_completion(ANSWER)])

    failed, asked = runs_of(titan, model, ("logfire", "pydantic_ai_logfire.py"), tmp_path)

    assert (failed["name"], failed["status"]) == ("fails", "failed")
    assert (asked["agent_id"], asked["status"], asked["name"]) == ("weather_agent", "completed", "ask about Paris")
    assert Counter(call["name"] for call in calls_of(titan, asked)) == {"chat": 2, "get_weather": 1}
    assert (asked["tally"]["input_tokens"], asked["tally"]["output_tokens"]) == (14, 2)


def test_openai_agents(titan: RunningTitan, model: FakeEndpoint, tmp_path: Path) -> None:
    handoff = a_call_of("transfer_to_weather_agent", "{}")
    model.replies.extend([handoff, a_call_of("get_weather"), a_completion(ANSWER)])

    [run] = runs_of(titan, model, ("openai-agents", "openai_agents_handoff.py"), tmp_path)

    assert (run["agent_id"], run["status"], run["name"]) == ("triage", "completed", "Weather question")
    assert run["session_id"] == "session-1"
    assert Counter(call["name"] for call in calls_of(titan, run)) == {"chat": 3, "get_weather": 1}
    assert run["tally"]["input_tokens"] == 21


def test_langfuse(titan: RunningTitan, model: FakeEndpoint, tmp_path: Path) -> None:
    model.replies.append(a_completion(ANSWER))

    [run] = runs_of(titan, model, ("langfuse", "langfuse_observed.py"), tmp_path)

    assert (run["agent_id"], run["status"], run["name"]) == ("weather_agent", "completed", "weather")
    assert (run["session_id"], run["tags"]) == ("session-1", ["demo"])
    [priced] = [call for call in calls_of(titan, run) if call["name"] == "priced"]
    assert priced["cost_usd"] == "0.00013"


def test_langgraph_with_openinference(titan: RunningTitan, model: FakeEndpoint, tmp_path: Path) -> None:
    model.replies.extend([a_call_of("get_weather"), a_completion(ANSWER)])

    [run] = runs_of(titan, model, ("openinference", "langgraph_openinference.py"), tmp_path)

    assert (run["agent_id"], run["status"], run["session_id"]) == ("weather_agent", "completed", "session-1")
    assert Counter(call["name"] for call in calls_of(titan, run)) == {"ChatOpenAI": 2, "get_weather": 1}
    assert run["tally"]["input_tokens"] == 14
