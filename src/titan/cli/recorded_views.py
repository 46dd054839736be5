"""How runs look: rows of the list, and one run with its stages and its actions as a tree. Pure but for showing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from titan.cli.answers import Dag
from titan.cli.formats import NOTHING, count, duration, in_words, moment, money
from titan.cli.recorded_answers import Call, Note, Progress, Run, Tally
from titan.cli.screen import Cell, Column, Status, say, show_table
from titan.model.actions import CALLS, INCURRED
from titan.model.run_status import RunStatus

RUN_COLUMNS = (
    Column("RUN", folds=True),
    Column("STATUS"),
    Column("ACTIONS", "right", least_columns=60),
    Column("COST", "right"),
    Column("SUCCESS", "right", least_columns=90),
    Column("STARTED", least_columns=70),
    Column("TOOK", "right", least_columns=50),
    Column("AGENT", folds=True, least_columns=80),
    Column("NAME", folds=True, least_columns=100),
    Column("WHY", folds=True, least_columns=120),
)
_ACTION_COLUMNS = (
    Column("ACTION", folds=True),
    Column("OUTCOME"),
    Column("COST", "right"),
    Column("TOOK", "right"),
    Column("KIND", least_columns=70),
    Column("TOKENS", "right", least_columns=80),
    Column("MODEL", folds=True, least_columns=100),
    Column("ERROR", folds=True, least_columns=60),
)
_STAGE_COLUMNS = (
    Column("STAGE", folds=True),
    Column("STATUS"),
    Column("DONE", "right"),
    Column("SUBMITTED", least_columns=50),
    Column("TOOK", "right", least_columns=60),
    Column("DAG", folds=True, least_columns=90),
)
_ID_COLUMN = Column("ID", folds=True)
_DEEPEST = 30  # levels that are indented: further ones would leave no room for names


def run_row(run: Run, *, at: datetime) -> list[Cell]:
    """Return the cells of RUN_COLUMNS."""
    named = (("pinned", run.is_pinned), ("archived", run.archived_at), (f"{run.lost:,} lost", run.lost))
    marks = [mark for mark, holds in named if holds]
    return [
        f"{run.run_id} ({', '.join(marks)})" if marks else run.run_id,
        Status(run.status),
        actions_of(run.tally, is_brief=True),
        cost_of(run.tally),
        _rate(run.tally),
        moment(run.started_at, now=at),
        duration(run.length(at)),
        run.agent_id,
        _own_name(run) or NOTHING,
        _why(run),
    ]


def show_run(
    run: Run,
    calls: Sequence[Call],
    notes: Sequence[Note],
    *,
    at: datetime,
    said: Mapping[str, str] | None = None,
    has_tree: bool = True,
    has_ids: bool = False,
) -> None:
    """Write a run: where it stands, its totals, what people said of it, its stages, and its actions as a tree.

    The tree is left out unless `has_tree`; the totals of a run that submitted stages and recorded nothing, too.

    `said` are words that stand behind an action's name, by its id.
    """
    say("Run ", run.run_id, "  ", Status(run.status), f"  {run.reason}" if run.reason else "")
    say(" · ".join(_facts(run, at=at)))
    if calls or not run.stages:
        say(" · ".join(_figures(run)))
    if run.first_error:
        say(f"first error: {run.first_error}")
    for note in notes:
        say(note_line(note, calls, at=at))
    if run.stages:
        _show_stages(run, at=at)
    if calls and has_tree:
        say("")
        columns = [*_ACTION_COLUMNS[:1], _ID_COLUMN, *_ACTION_COLUMNS[1:]] if has_ids else _ACTION_COLUMNS
        show_table(columns, [action_row(call, run, (said or {}).get(call.id), at=at, has_id=has_ids) for call in calls])


def _show_stages(run: Run, *, at: datetime) -> None:
    """Write a run's stages as a chain, then each with its facts."""
    chain: list[Cell] = []
    for stage in run.stages:
        chain += ["  →  " if chain else "  ", run.label(stage), " ", Status(stage.status)]
    say("")
    say(*chain)
    say("")
    show_table(_STAGE_COLUMNS, [_stage_row(run, stage, at=at) for stage in run.stages])


def _stage_row(run: Run, stage: Dag, *, at: datetime) -> list[Cell]:
    return [
        run.label(stage),
        Status(stage.status),
        f"{stage.counts.completed:,}/{stage.counts.total:,}",
        moment(stage.submitted_at, now=at),
        duration(stage.length(at)),
        stage.name,
    ]


def action_row(call: Call, run: Run, said: str | None = None, *, at: datetime, has_id: bool = False) -> list[Cell]:
    """Return the cells of a row of a run's actions; what runs took up to now, as long as its run goes on."""
    took = NOTHING if call.duration_ms is None else in_words(call.duration_ms)
    if call.outcome is None and run.status is RunStatus.RUNNING:
        took = duration(at - call.started_at)
    return [
        "  " * min(call.depth, _DEEPEST) + call.name + (f": {said}" if said else ""),
        *([call.id] if has_id else []),
        Status(call.outcome or "running"),
        _cost(call),
        took,
        call.kind,
        NOTHING if call.tokens is None else f"{call.tokens:,}",
        call.model or NOTHING,
        call.error_type or NOTHING,
    ]


def actions_of(tally: Tally, *, is_brief: bool = False) -> str:
    """Return how many actions a run has, those apart that were answered from earlier ones: `6 actions + 1 replayed`."""
    own = tally.calls - tally.replayed
    replayed = f" + {tally.replayed:,} replayed" if tally.replayed else ""
    return f"{own:,}{replayed}" if is_brief else f"{count(own, 'action')}{replayed}"


def cost_of(tally: Tally) -> str:
    """Return what was spent, `≈` where some was computed, and how many model calls it lacks: `≈$0.12 + 3 unpriced`."""
    known = tally.known_cost
    if known is None:
        return f"{tally.unpriced:,} unpriced" if tally.unpriced else money(known)
    lacking = f" + {tally.unpriced:,} unpriced" if tally.unpriced else ""
    return f"{'≈' if tally.estimated else ''}{money(known)}{lacking}"


def progress_of(progress: Progress) -> str:
    """Return how far a run is, rounded down: `10 % · 1 of 10`; `25 %` of a share; `about 40 %` where nobody told it."""
    share = f"{int(100 * progress.share)} %"
    if progress.source != "reported":
        return f"about {share}"
    if progress.total in (None, 100):  # a share is told as so many of a hundred, and says all there is
        return share
    return f"{share} · {progress.done or 0:,} of {progress.total:,}"


def note_line(note: Note, calls: Sequence[Call] = (), *, at: datetime) -> str:
    """Return what somebody said: `note by ann, 14:03:07 (2m), on search: quality 0.9 · too slow`."""
    verb = "muted by" if note.mutes else "acknowledged by" if note.acknowledges else "note by"
    about = next((call.name for call in calls if call.id == note.action_id), note.action_id)
    score = None if note.score is None else f"{note.name or 'overall'} {note.score:g}"
    said = " · ".join(part for part in (score, note.text) if part)
    return f"{verb} {note.author}, {moment(note.at, now=at)}{f', on {about}' if about else ''}: {said}"


def _own_name(run: Run) -> str | None:
    """Return what a run is called, unless that is its agent's name once more."""
    return run.name if run.name != run.agent_id else None


def _why(run: Run) -> str:
    """Return why a run did not complete; one that did, or goes on, got over its errors so far."""
    if run.status not in (RunStatus.FAILED, RunStatus.CANCELLED):
        return NOTHING
    return run.reason or run.first_error or NOTHING


def _facts(run: Run, *, at: datetime) -> list[str]:
    took = f"took {duration(run.length(at))}" if run.ended_at else f"runs for {duration(run.length(at))}"
    facts = [f"agent {run.agent_id}", f"started {moment(run.started_at, now=at)}", took]
    if run.progress is not None and run.ended_at is None:
        facts.append(progress_of(run.progress))
    named = ((run.session_id, "session "), (_own_name(run), ""), (", ".join(run.tags), "tags "))
    facts += [f"{word}{text}" for text, word in named if text]
    facts += [mark for mark, holds in (("pinned", run.is_pinned), ("archived", run.archived_at)) if holds]
    return facts


def _figures(run: Run) -> list[str]:
    tally = run.tally
    outcomes = (
        (tally.success, "succeeded"),
        (tally.error, "failed"),
        (tally.blocked, "blocked"),
        (tally.rejected, "rejected"),
        (tally.running, "running"),
    )
    said = ", ".join(f"{number:,} {word}" for number, word in outcomes if number)
    figures = [f"{actions_of(tally)}{f': {said}' if said else ''}"]
    if run.lost:
        figures.append(f"{count(run.lost, 'entry', 'entries')} of it lost")
    if tally.success_rate is not None:
        figures.append(f"{_rate(tally)} success")
    figures.append(f"cost {cost_of(tally)}")
    if tally.attempted_cost_usd != tally.cost_usd:
        figures.append(f"{money(tally.attempted_cost_usd)} attempted")
    if tally.prevented_cost_usd:
        figures.append(f"{money(tally.prevented_cost_usd)} prevented")
    if tally.saved_cost_usd:
        figures.append(f"{money(tally.saved_cost_usd)} saved")
    figures.append(f"{count(tally.input_tokens, 'input token')}, {tally.output_tokens:,} output")
    return figures


def _rate(tally: Tally) -> str:
    """Return the share of successes in whole percent: 100 % only where nothing failed, 0 % only where all did."""
    rate = tally.success_rate
    if rate is None:
        return NOTHING
    whole = round(100 * rate)
    return f"{min(max(whole, 0 if rate == 0 else 1), 100 if rate == 1 else 99)}%"


def _cost(call: Call) -> str:
    """Return what a call cost: `≈` before what was computed; what was not spent is said to be so."""
    if call.cost_usd is None or call.kind not in CALLS:  # what a frame says repeats what its calls said
        return NOTHING
    told = f"{'≈' if call.is_cost_estimated else ''}{money(call.cost_usd)}"
    return told if call.outcome is None or call.outcome in INCURRED else f"{told} not spent"
