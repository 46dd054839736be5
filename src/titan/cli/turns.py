"""What the turns of a recorded run were asked and what they answered, a line for each."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from titan.cli.answers import read
from titan.cli.formats import count, duration, moment
from titan.cli.gist import cut, gist_of
from titan.cli.recorded_answers import Bodies, Call, SomeBodies
from titan.cli.screen import Status, say
from titan.cli.server import Server
from titan.model.actions import ActionKind

BODIES_AT_ONCE: Final = 100  # the server gives 200; their ids are to fit into a path
WORDS_BYTES: Final = 16 * 1024  # of each body that is read: of longer messages the last may stand behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn, or a call of a model where a run has none."""

    call: Call
    asked: str  #: "": nothing was recorded
    answered: str
    error: str


def turns_of(titan: Server, run: str, calls: Sequence[Call]) -> list[Turn]:
    """Return the turns of a run as they began; its model calls where it has none."""
    wanted = [call for call in calls if call.kind is ActionKind.TURN] or [
        call for call in calls if call.kind is ActionKind.MODEL
    ]
    wanted = sorted(wanted, key=lambda call: call.started_at)
    turns = {call.id: Turn(call=call, asked="", answered="", error="") for call in wanted}
    for bodies in bodies_of(titan, run, list(turns), limit_bytes=WORDS_BYTES):  # of each only a line is kept
        turns[bodies.id] = _turn(turns[bodies.id].call, bodies)
    return list(turns.values())


def bodies_of(titan: Server, run: str, ids: Sequence[str], *, limit_bytes: int) -> Iterator[Bodies]:
    """Yield the bodies of some actions, or their beginnings, some at a time."""
    for place in range(0, len(ids), BODIES_AT_ONCE):
        some = json.dumps(ids[place : place + BODIES_AT_ONCE])
        answer = titan.get("api", "v1", "runs", run, "bodies", ids=some, limit_bytes=limit_bytes)
        yield from read(answer, SomeBodies).data


def show_turns(turns: Sequence[Turn], *, at: datetime) -> None:
    """Write turns: a line for each, and one each for what it was asked and answered or failed with."""
    say("")
    if not turns:
        say("No turns and no model calls were recorded.")
        return
    if turns[0].call.kind is not ActionKind.TURN:
        say(f"No turns were recorded; {count(len(turns), 'model call')}:")
    for turn in turns:
        call = turn.call
        took = "" if call.duration_ms is None else f"  {duration(timedelta(milliseconds=call.duration_ms))}"
        say(call.name, "  ", Status(call.outcome or "running"), f"  {moment(call.started_at, now=at)}{took}")
        for title, words in (("asked", turn.asked), ("answered", turn.answered), ("failed", turn.error)):
            if words:
                say(f"  {title:<8}  {words}")


def _turn(call: Call, bodies: Bodies) -> Turn:
    inputs, outputs, failure = bodies.inputs, bodies.outputs, bodies.failure
    return Turn(
        call=call,
        asked="" if inputs is None else gist_of(inputs.text),
        answered="" if outputs is None else gist_of(outputs.text),
        error="" if failure is None else cut(f"{failure.type}: {failure.message}" if failure.message else failure.type),
    )
