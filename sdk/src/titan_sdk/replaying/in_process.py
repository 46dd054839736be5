"""Replays a part of a program, as a test does, in the process that it is called in."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager

from titan_sdk.recording import process
from titan_sdk.replaying.answers import Answers
from titan_sdk.replaying.recording import NotReplayable, read_recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from titan_sdk.replaying.recording import Recording

__all__ = ["Replay", "replay"]


class Replay:
    """What a replay came to: `calls` that the program made, and recorded calls that it did not make, `missing`.

    Each of `calls` is a dict: `recorded_id`, None where the recording has no such call; `how` it came to its end,
    "served", "ran" or "stopped"; and `entry`, as it would have been recorded, unless it was served for the same inputs.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.run_id = recording.run_id
        self.calls: list[dict[str, Any]] = []

    @property
    def missing(self) -> list[str]:
        """The names of recorded actions that the program did not come to."""
        return [action.name for action in self._recording.left]

    @property
    def divergences(self) -> list[str]:
        """What differs, a line each; empty where the program did what was recorded."""
        recorded = {action.id: action for action in self._recording.actions}
        found: list[str] = []
        for call in self.calls:
            entry, original = call.get("entry"), recorded.get(call["recorded_id"])
            if entry is None:
                continue
            if original is None:
                found.append(f"extra_action: {entry['name']}")
            elif call["how"] != "ran" or not original.has_same_inputs(entry):
                found.append(f"input_mismatch: {entry['name']}")
            elif not original.has_same_end(entry):
                found.append(f"output_mismatch: {entry['name']}")
        return found + [f"missing_action: {name}" for name in self.missing]


@contextmanager
def replay(recording: str | os.PathLike[str], *, run_id: str | None = None) -> Iterator[Replay]:
    """Answer the calls of actions in this block from a recording: none of them runs, and nothing is recorded.

        with titan_sdk.replay("failed.jsonl") as replayed:
            main()
        assert not replayed.divergences

    Groups (`step`, `agent`, `turn`), actions that called others, and those with `effect="local"` run as they are.

    Args:
        recording: a file that `titan runs export --run RUN -o FILE` wrote.
        run_id: the run in it, where it has several.

    Raises:
        NotReplayable: the file has no such run, or an output that a replay needs is not stored.
        ReplayDiverged: inside the block, of a call that the recording does not have.
        OSError: the file cannot be read.
    """
    with open(recording, encoding="utf-8") as lines:
        found = read_recording(lines, run_id=run_id)
    if process.answers() is not None:
        raise NotReplayable("a replay is under way in this process: expected one at a time")
    replayed = Replay(found)
    sources = sys.modules.get("titan_sdk.sources")
    if sources is not None:
        sources.random.forget_seeds()
    with process.replaying(Answers(found, lambda line: replayed.calls.append(json.loads(line)))):
        yield replayed
