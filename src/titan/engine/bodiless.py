"""Leaves out the content of runs that are of a project which keeps none, whoever reports it.

What names such a project has no content when it comes here (`titan.rules.entry_redaction`). Others report of the same
runs without naming it: our model endpoint, another process, an import's lines. Theirs goes as it is recorded, from the
moment on in which the run is known to be of the project; what was stored before stays.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from titan.model.actions import ActionEntry, Entry, RunEntry
from titan.ports_calls import CallReader, CallStore, KnownCalls
from titan.rules.bodiless import KEEPS_ALL, Bodiless, told_of_project
from titan.rules.contentless import without_bodies


@dataclass(slots=True)
class BodilessRuns:
    """The choice, and what it left out."""

    choice: Bodiless = KEEPS_ALL
    #: Digests of content that was written for bodies that are left out by now: nothing may name it any more.
    left: deque[str] = field(default_factory=deque)

    def leave_out(
        self, store: CallStore, project_id: str, entries: Sequence[Entry], *, is_large: Callable[[Entry], bool]
    ) -> Sequence[Entry]:
        """Return entries without the bodies of runs that keep none, as they say themselves or the store does by now.

        It only saves writing content that is discarded later, so the store is asked of runs with such content alone.
        """
        if not self.choice.is_by_project:
            return entries
        bare = self._told(entries)
        large = {entry.run_id for entry in entries if entry.run_id not in bare and is_large(entry)}
        if large:
            bare |= store.read(lambda reader: dict.fromkeys(filter(partial(self._is_noted, reader, project_id), large)))
        return [without_bodies(entry) if entry.run_id in bare else entry for entry in entries] if bare else entries

    def left_out(self, entries: Sequence[Entry], known: KnownCalls) -> Sequence[Entry]:
        """Return entries without the content of all runs that keep none."""
        if not self.choice.is_by_project:
            return entries
        bare = {run_id for run_id, run in known.runs.items() if self.choice.is_noted(run.details_told)}
        bare |= self._told(entries).keys()
        return [self._bare(entry) if entry.run_id in bare else entry for entry in entries]

    def _told(self, entries: Iterable[Entry]) -> dict[str, None]:
        """Return the runs that entries tell to be of a project which keeps no bodies."""
        is_of = self.choice.is_of
        return {entry.run_id: None for entry in entries if entry.project is not None and is_of(entry.project)}

    def _is_noted(self, reader: CallReader, project_id: str, run_id: str) -> bool:
        """Return whether a stored run is known to keep no bodies."""
        run = reader.run(project_id, run_id)
        return run is not None and self.choice.is_noted(run.details_told)

    def _bare(self, entry: Entry) -> Entry:
        bare = without_bodies(entry)
        if bare is not entry and isinstance(entry, ActionEntry):
            bodies = (entry.inputs, entry.outputs)
            self.left.extend(body.blob for body in bodies if body is not None and body.blob is not None)
        return bare


def naming_projects(entries: Sequence[Entry], known: KnownCalls) -> Sequence[Entry]:
    """Return entries behind those that say of which projects runs are, where their actions alone say it and it is news.

    What a run is told to be of is told of the run, so that its page and its export show it.
    """
    first: dict[tuple[str, str], ActionEntry] = {}
    told: set[tuple[str, str]] = set()
    for entry in entries:
        if entry.project is None:
            continue
        place = entry.run_id, told_of_project(entry.project)
        if isinstance(entry, RunEntry):
            told.add(place)
        else:
            first.setdefault(place, entry)
    news = [
        RunEntry(run_id=run_id, source=entry.source, at=entry.started_at, project=entry.project)
        for (run_id, noted), entry in first.items()
        if (run_id, noted) not in told and ((run := known.runs.get(run_id)) is None or noted not in run.details_told)
    ]
    return [*news, *entries] if news else entries
