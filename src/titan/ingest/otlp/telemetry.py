"""What an OTLP request says, in whichever encoding it came: spans and log records as plain values, and what their
attributes mean, in all the dialects: OpenTelemetry's GenAI conventions old and new, OpenInference, Traceloop, Langfuse,
Laminar, Logfire with pydantic-ai, and the Vercel AI SDK.

One table says it. A span's attributes are walked once: what has a meaning is lifted out, flattened lists come together,
the rest stays as it is.
"""

from functools import cached_property, lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from titan.ingest.values import Value
from titan.model.projects import project_name


class Origin:
    """What sent telemetry: the resource's attributes and the name of the instrumentation scope."""

    def __init__(self, resource: dict[str, Value], scope: str) -> None:
        self.resource = resource
        self.scope = scope

    @cached_property
    def run_id(self) -> str | None:
        """The run that all of it belongs to, where the resource names one."""
        run = self.resource.get("titan.agent_run_id")
        return str(run)[:200] if run else None

    @cached_property
    def project(self) -> str | None:
        """The project that it is of, where the resource names one."""
        return project_name(self.resource.get("titan.project"))

    @cached_property
    def service(self) -> str | None:
        """The service's name, None where its SDK made one up."""
        name = self.resource.get("service.name")
        is_made_up = type(name) is not str or name.startswith("unknown_service") or name.endswith(".py")
        return None if is_made_up else str(name) or None


class SpanEvent(msgspec.Struct):
    """Something that a span says happened within it."""

    name: str
    at_ns: int
    attributes: dict[str, Value]


class SpanLink(msgspec.Struct):
    """Another span that a span says it has to do with, of its own trace or another."""

    trace_id: str
    span_id: str
    attributes: dict[str, Value]


class Span(msgspec.Struct, kw_only=True):
    """One span. Ids are hexadecimal; times are nanoseconds since 1970, 0 where none came."""

    origin: Origin
    trace_id: str
    id: str
    parent_id: str  #: "": a root
    name: str
    started_ns: int
    ended_ns: int
    has_failed: bool | None  #: None: its status is unset
    status_message: str
    attributes: dict[str, Value]
    events: list[SpanEvent]
    links: list[SpanLink]


class Unread(msgspec.Struct):
    """A span or log record that cannot be read."""

    problem: str  #: which, and why


class LogRecord(msgspec.Struct, kw_only=True):
    """One log record. The ids are "" where none came."""

    origin: Origin
    trace_id: str
    span_id: str
    at_ns: int
    name: str  #: of the event; "" for a plain log line
    body: Value
    attributes: dict[str, Value]


# --- what attributes mean ---

Meaning: TypeAlias = Literal[
    "agent",  # the name of the agent that acts
    "all_messages",  # a conversation with question and answer in one
    "asked_model",
    "cache_read",
    "cache_write",
    "cost",
    "cost_details",
    "documents",
    "embeddings",
    "entity",  # what a framework calls the function or step
    "error_type",
    "events",  # messages as a list of events in one attribute
    "file",
    "function",
    "input",
    "input_tokens",
    "input_type",
    "kind",
    "level",
    "line",
    "messages_in",
    "messages_out",
    "metadata",
    "model",
    "noise",
    "operation",
    "output",
    "output_tokens",
    "output_type",
    "parameters",
    "pending",
    "pending_parent",
    "provider",
    "reasoning",
    "request",
    "response_id",
    "run",
    "run_name",
    "score",
    "session",
    "span_tags",
    "status",
    "system",
    "system_message",
    "tags",
    "title",
    "tool",
    "tools",
    "total_tokens",
    "uncached_input",
    "usage",
    "user",
    "verdict",
    "verdict_label",
    "verdict_reason",
]

_KEYS: Final[dict[Meaning, str]] = {
    "agent": "gen_ai.agent.name agent_name agent.name",
    "all_messages": "pydantic_ai.all_messages all_messages_events",
    "asked_model": "gen_ai.request.model model_name langfuse.observation.model.name embedding.model_name"
    " reranker.model_name ai.model.id llm.request.model",
    "cache_read": "gen_ai.usage.cache_read.input_tokens gen_ai.usage.cache_read_input_tokens"
    " gen_ai.usage.details.cache_read_tokens llm.token_count.prompt_details.cache_read ai.usage.cachedInputTokens"
    " ai.usage.inputTokenDetails.cacheReadTokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens gen_ai.usage.cache_creation_input_tokens"
    " gen_ai.usage.cache_write_input_tokens gen_ai.usage.details.cache_write_tokens"
    " llm.token_count.prompt_details.cache_write ai.usage.inputTokenDetails.cacheWriteTokens",
    "cost": "gen_ai.usage.cost operation.cost llm.cost.total gen_ai.usage.total_cost gen_ai.cost.total_cost",
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
    # Sums that follow from the rest, what describes attributes, and what is said a second time.
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
    "usage": "langfuse.observation.usage_details",
    "user": "user.id langfuse.user.id enduser.id traceloop.association.properties.user_id"
    " lmnr.association.properties.user_id ai.telemetry.metadata.userId",
    "verdict": "gen_ai.evaluation.name",
    "verdict_label": "gen_ai.evaluation.score.label",
    "verdict_reason": "gen_ai.evaluation.explanation",
}

MEANINGS: Final[dict[str, Meaning]] = {key: meaning for meaning, keys in _KEYS.items() for key in keys.split()}

#: Where a list or an object is spread over many attributes: the first two names of the key, and what they make.
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


_LONGEST_KEY: Final = 200  # characters; what has a meaning is shorter, and no more is remembered


class Gathered(msgspec.Struct):
    """A span's attributes, sorted."""

    found: dict[Meaning, Value]  #: of two that mean the same, the first
    groups: dict[Meaning, dict[str, Value]]  #: what was spread, by the rest of its keys
    rest: dict[str, Value]


def gather(attributes: dict[str, Value]) -> Gathered:
    """Sort attributes by what they mean."""
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
    """Return what a key means, and where it is one of a spread list the rest of its name."""
    if (meaning := MEANINGS.get(key)) is not None:
        return meaning, None
    second = key.find(".", key.find(".") + 1)
    group = GROUPS.get(key[:second]) if second > 0 else None
    return (None, None) if group is None else (group, key[second + 1 :])


#: Names that only say once more what they are within.
_WRAPPERS: Final = frozenset(
    {"message", "tool_call", "message_content", "document", "embedding", "tool", "functions", "image"}
)


def unflattened(spread: dict[str, Value]) -> list[Value]:
    """Return the list that was spread as `0.message.role`, `1.message.tool_calls.0.name`, in the order of its numbers.

    What has no number comes last, as one object.
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
    """Return a value in which objects of numbers only are lists."""
    if type(value) is not dict:
        return value
    if value and all(name.isdecimal() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=lambda name: (len(name), name))]
    return {name: _listed(inner) for name, inner in value.items()}
