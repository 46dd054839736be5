"""Recorded actions and their bodies as comparisons use them: equality, differences, previews."""

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from math import isclose
from typing import Any, Final

import msgspec

from titan.insight.bodies import Bodies
from titan.model.actions import INCURRED, Effect, Outcome
from titan.model.runs import Action
from titan.rules.redaction import MARKER
from titan_sdk.tape import canonical, decode

MOST_HELD: Final = 64 * 1024  # characters of a body; longer ones are compared by digest alone
LONGEST_PREVIEW: Final = 160  # characters
RELATIVE_TOLERANCE: Final = 1e-9


class Remark(StrEnum):
    """A difference that was ignored between equal bodies."""

    FLOAT_DRIFT = "float_drift"  #: floats differ by less than one part in 10^9
    REDACTED = "redacted"  #: one side, or both, have a redacted part, which was not compared


@dataclass(frozen=True, slots=True)
class Body:
    """The inputs or outputs of an action."""

    text: str  #: JSON in the typed encoding of `titan_sdk.tape`; its beginning where it is longer than MOST_HELD
    digest: bytes  #: of the canonical form
    is_whole: bool


@dataclass(frozen=True, slots=True)
class BodyDifference:
    """The path of the first difference of two bodies (`$.prompt`); None where they are equal or unknown."""

    path: str | None = None
    remarks: frozenset[Remark] = frozenset()
    is_unknown: bool = False  #: one of them was not recorded


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    remark: Remark | None  #: None: a difference


#: Nothing differs.
ALIKE: Final = BodyDifference()


def body_of(text: str) -> Body:
    """Return a recorded body, cut to the length that is compared in detail."""
    try:
        form, is_whole = canonical(text), len(text) <= MOST_HELD
    except ValueError:  # nested too deep to be read
        form, is_whole = text.encode(), False
    return Body(text[:MOST_HELD], blake2b(form, digest_size=16).digest(), is_whole)


def difference(original: Body | None, replay: Body | None) -> BodyDifference:
    """Return the first difference of two bodies."""
    if original is None or replay is None:
        return BodyDifference(is_unknown=original is not replay)
    if original.digest == replay.digest:
        return ALIKE
    if not (original.is_whole and replay.is_whole):
        return BodyDifference("$")
    remarks = set[Remark]()
    for found in _walk(_in_order(original.text), _in_order(replay.text)):
        if found.remark is None:
            return BodyDifference(found.path, frozenset(remarks))
        remarks.add(found.remark)
    return BodyDifference(remarks=frozenset(remarks))


def input_preview(body: Body | None) -> str | None:
    """Return a preview of inputs, of a single argument its value; None without inputs."""
    value = _value(body)
    if isinstance(value, dict) and value.keys() == {"args", "kwargs"}:  # as agentsentinel-sdk reports them
        value = value["kwargs"] if not value["args"] else value["args"] if not value["kwargs"] else value
    if isinstance(value, dict | list) and len(value) == 1:
        [first] = value
        value = first if isinstance(value, list) else value if first.startswith("$") else value[first]
    return None if value in (None, {}) else _cut(value)


def output_preview(body: Body | None) -> str | None:
    """Return a preview of outputs, None where none were recorded."""
    return None if body is None else _cut(_value(body))


def _value(body: Body | None) -> Any:
    """Return the JSON value of a body; the text of one that was cut or cannot be read."""
    if body is None:
        return None
    try:
        return json.loads(body.text) if body.is_whole else body.text
    except (ValueError, RecursionError):  # an integer of more than 4,300 digits, of an earlier version
        return body.text


def _cut(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_PREVIEW else f"{text[:LONGEST_PREVIEW]}…"


def _in_order(text: str) -> Any:
    """Return a JSON value with the items of its sets in canonical order."""
    has_sets = any(tag in text for tag in ('"$set"', '"$frozenset"', '"$dict"'))
    return json.loads(canonical(text) if has_sets else text)


def _walk(original: Any, replay: Any) -> Iterator[_Found]:
    """Yield the differences in document order. A loop, since values may be nested deeply."""
    todo = [("$", original, replay)]
    while todo:
        path, one, other = todo.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                yield _Found(_below(path, min(one.keys() ^ other.keys())), None)
            todo += [
                (_below(path, key), one[key], other[key]) for key in sorted(one.keys() & other.keys(), reverse=True)
            ]
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                yield _Found(f"{path}[{min(len(one), len(other))}]", None)
            places = range(min(len(one), len(other)) - 1, -1, -1)
            todo += [(f"{path}[{place}]", one[place], other[place]) for place in places]
        elif type(one) is not type(other) or one != other:
            yield _Found(path, _remark(one, other))


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def _remark(one: object, other: object) -> Remark | None:
    if _is_hidden(one, other) or _is_hidden(other, one):
        return Remark.REDACTED
    if isinstance(one, float) and isinstance(other, float) and isclose(one, other, rel_tol=RELATIVE_TOLERANCE):
        return Remark.FLOAT_DRIFT
    return None


def _is_hidden(redacted: object, value: object) -> bool:
    """Return whether a text with redacted parts may have been `value`."""
    if not isinstance(redacted, str) or MARKER.search(redacted) is None:
        return False
    if MARKER.fullmatch(redacted):
        return True
    first, *between, last = MARKER.split(redacted)
    if not isinstance(value, str) or not value.startswith(first):
        return False
    at = len(first)
    for kept in between:  # no pattern with one wildcard for each: many of them would take for ever
        at = value.find(kept, at)
        if at < 0:
            return False
        at += len(kept)
    return value.endswith(last) and len(value) - len(last) >= at


_NOTHING: Final = Decimal(0)
_DETAILS: Final = msgspec.json.Decoder(dict[str, Any])


class Lack(StrEnum):
    """A reason why outputs cannot be returned to code."""

    CUT = "cut"  #: too large, a part was left out
    OPAQUE = "opaque"  #: of a value only its repr is known
    REDACTED = "redacted"  #: a secret was taken away
    UNREADABLE = "unreadable"  #: no JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAction:
    """An action of a recorded run."""

    id: str
    name: str
    is_call: bool  #: one of the run's calls; others group them, or report one a second time
    started_at: datetime
    parent_id: str | None = None
    task: str | None = None  #: the task or thread that made it, where the source names one
    call_site: str | None = None  #: `agent.py:plan`, the file and the function that called, never the line
    inputs: Body | None = None
    outputs: Body | None = None
    failure: str | None = None  #: `ValueError: nope`
    outcome: Outcome | None = None  #: None while it runs
    ended_at: datetime | None = None
    effect: Effect | None = None
    cost: Decimal = _NOTHING  #: US dollars that it spent
    fingerprints: tuple[str, ...] = ()  #: of the redacted values
    output_lacks: frozenset[Lack] = frozenset()  #: what makes the outputs useless for a replay


def recorded_action(action: Action, bodies: Bodies) -> RecordedAction:
    """Return an action for a comparison; its bodies are complete."""
    details = _details(bodies.details)
    is_spent = action.count.has_cost and action.outcome in INCURRED
    return RecordedAction(
        id=action.id,
        name=action.name,
        is_call=action.count.is_call,
        started_at=action.started_at,
        parent_id=action.parent_id,
        task=_word(details.get("task")),
        call_site=call_site_of(details),
        inputs=None if bodies.inputs is None else body_of(bodies.inputs.whole),
        outputs=None if bodies.outputs is None else body_of(bodies.outputs.whole),
        failure=_failure(action, bodies),
        outcome=action.outcome,
        ended_at=action.ended_at,
        effect=action.effect,
        cost=(action.cost or _NOTHING) if is_spent else _NOTHING,
        fingerprints=tuple(one.fingerprint for one in bodies.redacted),
        output_lacks=frozenset() if bodies.outputs is None else frozenset(_lacks(bodies.outputs.whole)),
    )


def _lacks(text: str) -> Iterator[Lack]:
    """Yield the reasons why a body is unusable; within a JSON string the quotes of a tag would be escaped."""
    if '{"$cut":{' in text:
        yield Lack.CUT
    if '{"$opaque":{' in text:
        yield Lack.OPAQUE
    if MARKER.search(text) is not None:
        yield Lack.REDACTED
    try:
        decode(text)
    except ValueError:
        yield Lack.UNREADABLE


def _details(text: str | None) -> Mapping[str, Any]:
    try:
        return {} if text is None else _DETAILS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}


def call_site_of(details: Mapping[str, Any]) -> str | None:
    """Return the file name and qualified name, without folder and line: they may differ in a replay."""
    site = details.get("callsite")
    if not isinstance(site, dict) or not isinstance(file := site.get("file"), str):
        return None
    function = _word(site.get("qualname")) or _word(site.get("function")) or ""
    return f"{posixpath.basename(file.replace(chr(92), '/'))}:{function}"


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _failure(action: Action, bodies: Bodies) -> str | None:
    if bodies.failure is not None:
        kind, message = bodies.failure.type, bodies.failure.message
    elif action.error_type is not None:
        kind, message = action.error_type, action.error_message or ""
    else:
        return None
    return f"{kind}: {message}" if message else kind
