"""Remove the content of entries when content capture is off; details keep what is on the metadata allowlist.

The list names what stays: every framework has names of its own for questions and answers.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from titan.model.actions import ActionEntry, RunEntry

MOST_READ: Final = 2 * 1024 * 1024  # characters; 1.5 MB of prose take some 0.1 s
MOST_KEPT: Final = 32 * 1024  # characters of words: what prose of 2 MB has; random text has no end of them
LONGEST: Final = 40  # characters; what is longer is data in base64, which nobody looks for by its words
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_WORD: Final = re.compile(r"\w+")


def distinct_words(json_text: str) -> str:
    """Return the words of a JSON text, keys too, each once in small letters, in the order in which they come."""
    plain = _ESCAPE.sub(_said, json_text[:MOST_READ])
    kept: list[str] = []
    room = MOST_KEPT
    for word in dict.fromkeys(_WORD.findall(plain.lower())):
        if len(word) <= LONGEST:
            room -= len(word) + 1
            if room < 0:
                break
            kept.append(word)
    return " ".join(kept)


def _said(escape: re.Match[str]) -> str:
    """Return the letter that an escape says; a gap where it says none, such as half of a surrogate pair."""
    letter = chr(int(escape[1], 16)) if escape[1] else " "
    return " " if "\ud800" <= letter <= "\udfff" else letter


E = TypeVar("E", bound=ActionEntry | RunEntry)

#: Members that are ids and names.
_PLAIN: Final = frozenset(
    ["task_id", "mission_id", "harness", "principal", "thread", "replay_of", "parameters", "assumed"]
)
#: Members that are objects, and what stays of them.
_OBJECTS: Final[Mapping[str, frozenset[str]]] = {
    "scope": frozenset(("name", "version")),
    "callsite": frozenset(("file", "line", "function", "qualname")),
    "defined_at": frozenset(("file", "line", "qualname")),
    "sums": frozenset(
        [
            "model",
            "provider",
            "response_id",
            "cost_usd",
            "requests",
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
        ]
    ),
    "verdict": frozenset(("name", "score", "label", "passed")),
    "compliance": frozenset(("requires_human_approval", "approval_status", "human_in_the_loop_email")),
    "intervention": frozenset(["type", "outcome", "action_name", "reason", "estimated_cost_usd", "risk_level"]),
    "replay": frozenset(["status", "actions_replayed", "actions_total", "divergences_detected", "cost_savings"]),
}
#: Members whose keys are those of OpenTelemetry.
_ATTRIBUTES: Final = frozenset(("attributes", "resource"))
_KEPT_KEYS: Final = frozenset(
    [
        "error.type",
        "exception.type",
        "http.request.method",
        "http.method",
        "http.response.status_code",
        "http.status_code",
        "http.route",
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "db.system",
        "db.system.name",
        "process.pid",
        "process.executable.name",
        "container.id",
        "container.name",
        "container.image.name",
        "thread.id",
        "thread.name",
        "session.id",
        "user.id",
        "count",
        "code.file.path",
        "code.filepath",
        "code.line.number",
        "code.lineno",
        "code.function",
        "code.function.name",
        "code.namespace",
        "gen_ai.operation.name",
        "gen_ai.system",
        "gen_ai.provider.name",
        "gen_ai.output.type",
        "gen_ai.conversation.id",
        "gen_ai.agent.id",
        "gen_ai.agent.name",
        "gen_ai.agent.version",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "gen_ai.tool.call.id",
        "gen_ai.request.model",
        "gen_ai.request.temperature",
        "gen_ai.request.top_p",
        "gen_ai.request.top_k",
        "gen_ai.request.seed",
        "gen_ai.request.max_tokens",
        "gen_ai.request.choice.count",
        "gen_ai.request.frequency_penalty",
        "gen_ai.request.presence_penalty",
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.time_to_first_chunk",
        "openinference.span.kind",
        "traceloop.span.kind",
        "traceloop.workflow.name",
        "langfuse.environment",
        "langfuse.release",
        "langfuse.version",
        "langfuse.observation.type",
        "langfuse.observation.level",
    ]
)
_KEPT_BEGINNINGS: Final = (
    *("service.", "telemetry.", "deployment.", "host.", "os.", "process.runtime.", "cloud.", "faas.", "server."),
    *("network.", "gen_ai.usage.", "llm.usage.", "llm.token_count.", "ai.usage."),
    *("llm.cost.", "gen_ai.cost."),
)


def without_content(entry: E) -> E:
    """Return an entry without inputs, outputs, traceback and what in details may be content; the same if it has none.

    Names, ids, tags, reasons and messages of failures stay.
    """
    details = facts_in(entry.details)
    left_out: dict[str, object] = {} if details == entry.details else {"details": details}
    if isinstance(entry, RunEntry) and entry.process is not None:
        left_out |= {"process": None, "program": None}
    if isinstance(entry, ActionEntry):
        left_out |= {name: None for name in ("inputs", "outputs") if getattr(entry, name) is not None}
        if entry.failure is not None and entry.failure.traceback is not None:
            left_out["failure"] = replace(entry.failure, traceback=None)
    return replace(entry, **left_out) if left_out else entry


def facts_in(details: str | None) -> str | None:
    """Return a JSON object of the facts among an entry's details: names, ids, counts; None where there is none."""
    if details is None:
        return None
    try:
        members = msgspec.json.decode(details, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    kept: dict[str, object] = {}
    for name, value in members.items():
        if name in _PLAIN and _is_fact(value):
            kept[name] = value
        elif isinstance(value, dict) and (facts := _facts(name, value)):
            kept[name] = facts
    return msgspec.json.encode(kept).decode() if kept else None


def _facts(name: str, value: dict[str, object]) -> dict[str, object]:
    if name in _ATTRIBUTES:
        named = {key: inner for key, inner in value.items() if key in _KEPT_KEYS or key.startswith(_KEPT_BEGINNINGS)}
    else:
        own = _OBJECTS.get(name, frozenset())
        named = {key: inner for key, inner in value.items() if key in own}
    return {key: inner for key, inner in named.items() if _is_fact(inner)}


def _is_fact(value: object) -> bool:
    """Return whether a value is one word or number, or a list of them; what holds objects may hold anything."""
    if isinstance(value, list):
        return all(isinstance(item, str | int | float) for item in value)
    return isinstance(value, str | int | float)
