"""An agent with a model: it calls the world's tools in a loop until the model answers in words.

The model is the server's own (TITAN_MODEL); OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL name another one that
speaks OpenAI's protocol. In a suite: `agents: {model: {kind: python, file: ../llm_agent.py}}`, as in shop/llm.yaml.
"""

import json
import os
import urllib.request
from typing import Any

from openai import OpenAI

MOST_TURNS = 30


def run(task: dict[str, Any], *, proxy_url: str, run_token: str) -> dict[str, Any]:
    """Do a task; return the answer, and the conversation that led to it."""
    client, model = _model()
    functions: list[Any] = [
        {
            "type": "function",
            "function": {"name": one["name"], "description": one["description"], "parameters": one["input_schema"]},
        }
        for one in task["tools_schema"]
    ]
    messages: list[Any] = [
        {
            "role": "system",
            "content": f"{task['input']['policy']}\nWhat is known: {json.dumps(task['input']['input'])}",
        },
        {"role": "user", "content": task["input"]["user_instruction"]},
    ]
    tokens = {"total_input_tokens": 0, "total_output_tokens": 0}
    for _ in range(MOST_TURNS):
        answer = client.chat.completions.create(model=model, messages=messages, tools=functions)
        said = answer.choices[0].message
        if answer.usage is not None:
            tokens["total_input_tokens"] += answer.usage.prompt_tokens
            tokens["total_output_tokens"] += answer.usage.completion_tokens
        messages.append(said.model_dump(exclude_none=True))
        if not said.tool_calls:
            break
        for call in said.tool_calls:
            if call.type == "function":
                result = _called(proxy_url, run_token, call.function.name, call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    final = said.content or f"I did not come to an end within {MOST_TURNS} turns."
    return {"final_response": final, "metadata": {"model": answer.model, **tokens}}


def _called(proxy_url: str, run_token: str, tool: str, arguments: str) -> str:
    """Return what a tool answers, as text for the model."""
    headers = {"Authorization": f"Bearer {run_token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{proxy_url}/tools/{tool}", (arguments or "{}").encode(), headers)
    with urllib.request.urlopen(request) as reply:
        return json.dumps(json.load(reply)["response"])


def _model() -> tuple[OpenAI, str]:
    if os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"):
        return OpenAI(), os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
    scheme = "https" if os.environ.get("TITAN_TLS") == "1" else "http"  # as workers set it
    titan = f"{scheme}://{os.environ['TITAN_HOST']}:{os.environ['TITAN_PORT']}/v1"
    return OpenAI(base_url=titan, api_key=os.environ.get("TITAN_TOKEN") or "none"), "default"
