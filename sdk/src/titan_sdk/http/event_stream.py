"""The frames of GET /api/events as events, however they are cut into packets (HTML, 9.2: server-sent events)."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from titan_sdk.wire import Event

RESYNC = "resync"


class EventReader:
    """Bytes in, events out; `cursor` says how far they have come. It does no I/O."""

    def __init__(self, *, cursor: str, tells_first_resync: bool) -> None:
        #: Where the next connection goes on.
        self.cursor = cursor
        self._passes_over_resync = not tells_first_resync
        self._rest = b""

    def begin(self) -> None:
        """Forget half a frame: a new connection begins with a whole one."""
        self._rest = b""

    def read(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that end in this piece, in order."""
        *frames, self._rest = (self._rest + piece).split(b"\n\n")
        for frame in frames:
            fields = dict(_field(line) for line in frame.decode("utf-8", "replace").split("\n"))
            if "data" in fields:
                event = _event(fields)
                self.cursor = event["cursor"]
                if event["kind"] != RESYNC or not self._passes_over_resync:
                    yield event
                self._passes_over_resync = False


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")  # a comment begins with the colon, and so has no name
    return name, value.removeprefix(" ")


def _event(fields: dict[str, str]) -> Event:
    event: Event = json.loads(fields["data"])
    if fields.get("event") == RESYNC:
        return {"kind": RESYNC, "cursor": event["cursor"]}
    return event
