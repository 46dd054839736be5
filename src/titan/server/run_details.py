"""What a run's tape holds of what was told beside its words, read no further than its row says that there is."""

from typing import Final

from titan.insight.run_details import details_of
from titan.model.actions import Entry
from titan.model.runs import Run
from titan.ports_calls import CallReader

ENTRIES_AT_ONCE: Final = 100  # most tell all of it with their first entry


def told_beside(reader: CallReader, run: Run) -> tuple[str, ...]:
    """Return what was told of a run beside its words, as JSON objects; it reads the tape of a run that has such."""
    entries: list[Entry] = []
    found: tuple[str, ...] = ()
    after = 0
    while len(found) < len(run.details_told):
        part = reader.told_of_run(run.project_id, run.id, after=after, limit=ENTRIES_AT_ONCE)
        if not part:
            break
        entries += (stored.entry for stored in part)
        found = details_of(entries)
        after = part[-1].number
    return found
