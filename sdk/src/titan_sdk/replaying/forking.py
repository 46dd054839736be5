"""Run forks and resumed runs: calls that match the recording are answered from it, others run live.

The environment variable FORK names the file of a `Plan`. Unlike in a replay, the program's actions are recorded, and
its requests reach the server. The jobs that it submits get the same plan; their worker runs on this machine.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from contextlib import ExitStack
from decimal import Decimal
from functools import partial

from titan_sdk.recording import process
from titan_sdk.recording.entries import Entry, Lost, entry_of, inputs_of, usd
from titan_sdk.recording.tasks import own_program
from titan_sdk.replaying.answers import Answers, Match, ReplayDiverged, completion_of, place_of, revived
from titan_sdk.replaying.recording import NotReplayable, Plan, Recorded, Recording, read_recording
from titan_sdk.stages import FORK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.recording.recorder import Recorder

_REFUSED = 70  # the exit code
_to_the_end = ExitStack()  # never closed: it lasts until the process ends


class Fork(Answers):
    """Answers calls that match the recording; others run within limits, or end the program."""

    is_closed = False

    def __init__(self, recording: Recording, plan: Plan, new_recorder: Callable[[], Recorder | None]) -> None:
        super().__init__(recording, lambda _: None, has_own_titan=True)
        self._plan = plan
        self._new_recorder = new_recorder
        self._recorders: dict[int, Recorder | None] = {}
        self._ledger = Ledger(plan)

    def own_run_id(self, run_id: str) -> str:
        """Return the fork's id in place of its parent's."""
        return self._plan.run_id if run_id == self._plan.parent_run_id else run_id

    def _function(self, act: ActiveAction, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function to run; the action whose inputs are edited gets the edited ones."""
        found = self._matches[act.id].found
        if self._plan.inputs is None or found is None or found.id != self._plan.at:
            return function
        act.inputs = named = revived(self._plan.inputs)

        def run(*args: Any, **_: Any) -> Any:
            given, by_name = act.config.parameters.arguments(named)
            return function(*(args[:1] if act.config.is_method else ()), *given, **by_name)

        return run

    def _find(self, act: ActiveAction) -> Recorded:
        name, _ = place_of(act)
        found = self._take(act, inputs_of(act))
        is_edited = found is not None and found.id == self._plan.at
        if is_edited:
            self._ledger.note_edit()
        runs_by_itself = _groups(act) or self.recording.uses_titan(name)
        if found is None and not runs_by_itself:
            try:
                self._allow(name)
            except ReplayDiverged:
                act.cost = 0  # the call is not made, whatever cost is configured
                raise
        if not runs_by_itself and (found is None or (is_edited and self._plan.inputs is not None)):
            self._ledger.begin(act.id)
        self._matches[act.id] = Match(found, "ran", is_same=True)
        answer = found or Recorded.live(name)
        if not answer.is_served:
            self._begin(act, found)
        return answer

    def _take(self, act: ActiveAction, inputs: str | None) -> Recorded | None:
        """Return the recorded action that matches a call, with the run's id replaced by its parent's."""
        name, site = place_of(act)
        with self._lock:
            return self.recording.take(self._as_recorded(act.task), name, site, inputs and self._as_recorded(inputs))

    def _as_recorded(self, text: str) -> str:
        return text.replace(self._plan.run_id, self._plan.parent_run_id)

    def model_answer(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the recorded completion for the same messages; None: the call may be made.

        Raises:
            ReplayDiverged: it may not.
        """
        from titan_sdk.recording.actions import current_action

        messages = json.loads(self._as_recorded(json.dumps(request["messages"])))
        with self._lock:
            found = self.recording.take_answer(messages)
        around = current_action()
        if found is None:
            if not self._plan.is_resumed and (why := self._ledger.exhausted()) is not None:
                self._diverged = f"a call of the model endpoint cannot be answered: {why}"
                raise ReplayDiverged(self._diverged)
            self._ledger.begin(os.urandom(16).hex())
            return None
        if around is not None and self._recorder is not None and not self._plan.is_resumed:
            self._recorder.put(_Answered(found, os.urandom(16).hex(), around, around.id))
        return completion_of(found)

    def _allow(self, name: str) -> None:
        """Let a call run.

        Raises:
            ReplayDiverged: it is not one that may run, or the limits are reached.
        """
        if self._plan.is_resumed:
            return
        if name in self._plan.live:
            why = self._ledger.exhausted()
            if why is None:
                return
        else:
            why = f"expected a call that was recorded with these inputs, or --live {name}"
        self._diverged = f"{name!r} cannot be answered: {why}"
        raise ReplayDiverged(self._diverged)

    def _serve(self, act: ActiveAction, found: Recorded) -> Any:
        if self._plan.run_id != self._plan.parent_run_id and found.outputs is not None:
            found.outputs = found.outputs.replace(self._plan.parent_run_id, self._plan.run_id)
        act.attributes = {**(act.attributes or {}), "replay_of": found.id}
        act.cost = 0 if found.is_failed else found.line.get("cost_usd")
        value = super()._serve(act, found)
        act.outcome = "replayed"
        return value

    # --- in front of the process's recorder ---

    @property
    def _recorder(self) -> Recorder | None:
        process_id = os.getpid()  # a forked child needs its own: the recorder's thread is the parent's
        if process_id not in self._recorders:
            self._recorders[process_id] = self._new_recorder()
        return self._recorders[process_id]

    def offer(self, act: ActiveAction) -> bool:
        """Report that an action begins, except a call, which may be answered."""
        if act.has_inputs or act.config.defined_at is not None:
            act.is_begin_reported = True
            return True
        return self._begin(act, self._take(act, None) if _groups(act) else None)

    def _begin(self, act: ActiveAction, found: Recorded | None) -> bool:
        act.is_begin_reported = True
        if found is not None and self._plan.is_resumed:  # the recorded action continues
            act.id = found.id
            if found.outcome is not None and not found.is_cut:
                self._matches[act.id] = Match(found, "served", is_same=True)
                return True
        if self._recorder is not None:
            self._recorder.put(_Begun(act))
        return True

    def put(self, report: Any) -> None:
        """Record an action that has ended, unless a resumed run has it on record."""
        match = None
        if hasattr(report, "config"):
            match = self._matches.pop(report.id, None)
            self._ledger.end(report)
        served = match.found if match is not None and match.how == "served" else None
        if served is not None:
            self._answered.add(served.id)
        if self._recorder is None or (served is not None and self._plan.is_resumed):
            return
        self._recorder.put(report)
        if served is not None:
            ids = {served.id: report.id} | {below.id: os.urandom(16).hex() for below in served.below}
            for below in served.below:
                parent = ids.get(below.line.get("parent_id") or "")
                self._recorder.put(_Answered(below, ids[below.id], report, parent))

    def flush(self, timeout: float) -> bool:
        """Wait until everything recorded is delivered."""
        return self._recorder is None or self._recorder.flush(timeout)

    def close(self, seconds: float) -> None:
        """Deliver what is left."""
        if self._recorder is not None:
            self._recorder.close(seconds)


class Ledger:
    """Counts and costs of a fork's live calls, shared by all its processes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began = set[str]()

    def note_edit(self) -> None:
        """Record that the program reached the edited action."""
        self._write({"edited": self._plan.at})

    def begin(self, act_id: str) -> None:
        """Record that a live call begins."""
        self._began.add(act_id)
        self._write({"began": act_id})

    def end(self, act: ActiveAction) -> None:
        """Record the cost of an action, if it is a live call; a model call without a cost is unpriced."""
        if act.id not in self._began:
            return
        self._began.discard(act.id)
        cost = usd(act.cost)
        self._write({"ended": act.id, "usd": cost or "0", "is_unpriced": cost is None and act.config.kind == "model"})

    def exhausted(self) -> str | None:
        """Return why no further call may run; None: one may."""
        calls, spent, is_unpriced = self._totals()
        if is_unpriced:
            return "a live call of a model named no cost, which --max-usd needs; say it by cost= or set_cost"
        if calls >= self._plan.max_calls:
            return f"{calls} calls ran live, as many as --max-calls {self._plan.max_calls} lets"
        if spent >= Decimal(self._plan.max_usd):
            return f"live calls cost {spent} US dollars, and --max-usd is {self._plan.max_usd}"
        return None

    def _totals(self) -> tuple[int, Decimal, bool]:
        try:
            with open(self._plan.ledger, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
        except FileNotFoundError:
            lines = []
        spent = sum((Decimal(line["usd"]) for line in lines if "usd" in line), Decimal(0))
        return sum("began" in line for line in lines), spent, any(line.get("is_unpriced") for line in lines)

    def _write(self, line: dict[str, Any]) -> None:
        with open(self._plan.ledger, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(line) + "\n")


class _Begun:
    """A report of an action's beginning; its end always goes through the fork."""

    def __init__(self, act: ActiveAction) -> None:
        self._act = act
        self.lost = act.lost

    def entry(self) -> Entry | None:
        """Return it as an entry; None where the action has ended, which reports all of it."""
        if self._act.has_ended:
            return None
        from titan_sdk.recording.actions import cut  # this module may be imported while that one is

        process.cut_at_exit(self._act.id, partial(cut, self._act))
        return entry_of(self._act)


class _Answered:
    """A report of a recorded action below an answered one."""

    def __init__(self, found: Recorded, action_id: str, above: ActiveAction, parent_id: str | None) -> None:
        self._found = found
        self._fields: dict[str, object] = {
            "type": "action",
            "id": action_id,
            "run_id": above.run.id,
            "name": found.name,
            "kind": found.kind,
            "parent_id": parent_id or above.id,
            "started_at_ns": above.started_at_ns,
            "ended_at_ns": above.started_at_ns,
            "duration_ns": 0,
            "outcome": "replayed",
        }

    @property
    def lost(self) -> Lost:
        """How it is counted where it cannot be recorded."""
        return Lost(str(self._fields["run_id"]), int(str(self._fields["started_at_ns"])))

    def entry(self) -> Entry:
        """Return it as an entry."""
        found = self._found
        texts = {"inputs": found.inputs, "outputs": found.outputs}
        return Entry(self._fields, {name: text for name, text in texts.items() if text is not None})


def start(environment: Mapping[str, str] = os.environ) -> None:
    """Begin to answer this process's calls by the plan that FORK names.

    Raises:
        SystemExit: the recording cannot be read; the program must not run without answers.
    """
    try:
        with open(environment[FORK], encoding="utf-8") as file:
            plan = Plan(**json.load(file))
        recording = _recording(plan)
    except (OSError, ValueError, TypeError) as error:
        why = error if isinstance(error, NotReplayable) else f"{type(error).__name__}: {error}"
        sys.stderr.write(f"titan_sdk: run {environment[FORK]} cannot begin: {why}\n")
        raise SystemExit(_REFUSED) from None
    _to_the_end.enter_context(process.replaying(Fork(recording, plan, process.new_recorder)))


def _recording(plan: Plan) -> Recording:
    """Return the parent's actions of the same program, with the edit."""
    program = own_program().replace(plan.run_id, plan.parent_run_id)
    with open(plan.recording, encoding="utf-8") as lines:
        recording = read_recording(lines, run_id=plan.parent_run_id, program=program, is_partial=True)
    recording.is_trusted = plan.is_trusted
    recording.exact_after = plan.exact_after
    if plan.is_resumed:
        recording.forget_unfinished()
    if plan.at is not None and recording.has(plan.at):
        if plan.outputs is not None:
            recording.edit(plan.at, plan.outputs)
        elif plan.inputs is not None:
            recording.run_live(plan.at)
    return recording


def _groups(act: ActiveAction) -> bool:
    return act.config.effect == "local" or Recorded.groups(act.config.kind)
