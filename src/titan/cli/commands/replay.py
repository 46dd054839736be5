"""`titan replay`: run a program again against a recorded run, and find where it goes another way, and why."""

import shlex
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.options import EVERYDAY, Answer, RunArgument, asks
from titan.cli.screen import Column, remark, say, show_table
from titan.cli.server import Server
from titan.insight.export_lines import ActionLine, Line, RunLine
from titan.insight.replay.comparison import Comparison, compare
from titan.insight.replay.recorded_action import RecordedAction
from titan.replay.calls import recorded_actions
from titan.replay.execution import Program, ReplayFailed
from titan.replay.investigation import Investigation, Investigator
from titan.replay.views import comparison_view, metrics_of, re_execution_view
from titan.wire.replays import ReplayReport

everyday = typer.Typer()

EXAMPLE: Final = "titan replay RUN -- python agent.py"
LONGEST_NAME: Final = 255  # of a file
NO_PROGRAM: Final = f"a program behind --: {EXAMPLE}"
_MARKS: Final = {"match": "✅ Match", "diverged": "❌ Diverged", "unknown": "– Unknown"}
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
    "code_or_dependencies": "the code, its packages or its environment: they are not those of the recording",
}

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
    panel=EVERYDAY,
)
def replay(
    titan: Server,
    context: typer.Context,
    run: RunArgument,
    *,
    runs: Runs = 3,
    no_cause: NoCause = False,
    timeout: Timeout = None,
) -> Answer:
    """Run a program again with its calls answered from a recorded run; show where it goes another way, and why.

    No recorded call is made: models and tools answer as they did, errors are raised again. Actions with
    effect="local", and `with` blocks, run and are compared. RUN may be a file that `titan runs export` wrote.
    Exits 1 where an execution differs from the recording.
    """
    command = context.obj or []
    if not command:
        raise usage_error("titan replay", expected=NO_PROGRAM, found="none")
    with tempfile.TemporaryDirectory(prefix="titan-replay-") as folder:
        path = Path(run) if _is_file(run) else _fetched(titan, run, Path(folder))
        run_line, recording = _recording(path, run)
        program = Program(
            command=command, recording=path, run_id=run_line.run_id, actions=len(recording), timeout=timeout
        )
        investigator = Investigator(program, recording, on_execution=lambda what_for: remark(f"Replaying: {what_for}"))
        try:
            found = investigator.investigate(runs=runs, finds_cause=not no_cause)
        except ReplayFailed as error:
            raise CommandFailed(
                f"run {run_line.run_id}",
                exit_code=ExitCode.REFUSED,
                expected="a replay",
                found=str(error),
                kind="ReplayFailed",
                message=str(error),
            ) from error
    comparison = compare(recording, investigator.replayed(found.executions[0]))
    document = _document(run_line, comparison, found, shlex.join(command))
    if not _is_file(run):
        titan.post("api", "v1", "runs", run_line.run_id, "replays", body={"level": "re_execute", "report": document})
    is_same = not comparison.divergence_count and found.root is None
    return Answer(
        {"run_id": run_line.run_id, "level": "re_execute", **document},
        lambda: _show(run_line, comparison, found),
        ExitCode.OK if is_same else ExitCode.FAILED,
    )


def _is_file(run: str) -> bool:
    return len(run) < LONGEST_NAME and Path(run).is_file()


def _fetched(titan: Server, run: str, folder: Path) -> Path:
    path = folder / "recording.jsonl"
    with path.open("wb") as file:
        file.writelines(titan.stream("api", "v1", "runs", "export", format="jsonl", run_id=run))
    return path


def _recording(path: Path, named: str) -> tuple[RunLine, list[RecordedAction]]:
    decoder = msgspec.json.Decoder(Line)
    try:
        with path.open("rb") as file:
            lines = [decoder.decode(line) for line in file]
    except msgspec.DecodeError as error:
        raise usage_error(str(path), expected="an export in JSON Lines", found=str(error)) from error
    runs = [line for line in lines if isinstance(line, RunLine)]
    if len(runs) != 1:
        raise usage_error(named, expected="an export of one run", found=f"{len(runs)} runs")
    return runs[0], recorded_actions([line for line in lines if isinstance(line, ActionLine)])


def _document(run: RunLine, comparison: Comparison, found: Investigation, command: str) -> dict[str, Any]:
    report = ReplayReport(
        metrics=metrics_of(comparison),
        comparison=comparison_view(comparison),
        re_execution=re_execution_view(found, verdict=_verdict(run, comparison, found), command=command),
    )
    document: dict[str, Any] = msgspec.to_builtins(report)
    return document


def _show(run: RunLine, comparison: Comparison, found: Investigation) -> None:
    rows = [
        [row.action, _cell(row.part, row.original), _cell(row.part, row.replay), _MARKS[row.status]]
        for row in comparison.rows
    ]
    show_table([Column("ACTION"), Column("ORIGINAL", folds=True), Column("REPLAY", folds=True), Column("STATUS")], rows)
    if comparison.has_more_rows:
        say(f"… and more; --json has the divergences of all {comparison.compared:,} calls")
    say("")
    say(f"Original cost  ${comparison.original_cost}")
    say(f"Replay cost    ${comparison.replay_cost}")
    say(f"Savings        ${comparison.savings}")
    say(f"Divergences    {comparison.divergence_count}")
    say(f"Match rate     {100 * comparison.match_rate:.0f} %")
    say(f"Determinism    {found.agreement.score} of 100, measured in {found.agreement.executions} executions")
    say(f"Verdict        {_verdict(run, comparison, found)}")
    if found.cause is not None:
        say(f"Cause          {found.cause.source}: {_PINNED[found.cause.source]} ({found.cause.evidence})")
    statement = found.statement
    if statement is not None:
        say(f"Statement      {statement.file}:{statement.line} in {statement.function}: {statement.source or ''}")
        if statement.variable is not None:
            one, other = statement.values
            say(f"               {statement.variable} is {one} in one execution, {other} in another")


def _cell(part: str, text: str | None) -> str:
    return "–" if text is None else f"{part}: {text}"


def _verdict(run: RunLine, comparison: Comparison, found: Investigation) -> str:
    """Return what became of the recorded outcome."""
    root = next((one for one in comparison.divergences if one.is_root), None)
    has_failed = found.executions[0].exit_code != 0
    if run.status != "failed":
        if root is None:
            return "the same as recorded"
        return f"diverged at {root.action} ({root.kind})"
    if root is None:
        return "the failure is reproduced" if has_failed else "the failure is no longer reproduced"
    if not has_failed:
        return f"the failure is no longer reproduced; the run goes another way from {root.action} on ({root.kind})"
    return f"diverged at {root.action} ({root.kind}), before the recorded end"
