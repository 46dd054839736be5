"""Answers the calls of a program from a recording, and writes down what the program did."""

from __future__ import annotations

import json
from _thread import allocate_lock
from datetime import datetime, timedelta, timezone

from titan_sdk.replaying.recording import is_same
from titan_sdk.replaying.values import CannotRevive, revived
from titan_sdk.tape import encoded_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from titan_sdk.replaying.recording import Recorded, Recording

    class Call(Protocol):
        """What is known of a call of the program."""

        id: str
        parent_id: str | None
        name: str
        kind: str
        task: str
        site: tuple[str, str] | None
        started_at_ns: int
        duration_ns: int
        details: str

__all__ = ["Answers", "ReplayDiverged"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  # `datetime.UTC` came with 3.11, as did nothing else here


class ReplayDiverged(BaseException):
    """The program made a call that its recording does not have, so that nothing can answer it.

    It is no Exception: a program that tries again after any error is not to go on without an answer.
    """


class Answers:
    """The recording of a run, call by call, and the report of the calls that took them.

    `write` takes each line of the report, a JSON object as the lines of actions in an export, with two fields more:
    `recorded_id` of the recorded action that answered the call or stood for it, and `how` it came to its end:
    "served", "ran" or "stopped".
    """

    def __init__(self, recording: Recording, write: Callable[[str], object]) -> None:
        self.recording = recording
        self._write = write
        self._lock = allocate_lock()

    def find(self, call: Call, inputs: str | None) -> Recorded:
        """Return the recorded action that a call is.

        Raises:
            ReplayDiverged: the recording has no such call left.
        """
        with self._lock:
            found = self.recording.take(call.task, call.name, call.site, inputs)
        if found is None:
            message = f"the recording of run {self.recording.run_id} has no further call of {call.name!r} here"
            self._report(call, None, "stopped", inputs=inputs, outcome=None)
            raise ReplayDiverged(message)
        return found

    def serve(self, call: Call, found: Recorded, inputs: str | None) -> Any:
        """Return what a recorded call gave, or raise what it raised.

        Raises:
            ReplayDiverged: what it gave is known by a description only.
        """
        text = found.exception if found.is_failed else found.outputs
        try:
            value = _failure_of(found) if text is None and found.is_failed else revived(text or "null")
        except CannotRevive as error:
            self._report(call, found, "stopped", inputs=inputs, outcome=None)
            raise ReplayDiverged(f"the output of {found.name!r} ({found.id}) cannot be served: {error}") from None
        same = inputs if not is_same(inputs, found.inputs) else found.inputs
        self._report(call, found, "served", inputs=same, outcome=found.outcome)
        if found.is_failed:
            raise value if isinstance(value, BaseException) else _failure_of(found)
        return value

    def note_end(
        self, call: Call, found: Recorded, *, inputs: str | None, outcome: str, outputs: str | None, exception: str | None
    ) -> None:
        """Note how a call ended whose code ran."""
        self._report(call, found, "ran", inputs=inputs, outcome=outcome, outputs=outputs, exception=exception)

    def _report(
        self,
        call: Call,
        found: Recorded | None,
        how: str,
        *,
        inputs: str | None,
        outcome: str | None,
        outputs: str | None = None,
        exception: str | None = None,
    ) -> None:
        if how == "served" and found is not None:
            outputs, exception = found.outputs, found.exception
        started_at = _EPOCH + timedelta(microseconds=call.started_at_ns // 1000)
        fields = {
            "type": "action",
            "id": call.id,
            "recorded_id": None if found is None else found.id,
            "how": how,
            "run_id": self.recording.run_id,
            "action": call.name,
            "kind": call.kind,
            "parent_id": call.parent_id,
            "started_at": started_at.isoformat().replace("+00:00", "Z"),
            "duration_ns": call.duration_ns,
            "outcome": outcome,
            "error": None if found is None or outcome != "error" or how != "served" else found.line.get("error"),
        }
        details = call.details if exception is None else _with(call.details, "exception", exception)
        texts = {"inputs": inputs, "outputs": outputs, "details": details}
        said = "".join(f',"{name}":{text}' for name, text in texts.items() if text is not None)
        self._write(f"{json.dumps(fields, ensure_ascii=False)[:-1]}{said}}}\n")


class RecordedFailure(Exception):
    """A recorded call failed, and of its exception only these words are known."""


def _failure_of(found: Recorded) -> RecordedFailure:
    error = found.line.get("error") or {}
    return RecordedFailure(f"{error.get('type') or 'Error'}: {error.get('message') or ''}")


def _with(details: str, name: str, text: str) -> str:
    return f'{details[:-1]}{"" if details == "{}" else ","}"{name}":{text}}}'
