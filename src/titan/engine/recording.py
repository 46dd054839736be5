"""Records what is heard of agent runs, in one transaction: brought to the runs it belongs to, settled, written."""

from collections.abc import Sequence

from titan.engine.bodiless import BodilessRuns, naming_projects
from titan.engine.homing import bring_belongings, brought_home
from titan.engine.tracing import in_named_runs, note_traces
from titan.model.actions import Entry
from titan.ports_calls import CallTransaction, Prices
from titan.rules.recording import settle


def record_entries(
    tx: CallTransaction,
    project_id: str,
    heard: Sequence[Entry],
    *,
    prices: Prices | None = None,
    bodiless: BodilessRuns | None = None,
) -> Sequence[bool]:
    """Record entries in the order they came; return of each whether it said something new."""
    bodiless = bodiless or BodilessRuns()
    housed = brought_home(tx, project_id, in_named_runs(tx, project_id, heard))
    bodiless.forget_moved(tx, project_id, housed.taken, housed.entries)
    known = tx.known(project_id, housed.entries)
    entries = naming_projects(bodiless.left_out(tx, project_id, housed.entries, known), known)
    choice = bodiless.choice
    settled = settle(entries, known, project_id=project_id, now=tx.now, prices=prices, bodiless=choice)
    tx.keep(project_id, runs=settled.runs, actions=settled.actions, entries=settled.kept)
    bring_belongings(tx, project_id, housed.moved)
    note_traces(tx, project_id, entries)
    # Before those that were heard stand those that were moved along; none comes between, and none changes its place.
    said_new = reversed(settled.said_new)
    return [place not in housed.left_out and next(said_new) for place in range(len(heard))][::-1]
