"""An action of a run as a comparison sees it."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from titan.insight.bodies import Bodies
from titan.insight.replay.bodies import Body, body_of
from titan.model.actions import INCURRED, Effect, Outcome
from titan.model.runs import Action
from titan.rules.redaction import CHIP
from titan_sdk.tape import decode

_NOTHING: Final = Decimal(0)
_DETAILS: Final = msgspec.json.Decoder(dict[str, Any])


class Lack(StrEnum):
    """Why outputs cannot be given back to code as they were."""

    CUT = "cut"  #: too large, a part was left out
    OPAQUE = "opaque"  #: of a value only its repr is known
    REDACTED = "redacted"  #: a secret was taken away
    UNREADABLE = "unreadable"  #: no JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAction:
    """What was recorded of one action."""

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
    fingerprints: tuple[str, ...] = ()  #: of what was redacted
    output_lacks: frozenset[Lack] = frozenset()  #: what makes the outputs useless for a replay


def recorded_action(action: Action, bodies: Bodies) -> RecordedAction:
    """Return an action as a comparison sees it; its bodies are whole."""
    details = _details(bodies.details)
    is_spent = action.count.has_cost and action.outcome in INCURRED
    return RecordedAction(
        id=action.id,
        name=action.name,
        is_call=action.count.is_call,
        started_at=action.started_at,
        parent_id=action.parent_id,
        task=_word(details.get("task")),
        call_site=_call_site(details),
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
    """Yield what a body lacks; within a string of JSON a tag would have its quotes escaped."""
    if '{"$cut":{' in text:
        yield Lack.CUT
    if '{"$opaque":{' in text:
        yield Lack.OPAQUE
    if CHIP.search(text) is not None:
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


def _call_site(details: Mapping[str, Any]) -> str | None:
    """Return the file's name and the qualified name: a replay may run in another folder, with lines added above."""
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
