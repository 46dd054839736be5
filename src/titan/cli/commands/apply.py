"""`titan apply`: register what a suite says."""

from pathlib import Path
from typing import Annotated, Final

import typer

from titan.cli.evaluations import Evaluation, running
from titan.cli.options import EVERYDAY, Answer, asks, option
from titan.cli.server import Server
from titan.cli.terminal import Column, Columns, say, show_table
from titan.wire.evaluations import AppliedView, ApplyAnswer

everyday = typer.Typer()

_COLUMNS: Final[Columns[AppliedView]] = (
    Column("CHANGE", lambda one, _: one.change),
    Column("KIND", lambda one, _: one.kind),
    Column("NAME", lambda one, _: one.id),
)


@asks(everyday, "titan apply suite.yaml --plan", "titan apply suite.yaml", panel=EVERYDAY)
def apply(
    titan: Server,
    path: Annotated[Path, typer.Argument(metavar="SUITE", help="A suite's file, or the folder with its suite.yaml.")],
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
    return Answer(answer, lambda: _show(suite.workflow, answer, is_plan=plan))


def _show(workflow: str, answer: ApplyAnswer, *, is_plan: bool) -> None:
    changes = [one for one in answer.changes if one.change != "unchanged"]
    if not changes:
        say(f"Nothing to do: {workflow} is as the suite says ({answer.unchanged} unchanged)")
        return
    show_table(_COLUMNS, changes)
    would = "would be " if is_plan else ""
    say(f"{answer.created} {would}created, {answer.changed} {would}changed, {answer.unchanged} unchanged")
