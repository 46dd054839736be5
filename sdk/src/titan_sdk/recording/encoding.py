"""Turns actions into entries, in the background on the recorder's thread."""

from __future__ import annotations

import json
from copy import copy
from decimal import Context, Decimal, InvalidOperation

from titan_sdk.recording import redact as redacting
from titan_sdk.recording.callsites import site_text, written
from titan_sdk.recording.entry import NAME_LIMIT, TAG_LIMIT, Entry, line
from titan_sdk.recording.parameters import Parameters, parameters_of
from titan_sdk.recording.tracebacks import LONGEST_MESSAGE, traceback_text
from titan_sdk.recording.validation import say_once
from titan_sdk.run_end import words_of
from titan_sdk.tape import Bounds, Raised, compact_json, encoded_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    from titan_sdk.recording.actions import ActiveAction, Amount
    from titan_sdk.recording.redact import Redact
    from titan_sdk.redaction import Redactor

    Outcome: TypeAlias = Literal["success", "error", "replayed"]

__all__ = ["ActionConfig", "entry_of", "inputs_of"]

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DETAILS = Bounds(size_bytes=64 * 1024)  # of an exception's arguments
_SMALLEST_USD = Decimal("1e-12")  # the picodollar that the server keeps
_RECKONING = Context(prec=28, traps=[InvalidOperation])  # not the program's, which may round early or refuse to
LARGEST_USD = 10**6  # of one call; the server takes no more
_LARGEST_TOKENS = 10**9  # of one call; the server takes no more
_UNKNOWN = Parameters()


class ActionConfig:
    """How actions of one kind are recorded."""

    __slots__ = (
        *("_known", "actor", "cost", "defined_at", "effect", "impact", "is_method", "keeps_errors", "keeps_inputs"),
        *("keeps_outputs", "kind", "name", "parameters", "redact", "tags"),
    )

    def __init__(
        self,
        name: str | None,
        kind: str,
        *,
        cost: Amount | Callable[[Any], Amount | None] | None = None,
        tags: Sequence[str] = (),
        impact: str | None = None,
        effect: str | None = None,
        actor: str | None = None,
        redact: Redact | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.cost = cost
        self.tags = tags
        self.impact = impact
        self.effect = effect
        self.actor = actor
        self.redact = redact
        self.keeps_errors = redact is None or not redact.errors
        self.keeps_inputs = redact is None or not redact.inputs
        self.keeps_outputs = redact is None or not redact.outputs
        #: of a function: its file, line and name
        self.defined_at: tuple[str, int, str] | None = None
        self._known: dict[str, object] | None = None
        #: of the function: what its inputs are called
        self.parameters = _UNKNOWN
        #: whether the first argument is the object that the function belongs to, which is no input
        self.is_method = False

    def of(self, function: Callable[..., Any]) -> ActionConfig:
        """Return the plan for one function."""
        plan = copy(self)
        plan.name = self.name or getattr(function, "__name__", type(function).__name__)
        plan._known = None
        code, place = getattr(function, "__code__", None), getattr(function, "__qualname__", "")
        if code is not None:
            plan.defined_at = (code.co_filename, code.co_firstlineno, place)
        plan.parameters = parameters_of(function)
        plan.is_method = plan.parameters.positional[:1] in (("self",), ("cls",)) and "." in place
        if plan.is_method:
            plan.parameters = plan.parameters.without_first()
        return plan

    @property
    def known(self) -> dict[str, object]:
        """What each entry says, whatever the call."""
        if self._known is None:
            said = {"actor": self.actor and line(self.actor, NAME_LIMIT), "impact": self.impact, "effect": self.effect}
            named: dict[str, object] = {"name": line(self.name or self.kind, NAME_LIMIT), "kind": self.kind}
            self._known = named | {name: value for name, value in said.items() if value is not None}
        return self._known

    def cost_of(self, result: object) -> Amount | None:
        """Return what a call that gave `result` cost; None where the function cannot say: said once."""
        if not callable(self.cost):
            return self.cost
        try:
            return self.cost(result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (a price that cannot be computed must not fail the call made)
            _say_cost_raised(self, error)
            return None


def entry_of(act: ActiveAction) -> Entry:
    """Return what is known of an action now."""
    plan = act.plan
    fields: dict[str, object] = {"type": "action", "id": act.id, **plan.known, "started_at_ns": act.started_at_ns}
    if (run_id := act.run.id) is not None:
        fields["run_id"] = run_id
    if act.run.project is not None:
        fields["project"] = act.run.project
    if act.parent_id is not None:
        fields["parent_id"] = act.parent_id
    if plan.tags or act.tags:
        fields["tags"] = [line(tag, TAG_LIMIT) for tag in (*plan.tags, *(act.tags or ()))]
    payloads: dict[str, str] = {}
    if act.has_inputs and plan.keeps_inputs and not act.are_inputs_reported:
        act.are_inputs_reported = True  # first: what is set from now on is reported with the end
        payloads["inputs"] = encoded_text(act.inputs)
    if act.has_ended:
        _add_end(act, fields, payloads)
    if not (plan.keeps_inputs and plan.keeps_outputs) or (act.outcome == "error" and not plan.keeps_errors):
        fields["is_redacted"] = True
    payloads["details"] = _details(act)
    redacting.leave_out_bodies(fields, payloads)
    return Entry(fields, payloads, redactor=_redactor_of(plan))


def inputs_of(act: ActiveAction, *, known: str | None = None) -> str | None:
    """Return the inputs of an action as the server would keep them, without secrets; None where it has none.

    Inputs that are `known` hold none: they are not looked through again.
    """
    if not (act.has_inputs and act.plan.keeps_inputs):
        return None
    text = encoded_text(act.inputs)
    if text == known:
        return text
    redactor = _redactor_of(act.plan) or redacting.built_in()
    return redactor.redact_json(text).text


def _redactor_of(plan: ActionConfig) -> Redactor | None:
    return redacting.of_process() if plan.redact is None else plan.redact.redactor()


def _add_end(act: ActiveAction, fields: dict[str, object], payloads: dict[str, str]) -> None:
    fields["ended_at_ns"] = act.started_at_ns + act.duration_ns
    fields["duration_ns"] = act.duration_ns
    fields["outcome"] = act.outcome
    if (cost := usd(act.cost)) is not None:
        fields["cost_usd"] = cost
        _say_if_rounded(act, cost)
    elif act.cost is not None:
        _say_without(act, "a cost", act.cost, f"US dollars from 0 to {LARGEST_USD:,}")
    if act.use:
        fields["use"] = _use(act, act.use)
    if act.has_outputs and act.outcome != "error" and act.plan.keeps_outputs:
        payloads["outputs"] = encoded_text(act.outputs)
    if act.outcome == "error":
        fields["failure"] = _failure(act)


def usd(amount: object) -> str | None:
    """Return an amount as the server takes it, rounded half-even to the picodollar; None for what is no amount."""
    try:
        exact = amount if isinstance(amount, Decimal) else Decimal(str(amount), _RECKONING)
        if amount is None or isinstance(amount, bool) or not exact.is_finite() or not 0 <= exact <= LARGEST_USD:
            return None
        whole = exact.quantize(_SMALLEST_USD, context=_RECKONING).normalize(_RECKONING)
        return f"{whole:f}"
    except (InvalidOperation, ValueError):
        return None


def _say_if_rounded(act: ActiveAction, cost: str) -> None:
    """Say once that a cost has more decimals than are kept; of a float only where nothing is left of it."""
    given = act.cost
    if isinstance(given, str | Decimal):
        is_rounded = Decimal(given, _RECKONING) != Decimal(cost)
    else:
        is_rounded = isinstance(given, float) and given > 0 and cost == "0"
    if is_rounded:
        name, found = line(act.plan.name or act.plan.kind, NAME_LIMIT), line(str(given), 100)
        said = f"titan_sdk: {name!r} is recorded with a cost of {cost} US dollars: of {found}, 12 decimals are kept"
        say_once(said, about=f"decimals of {name!r}")


def _say_cost_raised(plan: ActionConfig, error: BaseException) -> None:
    name, kind = line(plan.name or plan.kind, NAME_LIMIT), type(error).__name__
    words = words_of(error, 200)
    found = line(" ".join(f"{kind}: {words}".split()), 200) if words else kind
    say_once(
        f"titan_sdk: {name!r} is recorded without a cost: its function of the result raised {found}",
        about=f"{name!r} without a cost: {kind}",
    )


def _use(act: ActiveAction, said: Mapping[str, object]) -> dict[str, object]:
    """Return what the server takes of what a program says of a model call; the rest is said, once."""
    use: dict[str, object] = {}
    for name, value in said.items():
        is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_TOKENS
        if is_number if name.endswith("_tokens") else isinstance(value, str) and value:
            use[name] = value
        else:
            _say_without(act, name, value, "a number from 0" if name.endswith("_tokens") else "a text")
    return use


def _say_without(act: ActiveAction, what: str, found: object, expected: str) -> None:
    name = line(act.plan.name or act.plan.kind, NAME_LIMIT)
    say_once(f"titan_sdk: {name!r} is recorded without {what}: {line(repr(found), 100)} is not {expected}")


def _failure(act: ActiveAction) -> dict[str, str]:
    raised = act.error
    if not isinstance(raised, Raised):
        return {"type": "Exception", "message": ""}
    kind = raised.type_name.rpartition(":")[2].rpartition(".")[2]
    message = line(raised.message, LONGEST_MESSAGE) if raised.message and act.plan.keeps_errors else ""
    return {"type": line(kind, NAME_LIMIT), "message": message, "traceback": traceback_text(act.frames, kind, message)}


def _details(act: ActiveAction) -> str:
    plan = act.plan
    known = []
    if act.place is not None:
        known.append(f'"callsite":{site_text(act.place)}')
    elif plan.defined_at is not None:
        known.append(f'"defined_at":{written(*plan.defined_at)}')
    if plan.parameters.positional:
        known.append(f'"parameters":{plan.parameters.text}')
    if act.task:
        known.append(f'"task":{compact_json(act.task)}')
    if act.thread is not None:
        known.append(f'"thread":{compact_json(line(act.thread, 500))}')
    if act.uses_titan:
        known.append('"uses_titan":true')
    if act.attributes:
        known.append(f'"attributes":{_to_json(act.attributes)}')
    if act.has_ended and act.outcome == "error" and plan.keeps_errors:
        known.append(f'"exception":{encoded_text(act.error, bounds=_DETAILS)}')
    return f"{{{','.join(known)}}}"
