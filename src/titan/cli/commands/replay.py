"""`titan replay`: run a program again against a recorded run, and find where it goes another way, and why."""

from typing import Annotated, Final

import typer

from titan.cli import completion
from titan.cli.commands.replay_last import LastRuns, replay_last
from titan.cli.commands.runs_compare import COMPARED_COLUMNS
from titan.cli.executing import executed
from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.options import EVERYDAY, Answer, argument, asks
from titan.cli.server import Server
from titan.cli.terminal import say, show_table
from titan.insight.replay.comparison import Comparison
from titan.replay.execution import ReplayFailed
from titan.replay.investigation import Investigation, changed_words
from titan.wire.replays import ReplayReport

everyday = typer.Typer()

EXAMPLE: Final = "titan replay RUN -- python agent.py"
NO_PROGRAM: Final = f"a program behind --: {EXAMPLE}"
_PINNED: Final = {
    "hash_seed": "the order of sets and of what hashes decide (PYTHONHASHSEED)",
    "clock": "the clock",
    "uuid": "new UUIDs",
    "random": "random numbers",
    "environment": "the process: its id, its host's name, temporary names",
    "task_order": "the order in which calls that run side by side end",
    "file_listing": "the order in which directories are listed",
    "several": "several sources at once",
    "external_state": "something outside of the program that was not recorded",
    "code": "the program's own code: it is not that of the recording",
    "dependency_version": "an installed package: it has another version than when it was recorded",
    "code_or_dependencies": "the code, its packages or its environment: they are not those of the recording",
}

OneRun = Annotated[str | None, argument("[RUN]", "A run's id, or a file with its export.", completion.run_ids)]
Runs = Annotated[
    int, typer.Option("--runs", min=1, max=100, metavar="N", help="Executions, each with another hash seed and order.")
]
NoCause = Annotated[
    bool, typer.Option("--no-cause", help="Do not look for the cause; it takes 5 to 40 executions more.")
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0.1, metavar="SECONDS", help="At most so long an execution.", show_default=False),
]


@asks(
    everyday,
    "titan replay WEATHER_5f2c1a -- python weather.py",
    "titan replay WEATHER_5f2c1a --runs 10 --json -- python weather.py",
    "titan replay weather.jsonl -- python weather.py   # of an export, without a server",
    "titan replay --last 20 --agent WEATHER --junit replays.xml -- python weather.py   # a regression suite",
    panel=EVERYDAY,
)
def replay(
    titan: Server,
    context: typer.Context,
    run: OneRun = None,
    *,
    wanted: LastRuns,
    runs: Runs = 3,
    no_cause: NoCause = False,
    timeout: Timeout = None,
) -> Answer:
    """Run a program again with its calls answered from a recorded run; show where it goes another way, and why.

    No recorded call is made: models and tools answer as they did, errors are raised again. Actions with
    effect="local", and `with` blocks, run and are compared. RUN may be a file that `titan runs export` wrote.
    Exits 1 where an execution differs from the recording.

    --last replays the last runs instead, each once, and groups those that differ by root and cause; {args} in the
    command stands for the arguments of the recorded program. --against replays them on another branch's code.
    Exits 2 where none can be replayed.
    """
    command = context.obj or []
    if not command:
        raise usage_error("titan replay", NO_PROGRAM, "none")
    if (run is None) is (wanted.last is None):
        raise usage_error("titan replay", "a run, or --last", "neither" if run is None else "both")
    if run is None:
        return replay_last(titan, wanted, command, timeout=timeout, finds_cause=not no_cause)
    try:
        done = executed(titan, run, command, runs=runs, finds_cause=not no_cause, timeout=timeout)
    except ReplayFailed as error:
        raise CommandFailed(
            f"run {run}",
            exit_code=ExitCode.REFUSED,
            expected="a replay",
            found=str(error),
            kind="ReplayFailed",
            message=str(error),
        ) from error
    report, comparison, found = done.report, done.comparison, done.found
    is_same = not comparison.divergence_count and found.root is None
    return Answer(
        {"run_id": done.run_id, "level": "re_execute", **done.document},
        lambda: _show(report, comparison, found),
        ExitCode.OK if is_same else ExitCode.FAILED,
    )


def _show(report: ReplayReport, comparison: Comparison, found: Investigation) -> None:
    show_table(COMPARED_COLUMNS, report.comparison.rows)
    if comparison.has_more_rows:
        say(f"… and more; --json has the divergences of all {comparison.compared:,} calls")
    say("")
    say(f"Original cost  ${comparison.original_cost}")
    say(f"Replay cost    ${comparison.replay_cost}")
    say(f"Savings        ${comparison.savings}")
    say(f"Divergences    {comparison.divergence_count}")
    say(f"Match rate     {100 * comparison.match_rate:.0f} %")
    say(f"Determinism    {found.agreement.score} of 100, measured in {found.agreement.executions} executions")
    say(f"Verdict        {report.comparison.verdict}")
    for change in changed_words(found.executions[0].changes):
        say(f"Changed        {change}")
    if found.cause is not None:
        say(f"Cause          {found.cause.source}: {_PINNED[found.cause.source]} ({found.cause.evidence})")
    statement = found.statement
    if statement is not None:
        say(f"Statement      {statement.file}:{statement.line} in {statement.function}: {statement.source or ''}")
        if statement.variable is not None:
            one, other = statement.values
            say(f"               {statement.variable} is {one} in one execution, {other} in another")
