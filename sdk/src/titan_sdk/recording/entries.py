"""Build the entries of POST /api/v1/actions: actions become JSON on the recorder's thread, without local secrets."""

from __future__ import annotations

import json
import re
import sys
import time
from copy import copy
from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple

from titan_sdk.recording import redact as redacting
from titan_sdk.recording.calls import (
    LONGEST_MESSAGE,
    Parameters,
    line,
    location_text,
    parameters_of,
    site_text,
    traceback_text,
)
from titan_sdk.recording.validation import say_once
from titan_sdk.run_end import words_of
from titan_sdk.tape import Bounds, Raised, compact_json, encoded_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    from titan_sdk.recording.actions import ActiveAction, Amount
    from titan_sdk.recording.redact import Redact
    from titan_sdk.redaction import Redactor

    Outcome: TypeAlias = Literal["success", "error", "replayed"]

ID_LIMIT = 200
TAG_LIMIT = 200
NAME_LIMIT = 500
LARGEST_USD = 10**5  # of one call; the server's limit
_LARGEST_TOKENS = 10**9  # of one call; the server's limit
_NO_LIMIT = sys.maxsize
#: Free text, with the server's limits in characters. Fields that are neither here nor ids are times, numbers or
#: keywords of the protocol.
_FREE = {"name": NAME_LIMIT, "actor": NAME_LIMIT, "agent_id": NAME_LIMIT, "reason": _NO_LIMIT, "project": TAG_LIMIT}
_FREE_OF_FAILURE = {"type": NAME_LIMIT, "message": _NO_LIMIT, "traceback": _NO_LIMIT}
_FREE_OF_USE = {"model": _NO_LIMIT, "provider": _NO_LIMIT}
_OWN_ID = re.compile("[0-9a-f]{32}")
_IDS = ("id", "run_id", "parent_id", "session_id", "parent_run_id", "forked_at_action_id")
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_EXCEPTION_BOUNDS = Bounds(size_bytes=64 * 1024)
_SMALLEST_USD = Decimal("1e-12")  # the server's precision
_ARITHMETIC = Context(prec=28, traps=[InvalidOperation])  # the program's own context may round early


class Lost(NamedTuple):
    """An entry that will not be delivered."""

    #: None: the run of the job whose token is used
    run_id: str | None
    at_ns: int  #: when it began


class Entry:
    """A report about one action or run at one moment."""

    __slots__ = ("fields", "payloads", "redactor", "size_bytes")

    def __init__(
        self,
        fields: dict[str, object],
        payloads: dict[str, str] | None = None,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        """`payloads` are JSON texts; `redactor` is applied before the entry leaves the process."""
        self.fields = fields
        self.payloads = payloads or {}
        self.redactor = redactor
        #: an estimate, to fill batches
        self.size_bytes = 400 + sum(map(len, self.payloads.values()))

    @property
    def name(self) -> object:
        """The action's name; of a run, its id."""
        return self.fields.get("name") or self.fields.get("run_id")

    @property
    def lost(self) -> Lost:
        """How the entry is counted if it cannot be delivered."""
        at_ns = self.fields.get("started_at_ns", self.fields.get("at_ns"))
        run_id = self.fields.get("run_id")
        return Lost(run_id if isinstance(run_id, str) else None, at_ns if isinstance(at_ns, int) else time.time_ns())

    def text(self, disk: Redactor | None = None) -> str:
        """Return the entry as JSON. `disk` is the redactor for what is written to disk; it is applied to ids, too.

        An id with a secret is replaced by the same id in all entries of this process.
        """
        redactor = self.redactor or disk
        if redactor is None:
            return _assembled(self.fields, self.payloads)
        plain = {name: value for name, value in self.fields.items() if _has_no_secret(name, value)}
        text = _assembled({name: value for name, value in self.fields.items() if name not in plain}, self.payloads)
        if redactor.may_take(text):
            return _redacted_text(self, redactor, disk)
        if self.fields["type"] == "action":
            plain["redaction_version"] = redactor.version
        return f"{compact_json(plain)[:-1]},{text[1:]}" if plain else text


def _redacted_text(entry: Entry, redactor: Redactor, disk: Redactor | None) -> str:
    redaction = _EntryRedaction(redactor, disk)
    fields = redaction.fields(entry.fields)
    payloads = {name: redaction.payload(text) for name, text in entry.payloads.items()}
    if fields["type"] == "action":
        fields["redaction_version"] = redactor.version
        if redaction.has_taken:
            fields["is_redacted"] = True
    return _assembled(fields, payloads)


class _EntryRedaction:
    """Redacts every field of one entry, as `titan.rules.redaction` does at the server."""

    __slots__ = ("_ids", "_redactor", "has_taken")

    def __init__(self, redactor: Redactor, ids: Redactor | None) -> None:
        self._redactor = redactor
        self._ids = ids
        self.has_taken = False

    def fields(self, given: Mapping[str, object]) -> dict[str, object]:
        clean = self._texts(given, _FREE)
        for name in _IDS:
            if name in given:
                clean[name] = self._id(given[name])
        tags, failure, use = given.get("tags"), given.get("failure"), given.get("use")
        if isinstance(tags, list):
            clean["tags"] = [self._text(tag, TAG_LIMIT) for tag in tags]
        if isinstance(failure, dict):
            clean["failure"] = self._texts(failure, _FREE_OF_FAILURE)
        if isinstance(use, dict):
            clean["use"] = self._texts(use, _FREE_OF_USE)
            if "response_id" in use:
                clean["use"]["response_id"] = self._id(use["response_id"])
        return clean

    def payload(self, text: str) -> str:
        clean = self._redactor.redact_json(text)
        self.has_taken = self.has_taken or bool(clean.taken)
        return clean.text

    def _texts(self, given: Mapping[str, object], limits: Mapping[str, int]) -> dict[str, Any]:
        return {name: self._text(text, limits[name]) if name in limits else text for name, text in given.items()}

    def _text(self, given: object, limit: int) -> object:
        clean = self._redactor.redact_text(given) if isinstance(given, str) else None
        if clean is None or not clean.taken:
            return given
        self.has_taken = True
        return line(clean.text, limit)  # a marker may be longer than the secret

    def _id(self, given: object) -> object:
        clean = self._ids.redact_id(given) if self._ids is not None and isinstance(given, str) else None
        if clean is None or not clean.taken:
            return given
        self.has_taken = True
        return id_line(clean.text, ID_LIMIT)


def texts_of(batch: Iterable[Entry], disk: Redactor | None = None) -> list[str]:
    """Return several entries as JSON; see `Entry.text`."""
    return [entry.text(disk) for entry in batch]


def id_line(text: object, limit: int) -> str:
    """Return an id that the server accepts: a longer one ends in a digest of all of it, so that ids stay distinct."""
    whole = line(text, sys.maxsize)
    if len(whole) <= limit:
        return whole
    from hashlib import sha256

    return f"{whole[: limit - 17]}-{sha256(whole.encode()).hexdigest()[:16]}"


def _has_no_secret(name: str, value: object) -> bool:
    """Return whether no pattern can match a field: a time, a number, an id of our own."""
    return isinstance(value, int) or (name in _IDS and isinstance(value, str) and _OWN_ID.fullmatch(value) is not None)


def _assembled(fields: dict[str, object], payloads: dict[str, str]) -> str:
    parts = [f'"{name}":{payload}' for name, payload in payloads.items()]
    return ",".join([compact_json(fields)[:-1], *parts]) + "}" if parts else compact_json(fields)


class ActionConfig:
    """The options of one `action(…)`, and what is known of the function it decorates."""

    __slots__ = (
        *("_fixed_fields", "actor", "cost", "defined_at", "effect", "impact", "is_method", "keeps_errors"),
        *("keeps_inputs", "keeps_outputs", "kind", "name", "parameters", "redact", "tags"),
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
        self._fixed_fields: dict[str, object] | None = None
        self.parameters = Parameters()
        #: whether the first argument is the object that the function belongs to, which is not recorded
        self.is_method = False

    def of(self, function: Callable[..., Any]) -> ActionConfig:
        """Return the configuration for one function."""
        config = copy(self)
        config.name = self.name or getattr(function, "__name__", type(function).__name__)
        config._fixed_fields = None
        code, place = getattr(function, "__code__", None), getattr(function, "__qualname__", "")
        if code is not None:
            config.defined_at = (code.co_filename, code.co_firstlineno, place)
        config.parameters = parameters_of(function)
        config.is_method = config.parameters.positional[:1] in (("self",), ("cls",)) and "." in place
        if config.is_method:
            config.parameters = config.parameters.without_first()
        return config

    @property
    def shown_name(self) -> str:
        """The name under which actions are recorded."""
        return line(self.name or self.kind, NAME_LIMIT)

    @property
    def fixed_fields(self) -> dict[str, object]:
        """The fields that are the same for each call."""
        if self._fixed_fields is None:
            actor = self.actor and line(self.actor, NAME_LIMIT)
            optional = {"actor": actor, "impact": self.impact, "effect": self.effect}
            self._fixed_fields = {"name": self.shown_name, "kind": self.kind}
            self._fixed_fields |= {name: value for name, value in optional.items() if value is not None}
        return self._fixed_fields

    def cost_of(self, result: object) -> Amount | None:
        """Return the cost of a call that returned `result`; None where the cost function raises, logged once."""
        if not callable(self.cost):
            return self.cost
        try:
            return self.cost(result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (a price that cannot be computed must not fail the call made)
            kind, words = type(error).__name__, words_of(error, 200)
            found = line(" ".join(f"{kind}: {words}".split()), 200) if words else kind
            say_once(
                f"titan_sdk: {self.shown_name!r} is recorded without a cost: its function of the result raised {found}",
                about=f"{self.shown_name!r} without a cost: {kind}",
            )
            return None


def entry_of(act: ActiveAction) -> Entry:
    """Return an action as an entry: its beginning, or all of it once it has ended."""
    config = act.config
    fields: dict[str, object] = {"type": "action", "id": act.id, **config.fixed_fields}
    fields["started_at_ns"] = act.started_at_ns
    if (run_id := act.run.id) is not None:
        fields["run_id"] = run_id
    if act.run.project is not None:
        fields["project"] = act.run.project
    if act.parent_id is not None:
        fields["parent_id"] = act.parent_id
    if config.tags or act.tags:
        fields["tags"] = [line(tag, TAG_LIMIT) for tag in (*config.tags, *(act.tags or ()))]
    payloads: dict[str, str] = {}
    if act.has_inputs and config.keeps_inputs and not act.are_inputs_reported:
        act.are_inputs_reported = True  # first: inputs that are set from now on are reported with the end
        payloads["inputs"] = encoded_text(act.inputs)
    if act.has_ended:
        _add_end(act, fields, payloads)
    if not (config.keeps_inputs and config.keeps_outputs) or (act.outcome == "error" and not config.keeps_errors):
        fields["is_redacted"] = True
    payloads["details"] = _details(act)
    redacting.leave_out_bodies(fields, payloads)
    return Entry(fields, payloads, redactor=_redactor_of(config))


def inputs_of(act: ActiveAction, *, known: str | None = None) -> str | None:
    """Return the inputs of an action as the server would store them, without secrets; None where it has none.

    `known` is a text without secrets: inputs equal to it are not redacted again.
    """
    if not (act.has_inputs and act.config.keeps_inputs):
        return None
    text = encoded_text(act.inputs)
    if text == known:
        return text
    return (_redactor_of(act.config) or redacting.built_in()).redact_json(text).text


def _redactor_of(config: ActionConfig) -> Redactor | None:
    return redacting.of_process() if config.redact is None else config.redact.redactor()


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
    if act.has_outputs and act.outcome != "error" and act.config.keeps_outputs:
        payloads["outputs"] = encoded_text(act.outputs)
    if act.outcome == "error":
        fields["failure"] = _failure(act)


def usd(amount: object) -> str | None:
    """Return an amount in the server's format, rounded half-even to the picodollar; None if it is not an amount."""
    try:
        exact = amount if isinstance(amount, Decimal) else Decimal(str(amount), _ARITHMETIC)
        if amount is None or isinstance(amount, bool) or not exact.is_finite() or not 0 <= exact <= LARGEST_USD:
            return None
        return f"{exact.quantize(_SMALLEST_USD, context=_ARITHMETIC).normalize(_ARITHMETIC):f}"
    except (InvalidOperation, ValueError):
        return None


def _say_if_rounded(act: ActiveAction, cost: str) -> None:
    """Log once that a cost lost decimals; for a float only if nothing is left of it."""
    given = act.cost
    if isinstance(given, str | Decimal):
        is_rounded = Decimal(given, _ARITHMETIC) != Decimal(cost)
    else:
        is_rounded = isinstance(given, float) and given > 0 and cost == "0"
    if is_rounded:
        name, found = act.config.shown_name, line(str(given), 100)
        text = f"titan_sdk: {name!r} is recorded with a cost of {cost} US dollars: of {found}, 12 decimals are kept"
        say_once(text, about=f"decimals of {name!r}")


def _use(act: ActiveAction, given: Mapping[str, object]) -> dict[str, object]:
    """Return the valid fields of a model call's use; the others are logged, once."""
    use: dict[str, object] = {}
    for name, value in given.items():
        is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_TOKENS
        if is_number if name.endswith("_tokens") else isinstance(value, str) and value:
            use[name] = value
        else:
            _say_without(act, name, value, "a number from 0" if name.endswith("_tokens") else "a text")
    return use


def _say_without(act: ActiveAction, what: str, found: object, expected: str) -> None:
    name = act.config.shown_name
    say_once(f"titan_sdk: {name!r} is recorded without {what}: {line(repr(found), 100)} is not {expected}")


def _failure(act: ActiveAction) -> dict[str, str]:
    raised = act.error
    if not isinstance(raised, Raised):
        return {"type": "Exception", "message": ""}
    kind = raised.type_name.rpartition(":")[2].rpartition(".")[2]
    message = line(raised.message, LONGEST_MESSAGE) if raised.message and act.config.keeps_errors else ""
    return {"type": line(kind, NAME_LIMIT), "message": message, "traceback": traceback_text(act.frames, kind, message)}


def _details(act: ActiveAction) -> str:
    config = act.config
    parts = []
    if act.place is not None:
        parts.append(f'"callsite":{site_text(act.place)}')
    elif config.defined_at is not None:
        parts.append(f'"defined_at":{location_text(*config.defined_at)}')
    if config.parameters.positional:
        parts.append(f'"parameters":{config.parameters.text}')
    if act.task:
        parts.append(f'"task":{compact_json(act.task)}')
    if act.thread is not None:
        parts.append(f'"thread":{compact_json(line(act.thread, 500))}')
    if act.uses_titan:
        parts.append('"uses_titan":true')
    if act.attributes:
        parts.append(f'"attributes":{_to_json(act.attributes)}')
    if act.has_ended and act.outcome == "error" and config.keeps_errors:
        parts.append(f'"exception":{encoded_text(act.error, bounds=_EXCEPTION_BOUNDS)}')
    return f"{{{','.join(parts)}}}"
