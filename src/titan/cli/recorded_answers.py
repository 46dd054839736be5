"""What the server answers about runs, as values. Fields a newer server adds are ignored."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from titan.cli.answers import Dag, Orchestrator
from titan.model.actions import ActionKind, Outcome
from titan.model.run_status import RunStatus


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Counts and sums over a run's calls."""

    calls: int
    running: int
    success: int
    error: int
    blocked: int
    rejected: int
    replayed: int
    cost_usd: Decimal  #: spent, as far as it is known
    unpriced: int  #: model calls whose cost is not known
    estimated: int = 0  #: calls whose cost was computed; a server of before does not tell
    attempted_cost_usd: Decimal
    prevented_cost_usd: Decimal = Decimal(0)  #: a server of before does not tell
    saved_cost_usd: Decimal
    input_tokens: int
    output_tokens: int
    success_rate: float | None  #: 0 to 1; None without attempts

    @property
    def known_cost(self) -> Decimal | None:
        """What was spent; None without calls, and where nothing is known of what they cost."""
        return None if not self.cost_usd and (self.unpriced or not self.calls) else self.cost_usd


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a running run is."""

    share: float  #: 0 to 1
    source: str  #: told, or estimated
    done: int | None = None
    total: int | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One invocation of an agent, or of a program that records what it does."""

    run_id: str
    agent_id: str
    status: RunStatus
    started_at: datetime
    tally: Tally
    session_id: str | None = None
    name: str | None = None
    reason: str | None = None
    ended_at: datetime | None = None
    progress: Progress | None = None
    has_stages: bool = False
    first_error: str | None = None
    lost: int = 0  #: entries that its program could not deliver; a server of before does not tell
    tags: tuple[str, ...] = ()
    is_pinned: bool = False
    archived_at: datetime | None = None
    orchestrator: Orchestrator | None = None
    stages: tuple[Dag, ...] = ()  #: in submission order; empty in lists

    def length(self, now: datetime) -> timedelta:
        """Return how long it took, until `now` while it has not ended."""
        return (self.ended_at or now) - self.started_at

    def label(self, stage: Dag) -> str:
        """Return the stage's name without the run's id before it: `PLAN` of `RESEARCH_1a9ac3_PLAN`."""
        return stage.name.removeprefix(self.run_id).lstrip("_-") or stage.name


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where a query that found nothing would have found something."""

    in_all_time: int = 0
    similar_agents: tuple[str, ...] = ()


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs."""

    data: tuple[Run, ...]
    total: int
    is_total_capped: bool = False
    elsewhere: Elsewhere | None = None


class Skeleton(msgspec.Struct, frozen=True, kw_only=True):
    """All actions of a run as columns of equal length; -1 is no text, no duration, a parent not heard of."""

    run: Run
    names: tuple[str, ...]
    models: tuple[str, ...]
    actors: tuple[str, ...]
    error_types: tuple[str, ...]
    number: tuple[int, ...]
    id: tuple[str, ...]
    parent: tuple[int, ...]  #: the parent's `number`; 0 for none
    kind: tuple[ActionKind, ...]
    name: tuple[int, ...]
    model: tuple[int, ...]
    actor: tuple[int, ...]
    error_type: tuple[int, ...]
    start_us: tuple[int, ...]
    duration_ns: tuple[int, ...]
    outcome: tuple[Outcome | None, ...]
    cost_usd: tuple[Decimal | None, ...]
    estimated: frozenset[int]  #: numbers of those whose cost was computed
    tokens: tuple[int, ...]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """POST /api/v1/import."""

    runs: int
    stored: int
    repeated: int
    notes: int = 0  #: of a server before exports held them


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a run or an action."""

    id: str
    author: str
    at: datetime
    action_id: str | None = None
    name: str | None = None  #: what is scored
    score: float | None = None
    text: str = ""
    acknowledges: bool = False
    mutes: bool = False


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs/{run}/notes: the newest first."""

    data: tuple[Note, ...]


class Unmuted(msgspec.Struct, frozen=True, kw_only=True):
    """POST /api/v1/runs/{run}/unmute."""

    run_id: str
    deleted: tuple[Note, ...]
    acknowledged: Note | None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one action without its bodies."""

    id: str
    run_id: str
    agent_id: str
    kind: ActionKind
    name: str
    started_at: datetime
    parent_id: str | None = None
    actor: str | None = None
    duration_ms: float | None = None  #: None while it runs
    outcome: Outcome | None = None  #: None while it runs
    cost_usd: Decimal | None = None
    is_cost_estimated: bool = False
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    impact: str | None = None
    effect: str | None = None
    tags: tuple[str, ...] = ()


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Of a body that is too large to be shown whole."""

    size_bytes: int
    url: str


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs or outputs: JSON, or its beginning."""

    text: str
    cut: Cut | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an action failed."""

    type: str
    message: str = ""
    traceback: str | None = None


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    """What an action was given and gave."""

    id: str
    inputs: Body | None = None
    outputs: Body | None = None
    failure: Failure | None = None


class SomeBodies(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs/{run}/bodies."""

    data: tuple[Bodies, ...]


class ActionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs/{run}/actions/{action}."""

    action: Action
    bodies: Bodies
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    notes: tuple[Note, ...] = ()


class BrokenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry of a tape that is not as it was appended."""

    entry: int
    found: str
    action_id: str | None = None


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs/{run}/chain."""

    run_id: str
    verified: bool
    entries: int
    link: str
    broken: BrokenEntry | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One action of a run."""

    id: str
    depth: int  #: how many actions it stands below
    kind: ActionKind
    name: str
    started_at: datetime
    parent_id: str | None = None  #: None: it stands below none, or below one not heard of
    duration_ms: float | None = None  #: None while it runs
    outcome: Outcome | None = None  #: None while it runs
    cost_usd: Decimal | None = None
    is_cost_estimated: bool = False
    tokens: int | None = None
    model: str | None = None
    actor: str | None = None
    error_type: str | None = None


def tree_of(skeleton: Skeleton) -> list[Call]:
    """Return the actions, each directly behind what it stands below, and siblings as they began.

    One whose parent is not known stands at the top, and so does one that stands below itself.
    """
    places = range(len(skeleton.number))
    place_of = {number: place for place, number in enumerate(skeleton.number)}
    above = [place_of.get(parent) for parent in skeleton.parent]
    below: dict[int | None, list[int]] = {}
    for place in sorted(places, key=lambda place: (skeleton.start_us[place], skeleton.number[place])):
        below.setdefault(above[place], []).append(place)
    told: dict[int, int] = {}  # the depth of each place
    for top in (*below.get(None, ()), *places):
        waiting = [(top, 0)]
        while waiting:
            place, depth = waiting.pop()
            if place not in told:
                told[place] = depth
                waiting += [(child, depth + 1) for child in reversed(below.get(place, ()))]
    return [_call(skeleton, place, above[place], depth) for place, depth in told.items()]


def _call(skeleton: Skeleton, place: int, parent: int | None, depth: int) -> Call:
    duration_ns, tokens = skeleton.duration_ns[place], skeleton.tokens[place]
    return Call(
        id=skeleton.id[place],
        parent_id=None if parent is None else skeleton.id[parent],
        depth=depth,
        kind=skeleton.kind[place],
        name=_text(skeleton.names, skeleton.name[place]) or "",
        started_at=skeleton.run.started_at + timedelta(microseconds=skeleton.start_us[place]),
        duration_ms=None if duration_ns < 0 else duration_ns / 1_000_000,
        outcome=skeleton.outcome[place],
        cost_usd=skeleton.cost_usd[place],
        is_cost_estimated=skeleton.number[place] in skeleton.estimated,
        tokens=None if tokens < 0 else tokens,
        model=_text(skeleton.models, skeleton.model[place]),
        actor=_text(skeleton.actors, skeleton.actor[place]),
        error_type=_text(skeleton.error_types, skeleton.error_type[place]),
    )


def _text(texts: tuple[str, ...], place: int) -> str | None:
    return None if place < 0 else texts[place]
