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
from titan_sdk.errors import InvalidInput, NotSupported, UnexpectedAnswer, UnusableAnswer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeAlias

    #: a value that was requested with a schema has the schema's shape
    Json: TypeAlias = Any
    Schema: TypeAlias = Mapping[str, Any]
    Message: TypeAlias = dict[str, str]
    #: returns the problems of a value that fits the schema, one sentence each
    Check: TypeAlias = Callable[[Json], list[str]]
    KeywordCheck: TypeAlias = Callable[[Any, Schema, str], Iterator[str]]

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
        schema: a JSON schema; see `titan_sdk.model.problems` for its keywords.
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


def problems(value: object, schema: Schema) -> list[str]:
    """Return the problems of `value`, one sentence each, in the order of the value; [] when it fits.

        problems({"gaps": "x"}, {"type": "object", "properties": {"gaps": {"type": "array"}}})
        # -> ["$.gaps: expected an array, found the string \"x\""]

    Known keywords: type, enum, const, anyOf, properties, required, additionalProperties, items, minItems,
    maxItems, minLength, maxLength, pattern, minimum, maximum. Titles, descriptions, defaults and other annotations are
    ignored.

    Another keyword that constrains a value is an error; the messages are written for a language model to act on.

    Raises:
        NotSupported: the schema uses another keyword.
    """
    return list(_check(value, schema, "$"))


_ANNOTATIONS = frozenset(
    {"$comment", "$id", "$schema", "default", "deprecated", "description", "examples", "format", "title"}
)
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "object": ("an object", (dict,)),
    "array": ("an array", (list,)),
    "string": ("a string", (str,)),
    "number": ("a number", (int, float)),
    "integer": ("an integer", (int, float)),
    "boolean": ("true or false", (bool,)),
    "null": ("null", (type(None),)),
}


def _check(value: object, schema: Schema, where: str) -> Iterator[str]:
    for keyword in schema:
        if keyword not in _CHECKS and keyword not in _ANNOTATIONS:
            raise NotSupported(
                subject=f"schema at {where}",
                expected=f"keywords of {', '.join(sorted(_CHECKS))}",
                found=repr(keyword),
                next_step="Say it with those, or check the answer yourself.",
            )
    if (mismatch := _type_mismatch(value, schema, where)) is not None:
        yield mismatch
        return
    for check in dict.fromkeys(_CHECKS[keyword] for keyword in schema if keyword in _CHECKS):
        yield from check(value, schema, where)


def _type_mismatch(value: object, schema: Schema, where: str) -> str | None:
    allowed = schema.get("type")
    if allowed is None:
        return None
    names = [allowed] if isinstance(allowed, str) else list(allowed)
    if any(_is_of_type(value, name) for name in names):
        return None
    wanted = " or ".join(_TYPES[name][0] for name in names)
    return f"{where}: expected {wanted}, found {_shown(value)}"


def _is_of_type(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()  # 2.0 is an integer in JSON Schema
    return isinstance(value, _TYPES[name][1])


def _no_check(value: Any, schema: Schema, where: str) -> Iterator[str]:
    yield from ()  # keywords that another check covers


def _check_enum(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not any(_is_same(value, choice) for choice in schema["enum"]):
        choices = ", ".join(_shown(choice, with_type=False) for choice in schema["enum"])
        yield f"{where}: expected one of {choices}; found {_shown(value)}"


def _check_const(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not _is_same(value, schema["const"]):
        yield f"{where}: expected exactly {_shown(schema['const'], with_type=False)}, found {_shown(value)}"


def _check_any_of(value: Any, schema: Schema, where: str) -> Iterator[str]:
    tried = [list(_check(value, option, where)) for option in schema["anyOf"]]
    if all(tried):
        ways = "; or ".join(" and ".join(found) for found in tried)
        yield f"{where}: fits none of {len(tried)} allowed forms ({ways})"


def _check_required(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in schema["required"]:
            if name not in value:
                yield f'{where}: the property "{name}" is missing'


def _check_properties(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in schema["properties"].items():
            if name in value:
                yield from _check(value[name], part, f"{where}.{name}")


def _check_additional_properties(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    rule = schema["additionalProperties"]
    for name in value:
        if name in schema.get("properties", {}):
            continue
        if rule is False:
            yield f'{where}: the property "{name}" is not allowed'
        elif rule is not True:
            yield from _check(value[name], rule, f"{where}.{name}")


def _check_items(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check(item, schema["items"], f"{where}[{index}]")


def _check_pattern(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{where}: expected a text that matches the pattern {schema['pattern']}, found {_shown(value)}"


def _check_bounds(value: Any, schema: Schema, where: str) -> Iterator[str]:
    for (lowest, highest), kind, size_of, unit in _BOUNDS:
        if not isinstance(value, kind) or isinstance(value, bool):
            continue
        size = size_of(value)
        least, most = schema.get(lowest), schema.get(highest)
        if least is not None and size < least:
            yield f"{where}: expected at least {least}{unit}, found {size}"
        if most is not None and size > most:
            yield f"{where}: expected at most {most}{unit}, found {size}"


def _is_same(value: object, other: object) -> bool:
    """Compare as JSON does: 1 is 1.0, but never true."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _shown(value: object, *, with_type: bool = True) -> str:
    text = json.dumps(value, ensure_ascii=False)
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    if not with_type or value is None or isinstance(value, bool):
        return shown
    kind = next(name for name in ("object", "array", "string", "number") if _is_of_type(value, name))
    return f"the {kind} {shown}"


#: The keywords of the lower and upper bound, the types they apply to, what they bound, and its unit.
_BOUNDS: tuple[tuple[tuple[str, str], type | tuple[type, ...], Callable[[Any], float], str], ...] = (
    (("minItems", "maxItems"), list, len, " items"),
    (("minLength", "maxLength"), str, len, " characters"),
    (("minimum", "maximum"), (int, float), lambda number: number, ""),
)
_CHECKS: Mapping[str, KeywordCheck] = {
    "type": _no_check,
    "enum": _check_enum,
    "const": _check_const,
    "anyOf": _check_any_of,
    "required": _check_required,
    "properties": _check_properties,
    "additionalProperties": _check_additional_properties,
    "items": _check_items,
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum"), _check_bounds),
    "pattern": _check_pattern,
}
