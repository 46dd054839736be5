"""A recorded run as a replay reads it: its actions, from the lines of an export, and which of them answers a call."""

from __future__ import annotations

import json
import os

from titan_sdk.tape import canonical
from titan_sdk.tape.compact import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["NotReplayable", "Recorded", "Recording", "read_recording"]

#: Kinds of actions that group others: their code runs again.
_GROUPS = frozenset({"agent", "step", "turn", "thought", "handoff", "event"})

#: Events that gave the program a value (`titan_sdk.sources`).
_SOURCES = frozenset({"titan_sdk.now", "titan_sdk.uuid4", "titan_sdk.random"})
_CHIP = "[redacted:"  # what stands where a secret was


class NotReplayable(ValueError):
    """A recording cannot be replayed; the message says why, and what to do."""


class Recorded:
    """One recorded action.

    `inputs`, `outputs` and `exception` are JSON texts in the typed encoding; None where there are none.
    """

    __slots__ = (
        *(
            "after",
            "below",
            "duration_ns",
            "ended_at",
            "exception",
            "id",
            "inputs",
            "is_served",
            "kind",
            "line",
            "name",
            "outcome",
            "outputs",
        ),
        *("site", "started_at", "task"),
    )

    def __init__(self, line: dict[str, Any], *, has_children: bool = False) -> None:
        self.line = line
        self.id: str = line["id"]
        self.name: str = line.get("action") or line.get("name") or ""
        self.kind: str = line.get("kind") or "call"
        self.outcome: str | None = line.get("outcome")
        details = line.get("details")
        known: dict[str, Any] = details if isinstance(details, dict) else {}
        self.task: str = known.get("task") or ""
        self.site = _site(known.get("callsite"))
        self.inputs = _text(line, "inputs")
        self.outputs = _text(line, "outputs")
        self.exception = _text(known, "exception")
        self.started_at: str = line["started_at"]
        self.duration_ns: int = line.get("duration_ns") or 0
        self.ended_at: str = line.get("ended_at") or self.started_at
        #: the action beside this one that ended last before it: where order is kept, this one is answered after it
        self.after: Recorded | None = None
        #: whether a replay answers the call from here; else its code runs, and what it gives is compared
        is_leaf = not has_children and (self.kind not in _GROUPS or self.name in _SOURCES)
        effect = line.get("effect")
        self.is_served = effect == "external" or (is_leaf and effect != "local")
        #: the actions below this one, of which a replay that answers it comes to none
        self.below: list[Recorded] = []

    @property
    def is_failed(self) -> bool:
        """Whether the call raised."""
        return self.outcome == "error"

    def has_same_inputs(self, entry: dict[str, Any]) -> bool:
        """Tell whether an entry is of a call with the recorded inputs."""
        return is_same(self.inputs, _text(entry, "inputs"))

    def has_same_end(self, entry: dict[str, Any]) -> bool:
        """Tell whether an entry is of a call that came to the recorded end."""
        is_alike = self.outcome == entry.get("outcome") and is_same(self.outputs, _text(entry, "outputs"))
        error, failure = self.line.get("error") or {}, entry.get("failure") or {}
        return is_alike and (error.get("type"), error.get("message")) == (failure.get("type"), failure.get("message"))


class Recording:
    """The actions of one run in the order of their start, each of which answers one call."""

    def __init__(self, run_id: str, actions: Iterable[Recorded]) -> None:
        self.run_id = run_id
        self.actions = list(actions)
        self._by_site: dict[tuple[str, str, tuple[str, str] | None], list[Recorded]] = {}
        self._by_task: dict[tuple[str, str], list[Recorded]] = {}
        self._by_name: dict[str, list[Recorded]] = {}
        self._taken = set[str]()
        _note_order(self.actions)
        for action in reversed(self.actions):  # the next one is the last of its list
            self._by_site.setdefault((action.task, action.name, action.site), []).append(action)
            self._by_task.setdefault((action.task, action.name), []).append(action)
            self._by_name.setdefault(action.name, []).append(action)

    def take(self, task: str, name: str, site: tuple[str, str] | None, inputs: str | None) -> Recorded | None:
        """Return the action that a call is, and no later one again; None where the recording has none.

        Of those of the same task, name and call site it is the first with the same inputs, else the first: calls that
        run side by side come in any order. Where the code has changed, and no call has the same site or task, these are
        of no matter.
        """
        by_site, by_task = self._by_site.get((task, name, site)), self._by_task.get((task, name))
        for waiting in (by_site, by_task, self._by_name.get(name)):
            found = _next(waiting, self._taken, inputs) if waiting else None
            if found is not None:
                self._taken.add(found.id)
                if found.is_served:
                    self._taken.update(action.id for action in found.below)
                if waiting and waiting[-1] is found:
                    waiting.pop()
                return found
        return None

    def next_inputs(self, task: str, name: str, site: tuple[str, str] | None) -> str | None:
        """Return the inputs of the action that a call most likely is, as text."""
        waiting = self._by_site.get((task, name, site))
        return waiting[-1].inputs if waiting else None

    @property
    def left(self) -> list[Recorded]:
        """The actions that no call has taken."""
        return [action for action in self.actions if action.id not in self._taken]


def read_recording(lines: Iterable[str | bytes], *, run_id: str | None = None) -> Recording:
    """Return the run of an export in JSON Lines; where it has several, `run_id` names it.

    Raises:
        NotReplayable: it has no such run, a line cannot be read, or an output that a replay needs is not stored.
    """
    runs: list[str] = []
    found: list[dict[str, Any]] = []
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
            kind = line["type"]
        except (ValueError, TypeError, KeyError):
            raise NotReplayable(f"line {number} of the recording: expected a JSON object with a type") from None
        if kind == "run":
            runs.append(line["run_id"])
        elif kind == "action":
            found.append(line)
    wanted = run_id if run_id is not None else runs[0] if len(runs) == 1 else None
    if wanted is None or wanted not in runs:
        expected = "one run" if run_id is None else f"run {run_id}"
        raise NotReplayable(f"the recording: expected {expected}, found {', '.join(runs[:5]) or 'none'}")
    # What others reported, such as our model endpoint, is no call of the program's that a decorator could answer.
    own = [line for line in found if line["run_id"] == wanted and "sdk" in (line.get("sources") or ["sdk"])]
    if not own and any(line["run_id"] == wanted for line in found):
        raise NotReplayable(f"Replay not available: no action of run {wanted} was recorded with titan_sdk")
    parents = {line.get("parent_id") for line in own}
    actions = [Recorded(line, has_children=line["id"] in parents) for line in own]
    _note_below(actions)
    _check_outputs(actions)
    return Recording(wanted, actions)


def is_same(one: str | None, other: str | None) -> bool:
    """Tell whether two texts in the typed encoding are of the same value."""
    if one is None or other is None or one == other:
        return one == other
    return canonical(one) == canonical(other)


def _next(waiting: list[Recorded], taken: set[str], inputs: str | None) -> Recorded | None:
    while waiting and waiting[-1].id in taken:
        waiting.pop()
    first: Recorded | None = None
    for action in reversed(waiting):
        if action.id in taken:
            continue
        if is_same(action.inputs, inputs):
            return action
        first = first or action
    return first


def _note_below(actions: Iterable[Recorded]) -> None:
    """Note of each action all that are below it."""
    by_id = {action.id: action for action in actions}
    for action in actions:
        seen = {action.id}
        above = by_id.get(action.line.get("parent_id") or "")
        while above is not None and above.id not in seen:
            above.below.append(action)
            seen.add(above.id)
            above = by_id.get(above.line.get("parent_id") or "")


def _note_order(actions: Iterable[Recorded]) -> None:
    """Note of each action that is served which one ended last before it, if they were under way at the same time.

    Times of an export are texts of one format, which sort as the times do.
    """
    before: Recorded | None = None
    for action in sorted((one for one in actions if one.is_served), key=lambda one: one.ended_at):
        if before is not None and before.ended_at > action.started_at:
            action.after = before
        before = action


def _check_outputs(actions: Iterable[Recorded]) -> None:
    hidden = {below.id for action in actions if action.is_served for below in action.below}
    for action in actions:
        if not action.is_served or action.id in hidden:
            continue
        if action.outcome is None:
            why = "is not there: the action never ended"
        elif action.outputs is None and not action.is_failed:
            why = "is redacted" if action.line.get("is_redacted") else "is not stored"
        elif _CHIP in (action.outputs or ""):
            why = "is redacted"
        else:
            continue
        raise NotReplayable(f"Replay not available: the output of action {action.name!r} ({action.id}) {why}")


def _site(callsite: Any) -> tuple[str, str] | None:
    """Return a call site as file name and function; never the line, which changes with every edit."""
    if not isinstance(callsite, dict):
        return None
    return os.path.basename(str(callsite.get("file"))), str(callsite.get("qualname"))


def _text(holder: dict[str, Any], name: str) -> str | None:
    return compact_json(holder[name]) if name in holder else None
