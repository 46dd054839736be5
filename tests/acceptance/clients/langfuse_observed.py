"""An agent observed by langfuse. Where to, and which model, the environment says."""

import contextlib

from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import openai

langfuse = get_client()


@observe(as_type="tool")
def get_weather(city):
    return {"sky": "sunny", "city": city}


@observe(as_type="tool")
def broken():
    raise ValueError("nope")


@observe(as_type="agent")
def weather_agent(question):
    get_weather("Paris")
    with contextlib.suppress(ValueError):
        broken()
    said = openai.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}],
        temperature=0.2,
        stream=True,
        stream_options={"include_usage": True},
    )
    answer = "".join(chunk.choices[0].delta.content or "" for chunk in said if chunk.choices)
    with langfuse.start_as_current_observation(name="priced", as_type="generation", model="gpt-4o") as generation:
        generation.update(output="hello", usage_details={"input": 10, "output": 3}, cost_details={"total": 0.00013})
    return answer


with propagate_attributes(session_id="session-1", user_id="user-1", tags=["demo"], trace_name="weather"):
    print(weather_agent("How is the weather?"))
langfuse.flush()
