"""Begins the replay that the environment names; see `titan replay`.

TITAN_REPLAY           a file with the recording: an export in JSON Lines
TITAN_REPLAY_RUN       the run in it; needed where it has several
TITAN_REPLAY_REPORT    a file to write the report to
TITAN_REPLAY_PINS      sources to pin, separated by commas (`titan_sdk.replaying.sources`)
TITAN_REPLAY_SEED      what varies the order of listings and of answers; 0 by default
TITAN_REPLAY_TRACE     a file to write the traced statements to
TITAN_REPLAY_AFTER     the recorded action after which to trace; from the start by default
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack

from titan_sdk.replaying.answers import Answers
from titan_sdk.replaying.recording import NotReplayable, read_recording
from titan_sdk.replaying.sources import install
from titan_sdk.replaying.tracing import Tracer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["start"]

_to_the_end = ExitStack()  # of the process: nothing closes it


def start(environment: Mapping[str, str] = os.environ) -> None:
    """Begin, where TITAN_REPLAY names a recording: from now on calls of actions are answered from it.

    What cannot be replayed is said in the report, and ends the program.

    Raises:
        SystemExit: the recording cannot be replayed.
    """
    path = environment.get("TITAN_REPLAY")
    if path is None:
        return
    write = _writer(environment["TITAN_REPLAY_REPORT"])
    try:
        with open(path, encoding="utf-8") as lines:
            recording = read_recording(lines, run_id=environment.get("TITAN_REPLAY_RUN"))
    except NotReplayable as error:
        write(json.dumps({"type": "refused", "reason": str(error)}) + "\n")
        raise SystemExit(70) from None
    seed = int(environment.get("TITAN_REPLAY_SEED", "0"))
    pins = frozenset(filter(None, environment.get("TITAN_REPLAY_PINS", "").split(",")))
    trace = environment.get("TITAN_REPLAY_TRACE")
    tracer = None if trace is None else Tracer(os.getcwd(), _writer(trace))
    answers = Answers(recording, write, seed=None if "task_order" in pins else seed)
    if tracer is not None:
        answers.trace(tracer, after=environment.get("TITAN_REPLAY_AFTER"))
    from titan_sdk.recording import process

    _to_the_end.enter_context(process.replaying(answers))
    write(json.dumps({"type": "replay", "run_id": recording.run_id, "actions": len(recording.actions)}) + "\n")
    install(pins, seed=seed)


def _writer(path: str) -> Callable[[str], object]:
    """Return what appends to a file at once, so that nothing is missing where the program is killed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return lambda text: os.write(descriptor, text.encode("utf-8", "surrogatepass"))
