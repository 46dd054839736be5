"""Brings a call of our model endpoint home: into the run of whoever else tells of it.

Most instrumentations of OpenTelemetry send no `traceparent`, so what the endpoint sees of their calls names no run:
each is a run of its own, by the name of its answer. A span that names this answer says where it belongs. Then the
endpoint's words move there, where the two become one action (`rules.recording`), and the run of its own goes.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionEntry, ActionKind, Entry, Teller
from titan.ports_calls import CallTransaction

OWN: Final = re.compile("chatcmpl-[0-9a-f]{32}")  # as the endpoint names its answers; OpenAI's own have 29 letters
REMEMBERED: Final = 10_000  # spans that came before the endpoint's word, which is a matter of milliseconds
MOST_WORDS: Final = 10  # of the endpoint about one call: its run, its beginning, its end


class Homes:
    """Where calls belong. Used by the store's thread alone."""

    def __init__(self, *, remembered: int = REMEMBERED) -> None:
        self._most = remembered
        #: (project id, answer) → run.
        self._told: OrderedDict[tuple[str, str], str] = OrderedDict()

    def brought_home(self, tx: CallTransaction, project_id: str, entries: Sequence[Entry]) -> list[Entry]:
        """Return entries as they are to be recorded, behind those that they show to belong elsewhere."""
        claims = {answer: entry.run_id for entry in entries if (answer := _claimed(entry)) is not None}
        self._remember(project_id, claims)
        moved = [entry for answer in claims for entry in _taken_out(tx, project_id, answer)]
        return list(self._housed(project_id, [*moved, *entries]))

    def _remember(self, project_id: str, claims: Mapping[str, str]) -> None:
        for answer, run_id in claims.items():
            self._told[project_id, answer] = run_id
        while len(self._told) > self._most:
            self._told.popitem(last=False)

    def _housed(self, project_id: str, entries: Iterable[Entry]) -> Iterable[Entry]:
        for entry in entries:
            home = self._told.get((project_id, entry.run_id)) if entry.teller is Teller.ENDPOINT else None
            if home is None:
                yield entry
            elif isinstance(entry, ActionEntry):  # what was said of its own run holds of no other
                yield replace(entry, run_id=home)


def _claimed(entry: Entry) -> str | None:
    """Return the answer of our endpoint that an entry says it got, in another run than the answer's own."""
    if not isinstance(entry, ActionEntry) or entry.kind is not ActionKind.MODEL or entry.teller is Teller.ENDPOINT:
        return None
    answer = entry.use.response_id if entry.use is not None else None
    return answer if answer is not None and answer != entry.run_id and OWN.fullmatch(answer) else None


def _taken_out(tx: CallTransaction, project_id: str, answer: str) -> list[Entry]:
    """Take the run of its own that a call was out of the store; return what was told of it.

    A run of this name of which others tell, too, is somebody's: it stays.
    """
    told = [stored.entry for stored in tx.tape(project_id, answer, limit=MOST_WORDS + 1)]
    if len(told) > MOST_WORDS or any(entry.teller is not Teller.ENDPOINT for entry in told):
        return []
    tx.forget_run(project_id, answer, is_told_elsewhere=True)
    return told
