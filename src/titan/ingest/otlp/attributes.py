"""Map span attributes to their meanings in every convention that instrumentations use.

OpenTelemetry's GenAI conventions old and new, OpenInference, Traceloop, Langfuse, Laminar, Logfire with pydantic-ai,
and the Vercel AI SDK. Each span's attributes are walked once: those with a meaning are lifted out, lists that were
flattened over many attributes are gathered, and the rest stays as it is.
"""

import re
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from titan.ingest.values import Value

Meaning: TypeAlias = str  # a key of _KEYS or a value of GROUPS

#: Meaning → the attributes that have it.
_KEYS: Final[dict[Meaning, str]] = {
    "agent": "gen_ai.agent.name agent_name agent.name",
    "all_messages": "pydantic_ai.all_messages all_messages_events",
    "asked_model": "gen_ai.request.model model_name langfuse.observation.model.name embedding.model_name"
    " reranker.model_name ai.model.id llm.request.model",
    # As Anthropic's own API names them: see `titan.ingest.otlp.calls`. Other spellings: `cache_meaning`.
    "cache_read_anthropic": "gen_ai.usage.cache_read_input_tokens",
    "cache_write_anthropic": "gen_ai.usage.cache_creation_input_tokens",
    "cost": "gen_ai.usage.cost gen_ai.usage.cost_usd operation.cost llm.cost.total gen_ai.usage.total_cost"
    " gen_ai.cost.total_cost",
    "cost_details": "langfuse.observation.cost_details",
    "entity": "traceloop.entity.name ai.telemetry.functionId",
    "error_type": "error.type",
    "events": "events",
    "file": "code.filepath code.file.path",
    "function": "code.function code.function.name",
    "input": "input.value langfuse.observation.input lmnr.span.input traceloop.entity.input gen_ai.tool.call.arguments"
    " tool_arguments ai.toolCall.args gen_ai.prompt ai.prompt",
    "input_tokens": "gen_ai.usage.input_tokens gen_ai.usage.prompt_tokens llm.token_count.prompt"
    " llm.usage.prompt_tokens ai.usage.promptTokens ai.usage.inputTokens",
    "input_type": "input.mime_type",
    "kind": "openinference.span.kind langfuse.observation.type lmnr.span.type traceloop.span.kind ai.operationId",
    "level": "langfuse.observation.level",
    "line": "code.lineno code.line.number",
    "messages_in": "gen_ai.input.messages ai.prompt.messages",
    "messages_out": "gen_ai.output.messages",
    "metadata": "metadata",
    "model": "gen_ai.response.model ai.response.model llm.response.model llm.model_name",
    # Sums over other attributes, descriptions of attributes, and repetitions.
    "noise": "logfire.json_schema logfire.msg_template logfire.metrics model_request_parameters lmnr.span.path"
    " lmnr.span.ids_path lmnr.span.parent_path lmnr.span.parent_ids_path lmnr.span.instrumentation_source"
    " lmnr.span.sdk_version lmnr.span.language_version lmnr.span.instrumentation_scope.name"
    " lmnr.span.instrumentation_scope.version",
    "operation": "gen_ai.operation.name llm.request.type",
    "output": "output.value langfuse.observation.output lmnr.span.output traceloop.entity.output"
    " gen_ai.tool.call.result tool_response ai.toolCall.result ai.response.text ai.response.object final_result"
    " response_data gen_ai.completion",
    "output_tokens": "gen_ai.usage.output_tokens gen_ai.usage.completion_tokens llm.token_count.completion"
    " llm.usage.completion_tokens ai.usage.completionTokens ai.usage.outputTokens",
    "output_type": "output.mime_type",
    "parameters": "llm.invocation_parameters langfuse.observation.model.parameters",
    "pending": "logfire.span_type",
    "pending_parent": "logfire.pending_parent_id",
    "provider": "gen_ai.provider.name llm.provider ai.model.provider",
    "reasoning": "gen_ai.usage.reasoning.output_tokens gen_ai.usage.reasoning_tokens"
    " gen_ai.usage.details.reasoning_tokens llm.token_count.completion_details.reasoning llm.usage.reasoning_tokens"
    " ai.usage.reasoningTokens",
    "request": "request_data",
    "response_id": "gen_ai.response.id ai.response.id llm.response.id",
    "run": "titan.agent_run_id",
    "run_name": "langfuse.trace.name",
    "score": "gen_ai.evaluation.score.value",
    "session": "session.id gen_ai.conversation.id langfuse.session.id traceloop.association.properties.session_id"
    " lmnr.association.properties.session_id ai.telemetry.metadata.sessionId",
    "span_tags": "logfire.tags lmnr.association.properties.tags",
    "status": "langfuse.observation.status_message",
    "system": "gen_ai.system llm.system",
    "system_message": "gen_ai.system_instructions",
    "tags": "tag.tags langfuse.trace.tags",
    "title": "logfire.msg",
    "tool": "gen_ai.tool.name tool.name ai.toolCall.name",
    "tools": "gen_ai.tool.definitions ai.prompt.tools",
    "total_tokens": "gen_ai.usage.total_tokens llm.token_count.total llm.usage.total_tokens ai.usage.totalTokens",
    "uncached_input": "ai.usage.inputTokenDetails.noCacheTokens",
    "usage": "langfuse.observation.usage_details langsmith.metadata.usage_metadata",
    "user": "user.id langfuse.user.id enduser.id traceloop.association.properties.user_id"
    " lmnr.association.properties.user_id ai.telemetry.metadata.userId",
    "verdict": "gen_ai.evaluation.name",
    "verdict_label": "gen_ai.evaluation.score.label",
    "verdict_reason": "gen_ai.evaluation.explanation",
}

MEANINGS: Final[dict[str, Meaning]] = {key: meaning for meaning, keys in _KEYS.items() for key in keys.split()}

#: Prefix of a list or object that is flattened over many attributes (`llm.input_messages.0.…`) → its meaning.
GROUPS: Final[dict[str, Meaning]] = {
    "gen_ai.prompt": "messages_in",
    "gen_ai.completion": "messages_out",
    "llm.input_messages": "messages_in",
    "llm.output_messages": "messages_out",
    "llm.request": "tools",
    "llm.tools": "tools",
    "gen_ai.request": "parameters",
    "ai.settings": "parameters",
    "retrieval.documents": "documents",
    "reranker.output_documents": "documents",
    "embedding.embeddings": "embeddings",
}


_LONGEST_KEY: Final = 200  # characters; known attributes are shorter, and longer ones must not fill the cache


class Gathered(msgspec.Struct):
    """A span's attributes by meaning."""

    found: dict[Meaning, Value]  #: the first of two attributes with the same meaning
    groups: dict[Meaning, dict[str, Value]]  #: flattened lists, by the rest of their keys
    rest: dict[str, Value]  #: attributes without a meaning


def gather(attributes: dict[str, Value]) -> Gathered:
    """Sort attributes by meaning."""
    found: dict[Meaning, Value] = {}
    groups: dict[Meaning, dict[str, Value]] = {}
    rest: dict[str, Value] = {}
    for key, value in attributes.items():
        meaning, tail = _place_of(key) if len(key) <= _LONGEST_KEY else (None, None)
        if meaning is None:
            rest[key] = value
        elif tail is not None:
            groups.setdefault(meaning, {})[tail] = value
        elif found.setdefault(meaning, value) != value and meaning != "noise":
            rest[key] = value
    return Gathered(found, groups, rest)


@lru_cache(maxsize=4096)  # programs use the same few keys in every span
def _place_of(key: str) -> tuple[Meaning | None, str | None]:
    """Return a key's meaning, and for an item of a flattened list the rest of the key."""
    if (meaning := MEANINGS.get(key)) is not None:
        return meaning, None
    if (usage := _USAGE.match(key)) is not None and (meaning := cache_meaning(key[usage.end() :])) is not None:
        return meaning, None
    second = key.find(".", key.find(".") + 1)
    group = GROUPS.get(key[:second]) if second > 0 else None
    return (None, None) if group is None else (group, key[second + 1 :])


_USAGE: Final = re.compile(r"(gen_ai|llm|ai)\.(usage|token_count)\.")  # before the name of a count of tokens
_CAPITAL: Final = re.compile(r"[.]|(?<=[a-z])(?=[A-Z])")
_CACHED: Final = re.compile(
    "((prompt|input)_)?((tokens?_)?details?_)?(tokens_)?(?:(cached?|cache_read|cache_hit)|cache_(write|creation))"
    "(_(input|prompt|content))?(_tokens?)?(_count)?"
)


@lru_cache(maxsize=1024)
def cache_meaning(name: str) -> Meaning | None:
    """Return whether a count is of tokens read from or written to a cache, however instrumentations spell it.

    "cached_tokens", "prompt_tokens_details.cached_tokens", "cacheReadInputTokens", "cache_write.input_tokens". None for
    others, also for parts of these counts: "cache_creation.ephemeral_1h_input_tokens".
    """
    match = _CACHED.fullmatch(_CAPITAL.sub("_", name).lower())
    return None if match is None else "cache_read" if match[6] else "cache_write"


#: Path parts that repeat the name of the list they are in.
_WRAPPERS: Final = frozenset(
    {"message", "tool_call", "message_content", "document", "embedding", "tool", "functions", "image"}
)


def unflattened(spread: dict[str, Value]) -> list[Value]:
    """Return the list that was flattened as `0.message.role`, `1.message.tool_calls.0.name`, in numeric order.

    Items without a number come last, as one object.
    """
    root: dict[str, Value] = {}
    for path, value in spread.items():
        names = [name for name in path.split(".") if name not in _WRAPPERS] or [path]
        _put(root, names, value)
    loose = {name: root.pop(name) for name in list(root) if not name.isdecimal()}
    numbered = _listed(root)
    items = numbered if type(numbered) is list else []
    return [*items, *([loose] if loose else [])]


def _put(root: dict[str, Value], names: list[str], value: Value) -> None:
    at = root
    for name in names[:-1]:
        inner = at.get(name)
        if type(inner) is not dict:
            inner = {} if inner is None else {"": inner}
            at[name] = inner
        at = inner
    last = names[-1]
    inner = at.get(last)
    if type(inner) is dict:  # `content` beside `content.0.text`
        inner[""] = value
    else:
        at[last] = value


def _listed(value: Value) -> Value:
    """Return a value in which objects with numeric keys only are lists."""
    if type(value) is not dict:
        return value
    if value and all(name.isdecimal() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=lambda name: (len(name), name))]
    return {name: _listed(inner) for name, inner in value.items()}
