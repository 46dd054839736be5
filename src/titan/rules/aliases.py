"""Other names of runs: what was reported before its run was named is that run's; what is recorded stays where it is.

Two sorts of names are given by nobody, and stand in for one: a trace's id, where no span of it has named a run yet, and
the id of an answer of our model endpoint, for a call that named neither run nor trace. Whoever reports the trace or the
answer in a run says whose it is. The first who does so counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from titan.model.actions import (
    ActionEntry,
    ActionKind,
    Entry,
    RunEnd,
    RunEntry,
    Source,
    first_tags,
    is_answer,
)
from titan.model.run_status import StatusSource
from titan.model.runs import UNKNOWN_AGENT, Run
from titan.rules.recording import MOST_DETAILS
from titan.rules.reports import later
from titan.rules.run_lifecycle import with_end

#: Who names a run by its trace, for want of another name.
TRACING: Final = frozenset({Source.OTLP, Source.ENDPOINT})


def claims_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return name → run: the traces and answers that entries say are of a run of another name."""
    claims: dict[str, str] = {}
    for entry in entries:
        for name in _claimed(entry):
            claims.setdefault(name, entry.run_id)  # who reported first has it
    return claims


def _claimed(entry: Entry) -> Iterable[str]:
    if isinstance(entry, RunEntry):
        return entry.traces
    if entry.kind is not ActionKind.MODEL or entry.source is Source.ENDPOINT or entry.use is None:
        return ()
    answer = entry.use.response_id
    return (answer,) if answer is not None and answer != entry.run_id and is_answer(answer) else ()


def resolved(names: Mapping[str, str]) -> dict[str, str]:
    """Return names with the runs that they come to, where runs have other names in turn; names in a cycle have none."""
    runs: dict[str, str] = {}
    for name in names:
        run_id, passed = names[name], {name}
        while run_id in names and run_id not in passed:
            passed.add(run_id)
            run_id = names[run_id]
        if run_id != name:
            runs[name] = run_id
    return runs


def under_their_runs(entries: Iterable[Entry], names: Mapping[str, str]) -> Iterator[Entry | None]:
    """Yield entries under the names of their runs; None in the place of what says nothing of that run.

    What our endpoint says of a call's own run holds of no other, and the end of a trace need not be that of its run.
    """
    for entry in entries:
        run_id = names.get(entry.run_id)
        if run_id is None or entry.source not in TRACING:
            yield entry
        elif isinstance(entry, ActionEntry):
            yield replace(entry, run_id=run_id)
        else:
            yield None if is_answer(entry.run_id) else replace(entry, run_id=run_id, is_part_end=entry.end is not None)


def joined(run: Run, earlier: Run) -> Run:
    """Return a run with what was reported under another name of it, before it was known to be one."""
    run = replace(
        run,
        started_at=min(run.started_at, earlier.started_at),
        last_event_at=max(run.last_event_at, earlier.last_event_at),
        last_started_at=later(run.last_started_at, earlier.last_started_at),
        lost=run.lost + earlier.lost,
        pinned_at=run.pinned_at or earlier.pinned_at,
        entry_count=run.entry_count + earlier.entry_count,
        details_told=tuple(sorted({*run.details_told, *earlier.details_told})[:MOST_DETAILS]),
    )
    if is_answer(earlier.id):
        return run
    surer = earlier if _sureness(earlier) < _sureness(run) else run
    run = replace(
        run,
        agent_id=surer.agent_id,
        agent_order=surer.agent_order,
        session_id=run.session_id or earlier.session_id,
        name=run.name or earlier.name,
        tags=first_tags(earlier.tags, run.tags),
    )
    is_over = earlier.status_source is StatusSource.EXPLICIT and earlier.ended_at is not None
    if not is_over or run.has_stages or run.ended_at is not None or earlier.ended_at is None:
        return run
    end = RunEnd(earlier.status.value)
    return with_end(
        run, RunEntry(run_id=run.id, source=Source.OTLP, at=earlier.ended_at, end=end, reason=earlier.reason)
    )


def _sureness(run: Run) -> tuple[bool, int, str]:
    return run.agent_id == UNKNOWN_AGENT, run.agent_order, run.agent_id
