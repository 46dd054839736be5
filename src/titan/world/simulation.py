"""Answer a tool call in a simulated world.

`Environment.answer` is a generator: it yields what it cannot know, a model's or an endpoint's answer, and is sent a
`Reply`. No lock has to be held meanwhile: the reply brings the state as it is then, and what a model answered counts
only where the part of the world that it was shown is unchanged. So a live run and a test drive the same code, and
only who answers differs.
"""

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from titan.world.consistency import Applied, LedgerOperation, Violation, ViolationKind, apply_all, response_faults
from titan.world.declared import Effects, Refused, bound, check, effects_of, read, response_of
from titan.world.definition import Access, Consistency, FailureRule, Mode, Tool, World, WritePolicy
from titan.world.failure_rules import Counts, fire, injected
from titan.world.ledger import Ledger
from titan.world.prompts import ModelAnswer, answer_schema, correction, messages, shown_to_model
from titan.world.schemas import Schema, SchemaRefused
from titan.world.values import RESPONSE, Scope

MOST_RETRIES: Final = 2  # of a model with an unusable answer, each with the violations
MOST_RESTARTS: Final = 5  # of a model's answer to a world that changed meanwhile


class Source(StrEnum):
    """The source of an answer."""

    ODYSSEY = "odyssey"  #: the simulated world
    INJECTED = "injected"  #: a failure rule
    PASSTHROUGH = "passthrough"  #: a registered endpoint
    ERROR = "error"  #: none: the simulation found no valid answer
    TRANSPORT_ERROR = "transport_error"  #: the endpoint could not be reached or failed


class Detail(StrEnum):
    """How an answer was made."""

    LEDGER_READ = "ledger_read"
    LEDGER_WRITE = "ledger_write"
    MODEL = "model"
    ARGUMENTS = "arguments"  #: they do not fit the tool's schema
    UNKNOWN_TOOL = "unknown_tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool."""

    sequence: int  #: from 0, in the order in which the run's calls arrived
    tool: str
    args: Mapping[str, Any]
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state that calls change."""

    ledger: Ledger
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskModel:
    """A question to the simulator's model, at temperature 0. Answers are cached by `key`."""

    state: State  #: as it is now: calls that arrive while the model thinks go on from it
    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEndpoint:
    """A call of a tool at a registered endpoint."""

    state: State  #: as of `AskModel`
    endpoint: str
    tool: str
    args: Mapping[str, Any]


Ask: TypeAlias = AskModel | AskEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to a question, with the current state."""

    state: State
    content: Any = None  #: a model's text; an endpoint's JSON
    failure: str | None = None  #: why there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a call."""

    response: Any  #: sent to the agent
    source: Source
    state: State  #: after it
    detail: Detail | None = None
    operations: tuple[LedgerOperation, ...] = ()
    violations: tuple[Violation, ...] = ()
    failure_rule_id: str | None = None
    delay_ms: int = 0  #: that the agent waits
    retries: int = 0  #: of the model


Answering: TypeAlias = Generator[Ask, Reply, Answer]


class Environment:
    """A world with the failures of one task, ready to answer calls."""

    def __init__(
        self, world: World, rules: Sequence[FailureRule] = (), *, seed_digest: str = "", instructions: str = ""
    ) -> None:
        self.world = world
        self.rules = rules
        self.instructions = instructions or world.behavior_instructions
        self._seed_digest = seed_digest
        self._tools = {tool.name: tool for tool in world.tools}
        self._faults: dict[str, Callable[[Any], tuple[str, str] | None]] = {}

    def answer(self, call: Call, state: State) -> Answering:
        """Answer a call; the calls of a run start in order."""
        tool = self._tools.get(call.tool)
        if tool is None:
            known = ", ".join(sorted(self._tools)) or "none"
            response = _error("unknown_tool", f"There is no tool {call.tool!r}. The tools are: {known}.")
            return Answer(response=response, source=Source.ERROR, detail=Detail.UNKNOWN_TOOL, state=state)
        fault = self._fault(f"{tool.name}.input_schema", tool.input_schema, dict(call.args))
        if fault is not None:
            response = _error("invalid_arguments", fault)
            return Answer(response=response, source=Source.ODYSSEY, detail=Detail.ARGUMENTS, state=state)
        rule, counts = fire(self.rules, tool.name, call.args, state.ledger, state.counts, turn=call.turn)
        state = replace(state, counts=counts)
        if rule is None:
            return (yield from self._by_tool(tool, call, state))
        fired = injected(self.rules, rule)
        if fired.goes_on:
            answer = yield from self._by_tool(tool, call, state)
            return replace(
                answer, source=Source.INJECTED, failure_rule_id=fired.rule_id, delay_ms=answer.delay_ms + fired.delay_ms
            )
        applied = self._applied(state, rule.ops, call, origin="rule")
        return Answer(
            response=fired.response,
            source=Source.INJECTED,
            state=replace(state, ledger=applied.ledger),
            operations=applied.operations,
            violations=self._counted(applied.violations),
            failure_rule_id=fired.rule_id,
            delay_ms=fired.delay_ms,
        )

    # --- by whom a call is answered ---

    def _by_tool(self, tool: Tool, call: Call, state: State) -> Answering:
        try:
            scope = bound(tool, call.args, state.ledger)
            check(tool, scope, state.ledger)
        except Refused as refused:
            return _refused(refused, tool, state)
        if tool.mode is Mode.PASSTHROUGH:
            return (yield from self._by_endpoint(tool, call, state, scope))
        if tool.is_declared:
            return self._as_declared(tool, call, state, scope)
        return (yield from self._by_model(tool, call, state))

    def _as_declared(self, tool: Tool, call: Call, state: State, scope: Scope) -> Answer:
        if not tool.effects and tool.ledger_read is not None:
            try:
                response = read(tool.ledger_read, scope, state.ledger)
            except Refused as refused:
                return _refused(refused, tool, state)
            return Answer(response=response, source=Source.ODYSSEY, detail=Detail.LEDGER_READ, state=state)
        effects = effects_of(tool, scope, state.ledger, self.world.ledger)
        applied = self._applied(state, effects.operations, call, origin="effect")
        fault = next((one for one in applied.violations if one.kind in _REFUSING), None)
        if fault is not None:
            refusal = _refused(Refused(fault.kind.value, fault.message), tool, state)
            return replace(refusal, violations=self._counted(applied.violations))
        response = response_of(tool, call.args, scope, effects, applied.ledger)
        violations = [*applied.violations, *_dropped(effects)]
        if tool.effects and not applied.operations and not effects.has_skipped:
            violations.append(_silent(tool))
        return Answer(
            response=response,
            source=Source.ODYSSEY,
            detail=Detail.LEDGER_WRITE,
            state=replace(state, ledger=applied.ledger),
            operations=applied.operations,
            violations=self._counted(violations),
        )

    def _by_endpoint(self, tool: Tool, call: Call, state: State, scope: Scope) -> Answering:
        reply = yield AskEndpoint(state=state, endpoint=tool.endpoint or "", tool=tool.name, args=call.args)
        if reply.failure is not None:
            response = _error("transport_error", reply.failure)
            return Answer(response=response, source=Source.TRANSPORT_ERROR, state=reply.state)
        state, violations = reply.state, list[Violation]()
        applied = Applied(ledger=state.ledger, operations=(), violations=())
        if tool.ledger_write_policy is WritePolicy.ADAPTER:
            answered = scope.with_name(RESPONSE, reply.content)
            effects = effects_of(tool, answered, state.ledger, self.world.ledger, is_error=is_error(reply.content))
            applied = self._applied(state, effects.operations, call, origin="effect")
            violations += [*applied.violations, *_dropped(effects)]
        if tool.ledger_write_policy is not WritePolicy.NONE:
            violations += response_faults(state.ledger, applied.ledger, self.world.ledger, reply.content)
        return Answer(
            response=reply.content,
            source=Source.PASSTHROUGH,
            state=replace(state, ledger=applied.ledger),
            operations=applied.operations,
            violations=self._counted(violations),
        )

    def _by_model(self, tool: Tool, call: Call, state: State) -> Answering:
        shown = shown_to_model(call.args, state.ledger)
        faults: list[Violation] = []
        answered = ""
        retries = restarts = 0
        while True:
            asked = messages(self.world, tool, call.args, shown, self.instructions)
            if faults:
                asked = [*asked, *correction(answered, faults)]
            key = self._key(tool, call, state, faults, answered)
            reply = yield AskModel(state=state, messages=asked, schema=answer_schema(tool), key=key)
            state = reply.state
            if reply.failure is not None:
                response = _error("simulator_unavailable", reply.failure)
                return Answer(response=response, source=Source.ERROR, state=state, retries=retries)
            if not shown.is_current(state.ledger) and restarts < MOST_RESTARTS:
                shown = shown_to_model(call.args, state.ledger)
                restarts, faults, answered = restarts + 1, [], ""
                continue
            answered = reply.content
            answer, faults = self._of_model(tool, call, state, answered)
            if answer is not None:
                return replace(answer, retries=retries)
            if retries == MOST_RETRIES:
                return Answer(
                    response=_error("simulator_failed", "; ".join(one.message for one in faults)),
                    source=Source.ERROR,
                    state=state,
                    violations=self._counted(faults),
                    retries=retries,
                )
            retries += 1

    def _of_model(self, tool: Tool, call: Call, state: State, text: str) -> tuple[Answer | None, list[Violation]]:
        """Return the result of a model's answer, or None and the violations."""
        try:
            found = msgspec.json.decode(text, type=ModelAnswer)
        except msgspec.DecodeError as error:
            return None, [Violation(ViolationKind.OUTPUT_SCHEMA_VIOLATION, f"the answer is no JSON as asked: {error}")]
        if tool.output_schema is not None and not is_error(found.tool_response):
            fault = self._fault(f"{tool.name}.output_schema", tool.output_schema, found.tool_response)
            if fault is not None:
                return None, [Violation(ViolationKind.OUTPUT_SCHEMA_VIOLATION, f"tool_response: {fault}")]
        applied = self._applied(state, found.ledger_updates, call, origin="simulator")
        violations = [*applied.violations]
        violations += response_faults(state.ledger, applied.ledger, self.world.ledger, found.tool_response)
        if tool.access is Access.READ and applied.operations:
            violations.append(
                Violation(ViolationKind.READ_MUTATED, f"{tool.name} reads, and must not change the ledger")
            )
        has_changed = any(one.applied for one in applied.operations)
        if tool.access is Access.WRITE and not has_changed and not is_error(found.tool_response):
            violations.append(_silent(tool))
        if violations and self.world.consistency is Consistency.ENFORCE:
            return None, violations
        answer = Answer(
            response=found.tool_response,
            source=Source.ODYSSEY,
            detail=Detail.MODEL,
            state=replace(state, ledger=applied.ledger),
            operations=applied.operations,
            violations=self._counted(violations),
        )
        return answer, []

    # --- parts ---

    def _fault(self, place: str, schema: Mapping[str, Any], value: Any) -> str | None:
        if place not in self._faults:
            try:
                self._faults[place] = Schema(schema).fault
            except SchemaRefused as refused:  # it was stored by an earlier version
                why = ("", f"{place} cannot be used: {refused}")
                self._faults[place] = lambda _value: why
        fault = self._faults[place](value)
        return None if fault is None else ": ".join(filter(None, fault))

    def _applied(self, state: State, operations: Sequence[Any], call: Call, *, origin: str) -> Applied:
        return apply_all(state.ledger, operations, self.world.ledger, call=call.sequence, origin=origin)

    def _counted(self, violations: Sequence[Violation]) -> tuple[Violation, ...]:
        return () if self.world.consistency is Consistency.OFF else tuple(violations)

    def _key(self, tool: Tool, call: Call, state: State, faults: Sequence[Violation], answered: str) -> str:
        parts = (
            self._seed_digest,
            state.ledger.digest,
            tool.name,
            call.args,
            [one.message for one in faults],
            answered,
        )
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


#: What a declared write is refused for, whole.
_REFUSING: Final = frozenset(
    {
        ViolationKind.ADD_EXISTING,
        ViolationKind.UPDATE_MISSING,
        ViolationKind.REMOVE_MISSING,
        ViolationKind.USE_AFTER_REMOVE,
        ViolationKind.DANGLING_REF,
    }
)


def is_error(response: Any) -> bool:
    """Return whether a tool's response is an error: an object with `error`."""
    return isinstance(response, Mapping) and bool(response.get("error"))


def drive(answering: Answering, reply: Any) -> Answer:
    """Run a call to its answer; `reply` answers its questions."""
    try:
        ask = next(answering)
        while True:
            ask = answering.send(reply(ask))
    except StopIteration as finished:
        answer: Answer = finished.value
        return answer


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _refused(refused: Refused, tool: Tool, state: State) -> Answer:
    detail = Detail.LEDGER_READ if tool.ledger_read is not None and not tool.effects else Detail.LEDGER_WRITE
    return Answer(response=_error(refused.code, str(refused)), source=Source.ODYSSEY, detail=detail, state=state)


def _dropped(effects: Effects) -> list[Violation]:
    return [Violation(ViolationKind.EFFECT_DROPPED, reason) for reason in effects.dropped]


def _silent(tool: Tool) -> Violation:
    return Violation(ViolationKind.SILENT_WRITE, f"{tool.name} says that it succeeded, and changed nothing")
