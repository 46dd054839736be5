"""Read a recorded run from the lines of an export, and match a program's calls with its actions."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from titan_sdk.recording.tasks import program_of
from titan_sdk.tape import canonical, compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

#: Kinds of actions that group others; their code runs again.
_GROUPS = frozenset({"agent", "step", "turn", "thought", "handoff", "event"})

#: Events that returned a value to the program (`titan_sdk.sources`).
_SOURCES = frozenset(f"titan_sdk.{name}" for name in ("now", "uuid1", "uuid4", "random", "environ"))
_CUT = frozenset({"NeverEnded", "ProgramEnded"})  # error types of actions that did not end
_MARKER = "[redacted:"  # in place of a secret


class NotReplayable(ValueError):
    """A recording cannot be replayed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The instructions for a fork or a resumed run: `titan fork` and `titan runs resume` write it, programs read it."""

    recording: str  #: a file: the export of the parent, in JSON Lines
    parent_run_id: str
    run_id: str  #: the fork's; of a resumed run, its own
    ledger: str  #: a file: a line of JSON for each live call, and for the edit; all processes of the fork share it
    at: str | None = None  #: the action that is edited; None: the code is
    exact_after: str = ""  #: when that action started: later actions answer only calls with equal inputs
    outputs: str | None = None  #: the action's new output, in the typed encoding …
    inputs: str | None = None  #: … or new inputs for its function
    live: list[str] = field(default_factory=list)  #: names of actions that may run
    max_usd: str = "0"  #: limit for all live calls together
    max_calls: int = 0  #: limit of live calls
    is_trusted: bool = False  #: whether objects of the classes that the recording names may be made

    @property
    def is_resumed(self) -> bool:
        """Whether the run itself goes on: without limits, and without recording answered calls again."""
        return self.run_id == self.parent_run_id


class Recorded:
    """One recorded action.

    `inputs`, `outputs` and `exception` are JSON texts in the typed encoding; None where there are none.
    """

    __slots__ = (
        *("after", "below", "duration_ns", "ended_at", "exception", "id", "inputs", "is_served", "kind", "line"),
        *("name", "outcome", "outputs", "site", "started_at", "task"),
    )

    def __init__(self, line: dict[str, Any], *, has_children: bool = False, has_own_titan: bool = False) -> None:
        self.line = line
        self.id: str = line["id"]
        self.name: str = line.get("action") or line.get("name") or ""
        self.kind: str = line.get("kind") or "call"
        # An action with a reason, such as a cancelled one, has an error and no outcome: it raised.
        self.outcome: str | None = line.get("outcome") or ("error" if line.get("error") else None)
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
        #: the action before this one in the order of answers, where that order is kept
        self.after: Recorded | None = None
        #: whether a replay answers the call from here; else its code runs, and the result is compared
        is_leaf = not has_children and (self.kind not in _GROUPS or self.name in _SOURCES)
        effect = line.get("effect")
        reaches_titan = has_own_titan and known.get("uses_titan") is True
        self.is_served = not reaches_titan and (effect == "external" or (is_leaf and effect != "local"))
        #: the actions below this one, which a replay that answers it does not reach
        self.below: list[Recorded] = []

    @classmethod
    def live(cls, name: str) -> Recorded:
        """Return a placeholder for a call that is not in the recording and runs live."""
        return cls({"id": "", "name": name, "started_at": "", "effect": "local"})

    @staticmethod
    def groups(kind: str) -> bool:
        """Return whether actions of a kind group others."""
        return kind in _GROUPS

    @property
    def is_failed(self) -> bool:
        """Whether the call raised."""
        return self.outcome == "error"

    @property
    def is_cut(self) -> bool:
        """Whether its program ended before it did, so that its result is not known."""
        return self.outcome is None or (self.line.get("error") or {}).get("type") in _CUT

    def has_same_inputs(self, entry: dict[str, Any]) -> bool:
        """Return whether an entry has the recorded inputs."""
        return is_same(self.inputs, _text(entry, "inputs"))

    def has_same_end(self, entry: dict[str, Any]) -> bool:
        """Return whether an entry has the recorded outcome, outputs and error."""
        is_alike = self.outcome == entry.get("outcome") and is_same(self.outputs, _text(entry, "outputs"))
        error, failure = self.line.get("error") or {}, entry.get("failure") or {}
        return is_alike and (error.get("type"), error.get("message")) == (failure.get("type"), failure.get("message"))


class Recording:
    """The actions of one run in the order of their start; each answers one call.

    `processes` are the code reports of its programs. `on_first_call` gets the differences of this program.
    """

    def __init__(self, run_id: str, actions: Iterable[Recorded], *, processes: Sequence[dict[str, Any]] = ()) -> None:
        self.run_id = run_id
        self.on_first_call: Callable[[dict[str, Any]], object] = lambda _: None
        self._processes = processes
        #: the names of files whose code has changed; None: not compared yet
        self._changed_files: frozenset[str] | None = None
        self.actions = list(actions)
        self._by_site: dict[tuple[str, str, tuple[str, str] | None], list[Recorded]] = {}
        self._by_task: dict[tuple[str, str], list[Recorded]] = {}
        self._by_name: dict[str, list[Recorded]] = {}
        self._taken = set[str]()
        #: calls of the model endpoint, with their messages
        self.asked: list[tuple[object, Recorded]] = []
        #: in all programs of the run: name → whether each of its actions used a Titan server
        self._by_any_name: dict[str, list[bool]] = {}
        #: whether objects of the classes that it names may be made; else its values are plain data
        self.is_trusted = False
        #: actions that started later answer only calls with equal inputs; None: no limit
        self.exact_after: str | None = None
        _note_order(self.actions)
        for action in reversed(self.actions):  # the next one is the last in its list
            self._by_site.setdefault((action.task, action.name, action.site), []).append(action)
            self._by_task.setdefault((action.task, action.name), []).append(action)
            self._by_name.setdefault(action.name, []).append(action)

    def take(self, task: str, name: str, site: tuple[str, str] | None, inputs: str | None) -> Recorded | None:
        """Return the action that matches a call, each action once; None where the recording has none.

        Among those of the same task, name and call site it is the first with equal inputs, else the first: concurrent
        calls come in any order. The call site is ignored in a file whose code has changed, and the task where no action
        has the same one.
        """
        if self._changed_files is None:
            self._compare_code()
        if site is not None and self._changed_files and site[0] in self._changed_files:
            site = None
        by_site, by_task = self._by_site.get((task, name, site)), self._by_task.get((task, name))
        for waiting in (by_site, by_task, self._by_name.get(name)):
            found = _next(waiting, self._taken, inputs, self.exact_after) if waiting else None
            if found is not None:
                self._taken.add(found.id)
                if found.is_served:
                    self._taken.update(action.id for action in found.below)
                if waiting and waiting[-1] is found:
                    waiting.pop()
                return found
        return None

    def next_inputs(self, task: str, name: str, site: tuple[str, str] | None) -> str | None:
        """Return the inputs, as text, of the action that most likely matches the next such call."""
        waiting = self._by_site.get((task, name, site))
        return waiting[-1].inputs if waiting else None

    def note_others(self, own: Iterable[dict[str, Any]], asked: Iterable[dict[str, Any]], program: str | None) -> None:
        """Add facts of all programs: which action names use a Titan server, and the model endpoint's answers."""
        programs: dict[str, str] = {}
        for line in own:
            action = Recorded(line)
            known = line.get("details") if isinstance(line.get("details"), dict) else {}
            self._by_any_name.setdefault(action.name, []).append((known or {}).get("uses_titan") is True)
            programs[action.id] = program_of(action.task)
        for line in asked:
            inputs, outputs = line.get("inputs"), line.get("outputs")
            if (
                programs.get(line.get("parent_id") or "", "") == (program or "")
                and isinstance(inputs, dict)
                and outputs
            ):
                self.asked.append((inputs.get("messages"), Recorded(line)))

    def has(self, action_id: str | None) -> bool:
        """Return whether the recording has an action."""
        return any(action.id == action_id for action in self.actions)

    def uses_titan(self, name: str) -> bool:
        """Return whether all actions of a name used a Titan server; a fork has its own server."""
        found = self._by_any_name.get(name, ())
        return bool(found) and all(found)

    def take_answer(self, messages: object) -> Recorded | None:
        """Return the call of the model endpoint with these messages, each call once."""
        place = next((place for place, (asked, _) in enumerate(self.asked) if asked == messages), None)
        return None if place is None else self.asked.pop(place)[1]

    def started_at(self, action_id: str) -> str:
        """Return when an action started.

        Raises:
            NotReplayable: there is none with this id.
        """
        return self._action(action_id).started_at

    def edit(self, action_id: str, outputs: str) -> None:
        """Replace the output of an action; actions below it are not called."""
        found = self._action(action_id)
        found.is_served, found.outcome, found.outputs = True, "success", outputs

    def forget_unfinished(self) -> None:
        """Exclude actions that were cut off, and the failure that ended the program."""
        last = max((action.started_at for action in self.actions), default="")
        for action in self.actions:
            if action.is_served and (action.is_cut or (action.is_failed and action.ended_at >= last)):
                self._taken.add(action.id)

    def run_live(self, action_id: str) -> None:
        """Run an action's function instead of answering it."""
        self._action(action_id).is_served = False

    def _action(self, action_id: str) -> Recorded:
        found = next((action for action in self.actions if action.id == action_id), None)
        if found is None:
            raise NotReplayable(f"run {self.run_id}: expected action {action_id} of its own program, found none")
        return found

    def _compare_code(self) -> None:
        from titan_sdk.recording.program import changes  # it needs `process`, which begins the replay

        found = changes(self._processes)
        self._changed_files = frozenset(map(os.path.basename, found["files"] or ()))
        self.on_first_call(found)

    @property
    def left(self) -> list[Recorded]:
        """The actions that no call was matched with."""
        return [action for action in self.actions if action.id not in self._taken]


def read_recording(
    lines: Iterable[str | bytes], *, run_id: str | None = None, program: str | None = None, is_partial: bool = False
) -> Recording:
    """Return the run of an export in JSON Lines; where it has several, `run_id` names it.

    With `program`, only the actions of that program of the run (see `titan_sdk.recording.tasks`), which reaches a Titan
    server of the replay's own. With `is_partial`, actions whose output is not stored are left out.

    Raises:
        NotReplayable: it has no such run, a line cannot be read, or an output that a replay needs is not stored.
    """
    runs: list[str] = []
    processes: dict[str, list[dict[str, Any]]] = {}
    found: list[dict[str, Any]] = []
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
            kind = line["type"]
        except (ValueError, TypeError, KeyError):
            raise NotReplayable(f"line {number} of the recording: expected a JSON object with a type") from None
        if kind == "run":
            runs.append(line["run_id"])
            processes[line["run_id"]] = line.get("processes") or []
        elif kind == "action":
            found.append(line)
    wanted = run_id if run_id is not None else runs[0] if len(runs) == 1 else None
    if wanted is None or wanted not in runs:
        expected = "one run" if run_id is None else f"run {run_id}"
        raise NotReplayable(f"the recording: expected {expected}, found {', '.join(runs[:5]) or 'none'}")
    # Actions from other sources, such as the model endpoint, are no calls that a decorator could answer.
    reported = [line for line in found if line["run_id"] == wanted and "sdk" in (line.get("sources") or ["sdk"])]
    if not reported and not is_partial and program is None and any(line["run_id"] == wanted for line in found):
        raise NotReplayable(f"Replay not available: no action of run {wanted} was recorded with titan_sdk")
    parents = {line.get("parent_id") for line in reported}
    is_part = program is not None
    actions = [Recorded(line, has_children=line["id"] in parents, has_own_titan=is_part) for line in reported]
    if program is not None:
        programs = [program_of(action.task) for action in actions]
        if is_partial and not program and programs and program not in programs:
            program = programs[0]  # a job's program is run by hand
        actions = [action for action, own in zip(actions, programs, strict=True) if own == program]
    _note_below(actions)
    if is_partial:
        actions = [action for action in actions if not action.is_served or _lack_of(action) is None]
    else:
        _check_outputs(actions)
    recording = Recording(wanted, actions, processes=processes[wanted])
    recording.note_others(
        reported, [line for line in found if line["run_id"] == wanted and line.get("sources") == ["endpoint"]], program
    )
    return recording


def is_same(one: str | None, other: str | None) -> bool:
    """Return whether two texts in the typed encoding have the same value."""
    if one is None or other is None or one == other:
        return one == other
    return canonical(one) == canonical(other)


def _next(waiting: list[Recorded], taken: set[str], inputs: str | None, exact_after: str | None) -> Recorded | None:
    while waiting and waiting[-1].id in taken:
        waiting.pop()
    first: Recorded | None = None
    for action in reversed(waiting):
        if action.id in taken:
            continue
        if is_same(action.inputs, inputs):
            return action
        is_exact = exact_after is not None and action.is_served and action.started_at > exact_after
        first = first or (None if is_exact else action)
    return first


def _note_below(actions: Iterable[Recorded]) -> None:
    """Set `below` of each action."""
    by_id = {action.id: action for action in actions}
    for action in actions:
        seen = {action.id}
        above = by_id.get(action.line.get("parent_id") or "")
        while above is not None and above.id not in seen:
            above.below.append(action)
            seen.add(above.id)
            above = by_id.get(above.line.get("parent_id") or "")


def _note_order(actions: Iterable[Recorded]) -> None:
    """Set `after` of each served action: the served action that ended last before it.

    Within one task the calls have an order anyway, except that threads of a pool share one path. Actions that did not
    overlap are ordered, too: a thread that is answered at once may overtake another one. The times are texts of one
    format, which sort by time.
    """
    before: Recorded | None = None
    for action in sorted((one for one in actions if one.is_served), key=lambda one: one.ended_at):
        if before is not None and (
            before.ended_at > action.started_at or before.task != action.task or "/" in action.task
        ):
            action.after = before
        before = action


def _check_outputs(actions: Iterable[Recorded]) -> None:
    hidden = {below.id for action in actions if action.is_served for below in action.below}
    for action in actions:
        why = _lack_of(action) if action.is_served and action.id not in hidden else None
        if why is not None:
            raise NotReplayable(f"Replay not available: the output of action {action.name!r} ({action.id}) {why}")


def _lack_of(action: Recorded) -> str | None:
    """Return why an action cannot answer a call; None: it can."""
    if action.outcome is None:
        return "is not there: the action never ended"
    if action.outputs is None and not action.is_failed:
        return "is redacted" if action.line.get("is_redacted") else "is not stored"
    return "is redacted" if _MARKER in (action.outputs or "") else None


def _site(callsite: Any) -> tuple[str, str] | None:
    """Return a call site as file name and function, without the line, which changes with every edit."""
    if not isinstance(callsite, dict):
        return None
    return os.path.basename(str(callsite.get("file"))), str(callsite.get("qualname"))


def _text(holder: dict[str, Any], name: str) -> str | None:
    return compact_json(holder[name]) if name in holder else None
