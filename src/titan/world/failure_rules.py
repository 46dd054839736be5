"""Inject failures by rules. The same seed and calls give the same failures."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from titan.world.definition import EntityMatch, FailureRule, RuleMatch
from titan.world.ledger import Ledger
from titan.world.values import Missing, Scope, at, entity_view, equal, meets

_CUT: Final = '{"result": {"status": "ok", "items": [{"id": "'  # the default malformed answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The number of times that each rule, by index, was met and fired."""

    met: Mapping[int, int] = field(default_factory=dict)
    fired: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """The answer of a rule that fired."""

    rule_id: str
    response: Any  #: None with `goes_on`
    delay_ms: int
    goes_on: bool = False  #: the call is answered as if there were no rule, only later


def fire(
    rules: Sequence[FailureRule], tool: str, args: Mapping[str, Any], ledger: Ledger, counts: Counts, *, turn: int = 0
) -> tuple[FailureRule | None, Counts]:
    """Return the first rule that fires at a call, and the counts after it. Every rule counts the calls that meet it."""
    met, fired = dict(counts.met), dict(counts.fired)
    first: int | None = None
    for place, rule in enumerate(rules):
        if not _is_met(rule, tool, args, ledger, turn):
            continue
        met[place] = met.get(place, 0) + 1
        has_room = rule.max_fires is None or fired.get(place, 0) < rule.max_fires
        if first is None and has_room and _counts(rule.match, met[place]) and _is_drawn(rule, place, met[place]):
            first = place
    if first is not None:
        fired[first] = fired.get(first, 0) + 1
    return (None if first is None else rules[first]), Counts(met=met, fired=fired)


def next_turn(rules: Sequence[FailureRule], counts: Counts) -> Counts:
    """Return the counts at the start of the next turn of a conversation."""
    kept = {place for place, rule in enumerate(rules) if rule.scope == "session"}
    return replace(
        counts,
        met={place: count for place, count in counts.met.items() if place in kept},
        fired={place: count for place, count in counts.fired.items() if place in kept},
    )


def rule_id(rules: Sequence[FailureRule], rule: FailureRule) -> str:
    """Return a rule's id, or one made of its index: "rule-1" is the first."""
    return rule.id or f"rule-{rules.index(rule) + 1}"


def injected(rules: Sequence[FailureRule], rule: FailureRule) -> Injected:
    """Return the answer of a rule that fired."""
    action, name = rule.action, rule_id(rules, rule)
    match action.type:
        case "response":
            response = action.body
        case "error":
            response = action.body
            if response is None:
                response = {
                    "error": {"code": f"http_{action.status}", "message": f"The service answered {action.status}."}
                }
        case "timeout":
            message = "The service did not answer in time."
            response = action.body if action.body is not None else {"error": {"code": "timeout", "message": message}}
        case "malformed":
            response = action.body if isinstance(action.body, str) else _CUT
        case "latency":
            return Injected(rule_id=name, response=None, delay_ms=action.delay_ms, goes_on=True)
    return Injected(rule_id=name, response=response, delay_ms=action.delay_ms)


def _is_met(rule: FailureRule, tool: str, args: Mapping[str, Any], ledger: Ledger, turn: int) -> bool:
    if rule.tool is not None and rule.tool != tool:
        return False
    match = rule.match
    if match.turn is not None and match.turn != turn:
        return False
    if match.flag is not None and match.flag not in ledger.flags:
        return False
    if match.entity is not None and not _has_entity(match.entity, ledger, args):
        return False
    return all(_is_at(args, path, value) for path, value in match.args.items())


def _is_at(args: Mapping[str, Any], path: str, value: Any) -> bool:
    try:
        return equal(at(args, path.removeprefix("$").removeprefix(".")), value)
    except Missing:
        return False


def _has_entity(match: EntityMatch, ledger: Ledger, args: Mapping[str, Any]) -> bool:
    ids = ledger.ids(match.entity_type) if match.id is None else [match.id]
    found = ((one, ledger.entity(match.entity_type, one)) for one in ids)
    scope = Scope({"args": args})
    return any(
        entity is not None and meets(entity_view(entity_id, entity.attrs), match.where, scope, skips_missing=False)
        for entity_id, entity in found
    )


def _counts(match: RuleMatch, count: int) -> bool:
    return (
        (match.nth is None or count == match.nth)
        and (match.first is None or count <= match.first)
        and (match.after is None or count > match.after)
        and (match.every is None or (match.every > 0 and count % match.every == 0))
    )


def _is_drawn(rule: FailureRule, place: int, count: int) -> bool:
    if rule.match.probability is None:
        return True
    drawn = hashlib.sha256(f"{rule.match.seed}:{rule.id or place}:{count}".encode()).digest()
    return int.from_bytes(drawn[:8]) < rule.match.probability * 2**64
