"""Score a run by rules: the ledger at its end, the tools that were called, the final response."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias

from msgspec import Struct

from titan.judge.generated_ids import with_ids_of
from titan.model.evaluations import SUITE_FAULT
from titan.world.definition import Access, Comparison, Condition, Mode, Tool, WritePolicy
from titan.world.ledger import CannotApply, InitialState, Ledger, Operation, seeded
from titan.world.simulation import Answer, Call, Detail, Environment, Source, State, is_error
from titan.world.values import Missing, Scope, at, compare, entity_view, equal, meets

MOST_DIFFERENCES: Final = 20  # that a detail names


class Verdict(StrEnum):
    """A scorer's verdict. Only the first two are grades."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_APPLICABLE = "NOT APPLICABLE"  #: neither passes nor fails
    ERROR = "ERROR"  #: the scorer could not do its work: nothing is graded


class _Scorer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    name: str = ""  #: by default the subject of the scorer
    required: bool = True  #: whether a task passes only with it
    failure_mode: str = ""  #: by default found from the run: see `FailureMode`


class EntityField(_Scorer, frozen=True, kw_only=True, tag="entity_field"):
    """A field of an entity compares with a value."""

    entity_type: str
    id: str
    field: str
    cmp: Comparison = Comparison.EQ
    value: Any = True


class EntityAbsent(_Scorer, frozen=True, kw_only=True, tag="entity_absent"):
    """No live entity has this id, or none meets the conditions."""

    entity_type: str
    id: str | None = None
    where: tuple[Condition, ...] = ()


class EntityCount(_Scorer, frozen=True, kw_only=True, tag="entity_count"):
    """The number of live entities that meet the conditions is within bounds."""

    entity_type: str
    value: int
    cmp: Comparison = Comparison.EQ
    where: tuple[Condition, ...] = ()


class FlagSet(_Scorer, frozen=True, kw_only=True, tag="flag_set"):
    """A flag is set (to `value`, if given), or with `is_set` false not set."""

    flag: str
    value: Any = None
    is_set: bool = True


class ExpectedState(_Scorer, frozen=True, kw_only=True, tag="expected_state"):
    """The ledger holds exactly these entities and flags."""

    state: InitialState
    ignore: tuple[str, ...] = ()  #: "order.notes": fields that do not count


class ReferenceCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call of a reference solution."""

    tool: str
    arguments: dict[str, Any] = {}


class ReferenceCalls(_Scorer, frozen=True, kw_only=True, tag="reference_calls"):
    """The ledger equals the task's initial state after these calls.

    A tool that is not declared changes it as it did when the agent called it with these arguments.
    """

    calls: tuple[ReferenceCall, ...]
    ignore: tuple[str, ...] = ()


class ToolCalled(_Scorer, frozen=True, kw_only=True, tag="tool_called"):
    """The number of successful calls of a tool is within bounds; with `arguments`, of calls with at least these."""

    tool: str
    arguments: dict[str, Any] = {}
    cmp: Comparison = Comparison.GE
    value: int = 1


class ResponseContains(_Scorer, frozen=True, kw_only=True, tag="response_contains"):
    """The final response contains texts, in any case."""

    all: tuple[str | tuple[str, ...], ...] = ()  #: each of them, or one of several
    none: tuple[str, ...] = ()  #: that it must not have


Scorer: TypeAlias = (
    EntityField | EntityAbsent | EntityCount | FlagSet | ExpectedState | ReferenceCalls | ToolCalled | ResponseContains
)


class FailureMode(StrEnum):
    """The failure mode of a scorer that names none, found by rules in this order."""

    HALLUCINATED_RESULT = "hallucinated_result"  #: the agent answered without calling a tool
    FAILED_RECOVERY = "failed_recovery"  #: its last call met an injected failure, and it stopped there
    MISSING_ACTION = "missing_action"  #: it changed nothing, or less than was to be changed
    EXTRA_ACTION = "extra_action"  #: it changed all that was to be changed, and more
    WRONG_ACTION = "wrong_action"  #: it changed something else
    WRONG_ANSWER = "wrong_answer"  #: the answer is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCall:
    """A call that an agent made."""

    tool: str
    args: Mapping[str, Any]
    source: Source
    has_failed: bool  #: it was answered an error, or what an injected failure made of the answer
    is_unanswered: bool = False  #: neither the world nor an endpoint could answer it, which is not the agent's fault
    operations: tuple[Operation, ...] = ()  #: that changed the ledger

    @classmethod
    def of(cls, call: Call, answer: Answer) -> "MadeCall":
        """Return a call with its answer."""
        is_replaced = answer.source is Source.INJECTED and answer.detail is None
        is_malformed = is_replaced and isinstance(answer.response, str)
        has_no_answer = answer.source is Source.ERROR and answer.detail is not Detail.UNKNOWN_TOOL
        return cls(
            tool=call.tool,
            args=call.args,
            source=answer.source,
            has_failed=is_error(answer.response) or is_malformed,
            is_unanswered=has_no_answer or answer.source is Source.TRANSPORT_ERROR,
            operations=tuple(one.operation for one in answer.operations if one.applied),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run at its end, as scorers see it."""

    ledger: Ledger
    initial: Ledger
    environment: Environment
    calls: Sequence[MadeCall] = ()
    final_response: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerResult:
    """The result of one scorer."""

    name: str
    verdict: Verdict
    detail: str
    required: bool = True
    failure_mode: str | None = None  #: of a FAIL


def score(scorer: Scorer, ended: Ended) -> ScorerResult:
    """Return the result of a scorer."""
    found = _SCORERS[type(scorer)](scorer, ended)
    if found.verdict is Verdict.PASS and not isinstance(scorer, ToolCalled | ResponseContains):
        found = _unless_unanswered(found, ended)
    mode = None
    if found.verdict is Verdict.FAIL:
        mode = scorer.failure_mode or _mode_of_run(ended) or found.mode
    return ScorerResult(
        name=scorer.name or _name(scorer),
        verdict=found.verdict,
        detail=found.detail,
        required=scorer.required,
        failure_mode=mode,
    )


def overall(results: Sequence[ScorerResult]) -> Verdict:
    """Return the verdict of all: FAIL when a required one fails, ERROR when one could not be graded, PASS when at least
    one passes, else NOT APPLICABLE. One that is not required changes nothing by failing."""
    required = [one.verdict for one in results if one.required]
    for verdict in (Verdict.FAIL, Verdict.ERROR):
        if verdict in required:
            return verdict
    return Verdict.PASS if any(one.verdict is Verdict.PASS for one in results) else Verdict.NOT_APPLICABLE


# --- the scorers ---


@dataclass(frozen=True, slots=True)
class _Found:
    verdict: Verdict
    detail: str
    mode: str = FailureMode.WRONG_ACTION  #: of a FAIL, unless the whole run shows another


def _unless_unanswered(found: _Found, ended: Ended) -> _Found:
    """Return what a scorer found in the ledger; an ERROR where a write is missing in it because nobody answered the
    agent's call, also not when it was made again."""
    for position, call in enumerate(ended.calls):
        if not call.is_unanswered or not _may_write(ended.environment.world.tool(call.tool)):
            continue
        later = ended.calls[position + 1 :]
        if not any(one.tool == call.tool and equal(one.args, call.args) and not one.is_unanswered for one in later):
            return _Found(Verdict.ERROR, f"{found.detail}, but {call.tool} was called, and nobody could answer")
    return found


def _may_write(tool: Tool | None) -> bool:
    """Return whether an answer to a tool's call may change the ledger."""
    if tool is None:
        return False
    if tool.mode is Mode.PASSTHROUGH:
        return tool.ledger_write_policy is WritePolicy.ADAPTER and bool(tool.effects)
    return tool.access is not Access.READ


def _mode_of_run(ended: Ended) -> FailureMode | None:
    """Return the failure mode that a failed run shows regardless of the scorer."""
    if not ended.calls:
        return FailureMode.HALLUCINATED_RESULT
    last = ended.calls[-1]
    if last.source is Source.INJECTED and last.has_failed:
        return FailureMode.FAILED_RECOVERY
    return None


def _mode_of_state(ended: Ended) -> FailureMode:
    return FailureMode.MISSING_ACTION if ended.ledger.digest == ended.initial.digest else FailureMode.WRONG_ACTION


def _entity_field(scorer: EntityField, ended: Ended) -> _Found:
    entity = ended.ledger.entity(scorer.entity_type, scorer.id)
    place = f"{scorer.entity_type} {scorer.id!r}"
    if entity is None:
        return _Found(Verdict.FAIL, f"there is no {place}", _mode_of_state(ended))
    try:
        found = at(entity_view(scorer.id, entity.attrs), scorer.field)
    except Missing:
        found = None
    what = f"{place} has {scorer.field} {found!r}"
    if compare(found, scorer.cmp, scorer.value):
        return _Found(Verdict.PASS, what)
    return _Found(Verdict.FAIL, f"{what}; expected {_wanted(scorer.cmp, scorer.value)}", _mode_of_state(ended))


def _entity_absent(scorer: EntityAbsent, ended: Ended) -> _Found:
    found = [
        one
        for one in _matching(ended.ledger, scorer.entity_type, scorer.where)
        if scorer.id is None or one == scorer.id
    ]
    if not found:
        return _Found(Verdict.PASS, f"there is no such {scorer.entity_type}")
    return _Found(
        Verdict.FAIL,
        f"there is {scorer.entity_type} {', '.join(map(repr, found[:MOST_DIFFERENCES]))}",
        _mode_of_state(ended),
    )


def _entity_count(scorer: EntityCount, ended: Ended) -> _Found:
    found = len(_matching(ended.ledger, scorer.entity_type, scorer.where))
    what = f"there are {found} of {scorer.entity_type}"
    if compare(found, scorer.cmp, scorer.value):
        return _Found(Verdict.PASS, what)
    return _Found(Verdict.FAIL, f"{what}; expected {_wanted(scorer.cmp, scorer.value)}", _mode_of_state(ended))


def _flag_set(scorer: FlagSet, ended: Ended) -> _Found:
    flag = ended.ledger.flags.get(scorer.flag)
    found = f"the flag {scorer.flag!r} is {'not set' if flag is None else repr(flag.value)}"
    holds = (flag is not None) is scorer.is_set
    if holds and scorer.value is not None:
        holds = flag is not None and equal(flag.value, scorer.value)
    return _Found(Verdict.PASS if holds else Verdict.FAIL, found, _mode_of_state(ended))


def _expected_state(scorer: ExpectedState, ended: Ended) -> _Found:
    return _same(seeded(scorer.state), ended, scorer.ignore)


def _reference_calls(scorer: ReferenceCalls, ended: Ended) -> _Found:
    environment = Environment(ended.environment.world)  # without failures
    state = State(ledger=ended.initial)
    unused = list(ended.calls)
    for sequence, call in enumerate(scorer.calls):
        what = f"reference call {sequence + 1}, {call.tool}"
        answering = environment.answer(Call(sequence=sequence, tool=call.tool, args=call.arguments), state)
        try:
            next(answering)
        except StopIteration as finished:
            if is_error(finished.value.response):
                refused = finished.value.response["error"]["message"]
                return _Found(Verdict.ERROR, f"{SUITE_FAULT}{what}, is refused: {refused}")
            state = finished.value.state
            continue
        made = next((one for one in unused if _is_made(call, one)), None)
        if made is None:
            return _not_made(what, call, ended)
        unused.remove(made)
        try:
            state = replace(state, ledger=_after(state.ledger, made.operations, sequence))
        except CannotApply as fault:
            return _Found(Verdict.ERROR, f"{what}, cannot be compared: in another order {fault}")
    return _same(state.ledger, ended, scorer.ignore)


def _is_made(wanted: ReferenceCall, made: MadeCall) -> bool:
    return made.tool == wanted.tool and not made.has_failed and equal(made.args, wanted.arguments)


def _not_made(what: str, call: ReferenceCall, ended: Ended) -> _Found:
    if any(made.tool == call.tool and made.is_unanswered for made in ended.calls):
        return _Found(Verdict.ERROR, f"{what}, is not declared, and nobody could answer the agent's call")
    return _Found(Verdict.FAIL, f"{what}, was not made", FailureMode.MISSING_ACTION)


def _after(ledger: Ledger, operations: Sequence[Operation], sequence: int) -> Ledger:
    for operation in operations:
        ledger = ledger.apply(operation, call=sequence)
    return ledger


def _tool_called(scorer: ToolCalled, ended: Ended) -> _Found:
    calls = [
        call
        for call in ended.calls
        if call.tool == scorer.tool
        and all(name in call.args and equal(call.args[name], value) for name, value in scorer.arguments.items())
    ]
    found = sum(not call.has_failed for call in calls)
    what = f"{scorer.tool} was called successfully {found} times"
    if scorer.arguments:
        what += f" with {', '.join(f'{name} {value!r}' for name, value in scorer.arguments.items())}"
    if compare(found, scorer.cmp, scorer.value):
        return _Found(Verdict.PASS, what)
    unanswered = sum(call.is_unanswered for call in calls)
    if any(compare(found + more, scorer.cmp, scorer.value) for more in range(1, unanswered + 1)):
        return _Found(Verdict.ERROR, f"{what}; calls that nobody could answer: {unanswered}")
    mode = FailureMode.MISSING_ACTION if found < scorer.value else FailureMode.EXTRA_ACTION
    return _Found(Verdict.FAIL, f"{what}; expected {_wanted(scorer.cmp, scorer.value)}", mode)


def _response_contains(scorer: ResponseContains, ended: Ended) -> _Found:
    said = ended.final_response.casefold()
    for one in scorer.all:
        wanted = (one,) if isinstance(one, str) else one
        if not any(text.casefold() in said for text in wanted):
            missing = " or ".join(map(repr, wanted))
            return _Found(Verdict.FAIL, f"the answer does not say {missing}", FailureMode.WRONG_ANSWER)
    for text in scorer.none:
        if text.casefold() in said:
            return _Found(Verdict.FAIL, f"the answer says {text!r}", FailureMode.WRONG_ANSWER)
    return _Found(Verdict.PASS, "the answer says what it has to")


_SCORERS: Final[Mapping[type, Callable[[Any, Ended], _Found]]] = {
    EntityField: _entity_field,
    EntityAbsent: _entity_absent,
    EntityCount: _entity_count,
    FlagSet: _flag_set,
    ExpectedState: _expected_state,
    ReferenceCalls: _reference_calls,
    ToolCalled: _tool_called,
    ResponseContains: _response_contains,
}


def _name(scorer: Scorer) -> str:
    match scorer:
        case EntityField():
            return f"{scorer.entity_type} {scorer.id} {scorer.field}"
        case EntityAbsent():
            return f"no {scorer.entity_type} {scorer.id or ''}".rstrip()
        case EntityCount():
            return f"count of {scorer.entity_type}"
        case FlagSet():
            return f"flag {scorer.flag}"
        case ExpectedState():
            return "expected state"
        case ReferenceCalls():
            return "reference calls"
        case ToolCalled():
            return f"call of {scorer.tool}"
        case ResponseContains():
            return "answer"


def _wanted(comparison: Comparison, value: Any) -> str:
    """Return the expected value in words: 'placed', at least 3, not 'cancelled'."""
    return " ".join(filter(None, (_WORDS.get(comparison, comparison.value), repr(value))))


_WORDS: Final[Mapping[Comparison, str]] = {
    Comparison.EQ: "",
    Comparison.NE: "not",
    Comparison.LT: "less than",
    Comparison.LE: "at most",
    Comparison.GT: "more than",
    Comparison.GE: "at least",
    Comparison.IN: "one of",
}


def _matching(ledger: Ledger, entity_type: str, where: Sequence[Condition]) -> list[str]:
    scope = Scope({"args": {}})
    return [
        one
        for one in ledger.ids(entity_type)
        if meets(entity_view(one, ledger.entities[entity_type][one].attrs), where, scope, skips_missing=False)
    ]


def _same(expected: Ledger, ended: Ended, ignore: Sequence[str]) -> _Found:
    found = ended.ledger
    if expected.digest != found.digest:  # else nothing is looked through: a ledger may hold 10,000 entities
        found = with_ids_of(expected, found, ended.initial, ended.environment.world)
    if expected.digest == found.digest:
        return _Found(Verdict.PASS, f"the ledger is as expected ({found.digest[:12]})")
    ignored = frozenset(ignore)
    differences = dict(_differences(expected, found, ignored))
    if not differences:
        return _Found(Verdict.PASS, "the ledger is as expected, but for what does not count")
    more = len(differences) - MOST_DIFFERENCES
    shown = list(differences.values())[:MOST_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])
    mode = _mode_of_change(expected, ended.initial, found, ignored, differences.keys())
    return _Found(Verdict.FAIL, "; ".join(shown), mode)


_Place: TypeAlias = tuple[str, ...]  # an entity's type and id; a field's too; a flag's name


def _mode_of_change(
    expected: Ledger, initial: Ledger, found: Ledger, ignored: frozenset[str], wrong: Set[_Place]
) -> FailureMode:
    """Compare what a run changed with what it had to change."""
    wanted = dict(_differences(initial, expected, ignored)).keys()
    changed = dict(_differences(initial, found, ignored)).keys()
    if changed < wanted and not changed & wrong:
        return FailureMode.MISSING_ACTION
    return FailureMode.EXTRA_ACTION if changed > wanted else FailureMode.WRONG_ACTION


def _differences(expected: Ledger, found: Ledger, ignore: frozenset[str]) -> Iterator[tuple[_Place, str]]:
    for entity_type in sorted({*expected.entities, *found.entities}):
        for entity_id in sorted({*expected.ids(entity_type), *found.ids(entity_type)}):
            one, other = expected.entity(entity_type, entity_id), found.entity(entity_type, entity_id)
            if one is other:
                continue
            place = (entity_type, entity_id)
            if one is None or other is None:
                yield place, f"{entity_type} {entity_id!r} {'should not be there' if one is None else 'is missing'}"
                continue
            for name in sorted({*one.attrs, *other.attrs}):
                wanted, had = one.attrs.get(name), other.attrs.get(name)
                if not equal(wanted, had) and f"{entity_type}.{name}" not in ignore:
                    yield (*place, name), f"{entity_type} {entity_id!r} {name}: expected {wanted!r}, found {had!r}"
    for name in sorted({*expected.flags, *found.flags}):
        flags = [None if one is None else one.value for one in (expected.flags.get(name), found.flags.get(name))]
        if not equal(*flags):
            yield ("flag", name), f"flag {name!r}: expected {flags[0]!r}, found {flags[1]!r}"
