"""Assemble the content of actions and runs from their entries: inputs, outputs, details, interventions, progress."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Final

import msgspec

from titan.model.actions import ActionEntry, ActionKind, Entry, Failure, Payload, Redaction, RunEntry, Source
from titan.model.run_control import RunStatus
from titan.model.runs import Action, Intervention, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """The content of an action, which its row does not hold."""

    inputs: Payload | None = None
    outputs: Payload | None = None
    failure: Failure | None = None
    redacted: tuple[Redaction, ...] = ()
    details: str | None = None  #: a JSON object, as in ActionEntry


def bodies_of(entries: Iterable[Entry]) -> Bodies:
    """Return the content of an action from its entries in order; the first that has a part wins.

    Messages that were reported apart (`ActionEntry.is_part`) are put together in the order of their times.
    """
    reported = [entry for entry in entries if isinstance(entry, ActionEntry)]
    return Bodies(
        inputs=_put_together([(entry, entry.inputs) for entry in reported if entry.inputs is not None]),
        outputs=_put_together([(entry, entry.outputs) for entry in reported if entry.outputs is not None]),
        failure=next((entry.failure for entry in reported if entry.failure is not None), None),
        redacted=tuple(dict.fromkeys(one for entry in reported for one in entry.redacted)),
        details=_together([entry.details for entry in reported if entry.details not in (None, _NOTHING)]),
    )


def _put_together(reported: list[tuple[ActionEntry, Payload]]) -> Payload | None:
    whole = next((payload for entry, payload in reported if not entry.is_part), None)
    if whole is not None or not reported:
        return whole
    parts = [payload for _, payload in sorted(reported, key=lambda one: one[0].started_at)]
    messages = (message for part in parts if part.text == parts[0].text for message in part.shared)
    return Payload(parts[0].text, tuple(messages))


def _together(details: list[str]) -> str | None:
    """Merge JSON objects; the first with a key wins.

    What is no object, and was kept before that was refused, stands under `details`.
    """
    if len(details) < 2 and all(text.startswith("{") for text in details):
        return details[0] if details else None
    parts: dict[str, msgspec.Raw] = {}
    for text in reversed(details):
        parts |= _parts(text)
    return msgspec.json.encode(parts).decode()


def _parts(text: str) -> dict[str, msgspec.Raw]:
    try:
        return _PARTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"details": msgspec.Raw(text.encode())}


_NOTHING: Final = "null"  # kept as details before that was refused
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


# --- How far a running run is ---


LOOKED_AT: Final = 20  # completed runs of the agent
HIGHEST_ESTIMATE: Final = 0.95  # an estimate is never complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A share from 0 to 1."""

    share: float
    is_estimated: bool


def progress(run: Run, earlier_calls: Sequence[int]) -> Progress | None:
    """Return the progress of a running run; None where it is unknown or the run has ended.

    `earlier_calls` are the numbers of calls of the agent's last completed runs.
    """
    if run.status is not RunStatus.RUNNING:
        return None
    if run.done is not None and run.total:
        return Progress(share=min(1.0, run.done / run.total), is_estimated=False)
    usual = median(earlier_calls) if earlier_calls else 0
    if not usual:
        return None
    return Progress(share=min(HIGHEST_ESTIMATE, run.tally.calls / usual), is_estimated=True)


def details_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the details of a run's entries, each once, in order."""
    reported = (entry.details for entry in entries if isinstance(entry, RunEntry) and entry.details is not None)
    return tuple(dict.fromkeys(details for details in reported if details.startswith("{")))


def processes_of(entries: Iterable[Entry]) -> tuple[RunEntry, ...]:
    """Return the entries that report a run's processes, in order."""
    return tuple(entry for entry in entries if isinstance(entry, RunEntry) and entry.process is not None)


class _Reported(msgspec.Struct):
    outcome: str = ""
    action_name: str = ""
    reason: str | None = None
    estimated_cost_usd: Decimal | None = None
    risk_level: str | None = None


class _Details(msgspec.Struct):
    intervention: _Reported = msgspec.field(default_factory=_Reported)


def is_intervention(action: Action) -> bool:
    """Return whether an action is an intervention of a guard."""
    return action.kind is ActionKind.EVENT and action.sources == (Source.SENTINEL.value,)


def intervention_of(action: Action, bodies: Bodies) -> Intervention:
    """Return the intervention in an action; fields that redaction removed are ""."""
    try:
        reported = msgspec.json.decode(bodies.details or "{}", type=_Details).intervention
    except msgspec.DecodeError:
        reported = _Reported()
    return Intervention(
        id=action.id,
        run_id=action.run_id,
        at=action.started_at,
        type=action.name,
        outcome=reported.outcome,
        action_name=reported.action_name,
        agent_id=action.actor or action.agent_id,
        reason=reported.reason,
        estimated_cost=reported.estimated_cost_usd,
        risk_level=reported.risk_level,
    )
