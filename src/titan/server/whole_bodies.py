"""Actions with all that was recorded of them, for what goes out whole: an export, a bundle to replay."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from titan.insight.bodies import Bodies, bodies_of
from titan.model.actions import ActionEntry, Payload
from titan.model.recorded import Action
from titan.ports import Blobs
from titan.ports_calls import CallReader
from titan.server.lookup import open_blob

MOST_ENTRIES: Final = 1000  # of one action: tellers are few, and each has two words


def with_bodies(reader: CallReader, blobs: Blobs, actions: Iterable[Action]) -> Iterator[tuple[Action, Bodies]]:
    """Yield each action with its bodies, which are looked up when it is its turn; large ones with their content."""
    for action in actions:
        tape = reader.tape(action.project_id, action.run_id, action_number=action.number, limit=MOST_ENTRIES)
        bodies = bodies_of(stored.entry for stored in tape if isinstance(stored.entry, ActionEntry))
        yield action, replace(bodies, inputs=_whole(blobs, bodies.inputs), outputs=_whole(blobs, bodies.outputs))


def _whole(blobs: Blobs, payload: Payload | None) -> Payload | None:
    if payload is None or payload.blob is None:
        return payload
    with open_blob(blobs, payload.blob) as content:
        return Payload(content.read().decode())
