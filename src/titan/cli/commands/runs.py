"""`titan runs list` and `titan runs show`: runs, and one with its stages and its actions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Final

from titan.cli import completion
from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.lookup import replaced
from titan.cli.options import Answer, Limit, RunArgument, asks, noun, option
from titan.cli.server import Document, Server, read
from titan.cli.terminal import say, show_list
from titan.cli.views.actions import SAYING, said_in, show_action
from titan.cli.views.formats import count
from titan.cli.views.jobs import now
from titan.cli.views.runs import RUN_COLUMNS, Call, Turn, bodies_of, show_run, show_turns, tree_of, turns_of
from titan.model.run_control import RunStatus
from titan.rules.runs.windows import ALL_TIME, WINDOWS_ARE, is_window
from titan.wire.actions import ActionDetailView, SkeletonAnswer
from titan.wire.notes import NotesAnswer
from titan.wire.runs import ChainAnswer, RegistryAnswer, RunView

app = noun("List, show, resume, edit, export and import runs.")


class Sort(StrEnum):
    """What comes first: the newest, or the largest."""

    STARTED = "started"
    COST = "cost"
    DURATION = "duration"
    ACTIONS = "actions"
    SUCCESS_RATE = "success_rate"
    DETERMINISM = "determinism"


PAGE: Final = 200  # what the server gives at once
SAID_BYTES: Final = 1000

OneAction = Annotated[str | None, option("--action ID", "Show this action of it; --ids names them.")]
OfTurns = Annotated[
    bool, option("--turns", "Show what each turn was asked and answered; without turns, each call of a model.")
]
WithIds = Annotated[bool, option("--ids", "Show the ids of the actions, too.")]
Verify = Annotated[bool, option("--verify", "Only compute its recording's chain again: whether anything was changed.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which runs a list or an export holds."""

    status: Annotated[
        list[RunStatus] | None,
        option(
            "--status STATUS",
            "Only those: pending, running, completed, failed, cancelled. May be repeated.",
            case_sensitive=False,
        ),
    ] = None
    agent: Annotated[str | None, option("--agent AGENT", "Only runs of this agent.", completion.agent_ids)] = None
    session: Annotated[str | None, option("--session SESSION", "Only runs of this session.")] = None
    tag: Annotated[str | None, option("--tag TAG", "Only runs with this tag.")] = None
    since: Annotated[
        str,
        option(
            "--since TIME",
            "Only runs that started within this time, or go on: 90m, 24h, 7d, 2w, or all.",
            completion.windows,
        ),
    ] = ALL_TIME
    min_cost: Annotated[str | None, option("--min-cost USD", "Only runs on which at least so much was spent.")] = None
    determinism_below: Annotated[
        int | None, option("--determinism-below SCORE", "Only runs with a lower determinism score.", min=1, max=100)
    ] = None
    search: Annotated[
        str | None, option("--search TEXT", "Part of an id, an agent or a name; or words of what was recorded.")
    ] = None
    sort: Annotated[Sort, option("--sort", "The newest first, or the largest.")] = Sort.STARTED
    archived: Annotated[bool, option("--archived", "Those too that were archived.")] = False
    stages: Annotated[bool, option("--stages", "Only runs that submitted DAGs.")] = False

    def query(self) -> dict[str, str | None]:
        """Return the filters as the server reads them."""
        return {
            "status": ",".join(self.status) if self.status else None,
            "agent_id": self.agent,
            "session_id": self.session,
            "tag": self.tag,
            "window": _window(self.since),
            "min_cost": None if self.min_cost is None else _usd(self.min_cost),
            "determinism_below": None if self.determinism_below is None else str(self.determinism_below),
            "q": self.search,
            "sort": self.sort,
            "include_archived": "true" if self.archived else None,
            "has_stages": "true" if self.stages else None,
        }


@asks(
    app,
    "titan runs",
    "titan runs --status failed --since 24h",
    "titan runs --stages",
    "titan runs --determinism-below 70 --sort determinism",
    "titan runs list --agent RESEARCH --min-cost 0.50 --sort cost",
    name="list",
)
def list_runs(titan: Server, *, filters: Filters, limit: Limit = 50) -> Answer:
    """List runs, with how many actions each took and what they cost; also those that only submitted jobs."""
    query = filters.query()
    answer = _listed(titan, query, limit=limit)
    registry = read(answer, RegistryAnswer)
    may_go_on = limit if filters.sort is Sort.STARTED else None
    return Answer(
        answer, lambda: show_list(RUN_COLUMNS, registry.data, nothing=_nothing(registry, query), limit=may_go_on)
    )


@asks(
    app,
    "titan runs show RESEARCH_cb5e13",
    "titan runs show RESEARCH_cb5e13 --turns",
    "titan runs show RESEARCH_cb5e13 --ids",
    "titan runs show RESEARCH_cb5e13 --verify",
    "titan runs show RESEARCH_cb5e13 --json | jq '.actions[] | select(.outcome == \"error\")'",
)
def show(
    titan: Server,
    run: RunArgument,
    *,
    action: OneAction = None,
    turns: OfTurns = False,
    ids: WithIds = False,
    verify: Verify = False,
    as_json: bool = False,
) -> Answer | None:
    """Show one run: its totals, what people said of it, its stages, and its actions as a tree.

    With --action, one of them: what it was given and gave, its error, use, cost and times. With --turns, instead of
    the tree, what each turn was asked and answered, a cut line each. With --verify, whether its recording was changed:
    exit 1 where it was.
    """
    _check_one_view(turns=turns, ids=ids, verify=verify, action=action)
    if action is not None:
        return _shown_action(titan, run, action)
    if verify:
        return _verified(titan, run)
    shown = titan.get("api", "v1", "runs", run)
    calls = tree_of(read(titan.get("api", "v1", "runs", run, "skeleton"), SkeletonAnswer))
    said = titan.get("api", "v1", "runs", run, "notes")
    one, notes = read(shown, RunView), read(said, NotesAnswer).data
    if as_json:
        from msgspec import to_builtins

        extra = {"turns": [_turn_json(turn) for turn in turns_of(titan, run, calls)]} if turns else {}
        return Answer({"run": shown, "actions": to_builtins(calls), "notes": said["data"], **extra}, lambda: None)
    if turns:
        show_run(one, calls, notes, at=now(), has_tree=False)
        show_turns(turns_of(titan, run, calls), at=now())
    else:
        show_run(one, calls, notes, at=now(), said=_said_in_the_tree(titan, run, calls), has_ids=ids)
    return None


def _check_one_view(*, turns: bool, ids: bool, verify: bool, action: str | None) -> None:
    """Refuse options of which each shows something else."""
    chosen = [("--turns", turns), ("--verify", verify), ("--action", action is not None), ("--ids", ids)]
    given = [option for option, is_given in chosen if is_given]
    if len(given) > 1 and given != ["--action", "--ids"]:
        raise usage_error(
            f"option {given[0]}",
            "it alone: it shows no tree",
            f"it with {given[1]}",
            "Leave out one of the two; --turns --json has the turns' ids.",
        )


def _shown_action(titan: Server, run: str, action: str) -> Answer:
    try:
        answer = titan.get("api", "v1", "runs", run, "actions", action)
    except CommandFailed as failure:
        if failure.kind == "NotFound" and failure.subject.startswith("action "):  # one of many to the SDK
            next_step = f"`titan runs show {run} --ids` lists their ids; give the whole one."
            raise replaced(failure, next_step=next_step) from failure
        raise
    return Answer(answer, lambda: show_action(read(answer, ActionDetailView), at=now()))


def _verified(titan: Server, run: str) -> Answer:
    answer = titan.get("api", "v1", "runs", run, "chain")
    chain = read(answer, ChainAnswer)
    text = f"{chain.run_id} is what was recorded: {count(chain.entries, 'entry', 'entries')}, link {chain.link}."
    if (broken := chain.broken) is not None:
        about = f", of action {broken.action_id}" if broken.action_id else ""
        text = f"{chain.run_id} was changed: entry {broken.entry:,} of {chain.entries:,}{about}: {broken.found}."
    return Answer(answer, lambda: say(text), ExitCode.OK if chain.verified else ExitCode.FAILED)


def _said_in_the_tree(titan: Server, run: str, calls: Sequence[Call]) -> dict[str, str]:
    """Return what thoughts, hand-offs and events say, by their ids."""
    saying = {call.id: call for call in calls if call.kind in SAYING}
    found = bodies_of(titan, run, list(saying), limit_bytes=SAID_BYTES)
    return {bodies.id: said_in(saying[bodies.id], bodies.outputs) for bodies in found}


def _turn_json(turn: Turn) -> dict[str, str | None]:
    return {
        "id": turn.call.id,
        "name": turn.call.name,
        "asked": turn.asked or None,
        "answered": turn.answered or None,
        "error": turn.error or None,
    }


def _window(text: str) -> str:
    if not is_window(text):
        raise usage_error(f"--since {text!r}", WINDOWS_ARE, repr(text), "For example --since 24h.")
    return text


def _usd(text: str) -> str:
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise usage_error(f"--min-cost {text!r}", "US dollars from 0", repr(text), "For example 0.05.")
    return f"{amount:f}"


def _listed(titan: Server, query: Mapping[str, str | None], *, limit: int) -> Document:
    """Return the first `limit` runs in one answer, however many pages they are."""
    runs: list[object] = []
    cursor: str | None = None
    while True:
        answer = titan.get(
            "api", "v1", "runs", timeout_seconds=None, **query, limit=min(limit - len(runs), PAGE), cursor=cursor
        )
        page, following = answer.get("data"), answer.get("next_cursor")
        runs += page if isinstance(page, list) else []
        cursor = following if isinstance(following, str) else None
        if cursor is None or len(runs) >= limit or not page:
            return {**answer, "data": runs}


def _nothing(registry: RegistryAnswer, query: Mapping[str, str | None]) -> str:
    """Return what is said where there are no runs, or none under these filters."""
    asked = {name: value for name, value in query.items() if value is not None and name != "sort"}
    if asked == {"window": ALL_TIME}:
        return (
            "No runs yet: every model and tool call that is recorded appears here, by its run.\n"
            "Make one: a job that calls the model endpoint, or any program with titan_sdk.action."
        )
    lines, elsewhere = ["No such runs."], registry.elsewhere
    if elsewhere is not None and elsewhere.in_all_time and query["window"] != ALL_TIME:
        lines.append(f"{elsewhere.in_all_time:,} in all time: --since all")
    if elsewhere is not None and elsewhere.similar_agents:
        lines.append(f"Agents of a similar name: {', '.join(elsewhere.similar_agents)}")
    return "\n".join(lines)
