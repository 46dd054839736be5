"""`titan eval`: try agents on the tasks of a suite, and show who failed where and why."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from titan.cli.evaluations import Evaluation, newest, running
from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.options import EVERYDAY, Answer, asks
from titan.cli.server import Server, local_file
from titan.cli.views.evaluations import show_comparison, show_details, show_evaluation, verdict_of
from titan.cli.views.formats import plain
from titan.evaluate.results import FieldResult, as_csv, as_json_lines, junit, results_by_field
from titan.wire.evaluations import AgentRunView

BELOW: Final = ExitCode.FAILED
NOTHING_GRADED: Final = ExitCode.USAGE  # 2, as CI systems know it: the evaluation itself failed


class EvaluationCommands(typer.core.TyperGroup):
    """`titan eval PATH` runs a suite; `titan eval show …` and the others look at what ran."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the verb that everybody means who names a path."""
        has_verb = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if has_verb else ["run", *args])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Show the options of what everybody means, and then the other verbs."""
        context = self.commands["run"].make_context(ctx.info_name, ["suite"], parent=ctx.parent, resilient_parsing=True)
        self.commands["run"].format_options(context, formatter)
        self.format_commands(ctx, formatter)


app = typer.Typer(cls=EvaluationCommands, help="Try agents on tasks in a simulated world: titan eval SUITE")

SuitePath = Annotated[Path, typer.Argument(metavar="SUITE", help="A suite's file, or the folder with its suite.yaml.")]
Agents = Annotated[
    list[str] | None, typer.Option("--agent", metavar="FIELD", help="Only this agent field. May be repeated.")
]
Tasks = Annotated[list[str] | None, typer.Option("--task", metavar="TASK", help="Only this task. May be repeated.")]
Repeat = Annotated[int, typer.Option("--repeat", min=1, max=100, metavar="N", help="Try each task so often.")]
MinPassRate = Annotated[
    float | None,
    typer.Option(
        "--min-pass-rate", min=0, max=1, metavar="RATE", help="Exit 1 where a field passes fewer: 0.9 is 90 %."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where results are written beside the screen."""

    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write the runs as JUnit XML.")] = None
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the runs as CSV.")] = None
    jsonl: Annotated[Path | None, typer.Option("--jsonl", metavar="FILE", help="Write the runs as JSON Lines.")] = None

    def write(self, workflow: str, runs: Sequence[AgentRunView]) -> None:
        """Write what was asked for."""
        kinds: tuple[tuple[Path | None, Callable[[], str]], ...] = (
            (self.junit, lambda: junit(workflow, runs)),
            (self.csv, lambda: as_csv(runs)),
            (self.jsonl, lambda: as_json_lines(runs)),
        )
        for path, text in kinds:
            if path is not None:
                with local_file(path):
                    path.write_text(text(), "utf-8")


@asks(
    app,
    "titan eval examples/worlds/shop",
    "titan eval examples/worlds/shop --agent reference --repeat 4 --min-pass-rate 0.9 --junit out.xml",
    name="run",
    panel=EVERYDAY,
)
def run(
    titan: Server,
    path: SuitePath,
    *,
    agent: Agents = None,
    task: Tasks = None,
    repeat: Repeat = 1,
    min_pass_rate: MinPassRate = None,
    files: Files,
) -> Answer:
    """Run a suite: register its agents, try them on its tasks, show verdicts, failure modes and costs.

    Without a running server one is started for the time. Exits 0 when the rate is reached, 1 below it, 2 where
    the evaluation itself failed or nothing was graded.
    """
    from titan.evaluate.suites import read_suite

    suite = read_suite(path)
    if not suite.definition.fields:
        raise usage_error(
            str(path),
            expected="agents that are tried",
            found="none",
            next_step="Name one in the suite: agents: {mine: {kind: python, file: my_agent.py}}",
        )
    with running(titan) as server:
        evaluation = Evaluation(server, suite.workflow)
        evaluation.apply(suite)
        run_ids = evaluation.dispatch(tasks=task, fields=agent, repeat=repeat)
        runs = evaluation.follow(run_ids)
    files.write(suite.workflow, runs)
    return _answer(suite.workflow, runs, min_pass_rate)


@asks(
    app,
    "titan eval show shop",
    "titan eval show shop --agent reference --csv results.csv",
    "titan eval show shop --task cancel-order",
    name="show",
)
def show(
    titan: Server,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow, by the name of its suite.")],
    *,
    agent: Agents = None,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK", help="One task: what its runs did.")] = None,
    files: Files,
) -> Answer:
    """Show the newest run of each task and agent field; of one task, each call of each run."""
    with running(titan) as server:
        evaluation = Evaluation(server, workflow)
        found = newest(evaluation.runs())
        _check_tried(workflow, found, agent or ())
        runs = [one for one in found if (not agent or one.field in agent) and task in (None, one.task_id)]
        files.write(workflow, runs)
        if task is None:
            return _answer(workflow, runs, None, shows_all=True)
        document = [_detail(evaluation, one) for one in runs]
    if not document:
        raise _untried(workflow, task)
    return Answer(document, lambda: show_details(document))


@asks(app, "titan eval compare shop reference gives-up", name="compare")
def compare(
    titan: Server,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="An agent field.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
) -> Answer:
    """Compare two agent fields, task by task: where one passes and the other does not."""
    with running(titan) as server:
        runs = newest(Evaluation(server, workflow).runs())
    _check_tried(workflow, runs, (field, other))
    by_place = {(one.field, one.task_id): one for one in runs}
    rows = [
        (task, by_place.get((field, task)), by_place.get((other, task)))
        for task in sorted({one.task_id for one in runs if one.field in (field, other)})
    ]
    differing = [row for row in rows if verdict_of(row[1]) != verdict_of(row[2])]
    document = {
        "workflow": workflow,
        "tasks": len(rows),
        "differing": [{"task": task, field: verdict_of(one), other: verdict_of(two)} for task, one, two in differing],
    }
    return Answer(document, lambda: show_comparison(field, other, rows, differing))


@asks(app, "titan eval rerun shop cancel-order --agent reference", name="rerun")
def rerun(
    titan: Server,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow.")],
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task of it.")],
    *,
    agent: Agents = None,
) -> Answer:
    """Try a task again with its frozen seed and the workflow as it is now; earlier runs stay."""
    with running(titan) as server:
        evaluation = Evaluation(server, workflow)
        found = newest(evaluation.runs())
        _check_tried(workflow, found, agent or ())
        sources = [one for one in found if one.task_id == task and (not agent or one.field in agent)]
        if not sources:
            raise _untried(workflow, task)
        return _answer(workflow, evaluation.follow([evaluation.rerun(one) for one in sources]), None)


def _detail(evaluation: Evaluation, one: AgentRunView) -> dict[str, Any]:
    """Return what a run did, with its calls."""
    detail: dict[str, Any] = msgspec.to_builtins(evaluation.detail(one))
    return detail | {"calls": evaluation.calls(one)}


def _check_tried(workflow: str, runs: Sequence[AgentRunView], fields: Sequence[str]) -> None:
    tried = sorted({one.field for one in runs})
    for field in fields:
        if field not in tried:
            raise CommandFailed(
                f"agent field '{plain(field)}'",
                exit_code=ExitCode.NOT_FOUND,
                expected=f"one of {workflow} that was tried: {', '.join(tried)}" if tried else "one that was tried",
                found="no run",
                next_step=f"titan eval show {workflow} lists those there are.",
            )


def _untried(workflow: str, task: str | None) -> CommandFailed:
    return CommandFailed(
        f"task '{plain(task or '')}'",
        exit_code=ExitCode.NOT_FOUND,
        expected=f"a task of {workflow} that was tried",
        found="no run",
        next_step=f"titan eval show {workflow} lists those there are.",
    )


def _answer(
    workflow: str, runs: Sequence[AgentRunView], min_pass_rate: float | None, *, shows_all: bool = False
) -> Answer:
    results = results_by_field(runs)
    return Answer(
        {
            "workflow": workflow,
            "fields": [
                asdict(one) | {"graded": one.graded, "pass_rate": one.pass_rate, "cost_usd": _text(one.cost_usd)}
                for one in results
            ],
            "agent_runs": [msgspec.to_builtins(one) for one in runs],
        },
        lambda: show_evaluation(workflow, results, runs, shows_all=shows_all),
        _exit_code(results, min_pass_rate),
    )


def _exit_code(results: Sequence[FieldResult], min_pass_rate: float | None) -> ExitCode:
    if not any(one.graded for one in results) or any(one.infrastructure for one in results):
        return NOTHING_GRADED
    if min_pass_rate is not None and any((one.pass_rate or 0.0) < min_pass_rate for one in results):
        return BELOW
    return ExitCode.OK


def _text(value: object) -> str | None:
    return None if value is None else str(value)
