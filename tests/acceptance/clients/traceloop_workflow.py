"""A workflow told of by traceloop-sdk: `traceloop_workflow.py TITAN`. Which model, the environment says."""

import contextlib
import json
import sys

from openai import OpenAI
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, task, tool, workflow

[TITAN] = sys.argv[1:]
Traceloop.init(app_name="weather-service", api_endpoint=TITAN, disable_batch=True, telemetry_enabled=False)
client = OpenAI()
WEATHER = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


@tool(name="get_weather")
def get_weather(city):
    return f"sunny in {city}"


@task(name="fails")
def fails():
    raise ValueError("nope")


@agent(name="weather_agent")
def weather_agent(question):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    tools = [{"type": "function", "function": WEATHER}]
    said = client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=tools).choices[0].message
    for call in said.tool_calls:
        result = get_weather(**json.loads(call.function.arguments))
        messages += [said.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": result}]
    chunks = client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@workflow(name="ask_about_paris")
def ask():
    Traceloop.set_association_properties({"session_id": "session-1", "user_id": "user-1"})
    with contextlib.suppress(ValueError):
        fails()
    return weather_agent("How is the weather in Paris?")


print(ask())
