"""Records what is reported of agent runs, in one transaction: under the names of its runs, applied, written."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from titan.model.actions import ActionEntry, Entry, Source, is_answer
from titan.ports_calls import CallTransaction, Prices
from titan.rules.aliases import TRACING, claims_of, joined, resolved, under_their_runs
from titan.rules.recording import CAPTURES_ALL, ContentCapture, apply_entries
from titan.rules.run_lifecycle import not_heard_yet


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


_SHORTEST: Final = 32  # characters of a trace's id; an answer's has more


@dataclass(frozen=True, slots=True)
class Names:
    """Under which runs entries are recorded that come under another name."""

    runs: Mapping[str, str]  #: name → run
    new: Mapping[str, str]  #: those of them that are to be kept
    #: Runs of which a call counts no more, for our endpoint reports it in another one.
    recounted: frozenset[str]


def names_of(tx: CallTransaction, project_id: str, entries: Sequence[Entry]) -> Names:
    """Return the names of runs that entries come under or claim; what is known of a name goes before a claim."""
    seen = dict(filter(None, map(_seen, entries)))
    reports = [call for call in tx.calls_answered(project_id, seen) if call.sources != (Source.ENDPOINT.value,)]
    claims: dict[str, str] = {}
    for call in reports:
        answer = call.response_id or ""
        if seen[answer] == answer:  # our endpoint's call named no run; who reported it first has it
            claims.setdefault(answer, call.run_id)
    claims = claims_of(entries) | claims
    unnamed = {entry.run_id for entry in entries if len(entry.run_id) >= _SHORTEST and entry.source in TRACING}
    known = tx.aliases(project_id, claims.keys() | unnamed)
    free = tx.nameless_runs(project_id, claims.keys() - known.keys())
    claimed = {
        name: run_id
        for name, run_id in claims.items()
        # What an answer is of is not known before its call: other servers' answers have such ids too.
        if name not in known and free.get(name, not is_answer(name) or seen.get(name) == name)
    }
    runs = resolved(claimed | known)
    recounted = {call.run_id for call in reports} - {runs.get(run_id, run_id) for run_id in seen.values()}
    return Names(runs=runs, new={name: runs[name] for name in claimed if name in runs}, recounted=frozenset(recounted))


def join_earlier(tx: CallTransaction, project_id: str, names: Names) -> frozenset[str]:
    """Bring what was recorded under new names to their runs, so that what comes now is taken against it.

    Return those names: they are kept.
    """
    kept = set[str]()
    for name, run_id in names.new.items():
        earlier = tx.run(project_id, name)
        if earlier is not None:
            at, keeps = earlier.started_at, earlier.keeps_content
            run = tx.run(project_id, run_id)
            if run is None:
                run = not_heard_yet(project_id, run_id, at=at, now=tx.now, keeps_content=keeps)
                tx.save_run(run)
            tx.add_alias(name, joined(run, earlier))
            kept.add(name)
    return frozenset(kept)


def keep_names(tx: CallTransaction, project_id: str, names: Names, *, kept: Set[str]) -> None:
    """Keep the names that are new, of runs that are stored by now; those `kept` are."""
    for name in sorted(names.new.keys() - kept):
        run = tx.run(project_id, names.new[name])
        if run is not None:
            tx.add_alias(name, run)
    for run_id in names.recounted:
        tx.note_actions_changed(project_id, run_id)


def _seen(entry: Entry) -> tuple[str, str] | None:
    """Return the answer of a call of our endpoint, and the run that it came under."""
    is_it = isinstance(entry, ActionEntry) and entry.source is Source.ENDPOINT and is_answer(entry.id)
    return (entry.id, entry.run_id) if is_it and isinstance(entry, ActionEntry) else None
