"""Compare executions of one program: their agreement, and the first call and statement in which they differ."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from titan.insight.replay.recorded_action import RecordedAction

#: The task of threads, which several threads may share: the order of their calls is ignored.
_THREADS: Final = re.compile(r".*/(?![0-9.]+\Z)[^/]*\Z")


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a call: its index in its task, from 0."""

    task: str
    index: int


#: What is compared of a call: its name, and digests of inputs, outputs and failure.
Seen: TypeAlias = tuple[str, bytes, bytes, str]
#: The calls of one execution, by their places, in the order of their start.
Calls: TypeAlias = Mapping[Position, Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The agreement of several executions."""

    executions: int
    score: int  #: 0 to 100: the mean over all places of the share of executions that did there what most did
    root: Position | None  #: where they first differ; None: nowhere
    differing: int  #: executions that differ from most at the root


def calls_of(actions: Iterable[RecordedAction]) -> Calls:
    """Return the calls of an execution by position; `actions` are in the order of their start."""
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
    """Return the agreement of executions with each other."""
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
    """Return the first position at which an execution differs from the recording."""
    return next(
        (place for place in dict.fromkeys([*calls, *recorded]) if calls.get(place) != recorded.get(place)), None
    )


def agree_at(executions: Sequence[Calls], place: Position) -> bool:
    """Return whether executions have the same call at a position."""
    return len({calls.get(place) for calls in executions}) == 1


def _seen(action: RecordedAction) -> Seen:
    inputs, outputs = action.inputs, action.outputs
    return action.name, inputs.digest if inputs else b"", outputs.digest if outputs else b"", action.failure or ""


RETURN: Final = "return"  #: the variable's name where a function gave back different values


class Change(msgspec.Struct, array_like=True, frozen=True):
    """The new value of a variable: a digest, and the beginning of its text in the typed encoding."""

    digest: str
    shown: str


class Traced(msgspec.Struct, array_like=True, frozen=True):
    """A statement that ran; see `titan_sdk.replaying.tracing`."""

    file: str
    line: int
    function: str
    changed: dict[str, Change]


@dataclass(frozen=True, slots=True)
class Statement:
    """The first statement in which two executions differ."""

    file: str
    line: int
    function: str
    variable: str | None  #: None: the same values, but another way was taken after it
    values: tuple[str | None, str | None]  #: as texts in the typed encoding; None where it was not set
    source: str | None = None  #: the line of code


def first_difference(one: Iterable[Traced], other: Iterable[Traced]) -> Statement | None:
    """Return the first statement that set a variable to different values, or was followed by different statements.

    None where one trace is the other's beginning: they were stopped at different places.
    """
    last: Traced | None = None
    for a, b in zip(one, other, strict=False):
        if (a.file, a.line, a.function) != (b.file, b.line, b.function):
            return None if last is None else _statement(last, None, None, None)
        if a.changed != b.changed:
            for name in sorted(a.changed.keys() | b.changed.keys(), key=lambda name: (name == RETURN, name)):
                first, second = a.changed.get(name), b.changed.get(name)
                if (first and first.digest) != (second and second.digest):
                    return _statement(a, name, first, second)
        last = a
    return None


def read_trace(lines: Iterable[bytes]) -> Iterator[Traced]:
    """Return the statements in a trace file. An incomplete last line, of a killed program, is ignored."""
    decoder = msgspec.json.Decoder(Traced)
    for line in lines:
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError:
            return


def _statement(at: Traced, variable: str | None, one: Change | None, other: Change | None) -> Statement:
    values = (None if one is None else one.shown), (None if other is None else other.shown)
    return Statement(file=at.file, line=at.line, function=at.function, variable=variable, values=values)
