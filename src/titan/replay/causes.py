"""How executions of one program agree: where they first differ, and whether they do the same at a place. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from titan.insight.replay.recorded_action import RecordedAction

#: The path of threads, of which several may share one, so that calls come in any order: only what was called counts.
_THREADS: Final = re.compile(r".*/(?![0-9.]+\Z)[^/]*\Z")


@dataclass(frozen=True, slots=True)
class Position:
    """A call's place: the so-manieth of its task, from 0."""

    task: str
    index: int


#: What is compared of a call: its name, and digests of inputs, outputs and failure.
Seen: TypeAlias = tuple[str, bytes, bytes, str]
#: The calls of one execution, by their places, in the order of their start.
Calls: TypeAlias = Mapping[Position, Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How executions agree."""

    executions: int
    score: int  #: 0 to 100: the mean over all places of the share of executions that did there what most did
    root: Position | None  #: where they first differ; None: nowhere
    differing: int  #: executions that differ from most at the root


def calls_of(actions: Iterable[RecordedAction]) -> Calls:
    """Return the calls of an execution by their places; `actions` are in the order of their start."""
    by_task: dict[str, list[Seen]] = {}
    for action in actions:
        by_task.setdefault(action.task or "", []).append(_seen(action))
    for task, calls in by_task.items():
        if _THREADS.match(task):
            calls.sort()
    counts = dict.fromkeys(by_task, 0)
    found: dict[Position, Seen] = {}
    for action in actions:
        task = action.task or ""
        found[Position(task, counts[task])] = by_task[task][counts[task]]
        counts[task] += 1
    return found


def agreement(executions: Sequence[Calls]) -> Agreement:
    """Return how executions agree with one another."""
    places = list(dict.fromkeys(place for calls in executions for place in calls))
    root: Position | None = None
    differing, shares = 0, 0.0
    for place in places:
        seen = [calls.get(place) for calls in executions]
        most = max(map(seen.count, seen))
        shares += most / len(seen)
        if most < len(seen) and root is None:
            root, differing = place, len(seen) - most
    score = int(100 * shares / len(places) + 1e-9) if places else 100
    return Agreement(executions=len(executions), score=score, root=root, differing=differing)


def first_unlike(calls: Calls, recorded: Calls) -> Position | None:
    """Return the first place at which an execution differs from the recording."""
    return next(
        (place for place in dict.fromkeys([*calls, *recorded]) if calls.get(place) != recorded.get(place)), None
    )


def agree_at(executions: Sequence[Calls], place: Position) -> bool:
    """Return whether executions did the same at a place."""
    return len({calls.get(place) for calls in executions}) == 1


def _seen(action: RecordedAction) -> Seen:
    inputs, outputs = action.inputs, action.outputs
    return action.name, inputs.digest if inputs else b"", outputs.digest if outputs else b"", action.failure or ""
