"""Extract a call's inputs, outputs, token counts and cost from wherever a span's conventions put them."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from titan.ingest.otlp.attributes import Gathered, Meaning, cache_meaning, unflattened
from titan.ingest.otlp.requests import SpanEvent
from titan.ingest.values import (
    Value,
    conversation,
    count_of,
    dollars_of,
    is_message,
    joined_text,
    json_or_text,
    members_of,
    opened,
    parsed,
    payload_of,
    pieces_of,
    request_of,
    safe,
    text_of,
    total_of,
)
from titan.model.actions import ActionKind, ModelUse, Payload
from titan.rules.runs.sanitize import all_input

#: One message each: events of the GenAI conventions before 1.37, as span events or log records.
MESSAGE_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE: Final = "gen_ai.choice"
LISTS: Final = "gen_ai.content."  #: prefix of events that hold a list of messages
#: An object's last member; the one of an object within it has more braces behind it.
_LAST_MEMBER: Final = re.compile(r',\s*"finish_reason"\s*:\s*(?:null|"[^"\\]*")\s*\}\s*\Z')
_NOT_OF_THE_MESSAGE: Final = frozenset({"message", "index", "finish_reason", "gen_ai.system", "event.name"})


class Messages:
    """Messages from events, as JSON texts in the order of the events."""

    def __init__(self) -> None:
        self.question: list[str] = []
        self.answer: list[str] = []

    def add(self, name: str, body: dict[str, Value]) -> bool:
        """Add an event that is a message; return whether it was one."""
        own = {key: value for key, value in body.items() if key not in _NOT_OF_THE_MESSAGE}
        if (role := MESSAGE_ROLES.get(name)) is not None:
            self.question.append(text_of({"role": role} | own))
        elif name == CHOICE:
            self.answer.append(text_of({"role": "assistant"} | own | _message_of(body.get("message"))))
        else:
            return False
        return True


def is_message_event(name: str) -> bool:
    """Return whether an event of this name holds one or more messages."""
    return name == CHOICE or name in MESSAGE_ROLES or name.startswith(LISTS)


def contents_of(
    events: Sequence[SpanEvent], gathered: Gathered, kind: ActionKind
) -> tuple[Payload | None, Payload | None]:
    """Return inputs and outputs, None where the span has none.

    A model call's messages take precedence over its raw request and answer, which repeat them. For other spans the raw
    values take precedence: their messages are the first question only. Parameters alone are no inputs: the messages
    may come in a log record.
    """
    messages = Messages()
    if events or "events" in gathered.found:
        _add_events(messages, events, gathered.found.get("events"))
    if kind is ActionKind.MODEL:
        return _asked(gathered, messages), _answered(gathered, messages)
    found, groups = gathered.found, gathered.groups
    inputs = _plain(found, "input", "input_type") or _messages(gathered, "messages_in", messages.question)
    outputs = _plain(found, "output", "output_type") or _messages(gathered, "messages_out", messages.answer)
    inputs = inputs or _whole_conversation(found)
    return inputs or _spread(groups, "embeddings"), outputs or _spread(groups, "documents")


def without_finish(message: str) -> str:
    """Return an answer's message without its finish reason, as the next question repeats it.

    So the run stores the message once: where the member is last, as instrumentations write it, spaces stay as they are.
    """
    members = opened(message) if '"finish_reason"' in message else None
    if members is None or members.pop("finish_reason", None) is None:
        return message
    text, count = _LAST_MEMBER.subn("}", message)
    return text if count else joined_text({key: safe(member) for key, member in members.items()})


def asked_with(gathered: Gathered) -> dict[str, str]:
    """Return the model, parameters and tools of a request, as JSON texts."""
    found, groups = gathered.found, gathered.groups
    members: dict[str, str] = {}
    if (model := found.get("asked_model") or found.get("model")) is not None:
        members["model"] = text_of(model)
    for name, value in groups.get("parameters", {}).items():
        members[name] = text_of(value)
    if (parameters := found.get("parameters")) is not None:
        members |= members_of(parameters) or {"parameters": json_or_text(parameters)}
    if "tools" not in members and (tools := _tools(gathered)) is not None:
        members["tools"] = tools
    return members


def _asked(gathered: Gathered, messages: Messages) -> Payload | None:
    if question := _pieces(gathered, "messages_in", messages.question):
        return conversation(question, asked_with(gathered))
    found = gathered.found
    if (raw := found.get("request", found.get("input"))) is None:
        return None
    members = asked_with(gathered)
    if (request := request_of(raw)) is not None:
        return conversation(request[0], members | request[1])
    return Payload(joined_text(members | {"input": json_or_text(raw)}))


def _answered(gathered: Gathered, messages: Messages) -> Payload | None:
    if answer := _pieces(gathered, "messages_out", messages.answer):
        return conversation([_answer(piece) for piece in answer])
    if (raw := gathered.found.get("output")) is None:
        return None
    plain = payload_of(raw)
    if plain.shared:
        return conversation(plain.shared)
    return conversation([plain.text]) if is_message(plain.text) else plain


def _answer(piece: str) -> str:
    """Return an answer's message, which may be wrapped in a provider's choice."""
    if '"message":' in piece and (choice := opened(piece)) is not None and "message" in choice:
        return choice["message"]
    return without_finish(piece)


def _tools(gathered: Gathered) -> str | None:
    if (tools := gathered.found.get("tools")) is not None:
        return f"[{','.join(pieces_of(tools) or (json_or_text(tools),))}]"
    spread = gathered.groups.get("tools")
    return None if spread is None else text_of(unflattened(spread))


def _pieces(gathered: Gathered, meaning: Meaning, from_events: Sequence[str]) -> Sequence[str]:
    """Return messages as JSON texts, from one attribute, flattened attributes or events."""
    pieces: Sequence[str] = from_events
    if (said := gathered.found.get(meaning)) is not None:
        pieces = pieces_of(said) or (text_of({"content": said}),)
    elif (spread := gathered.groups.get(meaning)) is not None:
        pieces = tuple(map(text_of, unflattened(spread)))
    system = gathered.found.get("system_message") if meaning == "messages_in" else None
    if system is None:
        return pieces
    return (f'{{"role":"system","parts":{json_or_text(system)}}}', *pieces)


def _messages(gathered: Gathered, meaning: Meaning, from_events: Sequence[str]) -> Payload | None:
    pieces = _pieces(gathered, meaning, from_events)
    return conversation(pieces) if pieces else None


def _plain(found: dict[Meaning, Value], meaning: Meaning, type_meaning: Meaning) -> Payload | None:
    value = found.get(meaning)
    if value is None:
        return None
    return Payload(text_of(value)) if found.get(type_meaning) == "text/plain" else payload_of(value)


def _whole_conversation(found: dict[Meaning, Value]) -> Payload | None:
    pieces = pieces_of(found.get("all_messages"))
    return conversation([without_finish(piece) for piece in pieces]) if pieces else None


def _spread(groups: dict[Meaning, dict[str, Value]], meaning: Meaning) -> Payload | None:
    spread = groups.get(meaning)
    return None if spread is None else Payload(text_of({meaning: unflattened(spread)}))


def _add_events(messages: Messages, events: Sequence[SpanEvent], attribute: Value) -> None:
    for event in events:
        if not messages.add(event.name, event.attributes) and event.name.startswith(LISTS):
            _add_content(messages, event)
    listed = parsed(attribute) if type(attribute) is str else attribute
    for body in listed if type(listed) is list else ():
        if type(body) is dict:
            messages.add(str(body.get("event.name")), body)


def _add_content(messages: Messages, event: SpanEvent) -> None:
    """Add the messages of `gen_ai.content.prompt` or `gen_ai.content.completion`, which hold a list each."""
    for key, into in (("gen_ai.prompt", messages.question), ("gen_ai.completion", messages.answer)):
        if (value := event.attributes.get(key)) is not None:
            into.extend(pieces_of(value) or (text_of({"content": value}),))


def _message_of(value: Value) -> dict[str, Value]:
    if type(value) is str and value.startswith("{"):
        value = parsed(value)
    if value is None:
        return {}
    return value if type(value) is dict else {"content": value}


_OF_A_MODEL: Final = frozenset(
    {"model", "asked_model", "provider", "system", "input_tokens", "output_tokens", "response_id", "usage"}
)

#: Attributes with the separate costs of input and output: of Laminar and Langtrace, OpenInference, LiteLLM.
_PARTS: Final[tuple[dict[Meaning, str], ...]] = (
    {"input_tokens": "gen_ai.usage.input_cost", "output_tokens": "gen_ai.usage.output_cost"},
    {"input_tokens": "llm.cost.prompt", "output_tokens": "llm.cost.completion"},
    {"input_tokens": "gen_ai.cost.input_cost", "output_tokens": "gen_ai.cost.output_cost"},
)
_NAMES_OF_PARTS: Final = frozenset(name for names in _PARTS for name in names.values())

#: Names of counts in Langfuse's usage and providers' metadata: those of Langfuse, OpenAI, Anthropic and Bedrock.
_IN: Final = ("input", "prompt_tokens", "input_tokens", "promptTokens")
_OUT: Final = ("output", "completion_tokens", "output_tokens", "completionTokens")
_TOTAL: Final = ("total", "total_tokens", "totalTokens")
_REASONING: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")
_ANTHROPIC: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})

#: Instrumentations whose input counts for Anthropic and Bedrock exclude cached tokens: traceloop/openllmetry#4449, and
#: the Vercel AI SDK before version 6.
_BEDROCK_OF_TRACELOOP: Final = "opentelemetry.instrumentation.bedrock"
_AI_SDK: Final = "ai"
_OWN_NAMES: Final = frozenset({"cache_read_anthropic", "cache_write_anthropic"})
_COUNTS_APART: Final = re.compile("anthropic|bedrock")  # "anthropic.messages", "amazon-bedrock", "vertex.anthropic"


def use_of(gathered: Gathered, scope: str) -> ModelUse | None:
    """Return the model, token counts and response id of a span, None where it has none of them.

    `scope` is the instrumentation that wrote the span.
    """
    found = gathered.found
    if _OF_A_MODEL.isdisjoint(found):
        return None
    model = found.get("model") or found.get("asked_model")
    provider = found.get("provider") or found.get("system")
    use = ModelUse(
        model=_name(model),
        provider=_name(provider),
        input_tokens=count_of(found.get("input_tokens")),
        output_tokens=count_of(found.get("output_tokens")),
        cache_read_tokens=count_of(found.get("cache_read", found.get("cache_read_anthropic"))),
        cache_write_tokens=count_of(found.get("cache_write", found.get("cache_write_anthropic"))),
        reasoning_tokens=count_of(found.get("reasoning")),
        response_id=_name(found.get("response_id")),
    )
    is_apart = scope == _BEDROCK_OF_TRACELOOP or is_taken_for_apart(gathered)
    if scope == _AI_SDK and use.provider is not None and _COUNTS_APART.search(use.provider):
        is_apart = "uncached_input" not in found
        use = _with_metadata(use, gathered.rest.get("ai.response.providerMetadata")) if is_apart else use
    if "usage" in found:
        return _with_details(use, found["usage"])
    return _with_all_input(use, total_tokens=count_of(found.get("total_tokens")), is_apart=is_apart)


#: What OpenAI's APIs call their answers.
_ANSWERS: Final = frozenset({"chat.completion", "chat.completion.chunk", "response", "text_completion"})


def answered_id(gathered: Gathered) -> str | None:
    """Return the id of the provider's answer in a model call's output; LangChain has it in `llm_output`.

    Inputs, messages and texts are not looked at: they may hold the ids of other answers.
    """
    output = gathered.found.get("output")
    if (type(output) is str and '"id"' not in output) or (members := members_of(output)) is None:
        return None
    members = members_of(members.get("llm_output")) or members
    named = parsed(members.get("id", "null"))
    return _name(named) if _is_answer(members) else None


def _is_answer(members: Mapping[str, str]) -> bool:
    """Return whether an object has the shape of a provider's answer, which others with an `id` lack."""
    if _name(parsed(members.get("object", "null"))) in _ANSWERS:
        return True
    if ("model" in members or "model_name" in members) and ("choices" in members or "output" in members):
        return True
    if "model" in members and parsed(members.get("type", "null")) == "message":
        return True
    usage = [members_of(members.get(name)) or {} for name in ("usage", "token_usage")]
    return any(type(parsed(count)) is int for one in usage for count in one.values())


def is_taken_for_apart(gathered: Gathered) -> bool:
    """Return whether nothing but the names of Anthropic's own counts says that cached tokens are beside the input.

    A total tells which of the two it is; the conventions count them within, and name them otherwise.
    """
    found = gathered.found
    provider = found.get("provider") or found.get("system")
    is_anthropic = type(provider) is str and _COUNTS_APART.search(provider) is not None
    return is_anthropic and not _OWN_NAMES.isdisjoint(found) and "total_tokens" not in found


def cost_of(gathered: Gathered) -> Decimal | None:
    """Return the reported cost in US dollars: the total, else the sum of its parts."""
    found = gathered.found
    reported = dollars_of(found.get("cost"))
    if reported:
        return reported
    prices = _prices(found.get("cost_details"))
    if total := prices.get("total"):
        return total
    parts = list(prices.values()) or _parts(gathered)
    return total_of(parts) if parts else reported


def _parts(gathered: Gathered) -> list[Decimal]:
    """Return the costs of input and output; one alone only where the other used no tokens."""
    if _NAMES_OF_PARTS.isdisjoint(gathered.rest):
        return []
    for names in _PARTS:
        amounts = {kind: dollars_of(gathered.rest.get(name)) for kind, name in names.items()}
        if all(amount is not None or not count_of(gathered.found.get(kind)) for kind, amount in amounts.items()):
            parts = [amount for amount in amounts.values() if amount is not None]
            if parts:
                return parts
    return []


def _prices(details: Value) -> dict[str, Decimal]:
    if type(details) is str:
        details = _exact(details)
    if type(details) is not dict:
        return {}
    amounts = ((key, dollars_of(value)) for key, value in details.items())
    return {key: amount for key, amount in amounts if amount is not None}


def _exact(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _with_metadata(use: ModelUse, metadata: Value) -> ModelUse:
    """Return `use` with missing cache counts from the provider's answer, which the AI SDK passes on."""
    counts = _flat(parsed(metadata) if type(metadata) is str else None)
    read, written = use.cache_read_tokens, use.cache_write_tokens
    return replace(
        use,
        cache_read_tokens=_cached(counts, "cache_read") if read is None else read,
        cache_write_tokens=_cached(counts, "cache_write") if written is None else written,
    )


def _with_details(use: ModelUse, details: Value) -> ModelUse:
    counts = _flat(parsed(details) if type(details) is str else details)
    asked = use.input_tokens
    use = replace(
        use,
        input_tokens=_first(counts, _IN) if asked is None else asked,
        output_tokens=_first(counts, _OUT) if use.output_tokens is None else use.output_tokens,
        cache_read_tokens=_cached(counts, "cache_read", use.cache_read_tokens),
        cache_write_tokens=_cached(counts, "cache_write", use.cache_write_tokens),
        reasoning_tokens=_first(counts, _REASONING, use.reasoning_tokens),
    )
    # Langfuse's own `input` excludes cached tokens, and so does `input_tokens` in Anthropic's usage.
    is_apart = asked is None and ("input" in counts or ("input_tokens" in counts and not _ANTHROPIC.isdisjoint(counts)))
    return _with_all_input(use, total_tokens=_first(counts, _TOTAL), is_apart=is_apart)


def _with_all_input(use: ModelUse, *, total_tokens: int | None, is_apart: bool) -> ModelUse:
    cached = (use.cache_read_tokens or 0) + (use.cache_write_tokens or 0)
    if use.input_tokens is None or not cached:
        return use
    output = use.output_tokens or 0
    everything = all_input(use.input_tokens, cached, output_tokens=output, total_tokens=total_tokens, is_apart=is_apart)
    return use if everything == use.input_tokens else replace(use, input_tokens=count_of(everything))


def _flat(details: Any) -> dict[str, int]:
    """Return the counts in an object and in the objects within it."""
    if type(details) is not dict:
        return {}
    counts: dict[str, int] = {}
    for key, value in details.items():
        if type(value) is dict:
            counts |= _flat(value)
        elif (count := count_of(value)) is not None:
            counts[key] = count
    return counts


def _first(counts: dict[str, int], names: tuple[str, ...], otherwise: int | None = None) -> int | None:
    return next((counts[name] for name in names if name in counts), otherwise)


def _cached(counts: dict[str, int], meaning: Meaning, otherwise: int | None = None) -> int | None:
    return next((count for name, count in counts.items() if cache_meaning(name) == meaning), otherwise)


def _name(value: Value) -> str | None:
    return value[:200] if type(value) is str and value else None
