"""What makes executions of one program differ: where they first do, and which pinned source removes that.

Pure: executions come as the calls that each made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from titan_sdk.tape import canonical

#: Calls of a pool's threads come in any order: there only what was called counts.
POOL: Final = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that an execution made, or that was recorded."""

    task: str
    name: str
    started_at: datetime
    inputs: str | None  #: in the typed encoding, as are the outputs
    outputs: str | None = None  #: of one whose code ran; None: it was answered from the recording
    recorded_id: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A call's place: the so-manieth of its task, from 0."""

    task: str
    index: int


#: What is compared of a call: name, inputs, outputs.
Seen: TypeAlias = tuple[str, bytes | None, bytes | None]
#: The calls of one execution, by their places.
Calls: TypeAlias = Mapping[Position, Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How executions agree."""

    executions: int
    score: int  #: 0 to 100: over all places, the mean share of executions that did there what most did
    root: Position | None  #: where they first differ; None: nowhere
    differing: int  #: executions that differ from most at the root


def calls_of(made: Iterable[Made], *, with_outputs: bool) -> Calls:
    """Return the calls of an execution by their places; `with_outputs` compares what code gave that ran, too."""
    by_task: dict[str, list[tuple[datetime, Seen]]] = {}
    for call in made:
        outputs = None if call.outputs is None or not with_outputs else _form(call.outputs)
        seen = call.name, None if call.inputs is None else _form(call.inputs), outputs
        by_task.setdefault(call.task, []).append((call.started_at, seen))
    found: dict[Position, Seen] = {}
    for task, calls in by_task.items():
        calls.sort(key=(lambda one: _order(one[1])) if POOL in task else (lambda one: one[0]))
        found |= {Position(task, index): seen for index, (_, seen) in enumerate(calls)}
    return found


def measured(executions: Sequence[Calls], order: Sequence[Position]) -> Measured:
    """Return how executions agree with one another; `order` is that of the places in time."""
    places = [*order, *sorted({place for calls in executions for place in calls} - set(order), key=_place_order)]
    shares: list[float] = []
    root: Position | None = None
    differing = 0
    for place in places:
        seen = [calls.get(place) for calls in executions]
        most = max(seen.count(one) for one in seen)
        shares.append(most / len(seen))
        if most < len(seen) and root is None:
            root, differing = place, len(seen) - most
    score = int(100 * sum(shares) / len(shares)) if shares else 100
    return Measured(executions=len(executions), score=score, root=root, differing=differing)


def agree_at(executions: Sequence[Calls], place: Position) -> bool:
    """Tell whether executions did the same at a place."""
    return len({calls.get(place) for calls in executions}) == 1


def _form(text: str) -> bytes:
    try:
        return canonical(text)
    except ValueError:  # nested too deep to be read
        return text.encode()


def _order(seen: Seen) -> tuple[str, bytes, bytes]:
    name, inputs, outputs = seen
    return name, inputs or b"", outputs or b""


def _place_order(place: Position) -> tuple[int, str]:
    return place.index, place.task
