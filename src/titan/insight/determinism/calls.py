"""Detect non-deterministic calls: sampling models, external state, and unstable order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from titan.insight.determinism.model import Finding, IssueKind, Recorded, Severity, Side
from titan.insight.determinism.values import Contents, TextList, shown, word_set, words_of
from titan.model.actions import ActionKind, Effect, Impact

LEAST_TEXT: Final = 8  # characters of an output that is recognised in a list
#: Words that name something outside of the program: "query_db", "http_get".
_OUTSIDE: Final = word_set(
    "api blob bucket crm database db github http https jira kafka mongo mysql postgres queue redis rest "
    "s3 slack sql stripe web webhook"
)
_READS: Final = word_set("fetch search download crawl browse scrape")
#: Words that show a change outside of the program.
_SENDS: Final = word_set("book charge deploy email insert pay publish refund send sms transfer upsert")
#: Words that show a change, inside or outside of the program.
_WRITES: Final = _SENDS | word_set("add create delete patch post put remove save set store update write")
_IDEMPOTENCY: Final = ("idempotency", "key")
_SETTINGS: Final = ("temperature", "seed")
_DEEPEST: Final = 3  # names in a path to a setting: "$.kwargs.parameters.temperature"


def sampling(recorded: Recorded, inputs: Contents) -> Iterator[Finding]:
    """Yield what makes a model's answer another one; nothing where it is not known how it was asked."""
    if recorded.action.kind is not ActionKind.MODEL:
        return
    settings = _settings(recorded, inputs)
    if settings is None or "seed" in settings or settings.get("temperature") == 0:
        return
    temperature = settings.get("temperature")
    how = "without a temperature" if temperature is None else f"with temperature {temperature:g}"
    model = recorded.action.model or "The model"
    what = f"{model} was asked {how} and without a seed: it may answer differently on each call."
    yield Finding(kind=IssueKind.SAMPLING, side=Side.CALL, severity=Severity.HIGH, description=what)


def _settings(recorded: Recorded, inputs: Contents) -> Mapping[str, float] | None:
    """Return what a model call said of sampling; None where neither its inputs nor its attributes are stored."""
    settings: dict[str, float] = {}
    for leaf in inputs.leaves:
        if leaf.key in _SETTINGS and leaf.path.count(".") <= _DEEPEST and not isinstance(leaf.value, str):
            settings[leaf.key] = leaf.value
    attributes = _attributes(recorded.bodies.details)
    for name in _SETTINGS:
        value = attributes.get(f"gen_ai.request.{name}")
        if isinstance(value, int | float):
            settings[name] = value
    is_known = bool(settings) or bool(inputs.leaves) or any(key.startswith("gen_ai.request.") for key in attributes)
    return settings if is_known else None


class _Details(msgspec.Struct):
    attributes: dict[str, object] = {}


def _attributes(details: str | None) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(details or "{}", type=_Details).attributes
    except msgspec.DecodeError:
        return {}


def external_state(recorded: Recorded, inputs: Contents) -> Iterator[Finding]:
    """Yield that a call reads or changes something outside of the program, without an idempotency key."""
    action = recorded.action
    words = frozenset(words_of(action.name)).union(*map(words_of, action.tags))
    if action.kind is ActionKind.MODEL or any(tuple(leaf.words[:2]) == _IDEMPOTENCY for leaf in inputs.leaves):
        return
    if action.effect is not Effect.LOCAL and _writes_outside(recorded, words):
        what = (
            f"{action.name} changes something outside of the program, and has no idempotency key: again, it acts twice."
        )
        yield _external(Severity.CRITICAL, what)
    elif words & _OUTSIDE or words & _READS:
        what = f"{action.name} reads state outside of the program, which may have changed when it is called again."
        yield _external(Severity.MEDIUM, what)


def _writes_outside(recorded: Recorded, words: frozenset[str]) -> bool:
    action = recorded.action
    if action.impact in (Impact.READ, Impact.LOW):
        return False
    is_outside = action.effect is Effect.EXTERNAL or action.impact is not None or bool(words & _OUTSIDE)
    return action.effect is Effect.EXTERNAL or bool(words & _SENDS) or (is_outside and bool(words & _WRITES))


def _external(severity: Severity, description: str) -> Finding:
    return Finding(kind=IssueKind.EXTERNAL_STATE, side=Side.CALL, severity=severity, description=description)


def is_write(recorded: Recorded) -> bool:
    """Return whether a call changes something, as its author or its name says."""
    action = recorded.action
    return action.impact in (Impact.MEDIUM, Impact.HIGH) or not _WRITES.isdisjoint(words_of(action.name))


class SetOrder:
    """Finds lists that were made from a set: the order of their texts changes with Python's hash seed."""

    def __init__(self) -> None:
        self._sets: set[frozenset[str]] = set()
        self._known: set[tuple[str, ...]] = set()  #: lists that are not the first of their order

    def look(self, lists: Iterable[TextList], side: Side) -> Iterator[Finding]:
        """Yield the lists among those of one payload; payloads come in the order of their times."""
        for found in lists:
            texts = frozenset(found.texts)
            if found.is_set:
                self._sets.add(texts)
            elif texts in self._sets and self._is_new_order(found.texts):
                text = shown(", ".join(found.texts))
                what = f"A list holds the items of a set ({text}) in an order that changes with Python's hash seed."
                severity = Severity.MEDIUM
                yield Finding(kind=IssueKind.ORDER, side=side, severity=severity, description=what, path=found.path)
            self._known.add(found.texts)

    def _is_new_order(self, texts: tuple[str, ...]) -> bool:
        is_each_once = len(set(texts)) == len(texts)
        return is_each_once and texts not in self._known and list(texts) != sorted(texts)


@dataclass(frozen=True, slots=True)
class Read:
    """An action with what its inputs and outputs hold."""

    recorded: Recorded
    inputs: Contents
    outputs: Contents


def finish_order(calls: Sequence[Read]) -> Iterator[tuple[Read, Finding]]:
    """Yield the calls that were given results of concurrent calls in the order in which these ended.

    `calls` come as they started. Results that are given in the order in which their calls started say nothing.
    """
    groups = list(_concurrent(calls))
    owners = _owners(groups)
    for call in calls if owners else ():
        given: dict[int, list[Recorded]] = {}
        for leaf in call.inputs.leaves:
            owner = owners.get(leaf.text)
            if owner is not None and owner[1] not in (of_group := given.setdefault(owner[0], [])):
                of_group.append(owner[1])
        for results in given.values():
            if _is_finish_order(results, call):
                names = shown(", ".join(result.action.name for result in results))
                what = f"Input holds the results of concurrent calls ({names}) in the order in which these ended."
                yield (
                    call,
                    Finding(kind=IssueKind.ORDER, side=Side.INPUTS, severity=Severity.HIGH, description=what),
                )


def _concurrent(calls: Sequence[Read]) -> Iterator[list[Read]]:
    """Yield calls of one parent that ran at the same time, as they started; one that ran alone is a group of one."""
    groups: dict[str | None, list[Read]] = {}
    ends: dict[str | None, datetime] = {}
    for call in calls:
        parent_id, ended_at = call.recorded.action.parent_id, _ended(call.recorded)
        if parent_id in groups and call.recorded.action.started_at >= ends[parent_id]:
            yield groups.pop(parent_id)
            del ends[parent_id]
        groups.setdefault(parent_id, []).append(call)
        ends[parent_id] = max(ended_at, ends.get(parent_id, ended_at))
    yield from groups.values()


def _owners(groups: Iterable[list[Read]]) -> dict[str, tuple[int, Recorded]]:
    """Return text → (group, call) of texts that one call of a group of several gave, and no other call."""
    owners: dict[str, tuple[int, Recorded]] = {}
    shared: set[str] = set()
    for number, group in enumerate(groups):
        for call in group if len(group) > 1 else ():
            texts = {leaf.text for leaf in call.outputs.leaves if len(leaf.text) >= LEAST_TEXT}
            shared |= texts & owners.keys()
            owners |= dict.fromkeys(texts, (number, call.recorded))
    return {text: owner for text, owner in owners.items() if text not in shared}


def _is_finish_order(results: Sequence[Recorded], call: Read) -> bool:
    ends = [_ended(result) for result in results]
    starts = [result.action.started_at for result in results]
    is_later = call.recorded.action.started_at >= max(ends)
    return is_later and ends == sorted(ends) and starts != sorted(starts)


def _ended(recorded: Recorded) -> datetime:
    return recorded.action.ended_at or recorded.action.started_at
