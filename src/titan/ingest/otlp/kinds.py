"""What kind of action a span is, its name, and what a root span calls its run."""

import re
from typing import Final

from titan.ingest.otlp.attributes import Gathered, Meaning
from titan.ingest.otlp.telemetry import Span
from titan.ingest.values import Value
from titan.model.actions import ActionKind

#: What a framework says of the span, in small letters.
_KINDS: Final[dict[str, ActionKind]] = {
    # OpenInference, Langfuse, Laminar, Traceloop
    "llm": ActionKind.MODEL,
    "generation": ActionKind.MODEL,
    "tool": ActionKind.TOOL,
    "agent": ActionKind.AGENT,
    "chain": ActionKind.STEP,
    "span": ActionKind.STEP,
    "workflow": ActionKind.STEP,
    "task": ActionKind.STEP,
    "default": ActionKind.STEP,
    "prompt": ActionKind.STEP,
    "executor": ActionKind.STEP,
    "evaluation": ActionKind.STEP,
    "conversation": ActionKind.TURN,
    "event": ActionKind.EVENT,
    "retriever": ActionKind.CALL,
    "embedding": ActionKind.CALL,
    "reranker": ActionKind.CALL,
    "guardrail": ActionKind.CALL,
    "evaluator": ActionKind.CALL,
    # the Vercel AI SDK
    "ai.generatetext": ActionKind.STEP,
    "ai.streamtext": ActionKind.STEP,
    "ai.generateobject": ActionKind.STEP,
    "ai.streamobject": ActionKind.STEP,
    "ai.embed": ActionKind.STEP,
    "ai.embedmany": ActionKind.STEP,
    "ai.generatetext.dogenerate": ActionKind.MODEL,
    "ai.streamtext.dostream": ActionKind.MODEL,
    "ai.generateobject.dogenerate": ActionKind.MODEL,
    "ai.streamobject.dostream": ActionKind.MODEL,
    "ai.embed.doembed": ActionKind.CALL,
    "ai.embedmany.doembed": ActionKind.CALL,
    "ai.toolcall": ActionKind.TOOL,
}

#: `gen_ai.operation.name`, and before it Traceloop's `llm.request.type`.
_OPERATIONS: Final[dict[str, ActionKind]] = {
    "chat": ActionKind.MODEL,
    "text_completion": ActionKind.MODEL,
    "completion": ActionKind.MODEL,
    "generate_content": ActionKind.MODEL,
    "responses": ActionKind.MODEL,
    "embeddings": ActionKind.CALL,
    "embedding": ActionKind.CALL,
    "rerank": ActionKind.CALL,
    "retrieval": ActionKind.CALL,
    "execute_tool": ActionKind.TOOL,
    "invoke_agent": ActionKind.AGENT,
    "create_agent": ActionKind.AGENT,
    "invoke_workflow": ActionKind.STEP,
    "handoff": ActionKind.HANDOFF,
    # Semantic Kernel
    "chat.completions": ActionKind.MODEL,
    "chat.streaming_completions": ActionKind.MODEL,
    "text.completions": ActionKind.MODEL,
    "text.streaming_completions": ActionKind.MODEL,
    # OpenLIT and Spring AI, which sum up what the calls within them took
    "agent": ActionKind.AGENT,
    "framework": ActionKind.STEP,
    "workflow": ActionKind.STEP,
}

#: What only one kind of span has, where it says nothing plainer. The first that is there decides.
_SIGNS: Final[dict[Meaning, ActionKind]] = {
    "tool": ActionKind.TOOL,
    "model": ActionKind.MODEL,
    "response_id": ActionKind.MODEL,
    "agent": ActionKind.AGENT,
    "all_messages": ActionKind.AGENT,
    "system": ActionKind.MODEL,
}


#: What frameworks put around an agent's or a workflow's name in the names of their spans.
_AROUND_A_NAME: Final = frozenset({"agent", "agent_run", "create_agent", "invoke", "invoke_agent", "run", "workflow"})
_WORD: Final = re.compile(r"\w+")


def kind_of(gathered: Gathered) -> ActionKind:
    """Return what a span is; STEP for what says nothing of agents, such as an HTTP client's span."""
    found = gathered.found
    operation = _OPERATIONS.get(_small(found.get("operation")))
    said = _KINDS.get(_small(found.get("kind")))
    if said is ActionKind.STEP and operation is not None:  # "span" and "DEFAULT" are what frameworks say of anything
        return operation
    if said is not None or operation is not None:
        return said or operation or ActionKind.STEP
    sign = next((meaning for meaning in _SIGNS if meaning in found), None)
    if sign is None or (sign == "system" and "operation" in found):
        return (
            ActionKind.STEP
        )  # Strands and others name a system in all their spans: it says no more than the operation
    return _SIGNS[sign]


def name_of(span: Span, kind: ActionKind, found: dict[Meaning, Value]) -> str:
    """Return the tool's, the agent's or the operation's name, or else the span's."""
    name: Value = None
    match kind:
        case ActionKind.TOOL:
            name = found.get("tool") or found.get("entity")
        case ActionKind.AGENT:
            name = found.get("agent") or found.get("entity")
        case ActionKind.MODEL:
            name = found.get("operation")
        case ActionKind.STEP:
            name = found.get("entity")
    return (name if type(name) is str and name else span.name)[:500] or "unnamed"


def title_of(span: Span, name: str, found: dict[Meaning, Value]) -> str:
    """Return what a root span calls its run: its own name, or `name` where it says no more than that and what it does.

    "invoke_agent code-reviewer" is the agent's name once more; "review pull request #482" is the run's own.
    """
    known = (name, _small(found.get("agent")), _small(found.get("operation")), _small(found.get("kind")))
    said = _AROUND_A_NAME.union(*map(_words, known))
    return name if _words(span.name) <= said else span.name


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _small(value: Value) -> str:
    return value.lower() if type(value) is str else ""
