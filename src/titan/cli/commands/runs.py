"""`titan runs`: list runs, and show one with its stages and its actions."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Final, TypeAlias, TypedDict

import typer

from titan.cli import completion
from titan.cli.action_views import SAYING, said_in, show_action
from titan.cli.answers import Document, read
from titan.cli.exits import usage_error
from titan.cli.lookup import run_named
from titan.cli.options import JsonOption, Limit, ServerOption, examples
from titan.cli.recorded_answers import ActionDetail, Call, Notes, Registry, Run, Skeleton, tree_of
from titan.cli.recorded_views import RUN_COLUMNS, run_row, show_run
from titan.cli.screen import remark_limit, say, show_json, show_table
from titan.cli.server import Server, connect
from titan.cli.turns import Turn, bodies_of, show_turns, turns_of
from titan.cli.views import now
from titan.model.run_status import RunStatus
from titan.rules.windows import ALL_TIME, WINDOWS_ARE, is_window

app = typer.Typer(
    help="List runs; show, cancel, resume, end, pin and delete them, export and import them.",
    epilog=examples(
        "titan runs",
        "titan runs --status failed --since 24h",
        "titan runs --stages",
        "titan runs --agent RESEARCH --min-cost 0.50 --sort cost",
        "titan runs show RESEARCH_cb5e13",
        "titan runs export --agent PAPERS -o papers.jsonl",
        "titan runs import week.jsonl",
    ),
)


class Sort(StrEnum):
    """What comes first: the newest, or the largest."""

    STARTED = "started"
    COST = "cost"
    DURATION = "duration"
    ACTIONS = "actions"
    SUCCESS_RATE = "success_rate"


PAGE: Final = 200  # what the server gives at once
SAID_BYTES: Final = 1000

Statuses: TypeAlias = Annotated[
    list[RunStatus] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        case_sensitive=False,
        help="Only those: pending, running, completed, failed, cancelled. May be repeated.",
    ),
]
OfAgent: TypeAlias = Annotated[
    str | None,
    typer.Option("--agent", metavar="AGENT", help="Only runs of this agent.", autocompletion=completion.agent_ids),
]
OfSession: TypeAlias = Annotated[
    str | None, typer.Option("--session", metavar="SESSION", help="Only runs of this session.")
]
WithTag: TypeAlias = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only runs with this tag.")]
Since: TypeAlias = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only runs that started within this time, or go on: 90m, 24h, 7d, 2w, or all.",
        autocompletion=completion.windows,
    ),
]
MinCost: TypeAlias = Annotated[
    str | None, typer.Option("--min-cost", metavar="USD", help="Only runs on which at least so much was spent.")
]
Search: TypeAlias = Annotated[
    str | None,
    typer.Option("--search", metavar="TEXT", help="Part of an id, an agent or a name; or words of what was recorded."),
]
SortBy: TypeAlias = Annotated[Sort, typer.Option("--sort", help="The newest first, or the largest.")]
WithStages: TypeAlias = Annotated[bool, typer.Option("--stages", help="Only runs that submitted DAGs.")]
Archived: TypeAlias = Annotated[bool, typer.Option("--archived", help="Those too that were archived.")]
OneAction: TypeAlias = Annotated[
    str | None,
    typer.Option("--action", metavar="ID", help="Show this action of it; --ids names them.", show_default=False),
]
OfTurns: TypeAlias = Annotated[
    bool,
    typer.Option("--turns", help="Show what each turn was asked and answered; without turns, each call of a model."),
]
WithIds: TypeAlias = Annotated[bool, typer.Option("--ids", help="Show the ids of the actions, too.")]
RunId: TypeAlias = Annotated[str, typer.Argument(metavar="RUN", help="A run's id.", autocompletion=completion.run_ids)]


class Query(TypedDict):
    """The filters of a list or an export, as the server reads them."""

    status: str | None
    agent_id: str | None
    session_id: str | None
    tag: str | None
    window: str
    min_cost: str | None
    q: str | None
    sort: str
    include_archived: str | None
    has_stages: str | None


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    *,
    status: Statuses = None,
    agent: OfAgent = None,
    session: OfSession = None,
    tag: WithTag = None,
    since: Since = ALL_TIME,
    min_cost: MinCost = None,
    search: Search = None,
    sort: SortBy = Sort.STARTED,
    archived: Archived = False,
    stages: WithStages = False,
    limit: Limit = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List runs, with how many actions each took and what they cost; also those that only submitted jobs.

    Below are commands for one run, and for all of them as a file.
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return
    list_runs(
        status=status,
        agent=agent,
        session=session,
        tag=tag,
        since=since,
        min_cost=min_cost,
        search=search,
        sort=sort,
        archived=archived,
        stages=stages,
        limit=limit,
        as_json=as_json,
        server=server,
    )


@app.command(name="list", epilog=examples("titan runs list --status failed --since 24h", "titan runs list --stages"))
def list_runs(
    *,
    status: Statuses = None,
    agent: OfAgent = None,
    session: OfSession = None,
    tag: WithTag = None,
    since: Since = ALL_TIME,
    min_cost: MinCost = None,
    search: Search = None,
    sort: SortBy = Sort.STARTED,
    archived: Archived = False,
    stages: WithStages = False,
    limit: Limit = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List runs, with how many actions each took and what they cost; as plain titan runs does."""
    query = query_of(
        status=status,
        agent=agent,
        session=session,
        tag=tag,
        since=since,
        min_cost=min_cost,
        search=search,
        sort=sort,
        archived=archived,
        stages=stages,
    )
    answer = _listed(connect(server), query, limit=limit)
    if as_json:
        show_json(answer)
        return
    registry = read(answer, Registry)
    if not registry.data:
        _say_none(registry, query)
        return
    at = now()
    show_table(RUN_COLUMNS, [run_row(run, at=at) for run in registry.data])
    if sort is Sort.STARTED:
        remark_limit(len(registry.data), limit)


@app.command(
    epilog=examples(
        "titan runs show RESEARCH_cb5e13",
        "titan runs show RESEARCH_cb5e13 --turns",
        "titan runs show RESEARCH_cb5e13 --ids",
        "titan runs show RESEARCH_cb5e13 --json | jq '.actions[] | select(.outcome == \"error\")'",
    )
)
def show(
    run: RunId,
    *,
    action: OneAction = None,
    turns: OfTurns = False,
    ids: WithIds = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show one run: its totals, what people said of it, its stages, and its actions as a tree.

    With --action, one of them: what it was given and gave, its error, use, cost and times. With --turns, instead of
    the tree, what each turn was asked and answered, a cut line each.
    """
    if turns and (ids or action is not None):
        raise usage_error(
            "option --turns",
            expected="it alone: it shows no tree",
            found=f"it with {'--ids' if ids else '--action'}",
            next_step="Leave out one of the two; --turns --json has the turns' ids.",
        )
    titan = connect(server)
    if action is not None:
        _show_one(titan, run, action, as_json=as_json)
        return
    with run_named(titan, run):
        shown = titan.get("api", "v1", "runs", run)
        answer = titan.get("api", "v1", "runs", run, "skeleton")
        said = titan.get("api", "v1", "runs", run, "notes")
    calls = tree_of(read(answer, Skeleton))
    one = read(shown, Run)
    if as_json:
        from msgspec import to_builtins

        told = turns_of(titan, run, calls) if turns else None
        extra = {} if told is None else {"turns": [_turn_json(turn) for turn in told]}
        show_json({"run": shown, "actions": to_builtins(calls), "notes": said["data"], **extra})
    elif turns:
        show_run(one, calls, read(said, Notes).data, at=now(), has_tree=False)
        show_turns(turns_of(titan, run, calls), at=now())
    else:
        words = _said_in_the_tree(titan, run, calls)
        show_run(one, calls, read(said, Notes).data, at=now(), said=words, has_ids=ids)


def _show_one(titan: Server, run: str, action: str, *, as_json: bool) -> None:
    with run_named(titan, run):
        answer = titan.get("api", "v1", "runs", run, "actions", action)
    if as_json:
        show_json(answer)
    else:
        show_action(read(answer, ActionDetail), at=now())


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


def query_of(
    *,
    status: list[RunStatus] | None,
    agent: str | None,
    session: str | None,
    tag: str | None,
    since: str,
    min_cost: str | None,
    search: str | None,
    sort: Sort,
    archived: bool,
    stages: bool = False,
) -> Query:
    """Return the filters that the options of a command say.

    Raises:
        CommandFailed: a cost is none, or a time.
    """
    return {
        "status": ",".join(status) if status else None,
        "agent_id": agent,
        "session_id": session,
        "tag": tag,
        "window": _window(since),
        "min_cost": None if min_cost is None else _usd(min_cost),
        "q": search,
        "sort": sort,
        "include_archived": "true" if archived else None,
        "has_stages": "true" if stages else None,
    }


def _window(text: str) -> str:
    if not is_window(text):
        raise usage_error(
            f"--since {text!r}", expected=WINDOWS_ARE, found=repr(text), next_step="For example --since 24h."
        )
    return text


def _usd(text: str) -> str:
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise usage_error(
            f"--min-cost {text!r}", expected="US dollars from 0", found=repr(text), next_step="For example 0.05."
        )
    return f"{amount:f}"


def _listed(titan: Server, query: Query, *, limit: int) -> Document:
    """Return the first `limit` runs in one answer, however many pages they are."""
    runs: list[object] = []
    cursor: str | None = None
    while True:
        answer = titan.get("api", "v1", "runs", **query, limit=min(limit - len(runs), PAGE), cursor=cursor)
        page, following = answer.get("data"), answer.get("next_cursor")
        runs += page if isinstance(page, list) else []
        cursor = following if isinstance(following, str) else None
        if cursor is None or len(runs) >= limit or not page:
            return {**answer, "data": runs}


def _say_none(registry: Registry, query: Query) -> None:
    asked = {name: value for name, value in query.items() if value is not None and name != "sort"}
    if asked == {"window": ALL_TIME}:
        say("No runs yet: every model and tool call that is recorded appears here, by its run.")
        say("Make one: a job that calls the model endpoint, or any program with titan_sdk.action.")
        return
    say("No such runs.")
    elsewhere = registry.elsewhere
    if elsewhere is not None and elsewhere.in_all_time and query["window"] != ALL_TIME:
        say(f"{elsewhere.in_all_time:,} in all time: --since all")
    if elsewhere is not None and elsewhere.similar_agents:
        say(f"Agents of a similar name: {', '.join(elsewhere.similar_agents)}")


def _refuse_options_before(context: typer.Context, command: str) -> None:
    """Refuse options that stand before the command below: they would have no effect."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"{parameter.opts[0]} stands behind the command: titan runs {command} …")
