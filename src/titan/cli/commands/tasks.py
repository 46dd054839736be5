"""`titan tasks`: the tasks of a workflow."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from titan.cli.evaluations import MOST_AT_ONCE
from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.options import Answer, argument, asks, noun, option
from titan.cli.server import Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_table
from titan.cli.views.formats import moment, plain
from titan.wire.evaluations import AgentRunsAnswer, TasksAnswer, TasksChanged, TaskView

app = noun("List, import, re-seed and delete the tasks of a workflow.")

Workflow = Annotated[str, argument("WORKFLOW", "A workflow, by the name of its suite.")]
Task = Annotated[str, argument("TASK", "A task's id.")]

_COLUMNS: Columns[TaskView] = (
    Column("TASK", lambda one, _: one.id),
    Column("NAME", lambda one, _: one.name, folds=True),
    Column("SEED", lambda one, _: one.seed_digest[:12]),
    Column("SCORERS", lambda one, _: str(len(one.scorers)), is_right=True),
    Column("SEEDED", lambda one, at: moment(one.seeded_at, now=at)),
    Column("WARNINGS", lambda one, _: str(len(one.warnings)) if one.warnings else None, is_right=True),
)


@asks(app, "titan tasks list shop", "titan tasks list shop --json | jq -r '.tasks[].id'", name="list")
def list_tasks(titan: Server, workflow: Workflow) -> Answer:
    """List the tasks of a workflow: its first 10,000, with the digests of their seeds."""
    tasks: list[TaskView] = []
    while True:
        after = tasks[-1].id if tasks else ""
        page = read(titan.get(*_of(titan, workflow), "tasks", after=after, limit=MOST_AT_ONCE), TasksAnswer).tasks
        tasks += page
        if len(page) < MOST_AT_ONCE:
            break
    return Answer(msgspec.to_builtins(TasksAnswer(tasks=tasks)), lambda: show_table(_COLUMNS, tasks))


@asks(app, "titan tasks import shop more.csv", "titan tasks import shop tasks.jsonl --reseed", name="import")
def import_tasks(
    titan: Server,
    workflow: Workflow,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON, JSON Lines or YAML.")],
    *,
    reseed: Annotated[bool, option("--reseed", "Freeze the seeds of existing tasks anew where they differ.")] = False,
) -> Answer:
    """Create the tasks of a file, all or none; those that exist stay as they are without --reseed."""
    from titan.evaluate.suites import read_tasks  # takes long to import

    body = {"tasks": msgspec.to_builtins(read_tasks(path)), "reseed": reseed}
    changed = read(titan.post(*_of(titan, workflow), "tasks", body=body), TasksChanged)

    def show() -> None:
        for line in changed.warnings:
            remark(f"warning: {line}")
        say(f"{changed.created} created, {changed.reseeded} re-seeded, {changed.unchanged} unchanged")

    return Answer(msgspec.to_builtins(changed), show)


@asks(
    app,
    "titan tasks reseed shop cancel-order",
    "titan tasks reseed shop cancel-order --set user_instruction='Cancel O2.'",
    name="reseed",
)
def reseed(
    titan: Server,
    workflow: Workflow,
    task: Task,
    *,
    axis: Annotated[
        list[str] | None, option("--set AXIS=VALUE", "Change an axis of the seed; JSON, else a text. May be repeated.")
    ] = None,
) -> Answer:
    """Freeze a task's seed anew; its earlier runs stay, with the digest of the seed that they had."""
    body = {"odyssey_seed": dict(map(_axis, axis or ()))}
    view = read(titan.post(*_of(titan, workflow), "tasks", task, "re-seed", body=body), TaskView)
    return Answer(msgspec.to_builtins(view), lambda: say(f"Re-seeded task {view.id}: {view.seed_digest[:12]}"))


@asks(app, "titan tasks delete shop cancel-order --yes", name="delete")
def delete(
    titan: Server,
    workflow: Workflow,
    task: Task,
    *,
    yes: Annotated[bool, option("--yes", "Do not ask.")] = False,
) -> Answer:
    """Delete a task with its runs and every byte that was recorded of them. Asks twice where it has runs."""
    place = (*_of(titan, workflow), "tasks", task)
    runs = len(read(titan.get(*place, "agent-runs", limit=MOST_AT_ONCE), AgentRunsAnswer).agent_runs)
    if not yes:
        count = f"{runs}{'+' if runs == MOST_AT_ONCE else ''} run{'s' if runs != 1 else ''}"
        _confirm(f"Delete task {plain(task)} of {plain(workflow)}?")
        if runs:
            _confirm(f"Delete its {count} too, for good?")
    titan.delete(*place)
    return Answer({"task": task, "runs": runs}, lambda: say(f"Deleted task {plain(task)} and its {runs} runs."))


def _confirm(question: str) -> None:
    is_meant = False
    if sys.stdin.isatty():
        with contextlib.suppress(typer.Abort):
            is_meant = typer.confirm(question, err=True)
    if not is_meant:
        raise CommandFailed(
            "titan tasks delete",
            exit_code=ExitCode.USAGE,
            expected="a yes",
            found="none",
            next_step="Nothing was deleted. --yes does not ask.",
        )


def _axis(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise usage_error("--set", expected="AXIS=VALUE", found=plain(text))
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _of(titan: Server, workflow: str) -> tuple[str, ...]:
    return ("api", "projects", titan.project or "default", "workflows", workflow)
