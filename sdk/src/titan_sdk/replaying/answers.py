"""Answers the calls of a program from a recording, and reports what the program did.

It stands in for the process's recorder: what the program records goes into the report, and nowhere else.
"""

from __future__ import annotations

import json
import os
import random
import time
from _thread import allocate_lock

from titan_sdk.recording.callsites import file_and_function
from titan_sdk.recording.encoding import entry_of, inputs_of
from titan_sdk.recording.redact import built_in
from titan_sdk.replaying.recording import is_same
from titan_sdk.replaying.values import CannotRevive, revived
from titan_sdk.tape import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
    from typing import Any

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.replaying.recording import Recorded, Recording
    from titan_sdk.replaying.tracing import Tracer

__all__ = ["Answers", "RecordedFailure", "ReplayDiverged", "Taken", "completion_of", "place_of"]

LONGEST_DELAY_SECONDS = 0.003  # of an answer, so that those of calls side by side come in another order
ORDER_SECONDS = 0.25  # that an answer waits for the one before it, which the program may never ask for
CANCEL_SECONDS = 5.0  # beyond the recorded duration of a call that was cancelled
STEP_SECONDS = 0.001  # in which whoever has an answer goes on before the next one has his


class ReplayDiverged(BaseException):
    """The program made a call that its recording does not have, so that nothing can answer it.

    It is no Exception: a program that goes on after any error would go on without an answer.
    """


class RecordedFailure(Exception):
    """A recorded call failed, and of its exception only these words are known."""


class Taken:
    """The recorded action that a call is, and what came of it."""

    __slots__ = ("found", "how", "is_same")

    def __init__(self, found: Recorded | None, how: str, *, is_same: bool) -> None:
        self.found = found
        self.how = how
        self.is_same = is_same


class Answers:
    """The recording of a run, call by call, and the report of the calls that took them.

    `write` takes each line of the report, a JSON object: `recorded_id` of the recorded action that answered the call or
    stood for it, null where there was none; `how` the call came to its end: "served", "ran" or "stopped"; and `entry`,
    as it would have been recorded. Of one that was served for the same inputs, the entry is left out: its `id`,
    `parent_id` and `started_at_ns` stand alone. `seed` varies the order in which calls that run side by side are
    answered; None: they are answered in the order of the recording. `has_own_titan`: requests to a Titan server reach
    one that the replay has for itself.
    """

    #: Whether nothing leaves the process: nothing is recorded, and no request reaches a Titan server.
    is_closed = True
    #: Whether it stands in for the process's recorder.
    is_recorder = True

    def __init__(
        self,
        recording: Recording,
        write: Callable[[str], object],
        *,
        seed: int | None = None,
        has_own_titan: bool = False,
    ) -> None:
        self.recording = recording
        self.has_own_titan = has_own_titan
        self._write = write
        self._delays = None if seed is None else random.Random(seed)
        self._lock = allocate_lock()
        self._taken: dict[str, Taken] = {}
        self._tracer: Tracer | None = None
        self._traced_after: str | None = None
        self._answered = set[str]()  #: ids of recorded actions
        self._diverged: str | None = None  #: why the program is to end

    def trace(self, tracer: Tracer, *, after: str | None) -> None:
        """Trace the program's statements from the recorded action `after` on, or from now on."""
        self._tracer, self._traced_after = tracer, after
        if after is None:
            tracer.start()

    # --- calls ---

    def call(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return what a call gives: what was recorded of it, or what its function returns."""
        found = self._find(act)
        if not found.is_served:
            return self._function(act, function)(*args, **kwargs)
        if act.thread is not None:  # others may be under way beside it
            if self._delays is not None:
                time.sleep(self._delays.random() * LONGEST_DELAY_SECONDS)
            else:
                self._wait_for_turn(found)
        return self._serve(act, found)

    async def call_later(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the same for a coroutine function."""
        found = self._find(act)
        if not found.is_served:
            return await self._function(act, function)(*args, **kwargs)
        import asyncio

        if self._delays is not None:
            await asyncio.sleep(self._delays.random() * LONGEST_DELAY_SECONDS)
        else:
            until = time.monotonic() + ORDER_SECONDS
            await asyncio.sleep(0)
            while self._is_early(found) and time.monotonic() < until:  # noqa: ASYNC110  # calls come from threads, too
                await asyncio.sleep(STEP_SECONDS)
        if found.is_failed and '"asyncio.exceptions:CancelledError"' in (found.exception or ""):
            # Whoever cancelled it, as a timeout does, does so again; only then is it over.
            await asyncio.sleep(found.duration_ns / 1e9 + CANCEL_SECONDS)
        return self._serve(act, found)

    def items(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Iterator[Any]:
        """Return the items of a generator, which returns what was recorded."""
        found = self._find(act)
        return self._items(act, found) if found.is_served else self._function(act, function)(*args, **kwargs)

    def items_later(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Return the items of an asynchronous generator."""
        found = self._find(act)
        return self._items_later(act, found) if found.is_served else self._function(act, function)(*args, **kwargs)

    def _items(self, act: ActiveAction, found: Recorded) -> Generator[Any, None, Any]:
        given = self._serve(act, found)
        has_returned = isinstance(given, dict) and given.keys() == {"items", "returned"}
        yield from given["items"] if has_returned else given
        return given["returned"] if has_returned else None

    async def _items_later(self, act: ActiveAction, found: Recorded) -> AsyncIterator[Any]:
        for item in self._serve(act, found):
            yield item

    def _wait_for_turn(self, found: Recorded) -> None:
        until = time.monotonic() + ORDER_SECONDS
        while self._is_early(found) and time.monotonic() < until:
            time.sleep(STEP_SECONDS)
        if found.after is not None:
            time.sleep(STEP_SECONDS)

    def _is_early(self, found: Recorded) -> bool:
        return found.after is not None and found.after.id not in self._answered

    def _function(self, _act: ActiveAction, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what runs where a call is not answered."""
        return function

    def model_answer(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what answers a call of the model endpoint, a chat completion; None: the server is asked.

        Raises:
            ReplayDiverged: a whole run is replayed, and its recording has no call with these messages.
        """
        if not self.has_own_titan:
            return None
        with self._lock:
            found = self.recording.take_answer(request["messages"])
        if found is None:
            self._diverged = (
                f"the recording of run {self.recording.run_id} has no call of the model with these messages here"
            )
            raise ReplayDiverged(self._diverged)
        from titan_sdk.recording.actions import current_action

        around = current_action()
        place = {"id": os.urandom(16).hex(), "parent_id": None if around is None else around.id}
        fields = {"recorded_id": found.id, "how": "served", **place, "started_at_ns": time.time_ns()}
        self._write(compact_json(fields) + "\n")
        return completion_of(found)

    def own_run_id(self, run_id: str) -> str:
        """Return the id of a run that the program begins with this one."""
        return run_id

    def _find(self, act: ActiveAction) -> Recorded:
        if self._diverged is not None:
            self._taken[act.id] = Taken(None, "ended", is_same=False)
            raise ReplayDiverged(self._diverged)
        name, site = place_of(act)
        inputs = inputs_of(act, known=self.recording.next_inputs(act.task, name, site))
        found = self._take(act, inputs)
        same = found is not None and is_same(inputs, found.inputs)
        self._taken[act.id] = Taken(found, "stopped" if found is None else "ran", is_same=same)
        if self._tracer is not None and not same:
            self._tracer.stop()
        if found is None:
            self._diverged = f"the recording of run {self.recording.run_id} has no further call of {name!r} here"
            raise ReplayDiverged(self._diverged)
        return found

    def _take(self, act: ActiveAction, inputs: str | None) -> Recorded | None:
        name, site = place_of(act)
        with self._lock:
            return self.recording.take(act.task, name, site, inputs)

    def _serve(self, act: ActiveAction, found: Recorded) -> Any:
        text = found.exception if found.is_failed else found.outputs
        try:
            value = revived(text) if text is not None else _failure_of(found)
        except CannotRevive as error:
            self._taken[act.id].how = "stopped"
            self._diverged = f"the output of {found.name!r} ({found.id}) cannot be served: {error}"
            raise ReplayDiverged(self._diverged) from None
        self._taken[act.id].how = "served"
        if self._tracer is not None and found.id == self._traced_after:
            self._tracer.start()
        if found.is_failed:
            raise value if isinstance(value, BaseException) else _failure_of(found)
        return value

    # --- what stands in for the process's recorder ---

    def offer(self, act: ActiveAction) -> bool:
        """Take note that an action begins."""
        act.is_begin_reported = True
        return True

    def put(self, note: Any) -> None:
        """Report an action that has ended; what is reported of a run is left out."""
        if not hasattr(note, "plan"):
            return
        act: ActiveAction = note
        taken = self._taken.pop(act.id, None)
        if taken is None:  # a `with` block: its inputs may be set in it
            taken = Taken(self._take(act, inputs_of(act)), "ran", is_same=False)
        if taken.how == "ended":
            return
        fields = {"recorded_id": None if taken.found is None else taken.found.id, "how": taken.how}
        if taken.how == "served" and taken.is_same:
            place = {"id": act.id, "parent_id": act.parent_id, "started_at_ns": act.started_at_ns}
            self._write(compact_json(fields | place) + "\n")
        else:
            self._write(f'{compact_json(fields)[:-1]},"entry":{entry_of(act).text(built_in())}}}\n')
        if taken.how == "served" and taken.found is not None:
            self._report_below(act, taken.found)
            # Last: to write is to let other threads go on, before the program has what it was answered.
            self._answered.add(taken.found.id)

    def _report_below(self, act: ActiveAction, found: Recorded) -> None:
        """Report what the program did not come to, for the action above was answered."""
        ids = {found.id: act.id}
        for below in found.below:
            ids[below.id] = f"{act.id}.{len(ids)}"
        for below in found.below:
            fields = {"recorded_id": below.id, "how": "served", "id": ids[below.id], "started_at_ns": act.started_at_ns}
            self._write(compact_json(fields | {"parent_id": ids.get(below.line.get("parent_id") or "")}) + "\n")

    def flush(self, timeout: float) -> bool:
        """Return at once: each line is written as it comes."""
        return timeout >= 0

    def close(self, seconds: float) -> None:
        """Do nothing: each line is written as it comes."""


def place_of(act: ActiveAction) -> tuple[str, tuple[str, str] | None]:
    """Return an action's name and call site."""
    return act.plan.name or act.plan.kind, None if act.place is None else file_and_function(act.place)


def completion_of(found: Recorded) -> dict[str, Any]:
    """Return a recorded call of the model endpoint as the chat completion that it gave."""
    line = found.line
    details = line.get("details") if isinstance(line.get("details"), dict) else {}
    reasons = ((details or {}).get("attributes") or {}).get("gen_ai.response.finish_reasons") or ["stop"]
    choice = {"message": json.loads(found.outputs or "{}"), "finish_reason": reasons[0]}
    usage = {"prompt_tokens": line.get("input_tokens"), "completion_tokens": line.get("output_tokens")}
    return {"model": line.get("model"), "choices": [choice], "usage": usage}


def _failure_of(found: Recorded) -> RecordedFailure:
    error = found.line.get("error") or {}
    return RecordedFailure(f"{error.get('type') or 'Error'}: {error.get('message') or ''}")
