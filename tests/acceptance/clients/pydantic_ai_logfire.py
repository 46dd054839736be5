"""An agent of pydantic-ai, told of by logfire. Where to, and which model, the environment says."""

import contextlib
import os

import logfire
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

logfire.configure(send_to_logfire=False, service_name="weather-service", console=False)
logfire.instrument_pydantic_ai()
agent = Agent(OpenAIChatModel(os.environ.get("MODEL", "gpt-4o-mini")), name="weather_agent", system_prompt="Be brief.")


@agent.tool_plain
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


with logfire.span("ask about {city}", city="Paris"):
    print(agent.run_sync("How is the weather in Paris?").output)
with contextlib.suppress(ValueError), logfire.span("fails"):
    raise ValueError("nope")
logfire.shutdown()
