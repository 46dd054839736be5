"""What an entry of agentsentinel-sdk is: a call and of what kind, or a mark that its integrations set.

Its integrations with frameworks write marks into the same ledger, by `Ledger.log`: a run began, a message came, a
crew is done. A mark's outcome is "error" unless its status is "completed", and the cost of the last one repeats what
the calls before it cost. So marks are recognised by their names, and are no calls.
"""

from dataclasses import dataclass
from typing import Any, Final

from titan.ingest.agentsentinel.shapes import EntryBody
from titan.model.actions import MOST_TOKENS, ActionKind, Failure, ModelUse, Outcome, RunEnd

#: How the name of a mark begins → what it is.
_MARKS: Final = {
    "autogen:message:": ActionKind.EVENT,
    "autogen:run_start:": ActionKind.STEP,
    "autogen:run_end:": ActionKind.STEP,
    "crew:start:": ActionKind.STEP,
    "crew:complete:": ActionKind.STEP,
    "crew:error:": ActionKind.STEP,
}
#: How the name of a mark begins that ends a run.
_END_MARKS: Final = ("autogen:run_end:", "crew:complete:", "crew:error:")
#: The status of a mark that is neither good nor bad.
_NEUTRAL: Final = frozenset({"started", "received"})
#: How the name of a model call begins → its provider, where that says it.
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
class ClassifiedEntry:
    """An entry as a call, or as a mark."""

    kind: ActionKind
    outcome: Outcome
    use: ModelUse | None = None
    end: RunEnd | None = None  #: the run is over
    failure: Failure | None = None
    is_cost_unknown: bool = False  #: the cost that it names is none: its price list does not know the model


def classify_entry(name: str, entry: EntryBody, inputs: Any, outputs: Any) -> ClassifiedEntry:
    """Return what an entry is, from its name, its outcome and its content."""
    given = _given(inputs)
    mark = next((kind for prefix, kind in _MARKS.items() if name.startswith(prefix)), None)
    if mark is not None:
        status = outputs.get("status") if isinstance(outputs, dict) else None
        outcome = Outcome.SUCCESS if status in _NEUTRAL else entry.outcome
        failure = _failure(outcome, given, outputs)
        return ClassifiedEntry(kind=mark, outcome=outcome, failure=failure, end=_end(name, outcome))
    use = _use(name, given)
    kind = ActionKind.MODEL if use is not None else _other_kind(name, entry)
    return ClassifiedEntry(
        kind=kind,
        outcome=entry.outcome,
        use=use,
        failure=_failure(entry.outcome, given, outputs),
        is_cost_unknown=given.get("pricing_found") is False,
    )


def is_failure_text(outcome: Outcome, outputs: Any) -> bool:
    """Return whether the outputs are no outputs but the words of what went wrong."""
    return outcome in _UNSUCCESSFUL and isinstance(outputs, str)


def failure_of(outcome: Outcome, text: str) -> Failure:
    """Return "ValueError: nope" as type and message; words without a type have the outcome for one."""
    kind, colon, message = text.partition(": ")
    if colon and all(part.isidentifier() for part in kind.split(".")):
        return Failure(type=kind, message=message)
    return Failure(type=outcome.value, message=text)


def failure_text(failure: Failure) -> str:
    """Return the words that `failure_of` read."""
    is_outcome = failure.type in {outcome.value for outcome in _UNSUCCESSFUL}
    return failure.message if is_outcome else f"{failure.type}: {failure.message}"


def _given(inputs: Any) -> dict[str, Any]:
    """Return what a call was given by name: its keyword arguments, or the metadata of `Ledger.log`."""
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


def _other_kind(name: str, entry: EntryBody) -> ActionKind:
    is_tool = name.startswith(_TOOL_CALLS) or "tool" in (entry.tags or ())
    return ActionKind.TOOL if is_tool else ActionKind.CALL


def _failure(outcome: Outcome, given: dict[str, Any], outputs: Any) -> Failure | None:
    if outcome not in _UNSUCCESSFUL:
        return None
    if isinstance(outputs, str):
        return failure_of(outcome, outputs)
    error, kind = given.get("error"), given.get("error_type")
    if isinstance(error, str):
        return Failure(type=kind if isinstance(kind, str) and kind else outcome.value, message=error)
    return Failure(type=kind) if isinstance(kind, str) and kind else None  # its outcome says no more than it does
