"""Ends runs that fell silent and calls that never ended; a run whose submission is alive is only quiet."""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from functools import partial
from typing import Final

from msgspec.structs import replace

from titan.model.runs import Action, Run
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallReader, CallStore, CallTransaction
from titan.ports.runtime import Clock
from titan.rules.runs.lifecycle import fallen_silent, is_silent, silent_since, silent_within_call_since
from titan.rules.runs.merge_reports import GRACE, closed

SWEPT_AT_ONCE: Final = 500

#: Returns which of these ids of a project's runs are those of submissions that have not ended.
Live = Callable[[str, Sequence[str]], Set[str]]


def live_submissions(store: Store, project_id: str, run_ids: Sequence[str]) -> Set[str]:
    """Return those runs that are named by a submission with jobs or gates that have not ended: see `Live`.

    What jobs outside an agent's run record is in such a run (`with_dag_ended` ends it), for which nobody wrote stages.
    """
    dags = store.read(lambda reader: reader.dags_of_ids(project_id, run_ids))
    return frozenset(dag.id for dag in dags if not dag.is_final)


def end_silent(calls: CallStore, *, live: Live, clock: Clock) -> None:
    """End what has been silent for too long.

    Raises:
        StoreError: one of the stores is away; nothing more was ended.
    """
    quiet = calls.read(lambda reader: _quiet(reader, clock.now()))
    by_project: dict[str, list[str]] = {}
    for run in quiet:
        by_project.setdefault(run.project_id, []).append(run.id)
    alive = {project_id: live(project_id, run_ids) for project_id, run_ids in by_project.items()}
    looked_at = {project_id: frozenset(run_ids) for project_id, run_ids in by_project.items()}
    calls.transact(partial(_end, looked_at=looked_at, alive=alive)).result()


def _quiet(reader: CallReader, now: datetime) -> list[Run]:
    within_call = silent_within_call_since(now)
    return reader.silent_runs(before=silent_since(now), within_call_before=within_call, limit=SWEPT_AT_ONCE)


def _end(tx: CallTransaction, *, looked_at: Mapping[str, Set[str]], alive: Mapping[str, Set[str]]) -> None:
    for run in _quiet(tx, tx.now):
        if run.id not in looked_at.get(run.project_id, ()) or not is_silent(run, now=tx.now):
            continue
        if run.id in alive[run.project_id]:
            tx.save_run(replace(run, received_at=tx.now))  # it is not looked at again before it was silent for as long
        else:
            still_open = tx.open_actions(run.project_id, run.id)
            _close(tx, fallen_silent(run, still_open), still_open)
    for run in tx.runs_left_open(before=tx.now - GRACE, limit=SWEPT_AT_ONCE):
        if still_open := tx.open_actions(run.project_id, run.id):
            _close(tx, run, still_open)


def _close(tx: CallTransaction, run: Run, still_open: Sequence[Action]) -> None:
    """Write a run that has ended, with nothing in it that runs."""
    at = run.ended_at or run.last_event_at
    tx.keep(run.project_id, runs=[run], actions=[closed(action, at=at) for action in still_open], entries=[])
