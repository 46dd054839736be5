"""Tables and lines that show runs: the list, one run with stages and action tree, its turns, one action."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from titan.cli.server import Server, read
from titan.cli.terminal import Cell, Column, Columns, Status, say, show_table
from titan.cli.views.formats import NOTHING, count, duration, in_words, moment, money, size
from titan.cli.views.jobs import DAG_COLUMNS
from titan.cli.views.preview import cut, gist_of
from titan.model.actions import CALLS, INCURRED, ActionKind, Outcome, reason_of
from titan.model.run_control import Origin, RunStatus
from titan.wire import actions
from titan.wire.notes import NoteView
from titan.wire.runs import ProgressView, RunView, TallyView
from titan.wire.work import DagView

RUN_COLUMNS: Columns[RunView] = (
    Column("RUN", lambda run, _: _marked(run), folds=True),
    Column("STATUS", lambda run, _: Status(run.status)),
    Column("ACTIONS", lambda run, _: actions_of(run.tally, is_brief=True), is_right=True, least_columns=60),
    Column("COST", lambda run, _: cost_of(run.tally), is_right=True),
    Column("SUCCESS", lambda run, _: _rate(run.tally), is_right=True, least_columns=90),
    Column(
        "SCORE",
        lambda run, _: None if run.determinism is None else str(run.determinism),
        is_right=True,
        least_columns=100,
    ),
    Column("STARTED", lambda run, at: moment(run.started_at, now=at), least_columns=70),
    Column("TOOK", lambda run, at: duration(length_of(run, at=at)), is_right=True, least_columns=50),
    Column("AGENT", lambda run, _: run.agent_id, folds=True, least_columns=80),
    Column("NAME", lambda run, _: _own_name(run), folds=True, least_columns=100),
    Column("WHY", lambda run, _: _why(run), folds=True, least_columns=120),
)
_DEEPEST = 30  # levels that are indented: further ones would leave no room for names
BODIES_AT_ONCE: Final = 100  # the server gives 200; their ids are to fit into a path
WORDS_BYTES: Final = 16 * 1024  # of each body that is read: of longer messages the last may stand behind


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One action of a run."""

    id: str
    depth: int  #: number of ancestors
    kind: ActionKind
    name: str
    started_at: datetime
    parent_id: str | None = None  #: None: a root, or its parent is not reported
    duration_ms: float | None = None  #: None while it runs
    outcome: Outcome | None = None  #: None while it runs
    cost_usd: Decimal | None = None
    is_cost_estimated: bool = False
    tokens: int | None = None
    model: str | None = None
    actor: str | None = None
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn, or a call of a model where a run has none; each text is None if nothing was recorded."""

    call: Call
    asked: str | None = None
    answered: str | None = None
    error: str | None = None

    @property
    def document(self) -> dict[str, str | None]:
        """The turn for `--json`."""
        texts = {"asked": self.asked, "answered": self.answered, "error": self.error}
        return {"id": self.call.id, "name": self.call.name, **texts}


def _marked(run: RunView) -> str:
    named = (("pinned", run.is_pinned), ("archived", run.archived_at), (f"{run.lost:,} lost", run.lost))
    marks = [mark for mark, holds in named if holds]
    return f"{run.run_id} ({', '.join(marks)})" if marks else run.run_id


def show_run(
    run: RunView,
    calls: Sequence[Call],
    notes: Sequence[NoteView],
    *,
    at: datetime,
    said: Mapping[str, str] | None = None,
    has_tree: bool = True,
    has_ids: bool = False,
) -> None:
    """Write a run: its status, totals, notes, stages, and its actions as a tree.

    The tree is left out unless `has_tree`; the totals of a run that submitted stages and recorded nothing, too.

    `said` holds texts to show after an action's name, by its id.
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
        _show_stages(run.stages, at=at)
    if calls and has_tree:
        say("")
        show_table(action_columns(run, said or {}, has_ids=has_ids), calls, at=at)


def _show_stages(stages: Sequence[DagView], *, at: datetime) -> None:
    """Write a run's stages as a chain, then as a table."""
    chain: list[Cell] = []
    for stage in stages:
        chain += ["  →  " if chain else "  ", stage.label, " ", Status(stage.status)]
    say("")
    say(*chain)
    say("")
    columns: Columns[DagView] = (
        Column("STAGE", lambda stage, _: stage.label, folds=True),
        *DAG_COLUMNS[1:5],
        Column("DAG", lambda stage, _: stage.name, folds=True, least_columns=90),
    )
    show_table(columns, stages, at=at)


def action_columns(run: RunView, said: Mapping[str, str], *, has_ids: bool) -> Columns[Call]:
    """Return the columns of a run's actions; durations of running actions grow while the run goes on."""

    def name(call: Call, _at: datetime) -> str:
        words = said.get(call.id)
        return "  " * min(call.depth, _DEEPEST) + call.name + (f": {words}" if words else "")

    def took(call: Call, at: datetime) -> str | None:
        if call.outcome is None and call.duration_ms is None and run.status is RunStatus.RUNNING:
            return duration(at - call.started_at)
        return None if call.duration_ms is None else in_words(call.duration_ms)

    ids: Columns[Call] = (Column("ID", lambda call, _: call.id, folds=True),) if has_ids else ()
    return (
        Column("ACTION", name, folds=True),
        *ids,
        Column("OUTCOME", lambda call, _: Status(_word(call))),
        Column("COST", lambda call, _: _cost(call), is_right=True),
        Column("TOOK", took, is_right=True),
        Column("KIND", lambda call, _: call.kind, least_columns=70),
        Column("TOKENS", lambda call, _: None if call.tokens is None else f"{call.tokens:,}", True, least_columns=80),
        Column("MODEL", lambda call, _: call.model, folds=True, least_columns=100),
        Column("ERROR", lambda call, _: call.error_type, folds=True, least_columns=60),
    )


def length_of(run: RunView, *, at: datetime) -> timedelta:
    """Return a run's duration, until `at` while it has not ended."""
    return (run.ended_at or at) - run.started_at


def actions_of(tally: TallyView, *, is_brief: bool = False) -> str:
    """Return the number of actions, and of those replayed: `6 actions + 1 replayed`."""
    own = tally.calls - tally.replayed
    replayed = f" + {tally.replayed:,} replayed" if tally.replayed else ""
    return f"{own:,}{replayed}" if is_brief else f"{count(own, 'action')}{replayed}"


def cost_of(tally: TallyView) -> str:
    """Return a run's cost, `≈` if some was computed, and the number of calls without a price: `≈$0.12 + 3 unpriced`."""
    known = None if not tally.cost_usd and (tally.unpriced or not tally.calls) else tally.cost_usd
    if known is None:
        return f"{tally.unpriced:,} unpriced" if tally.unpriced else money(known)
    lacking = f" + {tally.unpriced:,} unpriced" if tally.unpriced else ""
    return f"{'≈' if tally.estimated else ''}{money(known)}{lacking}"


def progress_of(progress: ProgressView) -> str:
    """Return a run's progress, rounded down: `10 % · 1 of 10`; `25 %` of a share; `about 40 %` if estimated."""
    share = f"{int(100 * progress.share)} %"
    if progress.source != "reported":
        return f"about {share}"
    if progress.total in (None, 100):  # a share is reported as so many of a hundred, which is all there is to show
        return share
    return f"{share} · {progress.done or 0:,} of {progress.total:,}"


def note_line(note: NoteView, calls: Sequence[Call] = (), *, at: datetime) -> str:
    """Return a note on one line: `note by ann, 14:03:07 (2m), on search: quality 0.9 · too slow`."""
    verb = "muted by" if note.mutes else "acknowledged by" if note.acknowledges else "note by"
    about = next((call.name for call in calls if call.id == note.action_id), note.action_id)
    score = None if note.score is None else f"{note.name or 'overall'} {note.score:g}"
    said = " · ".join(part for part in (score, note.text) if part)
    return f"{verb} {note.author}, {moment(note.at, now=at)}{f', on {about}' if about else ''}: {said}"


def _own_name(run: RunView) -> str | None:
    """Return a run's name, unless it is its agent's."""
    return run.name if run.name != run.agent_id else None


def _why(run: RunView) -> str | None:
    """Return why a run did not complete; None for one that completed or still runs."""
    return (run.reason or run.first_error) if run.status in (RunStatus.FAILED, RunStatus.CANCELLED) else None


def _facts(run: RunView, *, at: datetime) -> list[str]:
    took = f"took {duration(length_of(run, at=at))}" if run.ended_at else f"runs for {duration(length_of(run, at=at))}"
    facts = [f"agent {run.agent_id}", f"started {moment(run.started_at, now=at)}", took]
    if run.progress is not None and run.ended_at is None:
        facts.append(progress_of(run.progress))
    named = (
        (run.parent_run_id, "fork of "),
        (run.session_id, "session "),
        (_own_name(run), ""),
        (", ".join(run.tags), "tags "),
    )
    facts += [f"{word}{text}" for text, word in named if text]
    facts += ["evaluation"] if run.origin is Origin.EVALUATION else []
    facts += [mark for mark, holds in (("pinned", run.is_pinned), ("archived", run.archived_at)) if holds]
    return facts


def _figures(run: RunView) -> list[str]:
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
    figures.append(_token_words(tally.input_tokens, tally.output_tokens))
    return figures


def _rate(tally: TallyView) -> str:
    """Return the success rate in whole percent; 100 % only if nothing failed, 0 % only if everything did."""
    rate = tally.success_rate
    if rate is None:
        return NOTHING
    whole = round(100 * rate)
    return f"{min(max(whole, 0 if rate == 0 else 1), 100 if rate == 1 else 99)}%"


def _word(call: Call) -> str:
    """Return a call's outcome, why it has none, or that it runs."""
    return call.outcome or (call.duration_ms is not None and reason_of(call.error_type)) or "running"


def _cost(call: Call) -> str | None:
    """Return a call's cost; None for wrapper spans, which repeat the cost of their calls."""
    return cost_word(call) if call.kind in CALLS else None


def cost_word(action: Call | actions.ActionView) -> str | None:
    """Return an action's cost: `≈` if computed, `not spent` if blocked or replayed."""
    if action.cost_usd is None:
        return None
    amount = f"{'≈' if action.is_cost_estimated else ''}{money(action.cost_usd)}"
    is_spent = action.kind in CALLS and (action.outcome is None or action.outcome in INCURRED)
    return amount if is_spent else f"{amount} not spent"


def tree_of(skeleton: actions.SkeletonAnswer) -> list[Call]:
    """Return the actions in depth-first order, siblings by start.

    An action is a root if its parent is unknown, or if the parents form a cycle.
    """
    places = range(len(skeleton.number))
    place_of = {number: place for place, number in enumerate(skeleton.number)}
    above = [place_of.get(parent) for parent in skeleton.parent]
    below: dict[int | None, list[int]] = {}
    for place in sorted(places, key=lambda place: (skeleton.start_us[place], skeleton.number[place])):
        below.setdefault(above[place], []).append(place)
    depths: dict[int, int] = {}
    for top in (*below.get(None, ()), *places):
        waiting = [(top, 0)]
        while waiting:
            place, depth = waiting.pop()
            if place not in depths:
                depths[place] = depth
                waiting += [(child, depth + 1) for child in reversed(below.get(place, ()))]
    estimated = frozenset(skeleton.estimated)
    return [_call(skeleton, place, above[place], depth, estimated) for place, depth in depths.items()]


def _call(
    skeleton: actions.SkeletonAnswer, place: int, parent: int | None, depth: int, estimated: frozenset[int]
) -> Call:
    duration_ns, tokens = skeleton.duration_ns[place], skeleton.tokens[place]

    def text(texts: Sequence[str], index: int) -> str | None:
        return None if index < 0 else texts[index]

    return Call(
        id=skeleton.id[place],
        parent_id=None if parent is None else skeleton.id[parent],
        depth=depth,
        kind=skeleton.kind[place],
        name=text(skeleton.names, skeleton.name[place]) or "",
        started_at=skeleton.run.started_at + timedelta(microseconds=skeleton.start_us[place]),
        duration_ms=None if duration_ns < 0 else duration_ns / 1_000_000,
        outcome=skeleton.outcome[place],
        cost_usd=skeleton.cost_usd[place],
        is_cost_estimated=skeleton.number[place] in estimated,
        tokens=None if tokens < 0 else tokens,
        model=text(skeleton.models, skeleton.model[place]),
        actor=text(skeleton.actors, skeleton.actor[place]),
        error_type=text(skeleton.error_types, skeleton.error_type[place]),
    )


def turns_of(titan: Server, run: str, calls: Sequence[Call]) -> list[Turn]:
    """Return the turns of a run by start; its model calls where it has none."""
    wanted = [call for call in calls if call.kind is ActionKind.TURN] or [
        call for call in calls if call.kind is ActionKind.MODEL
    ]
    wanted = sorted(wanted, key=lambda call: call.started_at)
    turns = {call.id: Turn(call=call) for call in wanted}
    for bodies in bodies_of(titan, run, list(turns), limit_bytes=WORDS_BYTES):  # of each only a line is kept
        turns[bodies.id] = _turn(turns[bodies.id].call, bodies)
    return list(turns.values())


def bodies_of(titan: Server, run: str, ids: Sequence[str], *, limit_bytes: int) -> Iterator[actions.BodiesView]:
    """Yield the inputs and outputs of actions, each cut at `limit_bytes`."""
    for place in range(0, len(ids), BODIES_AT_ONCE):
        some = json.dumps(ids[place : place + BODIES_AT_ONCE])
        answer = titan.get("api", "v1", "runs", run, "bodies", ids=some, limit_bytes=limit_bytes)
        yield from read(answer, actions.BodiesAnswer).data


def show_turns(turns: Sequence[Turn], *, at: datetime) -> None:
    """Write turns: a line for each, then its question, and its answer or error."""
    say("")
    if not turns:
        say("No turns and no model calls were recorded.")
        return
    if turns[0].call.kind is not ActionKind.TURN:
        say(f"No turns were recorded; {count(len(turns), 'model call')}:")
    for turn in turns:
        call = turn.call
        took = "" if call.duration_ms is None else f"  {duration(timedelta(milliseconds=call.duration_ms))}"
        say(call.name, "  ", Status(_word(call)), f"  {moment(call.started_at, now=at)}{took}")
        for title, words in (("asked", turn.asked), ("answered", turn.answered), ("failed", turn.error)):
            if words:
                say(f"  {title:<8}  {words}")


def _turn(call: Call, bodies: actions.BodiesView) -> Turn:
    failure = bodies.failure
    return Turn(
        call=call,
        asked=gist_of(bodies.inputs.text) or None if bodies.inputs else None,
        answered=gist_of(bodies.outputs.text) or None if bodies.outputs else None,
        error=cut(f"{failure.type}: {failure.message}" if failure.message else failure.type) if failure else None,
    )


# --- one action ---

#: Kinds of actions whose text the tree shows.
SAYING: Final = frozenset({ActionKind.THOUGHT, ActionKind.HANDOFF, ActionKind.EVENT})


def show_action(detail: actions.ActionDetailView, *, at: datetime) -> None:
    """Write all that is known of one action."""
    action = detail.action
    say("Action ", action.id, f" of {action.run_id}  ", Status(action.outcome or action.reason or "running"))
    say(" · ".join(_action_facts(action, at=at)))
    if figures := _action_figures(detail):
        say(" · ".join(figures))
    for note in detail.notes:
        say(note_line(note, at=at))
    for title, body in (("inputs", detail.bodies.inputs), ("outputs", detail.bodies.outputs)):
        if body is not None:
            _show_body(title, body)
    if detail.bodies.failure is not None:
        _show_failure(detail.bodies.failure)


def said_in(call: Call, body: actions.BodyView | None) -> str:
    """Return the text of a thought, a hand-off or an event on one line; "" if it has none."""
    if body is None:
        return ""
    value = _value(body.text)
    if call.kind is ActionKind.HANDOFF and isinstance(value, Mapping):
        value = value.get("reason") or ""
    text = value if isinstance(value, str) else body.text.removeprefix('"') if value is None else body.text
    return cut(text)


def _action_facts(action: actions.ActionView, *, at: datetime) -> list[str]:
    took = duration(at - action.started_at) if action.duration_ms is None else in_words(action.duration_ms)
    length = f"{'runs for' if action.duration_ms is None else 'took'} {took}"
    below = [f"below {action.parent_id}"] if action.parent_id else []
    is_agents = action.actor in (None, action.agent_id)
    who = f"agent {action.agent_id}" if is_agents else f"{action.actor} of {action.agent_id}"
    return [f"{action.kind} {action.name}", who, *below, f"started {moment(action.started_at, now=at)}", length]


def _action_figures(detail: actions.ActionDetailView) -> list[str]:
    action = detail.action
    figures = []
    if (cost := cost_word(action)) is not None:
        figures.append(f"cost {cost}")
    if action.model:
        figures.append(f"model {action.model}{f' of {action.provider}' if action.provider else ''}")
    if action.input_tokens is not None or action.output_tokens is not None:
        figures.append(_tokens(detail))
    figures += [f"{word} {said}" for word, said in (("impact", action.impact), ("effect", action.effect)) if said]
    if action.tags:
        figures.append(f"tags {', '.join(action.tags)}")
    return figures


def _tokens(detail: actions.ActionDetailView) -> str:
    """Return `1,000 input tokens (400 of them from cache, 50 written to cache), 100 output`."""
    cached = ((detail.cache_read_tokens, "of them from cache"), (detail.cache_write_tokens, "written to cache"))
    said = ", ".join(f"{number:,} {words}" for number, words in cached if number)
    return _token_words(detail.action.input_tokens, detail.action.output_tokens, f" ({said})" if said else "")


def _token_words(into: int | None, out: int | None, about: str = "") -> str:
    """Return `1,000 input tokens, 100 output`; what is unknown is NOTHING."""
    first = f"{NOTHING} input tokens" if into is None else count(into, "input token")
    return f"{first}{about}, {NOTHING if out is None else f'{out:,}'} output"


def _show_body(title: str, body: actions.BodyView) -> None:
    say("")
    say(f"{title}:")
    value = _value(body.text)
    text = body.text if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    for line in text.splitlines():
        say("  ", line)
    if body.cut is not None:
        shown = count(len(body.text.encode("utf-8", "surrogatepass")), "byte")
        say(f"  … {shown} of {size(body.cut.size_bytes)}; the whole: GET {body.cut.url}")


def _show_failure(failure: actions.FailureView) -> None:
    say("")
    say(f"error: {failure.type}{f': {failure.message}' if failure.message else ''}")
    for line in (failure.traceback or "").splitlines():
        say("  ", line)


def _value(text: str) -> object:
    """Return a body's JSON as a value; None for null, and for one that was cut or is nested too deeply."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value
