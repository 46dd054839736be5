"""Entries: the reports of an agent run's actions and state, as each source sends them.

Reports of every source (the SDK, the model endpoint, OpenTelemetry, a foreign client) become entries. An entry holds
what one source knows of one action or run at one moment; an action merges all entries about it (`titan.model.runs`).
Entries are appended and never changed: they are the run's tape.

These are msgspec's structs, not dataclasses: thousands are made each second, which takes a fifth of the time.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from itertools import chain
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from titan.model.projects import MAX_PROJECT
from titan.model.run_control import Origin, StatusSource

#: Where a payload's shared pieces go in its text, as the one JSON list that this stands for.
SHARED_MARK: Final = '{"$shared":0}'
DIGEST_BYTES: Final = 16  #: of a shared piece's digest
#: Of one call: no model takes a hundredth of it, and nine thousand million calls of it make a sum of 64 bits.
#: `titan_sdk.recording.entries` has the same.
MOST_TOKENS: Final = 10**9
#: US dollars of one call; sums of 64 bits of picodollars end at 9,223,372. `titan_sdk.recording.entries` has it too.
MOST_USD: Final = Decimal(10) ** 5

#: The ids of our model endpoint's answers: a report that names one is about a call of that endpoint. OpenAI's own have
#: 29 letters. The store has an index of these alone (`actions_by_own_answer`).
OWN_ANSWER: Final = re.compile("chatcmpl-[0-9a-f]{32}")
OWN_LENGTH: Final = 41  # checked first: other ids are seldom as long


def is_answer(id: str) -> bool:
    """Return whether an id is that of an answer of our model endpoint."""
    return len(id) == OWN_LENGTH and OWN_ANSWER.fullmatch(id) is not None


MAX_TAGS: Final = 100  # of a run or an action: they stand in every list, and are joined with each entry that has some
CLOCK_SKEW: Final = "clock-skew"  # the tag of what was reported with times far outside of its bounds
MORE_TAGS: Final = "… and more"  # the tag that stands for those that were left out


class ActionKind(StrEnum):
    """What an action is."""

    MODEL = "model"  #: a call of a language model
    TOOL = "tool"  #: a call of a tool
    CALL = "call"  #: any other call: a decorated function, a retrieval, an embedding
    AGENT = "agent"  #: an agent or sub-agent at work; what it did stands below it
    STEP = "step"  #: a chain, graph node or workflow step that groups others
    TURN = "turn"  #: a turn of a conversation
    THOUGHT = "thought"  #: reasoning that was made visible
    HANDOFF = "handoff"  #: one agent gave the work to another
    EVENT = "event"  #: something that happened at one moment


#: The kinds that are attempts at something: they are counted, priced and listed. The others group them, and their cost
#: and tokens repeat their children's.
CALLS: Final = frozenset({ActionKind.MODEL, ActionKind.TOOL, ActionKind.CALL})


class Outcome(StrEnum):
    """How an action ended, in the terms of agentsentinel-sdk."""

    SUCCESS = "success"
    ERROR = "error"  #: it raised, or the other side failed
    BLOCKED = "blocked"  #: a policy stopped it; what it would have cost was not spent
    REJECTED = "rejected"  #: a person did not approve it
    REPLAYED = "replayed"  #: answered from a recording
    IDEMPOTENT_REPLAY = "idempotent_replay"  #: answered with what the same call gave before


#: The outcomes of an attempt: what the success rate is a share of.
ATTEMPTS: Final = frozenset({Outcome.SUCCESS, Outcome.ERROR, Outcome.BLOCKED, Outcome.REJECTED})
CLAIM: Final = "reported-cost"  #: the id of the event that holds what an agent said that its whole run cost
#: The outcomes whose cost was spent.
INCURRED: Final = frozenset({Outcome.SUCCESS, Outcome.ERROR})
#: The outcomes whose cost was not spent because something stopped the call.
PREVENTED: Final = frozenset({Outcome.BLOCKED, Outcome.REJECTED})


class Reason(StrEnum):
    """Why an action that is over has no outcome. It is no attempt that failed or succeeded."""

    WAITING = "waiting"  #: for a person; what comes of it is another action
    CANCELLED = "cancelled"  #: its caller left, or closed what it read


#: The reasons by the names of exceptions and errors: of LangGraph and pydantic-ai, of asyncio and Python, and our own.
_REASONS: Final = {
    **dict.fromkeys(("GraphInterrupt", "NodeInterrupt", "CallDeferred", "ApprovalRequired"), Reason.WAITING),
    **dict.fromkeys(("CancelledError", "GeneratorExit", "ClientDisconnected"), Reason.CANCELLED),
}


def reason_of(error_type: str | None) -> Reason | None:
    """Return the reason that an error stands for: of "langgraph.errors.GraphInterrupt" WAITING. None for failures."""
    return _REASONS.get((error_type or "").rpartition(".")[2])


class Impact(StrEnum):
    """How much harm a call can do, as declared by its author."""

    READ = "read"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Effect(StrEnum):
    """What a call changes, as declared by its author; a replay never repeats an external one."""

    EXTERNAL = "external"  #: something outside of the process
    LOCAL = "local"  #: nothing, or nothing that outlives the process


class Source(StrEnum):
    """The source of a report. Reports of one source about the same thing count once."""

    SDK = "sdk"
    ENDPOINT = "endpoint"  #: our own model endpoint; its cost wins, for it saw the answer
    OTLP = "otlp"
    SENTINEL = "sentinel"  #: agentsentinel-sdk
    OPENAI_AGENTS = "openai_agents"  #: the trace exporter of openai-agents
    IMPORT = "import"
    WORLD = "world"  #: a simulated world, of the calls that agents made in it


class Payload(Struct, frozen=True):
    """Inputs or outputs: a JSON text in the typed encoding of `titan_sdk.tape`.

    Messages of a conversation come again with every call, so they stand apart: `shared` are JSON texts that the run
    keeps once, and the text holds SHARED_MARK where the list of them goes. Nothing a user sends looks like the mark,
    for the encoding writes an object with one key that begins with `$` in another way.
    """

    text: str
    shared: tuple[str, ...] = ()
    blob: str | None = None  #: SHA-256 of the content that `text` only stands in for, because it is large
    digests: tuple[bytes, ...] = ()  #: of each of `shared`, by `digest_of`; none while nobody has computed them

    @property
    def whole(self) -> str:
        """The JSON text with its shared pieces in place."""
        if not self.shared:
            return self.text
        return self.text.replace(SHARED_MARK, f"[{','.join(self.shared)}]", 1)


def digest_of(text: str) -> bytes:
    """Return a text's digest: DIGEST_BYTES of BLAKE2b."""
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def with_digests(payload: Payload) -> Payload:
    """Return a payload with the digests of its shared texts, so that the store need not compute them."""
    return replace(payload, digests=tuple(map(digest_of, payload.shared)))


def first_tags(*reported: Iterable[str]) -> tuple[str, ...]:
    """Return each tag once, in the order reported: the first MAX_TAGS, and MORE_TAGS where there are more."""
    tags = tuple(dict.fromkeys(chain(*reported)))
    return tags if len(tags) <= MAX_TAGS else (*tags[:MAX_TAGS], MORE_TAGS)


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an action failed."""

    type: str  #: of the exception, or what the source calls it: "ValueError", "rate_limit_exceeded"
    message: str = ""
    traceback: str | None = None


class ModelUse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The model and the tokens of a model call. Unknown is None, never 0."""

    model: str | None = None  #: as the answer names it, else as it was asked for
    provider: str | None = None  #: "openai", "anthropic", "google" …: OpenTelemetry's `gen_ai.provider.name`
    input_tokens: int | None = None  #: all of them, those read from and written to a cache too
    output_tokens: int | None = None  #: all of them, those of reasoning too
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    response_id: str | None = None  #: the provider's id of the answer: the same call reported twice has the same one


class Redaction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A secret that was taken away before anything was stored."""

    path: str  #: where it stood: "$.inputs.messages[0].content"
    name: str  #: the pattern or field rule that took it; its chip says the same
    fingerprint: str  #: keyed, of the value: equal values of one project have equal ones


class ActionEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one source reports of one action at one moment. None: not reported."""

    id: str  #: unique in its run: a UUID, an OpenTelemetry span id
    run_id: str
    source: Source
    kind: ActionKind
    name: str  #: of the tool or function; of a model call its operation, such as "chat"
    started_at: datetime
    ended_at: datetime | None = None  #: None: it still runs
    duration_ns: int | None = None  #: None: the difference of the two times
    outcome: Outcome | None = None  #: None while it runs
    parent_id: str | None = None  #: the action, or span, that it was made in
    actor: str | None = None  #: the agent or sub-agent that acted; None: the run's own
    inputs: Payload | None = None
    outputs: Payload | None = None
    is_part: bool = False  #: inputs and outputs are some of the action's messages: other entries report the others
    failure: Failure | None = None
    cost: Decimal | None = None  #: US dollars
    is_cost_estimated: bool = False  #: computed from tokens and a price list, for the source did not say it
    use: ModelUse | None = None  #: None: no language model
    tags: tuple[str, ...] = ()
    impact: Impact | None = None
    effect: Effect | None = None
    is_redacted: bool = False  #: the source took something away before it sent this
    redacted: tuple[Redaction, ...] = ()  #: what we took away
    redaction_version: int = 0  #: of the patterns by which secrets were last looked for in this; 0: in no way
    #: A JSON object of what else is known: `attributes` as the source calls them, `compliance`, `callsite`, `task_id`,
    #: `mission_id`, `principal`, `harness`, `thread`. None: nothing.
    details: str | None = None
    project: str | None = None  #: that its run is of, as the source says; None: the request's. None in a tape
    scope: str | None = None  #: of OpenTelemetry, the instrumentation that reports: each is a source of its own

    @property
    def reporter(self) -> str:
        """The reporter: "sdk", "otlp:openinference.instrumentation.openai". One reporter's two spans are two calls."""
        return self.source.value if not self.scope else f"{self.source.value}:{'_'.join(self.scope.split())}"


def part_key(entry: ActionEntry) -> bytes:
    """Return the key of some of an action's messages: the same when they are sent again."""
    said = "\n".join("" if payload is None else payload.whole for payload in (entry.inputs, entry.outputs))
    return digest_of(f"{entry.started_at.isoformat()}\n{said}")


class RunEnd(StrEnum):
    """How a run ended, as its program reported."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AgentSource(StrEnum):
    """How a run was attributed to its agent; the first of these takes precedence."""

    SAID = "said"  #: the run's program or its root span named it
    ACTED = "acted"  #: it was the first agent seen to act
    NAMED = "named"  #: taken from the name of the service or of the root span
    ASSUMED = "assumed"  #: no source named it: a call of our model endpoint named a run, and no agent


class Standing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of an exported run's state that its entries do not hold: see `titan.model.runs.Run`."""

    last_event_at: datetime
    last_started_at: datetime | None = None
    last_outcome: Outcome | None = None
    last_ended_at: datetime | None = None
    progress_at: datetime | None = None


class RunEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one source reports of a run. None: not reported."""

    run_id: str
    source: Source
    at: datetime
    agent_id: str | None = None
    agent_source: AgentSource = AgentSource.SAID
    agent_at: datetime | None = None  #: since when it was seen to act; None: `at`
    session_id: str | None = None  #: groups runs: a conversation of many turns
    parent_run_id: str | None = None  #: it is a fork of this run …
    forked_at_action_id: str | None = None  #: … from this action of it on; None: the code was edited
    name: str | None = None  #: a title for people
    is_name_guessed: bool = False  #: its agent's name, or a request's; it replaces none, and the root's replaces it
    end: RunEnd | None = None  #: the run is over
    is_part_end: bool = False  #: it is the end of one trace; the run is over if nothing else of it goes on
    end_source: StatusSource = StatusSource.EXPLICIT  #: how that is known; others are an export's word
    reason: str | None = None  #: why it ended so
    done: int | None = None  #: progress: steps that are done …
    total: int | None = None  #: … of so many
    tags: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()  #: of OpenTelemetry, that reported it and do not have its name
    details: str | None = None  #: a JSON object, as in ActionEntry
    #: A JSON object about one process that acts in it, and one of its code and packages: `titan_sdk.recording.program`.
    process: str | None = None
    program: Payload | None = None
    standing: Standing | None = None  #: of an export: as it stood there
    project: str | None = None  #: as in ActionEntry
    origin: Origin | None = None  #: what the run is for, which Titan knows, or an export says


Entry: TypeAlias = ActionEntry | RunEntry


def times_of(entry: Entry) -> tuple[datetime, datetime]:
    """Return the first and the last time of an entry."""
    if isinstance(entry, RunEntry):
        return entry.at, entry.at if entry.standing is None else max(entry.at, entry.standing.last_event_at)
    return entry.started_at, entry.started_at if entry.ended_at is None else max(entry.started_at, entry.ended_at)


def project_name(reported: object) -> str | None:
    """Return the project that a report names, cut to MAX_PROJECT; None when it is not a valid name."""
    name = reported.strip()[:MAX_PROJECT].strip() if isinstance(reported, str) else ""
    return name if name and name.isprintable() else None
