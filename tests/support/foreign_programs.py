"""The programs of foreign clients, unmodified: what each needs, and what the model says that it talks to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.support.captured import Exchange, without_secret
from tests.support.fake_endpoint import Reply, a_completion, a_stream, fake_endpoint
from tests.support.foreign import LOCKS, run_client
from tests.support.tap import a_tap

ANSWER: Final = "It is sunny in Paris."
MODEL: Final = "gpt-4o-mini-2024-07-18"
USAGE: Final = {
    "prompt_tokens": 31,
    "completion_tokens": 9,
    "total_tokens": 40,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
#: What logfire tells of a machine, of one that nobody has.
MACHINE: Final = {
    "host.name": "machine",
    "host.id": "none",
    "host.arch": "x86_64",
    "os.type": "linux",
    "os.version": "6.1",
    "process.pid": "1",
    "process.runtime.description": "3.11",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of tests/acceptance/clients, run in one way."""

    name: str  #: of its file there, without `.py`, unless `script` says another
    client: str  #: whose lock its environment is made from
    replies: tuple[Reply, ...] = ()  #: of the model, in turn
    is_told_where: bool = False  #: by an argument; others find in their environment where Titan is
    shows_token: bool = False  #: for a server that wants one
    script: str = ""  #: its file there, where several are of one
    asks_titan: bool = False  #: for its model: a server that has one, whose replies are `replies`

    @property
    def path(self) -> Path:
        """The program itself."""
        return LOCKS / f"{self.script or self.name}.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a program and a server said to each other."""

    printed: str  #: by the program
    exchanges: Sequence[Exchange]  #: without secrets, in the order in which the requests were complete


def wanting(*tools: str, arguments: str = '{"city": "Paris"}') -> Reply:
    """Return the reply of a model that wants tools called."""
    calls = [
        {"id": f"call_{tool}", "type": "function", "function": {"name": tool, "arguments": arguments}} for tool in tools
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    return a_completion(finish_reason="tool_calls", message=message)


def streamed() -> Reply:
    """Return the answer in pieces."""
    pieces = a_stream({"role": "assistant", "content": "It is sunny"}, {"content": " in Paris."})
    used = '"usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}'
    text = str(pieces.body).replace("painter-1", MODEL).replace("chatcmpl-1", "chatcmpl-streamed")
    assert used in text
    return replace(pieces, body=text.replace(used, f'"usage": {json.dumps(USAGE)}'))


PROGRAMS: Final = {
    program.name: program
    for program in (
        Program(name="pydantic_ai_logfire", client="logfire", replies=(wanting("get_weather"), a_completion(ANSWER))),
        Program(
            name="pydantic_ai_logfire_and_model",
            client="logfire",
            replies=(wanting("get_weather"), a_completion(ANSWER)),
            script="pydantic_ai_logfire",
            asks_titan=True,
        ),
        Program(
            name="openai_agents_handoff",
            client="openai-agents",
            replies=(
                wanting("transfer_to_weather_agent", arguments="{}"),
                wanting("get_weather", "broken"),
                a_completion(ANSWER),
            ),
            is_told_where=True,
        ),
        Program(name="langfuse_observed", client="langfuse", replies=(streamed(),)),
        Program(
            name="langgraph_openinference",
            client="openinference",
            replies=(wanting("get_weather"), a_completion(ANSWER)),
        ),
        Program(
            name="traceloop_workflow",
            client="traceloop",
            replies=(wanting("get_weather"), streamed()),
            is_told_where=True,
        ),
        Program(name="agentsentinel_new", client="agentsentinel-0.4", is_told_where=True, shows_token=True),
        Program(name="agentsentinel_langchain", client="agentsentinel-0.4", is_told_where=True, shows_token=True),
        Program(name="agentsentinel_old", client="agentsentinel-0.2", is_told_where=True, shows_token=True),
    )
}


def converse(program: Program, port: int, *, token: str | None, folder: Path) -> Conversation:
    """Run a program in `folder` beside the server at a port, and return what was said between them."""
    with a_tap(port) as (tap, wire), fake_endpoint() as model:
        if not program.asks_titan:
            model.replies.extend(priced(program))
        environment = {
            "HOME": str(folder),
            "AGENT_SENTINEL_HOME": str(folder / "sentinel"),
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": f"{wire.url}/v1" if program.asks_titan else model.url,
            "MODEL": "default" if program.asks_titan else "gpt-4o-mini",
            "LOGFIRE_RESOURCE_ATTRIBUTES": ",".join(f"{name}={value}" for name, value in MACHINE.items()),
            "OTEL_EXPORTER_OTLP_ENDPOINT": wire.url,
            "LANGFUSE_HOST": wire.url,
            "LANGFUSE_PUBLIC_KEY": "pk-lf-none",
            "LANGFUSE_SECRET_KEY": "sk-lf-none",
        }
        arguments = [
            *([wire.url] if program.is_told_where else []),
            *([token] if program.shows_token and token else []),
        ]
        printed = run_client(program.client, program.path, *arguments, environment=environment, folder=folder)
        assert not model.replies
        exchanges = [replace(one, request=without_secret(one.request)) for one in tap.exchanges]
        return Conversation(printed=printed, exchanges=exchanges)


def priced(program: Program) -> list[Reply]:
    """Return what the model says to a program, as one with a price says it."""
    return [_priced(reply, number) for number, reply in enumerate(program.replies)]


def _priced(reply: Reply, number: int) -> Reply:
    """Return a reply of a model that has a price, with tokens and an id of its own; of a stream the stream."""
    if not isinstance(reply.body, dict):
        return reply
    return replace(reply, body={**reply.body, "id": f"chatcmpl-{number}", "model": MODEL, "usage": USAGE})
