"""Two agents of openai-agents and a handoff: `openai_agents_handoff.py TITAN`. Which model, the environment says."""

import sys

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_trace_processors, trace
from agents.tracing import get_trace_provider
from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor
from openai import AsyncOpenAI

[TITAN] = sys.argv[1:]
exporter = BackendSpanExporter(api_key="none", endpoint=f"{TITAN}/v1/traces/ingest")
set_trace_processors([BatchTraceProcessor(exporter)])
model = OpenAIChatCompletionsModel("gpt-4o-mini", AsyncOpenAI())


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


@function_tool
def broken(city: str) -> str:
    """Fail."""
    raise ValueError(f"no {city}")


weather = Agent(name="weather_agent", instructions="Be brief.", tools=[get_weather, broken], model=model)
triage = Agent(name="triage", instructions="Hand off.", handoffs=[weather], model=model)
with trace("Weather question", group_id="session-1", metadata={"customer": "c1"}):
    print(Runner.run_sync(triage, "How is the weather in Paris?").final_output)
get_trace_provider().shutdown()
