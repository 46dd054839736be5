"""Read what agentsentinel-sdk 0.2 to 0.4 posts into entries, and write the bundles that it replays.

The client delivers at least once, and resends refused batches with everything behind them. So a batch is refused only
when it is no batch at all: entries that cannot be read are left out and named in the answer.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct

from titan.ingest.values import checked_cost, in_utc, payload_of, read_json, shallow, text_of
from titan.model.actions import (
    MOST_TOKENS,
    ActionEntry,
    ActionKind,
    Entry,
    Failure,
    Impact,
    ModelUse,
    Outcome,
    Payload,
    RunEnd,
    RunEntry,
    Source,
)
from titan.model.errors import InvalidInput
from titan.model.runs import Action
from titan.wire.sentinel import RefusedView
from titan_sdk.tape import decode

T = TypeVar("T")

REPLAY_TAG: Final = "replay"  # of a run that holds replayed calls, or the result of a replay
_REPLAY: Final = ":replay"
#: The run of interventions that name none: version 0.2 sends such, and resends a refused one before all others.
RUNLESS: Final = "agentsentinel:no-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The sender of a request, from its headers."""

    run_id: str | None = None
    agent_id: str | None = None
    harness: str | None = None
    principal: str | None = None


def read_as(body: bytes, shape: type[T], *, what: str) -> T:
    """Return a body as `shape`.

    Raises:
        InvalidInput: it is no JSON, or does not fit.
    """
    return _shaped(read_json(body, what=what), shape, what=what)


def replay_session(run_id: str) -> str:
    """Return the run that stores replayed calls: the client reports them under the id of the recorded run."""
    return f"{run_id}{_REPLAY}"


# --- bodies, as far as they are read; unknown fields are stored among an action's details ---

MAX_ENTRIES: Final = 10_000  # the client sends 100 at once; its `batch_size` can be raised
MAX_ID: Final = 200

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0)]
Nanoseconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Usd = Annotated[Decimal, Meta(description="US dollars, as a number or a string.")]


class BatchBody(Struct, kw_only=True):
    """POST /api/v1/ingest. Entries are validated one by one."""

    entries: Annotated[list[dict[str, Any]], Meta(max_length=MAX_ENTRIES)]
    run_id: Id | None = None
    agent_id: Name | None = None
    mission_id: str | None = None


class PayloadBody(Struct, kw_only=True):
    """The inputs and outputs of a call."""

    inputs: Any = None
    outputs: Any = None


class EntryBody(Struct, kw_only=True):
    """An entry of the client's ledger: a call that has ended, or a mark of an integration."""

    outcome: Outcome
    id: Id | None = None
    timestamp: Annotated[str | None, Meta(description="The call's end, ISO 8601; UTC without a zone.")] = None
    action: Name | None = None
    name: Name | None = None
    cost_usd: Usd | None = None
    duration_ms: Milliseconds | None = None
    duration_ns: Nanoseconds | None = None
    tags: list[str] | None = None
    payload: PayloadBody | None = None
    inputs: Any = None
    outputs: Any = None
    compliance_metadata: dict[str, Any] | None = None
    agent_id: Name | None = None
    run_id: Id | None = None
    task_id: str | None = None
    mission_id: str | None = None
    inputs_redacted: bool = False
    impact: Impact | None = None


class InterventionBody(Struct, kw_only=True):
    """POST /api/v1/interventions/."""

    intervention_type: Name
    outcome: Name
    action_name: Name
    timestamp: str
    agent_id: Name | None = None
    run_id: Id | None = None
    reason: str | None = None
    estimated_cost: Usd | None = None
    risk_level: str | None = None
    original_inputs: Any = None


class ReplayResultsBody(Struct, kw_only=True):
    """POST /api/v1/replay/{run}/results."""

    status: Annotated[str, Meta(description="success, partial or failed.")]
    actions_replayed: Count = 0
    actions_total: Count = 0
    divergences_detected: Count = 0
    divergences: list[dict[str, Any]] = msgspec.field(default_factory=list)
    cost_savings: Usd = Decimal(0)


class ReserveBody(Struct, kw_only=True):
    """POST /api/v1/budgets/reserve."""

    action_name: Name
    estimated_cost_usd: Usd
    group_id: str | None = None
    run_id: Id | None = None


class ApprovalBody(Struct, kw_only=True):
    """POST /api/v1/approvals."""

    action_name: Name


class ResponseBody(Struct, kw_only=True):
    """POST /api/v1/approvals/{approval}/respond."""

    response: str


class RegisterBody(Struct, kw_only=True):
    """POST /api/v1/actions/register."""

    agent_id: Name
    actions: list[dict[str, Any]]
    sdk_version: str | None = None


# --- kinds of entries ---

# Integrations with frameworks write marks into the ledger: a run began, a message came, a crew is done. A mark's
# outcome is "error" unless its status is "completed", and the cost of the last one repeats the calls before it. So
# marks are recognised by their names, and are no calls.

#: Prefix of a mark's name → its kind.
_MARKS: Final = {
    "autogen:message:": ActionKind.EVENT,
    "autogen:run_start:": ActionKind.STEP,
    "autogen:run_end:": ActionKind.STEP,
    "crew:start:": ActionKind.STEP,
    "crew:complete:": ActionKind.STEP,
    "crew:error:": ActionKind.STEP,
}
#: Prefixes of marks that end a run.
_END_MARKS: Final = ("autogen:run_end:", "crew:complete:", "crew:error:")
#: The statuses of marks that are not errors.
_NEUTRAL: Final = frozenset({"started", "received"})
#: Prefix of a model call's name → its provider, where known.
_MODEL_CALLS: Final = {
    "llm_call:": None,
    "autogen:llm_call:": None,
    "openai:": "openai",
    "anthropic:": "anthropic",
    "gemini:": "google",
}
_TOOL_CALLS: Final = ("tool:", "tool_call")
_UNSUCCESSFUL: Final = frozenset({Outcome.ERROR, Outcome.BLOCKED, Outcome.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classified:
    """The kind, outcome and failure of an entry."""

    kind: ActionKind
    outcome: Outcome
    use: ModelUse | None = None
    end: RunEnd | None = None  #: the entry ends its run
    failure: Failure | None = None
    is_cost_unknown: bool = False  #: the client's price list lacks the model, and its cost is wrong


def _classified(name: str, entry: EntryBody, inputs: Any, outputs: Any) -> _Classified:
    """Return the kind of an entry, from its name, outcome and content."""
    given = _given(inputs)
    mark = next((kind for prefix, kind in _MARKS.items() if name.startswith(prefix)), None)
    if mark is not None:
        status = outputs.get("status") if isinstance(outputs, dict) else None
        outcome = Outcome.SUCCESS if status in _NEUTRAL else entry.outcome
        failure = _failure(outcome, given, outputs)
        return _Classified(kind=mark, outcome=outcome, failure=failure, end=_end(name, outcome))
    use = _use(name, given)
    is_tool = name.startswith(_TOOL_CALLS) or "tool" in (entry.tags or ())
    return _Classified(
        kind=ActionKind.MODEL if use is not None else ActionKind.TOOL if is_tool else ActionKind.CALL,
        outcome=entry.outcome,
        use=use,
        failure=_failure(entry.outcome, given, outputs),
        is_cost_unknown=given.get("pricing_found") is False,
    )


def failure_of(outcome: Outcome, text: str) -> Failure:
    """Return "ValueError: nope" as type and message; the type of other texts is the outcome."""
    kind, colon, message = text.partition(": ")
    if colon and all(part.isidentifier() for part in kind.split(".")):
        return Failure(type=kind, message=message)
    return Failure(type=outcome.value, message=text)


def failure_text(failure: Failure) -> str:
    """Return the text that `failure_of` read."""
    is_outcome = failure.type in {outcome.value for outcome in _UNSUCCESSFUL}
    return failure.message if is_outcome else f"{failure.type}: {failure.message}"


def _given(inputs: Any) -> dict[str, Any]:
    """Return a call's keyword arguments, or the metadata of `Ledger.log`."""
    if not isinstance(inputs, dict):
        return {}
    kwargs = inputs.get("kwargs")
    return kwargs if isinstance(kwargs, dict) else inputs


def _end(name: str, outcome: Outcome) -> RunEnd | None:
    if not name.startswith(_END_MARKS):
        return None
    return RunEnd.COMPLETED if outcome is Outcome.SUCCESS else RunEnd.FAILED


def _use(name: str, given: dict[str, Any]) -> ModelUse | None:
    prefix = next((prefix for prefix in _MODEL_CALLS if name.startswith(prefix)), None)
    model = given.get("model")
    if prefix is None and not (isinstance(model, str) and ("messages" in given or "prompt" in given)):
        return None
    return ModelUse(
        model=model if isinstance(model, str) else None,
        provider=_MODEL_CALLS[prefix] if prefix is not None else None,
        input_tokens=_tokens(given, "prompt_tokens", "input_tokens"),
        output_tokens=_tokens(given, "completion_tokens", "output_tokens"),
    )


def _tokens(given: dict[str, Any], *names: str) -> int | None:
    counts = (given.get(name) for name in names)
    return next((count for count in counts if type(count) is int and 0 <= count <= MOST_TOKENS), None)


def _failure(outcome: Outcome, given: dict[str, Any], outputs: Any) -> Failure | None:
    if outcome not in _UNSUCCESSFUL:
        return None
    if isinstance(outputs, str):
        return failure_of(outcome, outputs)
    error, kind = given.get("error"), given.get("error_type")
    if isinstance(error, str):
        return Failure(type=kind if isinstance(kind, str) and kind else outcome.value, message=error)
    return Failure(type=kind) if isinstance(kind, str) and kind else None


# --- batches of calls ---

_TAKEN: Final = frozenset(EntryBody.__struct_fields__)
#: The client's value of `compliance_metadata` where compliance is not used.
_NO_COMPLIANCE: Final = {"requires_human_approval": False, "approval_status": "not_required"}


class Batch(NamedTuple):
    """The entries of a batch, and those that were left out."""

    entries: list[Entry]
    refused: list[RefusedView]


def read_batch(body: bytes, sender: Sender, *, now: datetime) -> Batch:
    """Return the entries in a body of POST /api/v1/ingest, and those that were left out.

    Runs come first, then the calls in the order of their ends. `now` is the end of entries without a time.

    Raises:
        InvalidInput: it is no batch.
    """
    batch = read_as(body, BatchBody, what="the batch")
    actions: list[tuple[ActionEntry, _Classified]] = []
    refused: list[RefusedView] = []
    for index, fields in enumerate(batch.entries):
        try:
            actions.append(_action(fields, index, batch, sender, now=now))
        except InvalidInput as error:
            entry_id = fields.get("id")
            known_id = entry_id if isinstance(entry_id, str) else None
            refused.append(
                RefusedView(index=index, id=known_id, reason=f"expected {error.expected}; found {error.found}")
            )
    actions.sort(key=lambda pair: pair[0].ended_at or now)  # stable: equal ends stay in the order they were written
    return Batch([*_runs(actions, batch, sender), *_calls_and_ends(actions)], refused)


def _action(
    fields: dict[str, Any], index: int, batch: BatchBody, sender: Sender, *, now: datetime
) -> tuple[ActionEntry, _Classified]:
    what = f"entry {index}"
    entry = _shaped(fields, EntryBody, what=what)
    name = entry.action or entry.name
    run_id = entry.run_id or batch.run_id or sender.run_id
    if name is None or run_id is None:
        missing = "action or name" if name is None else "run_id, of the entry, the batch or the header"
        raise _unreadable(what, missing, "neither")
    inputs = entry.payload.inputs if entry.payload is not None else entry.inputs
    outputs = entry.payload.outputs if entry.payload is not None else entry.outputs
    classified = _classified(name, entry, inputs, outputs)
    is_failure_text = classified.outcome in _UNSUCCESSFUL and isinstance(outputs, str)
    ended_at = now if entry.timestamp is None else _read_time(entry.timestamp, what=what)
    duration_ns = _duration_ns(entry, what=what)
    action = ActionEntry(
        id=entry.id or _digest(run_id, str(index), text_of(fields)),
        run_id=replay_session(run_id) if classified.outcome is Outcome.REPLAYED else run_id,
        source=Source.SENTINEL,
        kind=classified.kind,
        name=name,
        started_at=_before(ended_at, duration_ns, what=what),
        ended_at=ended_at,
        duration_ns=duration_ns,
        outcome=classified.outcome,
        actor=entry.agent_id if entry.agent_id != (batch.agent_id or sender.agent_id) else None,
        inputs=_payload(inputs),
        outputs=None if is_failure_text else _payload(outputs),
        failure=classified.failure,
        cost=None if classified.is_cost_unknown else checked_cost(_reported_cost(entry, outputs, what=what), what=what),
        use=classified.use,
        tags=tuple(tag[:200] for tag in entry.tags or ()),
        impact=entry.impact,
        is_redacted=entry.inputs_redacted,
        details=_details(fields, entry, batch, sender),
    )
    return action, classified


def _runs(actions: Sequence[tuple[ActionEntry, _Classified]], batch: BatchBody, sender: Sender) -> Iterator[RunEntry]:
    """Yield an entry for each run with calls in the batch, which names its agent."""
    by_run: dict[str, list[ActionEntry]] = {}
    for action, _ in actions:
        by_run.setdefault(action.run_id, []).append(action)
    for run_id, own in by_run.items():
        # A context may set its own run and agent, while the batch names the agent of the configuration.
        actors = {action.actor for action in own}
        acting = actors.pop() if len(actors) == 1 else None
        replayed = run_id.removesuffix(_REPLAY) if own[0].outcome is Outcome.REPLAYED else None
        details = _known(harness=sender.harness, principal=sender.principal, replay_of=replayed)
        yield RunEntry(
            run_id=run_id,
            source=Source.SENTINEL,
            at=min(action.started_at for action in own),
            agent_id=acting or batch.agent_id or sender.agent_id,
            name=f"Replay of {replayed}" if replayed is not None else None,
            tags=(REPLAY_TAG,) if replayed is not None else (),
            details=text_of(details) if details else None,
        )


def _calls_and_ends(actions: Sequence[tuple[ActionEntry, _Classified]]) -> Iterator[Entry]:
    """Yield the calls, and the end of a run after its end mark; later calls show that the run continues."""
    for action, classified in actions:
        yield action
        if classified.end is not None:
            yield RunEntry(
                run_id=action.run_id,
                source=Source.SENTINEL,
                at=action.ended_at or action.started_at,
                end=classified.end,
                reason=action.failure.message if action.failure is not None else None,
            )


def _reported_cost(entry: EntryBody, outputs: Any, *, what: str) -> Decimal | None:
    if entry.cost_usd is not None or not isinstance(outputs, dict) or outputs.get("cost_usd") is None:
        return entry.cost_usd
    try:
        return msgspec.convert(outputs["cost_usd"], Decimal)
    except msgspec.ValidationError:
        raise _unreadable(what, "a number at outputs.cost_usd", type(outputs["cost_usd"]).__name__) from None


def _duration_ns(entry: EntryBody, *, what: str) -> int | None:
    if entry.duration_ns is not None or entry.duration_ms is None:
        return entry.duration_ns
    nanoseconds = entry.duration_ms * 1_000_000
    if not nanoseconds < 2**63:  # NaN is not
        raise _unreadable(what, "a duration below 292 years", f"{entry.duration_ms} ms")
    return round(nanoseconds)


def _before(ended_at: datetime, duration_ns: int | None, *, what: str) -> datetime:
    """Return the start of a call: the client reports its end and its duration."""
    try:
        return ended_at - timedelta(microseconds=(duration_ns or 0) // 1000)
    except OverflowError:
        raise _unreadable(what, "a call that began after the year 1", f"{duration_ns} ns before its end") from None


def _details(fields: Mapping[str, Any], entry: EntryBody, batch: BatchBody, sender: Sender) -> str | None:
    compliance = {key: value for key, value in (entry.compliance_metadata or _NO_COMPLIANCE).items() if _says(value)}
    rest = {key: value for key, value in fields.items() if key not in _TAKEN and _says(value)}
    details = _known(
        compliance=compliance if compliance != _NO_COMPLIANCE else None,
        task_id=entry.task_id,
        mission_id=entry.mission_id or batch.mission_id,
        harness=sender.harness,
        principal=sender.principal,
        attributes=rest or None,
    )
    return text_of(details) if details else None


# --- interventions and results of replays ---


def read_intervention(body: bytes, sender: Sender) -> tuple[RunEntry, ActionEntry]:
    """Return the entries of a body of POST /api/v1/interventions/: a run, and an event in it, which costs nothing.

    Raises:
        InvalidInput: it is no intervention.
    """
    what = "the intervention"
    fields = read_json(body, what=what)
    read = _shaped(fields, InterventionBody, what=what)
    at, run_id = _read_time(read.timestamp, what=what), read.run_id or sender.run_id or RUNLESS
    agent_id = read.agent_id or sender.agent_id
    cost = checked_cost(read.estimated_cost, what=what)
    details = _known(
        type=read.intervention_type,
        outcome=read.outcome,
        action_name=read.action_name,
        reason=read.reason,
        estimated_cost_usd=None if cost is None else str(cost),
        risk_level=read.risk_level,
    )
    rest = {key: value for key, value in fields.items() if key not in InterventionBody.__struct_fields__}
    run = RunEntry(run_id=run_id, source=Source.SENTINEL, at=at, agent_id=agent_id)
    event = ActionEntry(
        id=_digest(run_id, read.action_name, read.timestamp, read.intervention_type),
        run_id=run_id,
        source=Source.SENTINEL,
        kind=ActionKind.EVENT,
        name=read.intervention_type,
        started_at=at,
        ended_at=at,
        outcome=Outcome.SUCCESS,
        actor=agent_id,
        inputs=_payload(read.original_inputs),
        details=text_of({"intervention": details | {key: value for key, value in rest.items() if _says(value)}}),
    )
    return run, event


def read_replay_results(body: bytes, run_id: str, *, now: datetime) -> RunEntry:
    """Return the end of a replay from a body of POST /api/v1/replay/{run}/results.

    Raises:
        InvalidInput: it is no result, or the run's id is too long.
    """
    what = "the replay's results"
    if len(run_id) > MAX_ID:
        raise _unreadable(what, f"a run's id of at most {MAX_ID} characters", str(len(run_id)))
    results = read_as(body, ReplayResultsBody, what=what)
    return RunEntry(
        run_id=replay_session(run_id),
        source=Source.SENTINEL,
        at=now,
        name=f"Replay of {run_id}",
        end=RunEnd.FAILED if results.status == "failed" else RunEnd.COMPLETED,
        done=results.actions_replayed,
        total=results.actions_total,
        tags=(REPLAY_TAG,),
        details=text_of({"replay_of": run_id, "replay": msgspec.to_builtins(results)}),
    )


# --- bundles ---

MOST_LEVELS: Final = 200  # of nested values, which are walked recursively


class BundleEntry(Struct, kw_only=True):
    """A recorded call in a bundle, which `ReplayMode.from_json` of the client reads."""

    id: str
    action: str
    inputs: dict[str, Any]
    outputs: Any
    cost_usd: float
    duration_ms: float
    outcome: str
    timestamp: str
    tags: tuple[str, ...]
    run_id: str


def bundle_entry(
    action: Action, *, inputs: Payload | None, outputs: Payload | None, failure: Failure | None
) -> BundleEntry:
    """Return a call as the client writes it: in plain JSON, at the time of its end, a failure's text as the outputs.

    Types that JSON lacks are converted as Python's `json` and `str` do; sets are sorted lists. Values below MOST_LEVELS
    are the texts that hold them.
    """
    given = None if inputs is None else _plain_value(inputs.whole)
    gave = None if outputs is None else _plain_value(outputs.whole)
    ended_at = action.ended_at or action.started_at + timedelta(microseconds=(action.duration_ns or 0) // 1000)
    return BundleEntry(
        id=action.id,
        action=action.name,
        inputs=given if isinstance(given, dict) else {} if given is None else {"args": [given], "kwargs": {}},
        outputs=failure_text(failure) if gave is None and failure is not None else gave,
        cost_usd=float(action.cost or 0),
        duration_ms=(action.duration_ns or 0) / 1_000_000,
        outcome=(action.outcome or Outcome.ERROR).value,
        timestamp=ended_at.astimezone(UTC).isoformat(),
        tags=action.tags,
        run_id=action.run_id,
    )


def _plain_value(text: str) -> Any:
    is_deep = text.count("[") + text.count("{") > MOST_LEVELS
    try:
        return _plain(decode(shallow(text, levels=MOST_LEVELS) if is_deep else text))
    except ValueError:  # an integer of more than 4,300 digits, of an earlier version
        return text


def _plain(value: object) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value), key=msgspec.json.encode)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    is_json = value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value))
    return value if is_json else str(value)


# --- values ---


def _payload(value: Any) -> Payload | None:
    """Return inputs or outputs; a text is a text, even where it holds JSON."""
    if value is None:
        return None
    return Payload(text_of(value)) if isinstance(value, str) else payload_of(value)


def _shaped(value: object, shape: type[T], *, what: str) -> T:
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the second: half a surrogate pair
        raise _unreadable(what, "what agentsentinel-sdk sends", str(error)) from error


def _read_time(text: str, *, what: str) -> datetime:
    try:
        return in_utc(datetime.fromisoformat(text), what=what)
    except (ValueError, InvalidInput):
        raise _unreadable(what, "a time in ISO 8601", ascii(text[:60])) from None


def _says(value: object) -> bool:
    """Return whether a field has a value: the client sends every field of a record, most of them empty."""
    return value is not None and value != [] and value != {}


def _known(**fields: object) -> dict[str, object]:
    return {key: value for key, value in fields.items() if value is not None}


def _digest(*parts: str) -> str:
    """Return an id made of the content, so that a resent record has the same one."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _unreadable(what: str, expected: str, found: str) -> InvalidInput:
    return InvalidInput(what, expected=expected, found=found, next_step="Correct it and send it again.")
