"""`titan eval`: try agents on the tasks of a suite, and show which failed where and why."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from titan.cli.evaluations import Evaluation, newest
from titan.cli.exit_codes import CommandFailed, ExitCode, not_found, usage_error
from titan.cli.options import EVERYDAY, Answer, SuitePath, WorkflowArgument, argument, asks, option
from titan.cli.server import Server, local_file
from titan.cli.temporary_server import running
from titan.cli.terminal import Column, Columns, say, show_table
from titan.cli.views.formats import count, plain
from titan.evaluate.results import (
    FieldResult,
    as_csv,
    as_json_lines,
    failure_mode_of,
    has_passed,
    junit,
    results_by_field,
    suite_faults,
    why_not,
)
from titan.wire.evaluations import AgentRunView

MOST_OF_A_KIND: Final = 8  # failed tasks of one agent and failure mode that are listed
MOST_MODES: Final = 4
BELOW: Final = ExitCode.FAILED
NOTHING_GRADED: Final = ExitCode.USAGE  # 2, as CI systems know it: the evaluation itself failed


class EvaluationCommands(typer.core.TyperGroup):
    """The group `titan eval`: without a verb it runs a suite."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the verb `run` before a path."""
        has_verb = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if has_verb else ["run", *args])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Show the options of `run`, then the other verbs."""
        context = self.commands["run"].make_context(ctx.info_name, ["suite"], parent=ctx.parent, resilient_parsing=True)
        self.commands["run"].format_options(context, formatter)
        self.format_commands(ctx, formatter)


app = typer.Typer(cls=EvaluationCommands, help="Try agents on tasks in a simulated world: titan eval SUITE")

Agents = Annotated[list[str] | None, option("--agent FIELD", "Only this agent field. May be repeated.")]
Tasks = Annotated[list[str] | None, option("--task TASK", "Only this task. May be repeated.")]
Repeat = Annotated[int, option("--repeat N", "Try each task so often.", min=1, max=100)]
MinPassRate = Annotated[
    float | None, option("--min-pass-rate RATE", "Exit 1 where a field passes fewer: 0.9 is 90 %.", min=0, max=1)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Options that write results to files."""

    junit: Annotated[Path | None, option("--junit FILE", "Write the runs as JUnit XML.")] = None
    csv: Annotated[Path | None, option("--csv FILE", "Write the runs as CSV.")] = None
    jsonl: Annotated[Path | None, option("--jsonl FILE", "Write the runs as JSON Lines.")] = None

    def write(self, workflow: str, runs: Sequence[AgentRunView]) -> None:
        """Write the files that the options name."""
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
        next_step = "Name one in the suite: agents: {mine: {kind: python, file: my_agent.py}}"
        raise usage_error(str(path), "agents that are tried", "none", next_step)
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
    workflow: WorkflowArgument,
    *,
    agent: Agents = None,
    task: Annotated[str | None, option("--task TASK", "One task: what its runs did.")] = None,
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
    workflow: WorkflowArgument,
    field: Annotated[str, argument("FIELD", "An agent field.")],
    other: Annotated[str, argument("OTHER", "Another one.")],
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
    workflow: WorkflowArgument,
    task: Annotated[str, argument("TASK", "A task of it.")],
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
    """Return a run's details and its calls."""
    detail: dict[str, Any] = msgspec.to_builtins(evaluation.detail(one))
    return detail | {"calls": evaluation.calls(one)}


def _check_tried(workflow: str, runs: Sequence[AgentRunView], fields: Sequence[str]) -> None:
    tried = sorted({one.field for one in runs})
    for field in fields:
        if field not in tried:
            expected = f"one of {workflow} that was tried: {', '.join(tried)}" if tried else "one that was tried"
            raise _no_run(workflow, f"agent field '{plain(field)}'", expected)


def _untried(workflow: str, task: str | None) -> CommandFailed:
    return _no_run(workflow, f"task '{plain(task or '')}'", f"a task of {workflow} that was tried")


def _no_run(workflow: str, subject: str, expected: str) -> CommandFailed:
    return not_found(
        subject, expected, "no run", f"titan eval show {workflow} lists those there are.", kind="CommandFailed"
    )


def _answer(
    workflow: str, runs: Sequence[AgentRunView], min_pass_rate: float | None, *, shows_all: bool = False
) -> Answer:
    results = results_by_field(runs)
    return Answer(
        {
            "workflow": workflow,
            "fields": [
                asdict(one)
                | {
                    "graded": one.graded,
                    "pass_rate": one.pass_rate,
                    "cost_usd": None if one.cost_usd is None else str(one.cost_usd),
                }
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


# --- what people see ---


def show_evaluation(
    workflow: str, results: Sequence[FieldResult], runs: Sequence[AgentRunView], *, shows_all: bool = False
) -> None:
    """Show each agent's results, then the tasks that it failed, by failure mode and in the scorers' words."""
    show_table(_field_columns(results), results)
    if any(one.tries > 1 for one in results):
        say("Of several tries of a task, the rate is the mean over tasks, and the interval's unit is the task.")
    faults = suite_faults(runs)
    for result in results:
        _show_failures(workflow, result, runs, shows_all=shows_all)
    if faults:
        say("")
        say(f"Faults of the suite: {count(len(faults), 'task')} that no agent can pass")
        _show_lines([(fault, 1) for fault in faults])
    if not any(one.graded for one in results):
        say("grader unavailable: nothing graded")
    say("")
    say(f"Each call of a task's runs: titan eval show {workflow} --task TASK")


def show_details(document: Sequence[dict[str, Any]]) -> None:
    """Show runs, call by call."""
    for one in document:
        say(f"{one['field']}: {one['card_verdict']}{' ' + one['error_class'] if one['error_class'] else ''}")
        if one["error"] is not None:
            say(f"  {one['error']['message']}")
        for call in one["calls"]:
            arguments = msgspec.json.encode(call["arguments"]).decode()
            response = msgspec.json.encode(call["response"]).decode()
            say(f"  {call['sequence']:>3} {call['tool']} {arguments} → {response}  [{call['source']}]")
            for operation in call["operations"]:
                if operation["drop_reason"] is None:
                    target = operation.get("name") or f"{operation['type']} {operation['id']}"
                    say(f"        {operation['op']} {target}")
        for scorer in one["scorers"]:
            mode = f" ({scorer['failure_mode']})" if scorer.get("failure_mode") else ""
            say(f"  {scorer['verdict']:<5} {scorer['name']}{mode}: {scorer['detail']}")
        if one["final_response"] is not None:
            say(f"  said: {one['final_response']}")
        say("")


def show_comparison(
    field: str,
    other: str,
    rows: Sequence[tuple[str, AgentRunView | None, AgentRunView | None]],
    differing: Sequence[tuple[str, AgentRunView | None, AgentRunView | None]],
) -> None:
    """Show the tasks in which two agents differ."""
    columns: Columns[tuple[str, AgentRunView | None, AgentRunView | None]] = (
        Column("TASK", lambda row, _: row[0]),
        Column(field.upper(), lambda row, _: verdict_of(row[1])),
        Column(other.upper(), lambda row, _: verdict_of(row[2])),
    )
    show_table(columns, differing)
    say(f"{len(differing)} of {count(len(rows), 'task')} differ")


def verdict_of(one: AgentRunView | None) -> str:
    """Return a run's verdict and why, in two words."""
    if one is None:
        return "–"
    mode = failure_mode_of(one)
    return one.verdict if mode is None else f"{one.verdict} {mode}"


def _field_columns(results: Sequence[FieldResult]) -> Columns[FieldResult]:
    most = max((one.tries for one in results), default=1)
    every: Columns[FieldResult] = (
        (Column(f"ALL {most} PASS", lambda one, _: _all_tries(one, most), is_right=True),) if most > 1 else ()
    )
    return (
        Column("AGENT", lambda one, _: one.field),
        Column("PASSED", lambda one, _: f"{one.passed} of {one.graded}", is_right=True),
        Column("RATE", lambda one, _: _percent(one.pass_rate), is_right=True),
        Column("95 % INTERVAL", lambda one, _: _interval(one), is_right=True),
        *every,
        Column("CALLS", lambda one, _: str(one.tool_calls), is_right=True),
        Column("COST", lambda one, _: None if one.cost_usd is None else f"${one.cost_usd}", is_right=True),
        Column("NOT COUNTED", lambda one, _: _reasons(one.not_counted), folds=True),
        Column("FAILS BY", lambda one, _: _reasons(one.failure_modes), folds=True),
    )


def _show_failures(workflow: str, result: FieldResult, runs: Sequence[AgentRunView], *, shows_all: bool) -> None:
    by_mode: dict[str, list[AgentRunView]] = {}
    for one in sorted(runs, key=lambda one: (one.task_id, one.attempt)):
        if one.field == result.field and has_passed(one) is not True and not suite_faults([one]):
            by_mode.setdefault(failure_mode_of(one) or one.status, []).append(one)
    for mode, failed in sorted(by_mode.items(), key=lambda kind: (-len(kind[1]), kind[0])):
        say("")
        say(f"{result.field}: {mode}, {count(len(failed), 'run')}")
        lines = Counter((one.task_id, why_not(one)) for one in failed)  # tries that failed alike are one line
        shown = list(lines.items())[: len(lines) if shows_all else MOST_OF_A_KIND]
        _show_lines(shown)
        if len(lines) > len(shown):
            say(f"  and {len(lines) - len(shown)} more: titan eval show {workflow} --agent {result.field}")


def _show_lines(lines: Sequence[tuple[tuple[str, str], int]]) -> None:
    names = [task if tries == 1 else f"{task} ×{tries}" for (task, _), tries in lines]
    width = max(map(len, names))
    for name, ((_, why), _) in zip(names, lines, strict=True):
        say(f"  {name:<{width}}  {why}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _interval(one: FieldResult) -> str:
    first = one.reliability[0] if one.reliability else None
    return "–" if first is None else f"{100 * first.low:.0f}–{100 * first.high:.0f} % of {count(first.tasks, 'task')}"


def _all_tries(one: FieldResult, most: int) -> str:
    last = one.reliability[-1] if one.reliability else None
    return "–" if last is None or last.k < most else f"{100 * last.share:.0f} %"


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{found} {name}" for name, found in list(counts.items())[:MOST_MODES])
