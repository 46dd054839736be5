"""Records what is reported of agent runs, in one transaction: under the names of its runs, applied, written."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from titan.engine.aliases import join_earlier, keep_names, names_of
from titan.model.actions import Entry
from titan.ports_calls import CallTransaction, Prices
from titan.rules.aliases import under_their_runs
from titan.rules.content_capture import CAPTURES_ALL, ContentCapture
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
    capture: ContentCapture = CAPTURES_ALL,
) -> Written:
    """Record entries of one project in the order they came."""
    names = names_of(tx, project_id, reported)
    placed = list(under_their_runs(reported, names.runs)) if names.runs else reported
    entries = [entry for entry in placed if entry is not None]
    joined = join_earlier(tx, project_id, names)
    known = tx.known(project_id, entries)
    applied = apply_entries(entries, known, project_id=project_id, now=tx.now, prices=prices, capture=capture)
    tx.keep(project_id, runs=applied.runs, actions=applied.actions, entries=applied.kept)
    keep_names(tx, project_id, names, kept=joined)
    is_news = iter(applied.is_news)
    runs = {run.id for run in applied.runs} | set(names.new.values()) | names.recounted
    return Written([entry is not None and next(is_news) for entry in placed], runs)
