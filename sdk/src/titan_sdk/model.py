"""Ask the server's language model for a text, or for JSON that fits a schema.

    from titan_sdk import model

    model.ask("What does LoRA change in a transformer?")            # -> "LoRA adds …"
    topics = {"type": "array", "items": {"type": "string", "maxLength": 80}, "maxItems": 4}
    model.ask("Split into topics: vector databases", topics)        # -> ["Latency", "Cost", …]

Give texts a maxLength and lists a maxItems: a small model runs on without them.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass

from titan_sdk.client import TitanClient
from titan_sdk.errors import InvalidInput, UnexpectedAnswer, UnusableAnswer
from titan_sdk.json_schema import problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    #: a value that was requested with a schema has the schema's shape
    Json: TypeAlias = Any
    Schema: TypeAlias = Mapping[str, Any]
    Message: TypeAlias = dict[str, str]
    #: returns the problems of a value that fits the schema, one sentence each
    Check: TypeAlias = Callable[[Json], list[str]]

MAX_TOKENS = 1024  # some 4,000 characters: the longest section of the research agent's report fits twice
ATTEMPTS = 3  # a weak model that has not fitted the schema by then rarely does
TIMEOUT_SECONDS = 600.0  # requests to the local model queue; one can take a minute on two cores
_SHOWN_PROBLEMS = 8  # a list of hundred mistakes would fill a small model's context


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A usable answer; tokens and time are sums over all attempts."""

    #: The validated value when a schema was given, else the text.
    value: Json
    #: The last answer as the model wrote it.
    text: str
    #: As the server names it.
    model: str
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    #: Seconds from the request to the answer, including time in the model's queue.
    latency_seconds: float


def ask(
    prompt: str,
    schema: Schema | None = None,
    *,
    system: str | None = None,
    max_tokens: int = MAX_TOKENS,
    temperature: float = 0.0,
    attempts: int = ATTEMPTS,
    check: Check | None = None,
    timeout: float = TIMEOUT_SECONDS,
    client: TitanClient | None = None,
) -> Json:
    """Return the model's text, or with a `schema` the JSON value that fits it.

    An answer that cannot be used (no JSON, against the schema, empty, cut off) is sent back to the model with a list
    of its problems, until there were `attempts` answers.

    Args:
        schema: a JSON schema; see `titan_sdk.json_schema.problems` for its keywords.
        system: the system message, sent before the prompt.
        max_tokens: the longest answer, in tokens.
        temperature: 0 for the likeliest answer; up to 2 for variety.
        attempts: at least 1.
        check: for rules that a schema cannot express; called with each value that fits the schema, returns its
            problems, one sentence each for the model.
        timeout: seconds for one answer.
        client: by default one made from the environment.

    Raises:
        UnusableAnswer: no answer could be used; its `text` is the last one.
        ModelNotConfigured: the server has no model.
        ModelUnavailable, ModelRefused: the model's provider does not answer, or refuses.
        NotSupported: the schema uses an unknown keyword.
        InvalidInput: `attempts` is less than 1.
    """
    return ask_with_usage(
        prompt,
        schema,
        system=system,
        max_tokens=max_tokens,
        temperature=temperature,
        attempts=attempts,
        check=check,
        timeout=timeout,
        client=client,
    ).value


def ask_with_usage(
    prompt: str,
    schema: Schema | None = None,
    *,
    system: str | None = None,
    max_tokens: int = MAX_TOKENS,
    temperature: float = 0.0,
    attempts: int = ATTEMPTS,
    check: Check | None = None,
    timeout: float = TIMEOUT_SECONDS,
    client: TitanClient | None = None,
) -> Answer:
    """Return the answer with its tokens and latency; arguments and errors as `ask`."""
    if attempts < 1:
        raise InvalidInput(
            subject="model.ask",
            expected="attempts of at least 1",
            found=str(attempts),
            next_step="Correct it.",
        )
    if schema is not None:
        problems(None, schema)  # an unknown keyword is refused before the model is asked
    request = _request(prompt, schema, system=system, max_tokens=max_tokens, temperature=temperature)
    return _converse(client or TitanClient(), request, schema, attempts=attempts, check=check, timeout_seconds=timeout)


def _request(
    prompt: str, schema: Schema | None, *, system: str | None, max_tokens: int, temperature: float
) -> dict[str, Json]:
    messages: list[Message] = [{"role": "user", "content": prompt}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    request: dict[str, Json] = {"messages": messages, "max_tokens": max_tokens, "temperature": temperature}
    if schema is not None:
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(schema)},
        }
    return request


def _converse(
    client: TitanClient,
    request: dict[str, Json],
    schema: Schema | None,
    *,
    attempts: int,
    check: Check | None,
    timeout_seconds: float,
) -> Answer:
    began = time.perf_counter()
    prompt_tokens = completion_tokens = 0
    for attempt in range(1, attempts + 1):
        reply = _complete(client, request, timeout_seconds)
        prompt_tokens += reply.prompt_tokens
        completion_tokens += reply.completion_tokens
        value, wrong = _read(reply, schema)
        if not wrong and check is not None:
            wrong = check(value)
        if not wrong:
            return Answer(
                value=value,
                text=reply.text,
                model=reply.model,
                attempts=attempt,
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                latency_seconds=time.perf_counter() - began,
            )
        request["messages"] += [
            {"role": "assistant", "content": reply.text},
            {"role": "user", "content": _correction(wrong, schema)},
        ]
    raise UnusableAnswer(
        subject=f"the answer of model {reply.model}",
        expected="a text" if schema is None else "JSON that fits the schema",
        found=f"{'; '.join(wrong)} (after {attempts} attempts)",
        next_step="Ask for less at once, loosen the schema, raise max_tokens, or use a stronger model.",
        text=reply.text,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """One chat completion."""

    text: str
    model: str
    is_cut_off: bool
    prompt_tokens: int
    completion_tokens: int


def _complete(client: TitanClient, request: dict[str, Json], timeout_seconds: float) -> _Reply:
    process = sys.modules.get("titan_sdk.recording.process")
    answers = None if process is None else process.answers()
    recorded = None if answers is None else answers.model_answer(request)
    envelope = recorded or client.transport.request_json(
        "POST",
        "/v1/chat/completions",
        body=request,
        timeout_seconds=timeout_seconds,
        mutation=False,  # changes no work on the server; a repetition after a restart asks again
        headers=_place(),
    )
    try:
        choice = envelope["choices"][0]
        usage = envelope.get("usage") or {}
        return _Reply(
            text=choice["message"]["content"] or "",
            model=str(envelope.get("model")),
            is_cut_off=choice.get("finish_reason") == "length",
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as cause:
        raise UnexpectedAnswer(
            subject="POST /v1/chat/completions",
            expected="a chat completion with one choice",
            found=json.dumps(envelope)[:200],
            next_step="Check TITAN_HOST and TITAN_PORT: another program may listen there.",
        ) from cause


def _place() -> dict[str, str]:
    """Return the headers that put the call into the caller's run, below its current action.

    None outside of both: then a job's token names the run, and the client the project.
    """
    if "titan_sdk.recording.runs" not in sys.modules:
        return {}  # a program that has not imported it has no run; importing it takes 0.1 s
    from titan_sdk.recording.actions import headers_here

    return headers_here()


def _read(reply: _Reply, schema: Schema | None) -> tuple[Json, list[str]]:
    """Return the value and [], or None and the answer's problems."""
    if schema is None:
        return (reply.text, []) if reply.text.strip() else (None, ["the answer is empty"])
    try:
        value = _find_json(reply.text)
    except ValueError as cause:
        wrong = ["it was cut off at the token limit: be shorter"] if reply.is_cut_off else [f"it is no JSON: {cause}"]
        return None, wrong
    return value, problems(value, schema)


_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_VALUE_START = re.compile(r"[{\[]")


def _find_json(text: str) -> Json:
    """Return the JSON value of a text, of its code fence, or from its first bracket on.

    Raises:
        ValueError: there is none.
    """
    try:
        return json.loads(text)
    except ValueError:
        if fenced := _FENCED.search(text):
            return json.loads(fenced[1])
        if (start := _VALUE_START.search(text)) is None:
            raise
        return json.JSONDecoder().raw_decode(text, start.start())[0]


def _correction(wrong: list[str], schema: Schema | None) -> str:
    if schema is None:
        return "Your answer was empty. Answer the question."
    listed = "\n".join(f"- {problem}" for problem in wrong[:_SHOWN_PROBLEMS])
    return (
        f"Your answer cannot be used:\n{listed}\n"
        f"Answer again with nothing but JSON that fits this schema:\n{json.dumps(schema, ensure_ascii=False)}"
    )
