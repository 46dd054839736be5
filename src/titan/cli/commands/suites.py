"""`titan apply`, `titan tasks`, `titan import` and `titan mcp`: suites, their tasks, and the tools of their worlds."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from titan.cli.evaluations import MOST_AT_ONCE, Evaluation, workflow_path
from titan.cli.exit_codes import usage_error
from titan.cli.options import (
    EVERYDAY,
    Answer,
    Force,
    SuitePath,
    WorkflowArgument,
    argument,
    asks,
    examples,
    noun,
    option,
)
from titan.cli.server import Server, local_file, read
from titan.cli.temporary_server import running
from titan.cli.terminal import Column, Columns, confirm, remark, say, say_lines, show_table
from titan.cli.views.formats import count, moment, plain
from titan.wire.evaluations import AgentRunsAnswer, AppliedView, ApplyAnswer, TasksAnswer, TasksChanged, TaskView

everyday = typer.Typer()

_CHANGES: Final[Columns[AppliedView]] = (
    Column("CHANGE", lambda one, _: one.change),
    Column("KIND", lambda one, _: one.kind),
    Column("NAME", lambda one, _: one.id),
)


@asks(everyday, "titan apply suite.yaml --plan", "titan apply suite.yaml", panel=EVERYDAY)
def apply(
    titan: Server,
    path: SuitePath,
    *,
    plan: Annotated[bool, option("--plan", "Change nothing: show what would be created and changed.")] = False,
) -> Answer:
    """Register a suite's workflow, tasks, agents and endpoints, all or none; what is equal already is left alone.

    What the suite does not name stays. `titan eval` does the same before it tries the agents.
    """
    from titan.evaluate.suites import read_suite

    suite = read_suite(path)
    with running(titan) as server:
        answer = Evaluation(server, suite.workflow).apply(suite, is_plan=plan)
    return Answer(answer, lambda: _show_applied(suite.workflow, answer, is_plan=plan))


def _show_applied(workflow: str, answer: ApplyAnswer, *, is_plan: bool) -> None:
    changes = [one for one in answer.changes if one.change != "unchanged"]
    if not changes:
        say(f"Nothing to do: {workflow} is as the suite says ({answer.unchanged} unchanged)")
        return
    show_table(_CHANGES, changes)
    would = "would be " if is_plan else ""
    say(f"{answer.created} {would}created, {answer.changed} {would}changed, {answer.unchanged} unchanged")


# --- tasks ---

tasks = noun("List, import, re-seed and delete the tasks of a workflow.")

Task = Annotated[str, argument("TASK", "A task's id.")]

_TASKS: Columns[TaskView] = (
    Column("TASK", lambda one, _: one.id),
    Column("NAME", lambda one, _: one.name, folds=True),
    Column("SEED", lambda one, _: one.seed_digest[:12]),
    Column("SCORERS", lambda one, _: str(len(one.scorers)), is_right=True),
    Column("SEEDED", lambda one, at: moment(one.seeded_at, now=at)),
    Column("WARNINGS", lambda one, _: str(len(one.warnings)) if one.warnings else None, is_right=True),
)


@asks(tasks, "titan tasks list shop", "titan tasks list shop --json | jq -r '.tasks[].id'", name="list")
def list_tasks(titan: Server, workflow: WorkflowArgument) -> Answer:
    """List the tasks of a workflow: its first 10,000, with the digests of their seeds."""
    found: list[TaskView] = []
    while True:
        after = found[-1].id if found else ""
        answer = titan.get(*workflow_path(titan, workflow), "tasks", after=after, limit=MOST_AT_ONCE)
        page = read(answer, TasksAnswer).tasks
        found += page
        if len(page) < MOST_AT_ONCE:
            break
    return Answer(msgspec.to_builtins(TasksAnswer(tasks=found)), lambda: show_table(_TASKS, found))


@asks(tasks, "titan tasks import shop more.csv", "titan tasks import shop tasks.jsonl --reseed", name="import")
def import_tasks(
    titan: Server,
    workflow: WorkflowArgument,
    path: Annotated[Path, argument("FILE", "CSV, JSON, JSON Lines or YAML.")],
    *,
    reseed: Annotated[bool, option("--reseed", "Freeze the seeds of existing tasks anew where they differ.")] = False,
) -> Answer:
    """Create the tasks of a file, all or none; those that exist stay as they are without --reseed."""
    from titan.evaluate.suites import read_tasks  # takes long to import

    body = {"tasks": msgspec.to_builtins(read_tasks(path)), "reseed": reseed}
    changed = read(titan.post(*workflow_path(titan, workflow), "tasks", body=body), TasksChanged)

    def show() -> None:
        for line in changed.warnings:
            remark(f"warning: {line}")
        say(f"{changed.created} created, {changed.reseeded} re-seeded, {changed.unchanged} unchanged")

    return Answer(msgspec.to_builtins(changed), show)


@asks(
    tasks,
    "titan tasks reseed shop cancel-order",
    "titan tasks reseed shop cancel-order --set user_instruction='Cancel O2.'",
    name="reseed",
)
def reseed(
    titan: Server,
    workflow: WorkflowArgument,
    task: Task,
    *,
    axis: Annotated[
        list[str] | None, option("--set AXIS=VALUE", "Change an axis of the seed; JSON, else a text. May be repeated.")
    ] = None,
) -> Answer:
    """Freeze a task's seed anew; without an initial state it takes its world's. Earlier runs keep their seed."""
    body = {"odyssey_seed": dict(map(_axis, axis or ()))}
    view = read(titan.post(*workflow_path(titan, workflow), "tasks", task, "re-seed", body=body), TaskView)
    return Answer(msgspec.to_builtins(view), lambda: say(f"Re-seeded task {view.id}: {view.seed_digest[:12]}"))


@asks(tasks, "titan tasks delete shop cancel-order --yes", name="delete")
def delete(
    titan: Server,
    workflow: WorkflowArgument,
    task: Task,
    *,
    yes: Annotated[bool, option("--yes", "Do not ask.")] = False,
) -> Answer:
    """Delete a task with its runs and every byte that was recorded of them. Asks twice where it has runs."""
    place = (*workflow_path(titan, workflow), "tasks", task)
    runs = len(read(titan.get(*place, "agent-runs", limit=MOST_AT_ONCE), AgentRunsAnswer).agent_runs)
    if not yes:
        confirm(f"Delete task {plain(task)} of {plain(workflow)}?", subject=f"task {task!r}")
        if runs:
            more = "+" if runs == MOST_AT_ONCE else ""
            confirm(f"Delete its {runs}{more} run{'s' if runs != 1 else ''} too, for good?", subject=f"task {task!r}")
    titan.delete(*place)
    return Answer({"task": task, "runs": runs}, lambda: say(f"Deleted task {plain(task)} and its {runs} runs."))


def _axis(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise usage_error("--set", expected="AXIS=VALUE", found=plain(text))
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


# --- import ---

imports = typer.Typer(help="Make a suite for `titan eval` of what others have made: titan import tau2 PATH")

Checkout = Annotated[Path, argument("PATH", "A domain's folder in data/tau2/domains, or a checkout of tau2-bench.")]
DomainName = Annotated[str | None, option("--domain NAME", "Which domain of a checkout: retail, airline, …")]
SuiteFolder = Annotated[Path | None, option("--output -o DIR", "The suite's folder. Default: ./tau2-NAME.")]
OneTurn = Annotated[
    bool, option("--one-turn", "Give the agent at once all that the user knows and wants, instead of a conversation.")
]


@imports.callback()
def importing() -> None:
    """Make `tau2` a subcommand, though it is the only one."""


@asks(
    imports,
    "titan import tau2 tau2-bench/data/tau2/domains/retail",
    "titan import tau2 tau2-bench --domain airline --one-turn -o airline",
    name="tau2",
    panel=EVERYDAY,
    is_local=True,
)
def import_tau2(
    path: Checkout,
    *,
    domain: DomainName = None,
    output: SuiteFolder = None,
    one_turn: OneTurn = False,
    force: Force = False,
) -> Answer:
    """Import a domain of tau2-bench: its policy, database, tool schemas and tasks.

    Its Python is read and not run: tools that only look something up are declared, a model simulates the others.
    """
    from titan.evaluate.tau2 import find_domain, import_domain, suite_yaml

    imported = import_domain(find_domain(path, domain), is_one_turn=one_turn)
    folder = output or Path(imported.workflow)
    if folder.exists() and any(folder.iterdir()) and not force:
        next_step = "Choose another with --output DIR, or overwrite its files with --force."
        raise usage_error(f"folder {str(folder)!r}", "a folder that is empty or not there", "one with files", next_step)
    with local_file(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "suite.yaml").write_text(suite_yaml(imported), "utf-8")
        (folder / "world.json").write_text(json.dumps(imported.world, ensure_ascii=False, indent=1), "utf-8")
        (folder / "tasks.json").write_text(json.dumps(imported.tasks, ensure_ascii=False, indent=1), "utf-8")
    tools = len(imported.world["tools"])
    document = {
        "suite": str(folder / "suite.yaml"),
        "workflow": imported.workflow,
        "tasks": len(imported.tasks),
        "tools": tools,
        "declared_tools": imported.declared,
        "notes": imported.notes,
    }
    parts = f"{count(len(imported.tasks), 'task')}, {count(tools, 'tool')}, of which {imported.declared} declared"
    lines = [f"{folder / 'suite.yaml'}: {parts}", *(f"  {note}" for note in imported.notes)]
    lines.append(f"Name your agent in it, then: titan eval {folder}")
    return Answer(document, lambda: say_lines(lines))


# --- MCP ---

PROXY: Final = "TITAN_PROXY_URL"
TOKEN: Final = "TITAN_RUN_TOKEN"

Proxy = Annotated[str | None, option("--proxy URL", f"The run's proxy; by default {PROXY} of the environment.")]
Token = Annotated[str | None, option("--token TOKEN", f"The run's token; by default {TOKEN} of the environment.")]


@everyday.command(
    epilog=examples("titan mcp --proxy http://127.0.0.1:5000/api/world/runs/eval-1 --token TOKEN"),
    rich_help_panel=EVERYDAY,
)
def mcp(*, proxy: Proxy = None, token: Token = None) -> None:
    """Serve the tools of an agent run's world by MCP on stdin and stdout.

    For agents whose MCP client starts a program; others use streamable HTTP at the proxy's `/mcp`, with the run's token
    as Bearer.
    """
    proxy, token = proxy or os.environ.get(PROXY), token or os.environ.get(TOKEN)
    if not proxy or not token:
        name, option_name = (PROXY, "--proxy") if not proxy else (TOKEN, "--token")
        raise usage_error(option_name, f"a value, or {name} in the environment", "neither")
    import asyncio

    from titan.evaluate.mcp_front import serve_stdio  # the SDK takes half a second to import

    asyncio.run(serve_stdio(proxy, token))
