"""Records what is reported of agent runs, in one transaction: under the names of its runs, applied, written."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from titan.engine.aliases import keep_names, names_of
from titan.engine.bodiless import BodilessRuns, naming_projects
from titan.model.actions import Entry
from titan.ports_calls import CallTransaction, Prices
from titan.rules.aliases import under_their_runs
from titan.rules.recording import apply_entries


@dataclass(frozen=True, slots=True)
class Written:
    """What became of some entries."""

    is_news: Sequence[bool]  #: of each, whether it said something new
    runs: Set[str]  #: whose totals are to be computed


def record_entries(
    tx: CallTransaction,
    project_id: str,
    reported: Sequence[Entry],
    *,
    prices: Prices | None = None,
    bodiless: BodilessRuns | None = None,
) -> Written:
    """Record entries in the order they came."""
    bodiless = bodiless or BodilessRuns()
    names = names_of(tx, project_id, reported)
    placed = list(under_their_runs(reported, names.runs)) if names.runs else reported
    ours = [entry for entry in placed if entry is not None]
    known = tx.known(project_id, ours)
    entries = naming_projects(bodiless.left_out(ours, known), known)
    choice = bodiless.choice
    applied = apply_entries(entries, known, project_id=project_id, now=tx.now, prices=prices, bodiless=choice)
    tx.keep(project_id, runs=applied.runs, actions=applied.actions, entries=applied.kept)
    keep_names(tx, project_id, names)
    is_news = iter(applied.is_news[len(applied.is_news) - len(placed) + placed.count(None) :])
    runs = {run.id for run in applied.runs} | set(names.new.values()) | names.recounted
    return Written([entry is not None and next(is_news) for entry in placed], runs)
