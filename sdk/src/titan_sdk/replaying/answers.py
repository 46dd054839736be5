"""Answer a program's calls from a recording, and write a report of its calls.

`Answers` replaces the process's recorder: the program's actions go into the report only.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from _thread import allocate_lock

from titan_sdk.recording.calls import file_and_function
from titan_sdk.recording.entries import entry_of, inputs_of
from titan_sdk.recording.redact import built_in
from titan_sdk.replaying.recording import is_same
from titan_sdk.tape import Cut, Object, Opaque, compact_json, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
    from typing import Any

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.replaying.recording import Recorded, Recording
    from titan_sdk.replaying.tracing import Tracer

LONGEST_DELAY_SECONDS = 0.003  # of an answer, so that those of calls side by side come in another order
ORDER_SECONDS = 0.25  # an answer waits so long for the one before it, which the program may never ask for
CANCEL_SECONDS = 5.0  # beyond the recorded duration of a call that was cancelled
STEP_SECONDS = 0.001  # in which a thread with an answer goes on before the next one gets its own
_DESCRIBED = ('"$object"', '"$opaque"', '"$cut"')
_NAMED = ('"$object"', '"$exception"')
_PLAIN = (
    "this recording is of a file or an imported run, so its objects are plain data and its errors ReplayedError. If you"
    " trust it: titan_sdk.replay(FILE, trusted=True), or `titan runs trust RUN` for an imported run"
)
_BUILT_IN = (str, int, float, bytes, bytearray, list, tuple, set, frozenset, dict)


class ReplayDiverged(BaseException):
    """The program made a call that its recording does not have, so there is no answer.

    It is a BaseException: a program that catches every Exception would go on without an answer.
    """


class RecordedFailure(Exception):
    """A recorded call failed, and only its exception's type name and message are known."""


class Match:
    """The recorded action that a call was matched with, and the call's outcome."""

    __slots__ = ("found", "how", "is_same")

    def __init__(self, found: Recorded | None, how: str, *, is_same: bool) -> None:
        self.found = found
        self.how = how
        self.is_same = is_same


class Answers:
    """Answers calls from the recording of a run, and writes the report.

    `write` gets each line of the report, a JSON object: `recorded_id` of the recorded action that the call was matched
    with, null where there was none; `how` the call ended: "served", "ran" or "stopped"; and `entry`, as it would have
    been recorded. If it was served for equal inputs, only `id`, `parent_id` and `started_at_ns` of the entry are
    written. `seed` varies the order in which concurrent calls are answered; None: the order of the recording.
    `has_own_titan`: requests to a Titan server reach one that belongs to the replay.
    """

    #: Whether nothing leaves the process: no recording, no request to a Titan server.
    is_closed = True
    #: Whether it replaces the process's recorder.
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
        self._matches: dict[str, Match] = {}
        self._tracer: Tracer | None = None
        self._traced_after: str | None = None
        self._answered = set[str]()  #: ids of recorded actions
        self._diverged: str | None = None  #: why the program is to end
        self._has_said_plain = False

    def trace(self, tracer: Tracer, *, after: str | None) -> None:
        """Trace the program's statements, from the recorded action `after` on or from now on."""
        self._tracer, self._traced_after = tracer, after
        if after is None:
            tracer.start()

    # --- calls ---

    def call(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the recorded result of a call, or call its function."""
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
            # The program cancels it again, for example by a timeout; only then does it end.
            await asyncio.sleep(found.duration_ns / 1e9 + CANCEL_SECONDS)
        return self._serve(act, found)

    def items(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Iterator[Any]:
        """Return a generator of the recorded items, which returns the recorded value."""
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
        """Return the function to run where a call is not answered."""
        return function

    def model_answer(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the recorded chat completion for a request to the model endpoint; None: send it to the server.

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
        from titan_sdk.recording.actions import current_action  # this module may be imported while that one is

        around = current_action()
        place = {"id": os.urandom(16).hex(), "parent_id": None if around is None else around.id}
        fields = {"recorded_id": found.id, "how": "served", **place, "started_at_ns": time.time_ns()}
        self._write(compact_json(fields) + "\n")
        return completion_of(found)

    def own_run_id(self, run_id: str) -> str:
        """Return the id to use for a run that the program begins with this id."""
        return run_id

    def _find(self, act: ActiveAction) -> Recorded:
        if self._diverged is not None:
            self._matches[act.id] = Match(None, "ended", is_same=False)
            raise ReplayDiverged(self._diverged)
        name, site = place_of(act)
        inputs = inputs_of(act, known=self.recording.next_inputs(act.task, name, site))
        found = self._take(act, inputs)
        same = found is not None and is_same(inputs, found.inputs)
        self._matches[act.id] = Match(found, "stopped" if found is None else "ran", is_same=same)
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
        is_trusted = self.recording.is_trusted
        if not is_trusted and text is not None:
            self._say_plain(text)
        try:
            value = revived(text, is_trusted=is_trusted) if text is not None else _failure_of(found)
        except CannotRevive as error:
            self._matches[act.id].how = "stopped"
            self._diverged = f"the output of {found.name!r} ({found.id}) cannot be served: {error}"
            raise ReplayDiverged(self._diverged) from None
        self._matches[act.id].how = "served"
        if self._tracer is not None and found.id == self._traced_after:
            self._tracer.start()
        if found.is_failed:
            raise value if isinstance(value, BaseException) else _failure_of(found)
        return value

    def _say_plain(self, text: str) -> None:
        """Say once that values of this recording are plain data."""
        if self._has_said_plain or not any(tag in text for tag in _NAMED):
            return
        self._has_said_plain = True
        sys.stderr.write(f"titan_sdk: {_PLAIN}\n")

    # --- in place of the process's recorder ---

    def offer(self, act: ActiveAction) -> bool:
        """Accept the beginning of an action."""
        act.is_begin_reported = True
        return True

    def put(self, report: Any) -> None:
        """Report an action that has ended; reports about runs are dropped."""
        if not hasattr(report, "config"):
            return
        act: ActiveAction = report
        match = self._matches.pop(act.id, None)
        if match is None:  # a `with` block: its inputs may be set in it
            match = Match(self._take(act, inputs_of(act)), "ran", is_same=False)
        if match.how == "ended":
            return
        fields = {"recorded_id": None if match.found is None else match.found.id, "how": match.how}
        if match.how == "served" and match.is_same:
            place = {"id": act.id, "parent_id": act.parent_id, "started_at_ns": act.started_at_ns}
            self._write(compact_json(fields | place) + "\n")
        else:
            self._write(f'{compact_json(fields)[:-1]},"entry":{entry_of(act).text(built_in())}}}\n')
        if match.how == "served" and match.found is not None:
            self._report_below(act, match.found)
            # Last: writing lets other threads go on before the program has its answer.
            self._answered.add(match.found.id)

    def _report_below(self, act: ActiveAction, found: Recorded) -> None:
        """Report the actions below an answered one, which the program did not reach."""
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
        """Return at once: each line is written as it comes."""


def place_of(act: ActiveAction) -> tuple[str, tuple[str, str] | None]:
    """Return an action's name and call site."""
    return act.config.name or act.config.kind, None if act.place is None else file_and_function(act.place)


def completion_of(found: Recorded) -> dict[str, Any]:
    """Return a recorded call of the model endpoint as its chat completion."""
    line = found.line
    details = line.get("details") if isinstance(line.get("details"), dict) else {}
    reasons = ((details or {}).get("attributes") or {}).get("gen_ai.response.finish_reasons") or ["stop"]
    choice = {"message": json.loads(found.outputs or "{}"), "finish_reason": reasons[0]}
    usage = {"prompt_tokens": line.get("input_tokens"), "completion_tokens": line.get("output_tokens")}
    return {"model": line.get("model"), "choices": [choice], "usage": usage}


def _failure_of(found: Recorded) -> RecordedFailure:
    error = found.line.get("error") or {}
    return RecordedFailure(f"{error.get('type') or 'Error'}: {error.get('message') or ''}")


class CannotRevive(ValueError):
    """A recorded value cannot be restored; the message says which, and why."""


def revived(text: str, *, is_trusted: bool = True) -> Any:
    """Return the value of a text in the typed encoding, with instances of the program's classes if it is trusted.

    Classes are looked up in the imported modules. Instances of dataclasses are created without their `__init__`, those
    of pydantic models by `model_validate`.

    Raises:
        CannotRevive: a part was recorded as a repr or cut, or its class is not loaded.
    """
    value = decode(text, is_trusted=is_trusted)
    return _made(value) if any(tag in text for tag in _DESCRIBED) else value


def _made(value: Any) -> Any:
    """Return a value with all its instances restored; containers are copied."""
    kind = type(value)
    if kind is Object:
        return _instance(value)
    if kind is Opaque:
        raise CannotRevive(f"of a {value.type_name} only its repr was recorded: {value.text[:100]}")
    if kind is Cut:
        raise CannotRevive(f"a {value.type_name} was recorded in part only: it was too large, too deep or in a cycle")
    if kind is dict:
        return {_made(key): _made(item) for key, item in value.items()}
    if kind in (list, tuple, set, frozenset):
        return kind(_made(item) for item in value)
    return value


def _instance(found: Object) -> Any:
    cls, state = _loaded(found.type_name), _made(found.state)
    members = getattr(cls, "_member_map_", None)
    if isinstance(members, dict) and isinstance(state, dict) and state.get("name") in members:
        return members[state["name"]]
    if isinstance(state, dict) and issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return tuple.__new__(cls, [state[name] for name in cls._fields])
    if isinstance(state, dict) and hasattr(cls, "__dataclass_fields__"):
        made = object.__new__(cls)
        for name, part in state.items():
            object.__setattr__(made, name, part)
        return made
    if hasattr(cls, "model_validate"):
        return cls.model_validate(state)
    base: Any = next((base for base in _BUILT_IN if issubclass(cls, base)), None)
    if base is None or not isinstance(state, base):
        raise CannotRevive(f"expected a dataclass, an enum or a pydantic model, found {found.type_name}")
    made = base.__new__(cls, state)
    if base in (list, set, dict, bytearray):
        base.__init__(made, state)
    return made


def _loaded(name: str) -> Any:
    module, _, path = name.rpartition(":")
    found: Any = sys.modules.get(module or "builtins")
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise CannotRevive(f"the class {name} is not loaded; import its module before the call")
    return found
