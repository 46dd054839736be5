"""Answers the calls of a program from a recording, and reports what the program did.

It stands in for the process's recorder: what the program records goes into the report, and nowhere else.
"""

from __future__ import annotations

import json
import random
import time
from _thread import allocate_lock
from datetime import datetime, timedelta, timezone

from titan_sdk.recording import tasks
from titan_sdk.recording.callsites import site_of
from titan_sdk.recording.entries import payloads_of
from titan_sdk.replaying.recording import is_same
from titan_sdk.replaying.values import CannotRevive, revived

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Any

    from titan_sdk.recording.acts import Act
    from titan_sdk.replaying.recording import Recorded, Recording
    from titan_sdk.replaying.tracing import Tracer

__all__ = ["Answers", "RecordedFailure", "ReplayDiverged"]

LONGEST_DELAY_SECONDS = 0.003  # of an answer, so that those of calls side by side come in another order
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class ReplayDiverged(BaseException):
    """The program made a call that its recording does not have, so that nothing can answer it.

    It is no Exception: a program that goes on after any error would go on without an answer.
    """


class RecordedFailure(Exception):
    """A recorded call failed, and of its exception only these words are known."""


class _Taken:
    """The recorded action that a call is, and what came of it."""

    __slots__ = ("found", "how", "inputs")

    def __init__(self, found: Recorded | None, inputs: str | None, how: str) -> None:
        self.found = found
        self.inputs = inputs
        self.how = how


class Answers:
    """The recording of a run, call by call, and the report of the calls that took them.

    `write` takes each line of the report: a JSON object as an export's lines of actions, with two fields more:
    `recorded_id` of the recorded action that answered the call or stood for it, and `how` the call came to its end:
    "served", "ran" or "stopped". `seed` varies the order in which calls that run side by side are answered; None:
    answers come at once.
    """

    def __init__(self, recording: Recording, write: Callable[[str], object], *, seed: int | None = None) -> None:
        self.recording = recording
        self._write = write
        self._delays = None if seed is None else random.Random(seed)
        self._lock = allocate_lock()
        self._taken: dict[str, _Taken] = {}
        self._tracer: Tracer | None = None
        self._traced_after: str | None = None

    def trace(self, tracer: Tracer, *, after: str | None) -> None:
        """Trace the program's statements from the recorded action `after` on, or from now, to the first that differs."""
        self._tracer, self._traced_after = tracer, after
        if after is None:
            tracer.start()

    # --- calls ---

    def call(self, act: Act, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return what a call gives: what was recorded of it, or what its function returns."""
        found = self._find(act)
        if not found.is_served:
            return function(*args, **kwargs)
        if self._delays is not None and act.thread is not None:
            time.sleep(self._delays.random() * LONGEST_DELAY_SECONDS)
        return self._serve(act, found)

    async def call_later(
        self, act: Act, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the same for a coroutine function."""
        found = self._find(act)
        if not found.is_served:
            return await function(*args, **kwargs)
        import asyncio

        await asyncio.sleep(0 if self._delays is None else self._delays.random() * LONGEST_DELAY_SECONDS)
        return self._serve(act, found)

    def items(
        self, act: Act, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Iterator[Any]:
        """Return the items of a generator, which returns what was recorded."""
        found = self._find(act)
        return self._items(act, found) if found.is_served else function(*args, **kwargs)

    def items_later(
        self, act: Act, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Return the items of an asynchronous generator."""
        found = self._find(act)
        return self._items_later(act, found) if found.is_served else function(*args, **kwargs)

    def _items(self, act: Act, found: Recorded) -> Iterator[Any]:
        given = self._serve(act, found)
        has_returned = isinstance(given, dict) and given.keys() == {"items", "returned"}
        yield from given["items"] if has_returned else given
        return given["returned"] if has_returned else None

    async def _items_later(self, act: Act, found: Recorded) -> AsyncIterator[Any]:
        for item in self._serve(act, found):
            yield item

    def _find(self, act: Act) -> Recorded:
        inputs = payloads_of(act).get("inputs")
        found = self._take(act, inputs)
        self._taken[act.id] = _Taken(found, inputs, "stopped" if found is None else "ran")
        if self._tracer is not None and (found is None or not is_same(inputs, found.inputs)):
            self._tracer.stop()
        if found is None:
            raise ReplayDiverged(
                f"the recording of run {self.recording.run_id} has no further call of {act.plan.name!r} here"
            )
        return found

    def _take(self, act: Act, inputs: str | None) -> Recorded | None:
        name = act.plan.name or act.plan.kind
        site = None if act.place is None else site_of(act.place)
        with self._lock:
            return self.recording.take(act.task, name, site, inputs)

    def _serve(self, act: Act, found: Recorded) -> Any:
        text = found.exception if found.is_failed else found.outputs
        try:
            value = revived(text) if text is not None else _failure_of(found)
        except CannotRevive as error:
            self._taken[act.id].how = "stopped"
            raise ReplayDiverged(f"the output of {found.name!r} ({found.id}) cannot be served: {error}") from None
        self._taken[act.id].how = "served"
        if self._tracer is not None and found.id == self._traced_after:
            self._tracer.start()
        if found.is_failed:
            raise value if isinstance(value, BaseException) else _failure_of(found)
        return value

    # --- what stands in for the process's recorder ---

    def offer(self, act: Act) -> bool:
        """Take note that an action begins."""
        act.is_begin_told = True
        return True

    def put(self, note: Any) -> None:
        """Report an action that has ended; what is told of a run stays untold."""
        if not hasattr(note, "plan"):
            return
        act: Act = note
        payloads = payloads_of(act)
        taken = self._taken.pop(act.id, None)
        if taken is None:  # a block
            found = self._take(act, payloads.get("inputs"))
            taken = _Taken(found, payloads.get("inputs"), "ran")
        self._write(_line(self.recording.run_id, act, taken, payloads))

    def flush(self, timeout: float) -> bool:
        """Return at once: each line is written as it comes."""
        return timeout >= 0

    def close(self, seconds: float) -> None:
        """Do nothing: each line is written as it comes."""

    def step_aside(self) -> None:
        """Do nothing: no thread of ours is there to be forked."""


def _line(run_id: str, act: Act, taken: _Taken, payloads: Mapping[str, str]) -> str:
    found = taken.found
    is_served = taken.how == "served" and found is not None
    started_at = _EPOCH + timedelta(microseconds=act.started_at_ns // 1000)
    fields = {
        "type": "action",
        "id": act.id,
        "recorded_id": None if found is None else found.id,
        "how": taken.how,
        "run_id": run_id,
        "action": act.plan.name or act.plan.kind,
        "kind": act.plan.kind,
        "parent_id": act.parent_id,
        "started_at": started_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "duration_ns": act.duration_ns,
        "outcome": None if taken.how == "stopped" else found.outcome if is_served and found else act.outcome,
        "error": found.line.get("error") if is_served and found else _error(act),
    }
    texts = {"inputs": taken.inputs, "outputs": payloads.get("outputs"), "details": payloads.get("details")}
    if is_served and found is not None:
        texts["outputs"] = found.outputs
    said = "".join(f',"{name}":{text}' for name, text in texts.items() if text is not None)
    return f"{json.dumps(fields, ensure_ascii=False)[:-1]}{said}}}\n"
