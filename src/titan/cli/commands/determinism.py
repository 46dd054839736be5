"""`titan determinism`: show how reproducible a run is, predicted or measured."""

from pathlib import Path
from typing import Annotated, Final

import typer

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.options import EVERYDAY, Answer, Force, RunArgument, Timeout, asks, option
from titan.cli.recordings import executed, replay_failed
from titan.cli.server import Document, Server, check_free, local_file, read
from titan.cli.terminal import remark, say
from titan.insight.determinism.model import FEWEST_EXECUTIONS, interval
from titan.replay.execution import ReplayFailed
from titan.wire.determinism import DeterminismAnswer, IssueView
from titan.wire.replays import ReExecutionView

everyday = typer.Typer()

EXECUTIONS: Final = 5

Least = Annotated[int | None, option("--min SCORE", "Exit with 1 when the score is lower.", min=0, max=100)]
_RUNS_HELP: Final = f"Executions of the command, each with another hash seed and order. Default: {EXECUTIONS}."
Runs = Annotated[int | None, option("--runs N", _RUNS_HELP, min=FEWEST_EXECUTIONS, max=100, show_default=False)]
Report = Annotated[
    Path | None, option("--report FILE", "Write a reproducibility report: .html or .json.", show_default=False)
]

NO_SCORE: Final = {
    "no_calls": "it made no calls",
    "outputs_missing": "the inputs and outputs of its calls are not stored",
}
FORMATS: Final = {".html": "html", ".htm": "html", ".json": "json"}


@asks(
    everyday,
    "titan determinism WEATHER_5f2c1a",
    "titan determinism WEATHER_5f2c1a --min 70   # in CI: exit 1 below, 2 without a score",
    "titan determinism WEATHER_5f2c1a --runs 10 --min 95 -- python weather.py   # measured",
    "titan determinism WEATHER_5f2c1a --report weather.html",
    panel=EVERYDAY,
)
def determinism(
    titan: Server,
    context: typer.Context,
    run: RunArgument,
    *,
    runs: Runs = None,
    least: Least = None,
    timeout: Timeout = None,
    report: Report = None,
    force: Force = False,
) -> Answer:
    """Show how reproducible a run is, and what makes executions differ.

    Without a command nothing is executed: the score is predicted from what was recorded and from source code, or it
    is that of an earlier measurement where that is lower. A command after -- is executed --runs times with its calls
    answered from the recording, and the result is stored under the run. Then the lower one of predicted and measured
    counts, or the measured one alone where the code or its packages are not those of the recording.

    Exit codes: 0 done, 1 the score is below --min, 2 there is no score: it could not be measured, or predicted.
    """
    command = context.obj or []
    if (runs is not None or timeout is not None) and not command:
        option_name = "--runs" if runs is not None else "--timeout"
        raise usage_error(f"option {option_name}", "a command after --", "none", "titan determinism RUN -- COMMAND")
    form = None if report is None else _format(report, is_forced=force)
    measured = None if not command else _measured(titan, run, command, runs=runs or EXECUTIONS, timeout=timeout)
    document = titan.get("api", "v1", "runs", run, "determinism")
    found = read(document, DeterminismAnswer)
    if report is not None:
        _write_report(titan, run, report, form=form)
    score = found.score if measured is None else _score_with(found, measured)
    if score is None:
        raise _no_score(found)
    is_below = least is not None and score < least
    if is_below:
        remark(f"titan: the score {score} is below {least}")
    if measured is not None:
        document = {**document, "measurement": _measurement(measured, score)}
    return Answer(document, lambda: _show(found, measured), ExitCode.FAILED if is_below else ExitCode.OK)


def _format(report: Path, *, is_forced: bool) -> str:
    """Return the format of a report by the ending of its name."""
    form = FORMATS.get(report.suffix.lower())
    if form is None:
        raise usage_error(f"--report {str(report)!r}", "a name that ends in .html or .json", f"{report.suffix!r}")
    check_free(report, is_forced=is_forced)
    return form


def _write_report(titan: Server, run: str, report: Path, *, form: str | None) -> None:
    with local_file(report), report.open("wb") as file:
        file.writelines(titan.stream("api", "v1", "runs", run, "determinism", "report", format=form))
    remark(f"Report: {report}")


def _measured(titan: Server, run: str, command: list[str], *, runs: int, timeout: float | None) -> ReExecutionView:
    """Execute the command several times and return the measurement.

    Raises:
        CommandFailed: it could not be measured.
    """
    try:
        done = executed(titan, run, command, runs=runs, finds_cause=False, timeout=timeout, needs_calls=True)
    except ReplayFailed as error:
        expected = "a program whose determinism can be measured"
        raise replay_failed(f"run {run}", expected, error, ExitCode.USAGE) from error
    return done.report.re_execution


def _no_score(found: DeterminismAnswer) -> CommandFailed:
    expected, found_words = "a run whose determinism can be predicted", NO_SCORE.get(found.unavailable or "", "none")
    next_step = "Record calls with their inputs and outputs."
    return CommandFailed(f"run {found.run_id}", expected, found_words, next_step, exit_code=ExitCode.USAGE)


def _score_with(found: DeterminismAnswer, measured: ReExecutionView) -> int:
    """Return the lower one of measured and predicted score; a changed program has no prediction."""
    predicted = found.predicted.score
    return measured.score if predicted is None or measured.changes else min(predicted, measured.score)


def _measurement(measured: ReExecutionView, score: int) -> Document:
    return {
        "score": measured.score,
        "executions": measured.executions,
        "interval": dict(zip(("low", "high"), interval(measured.score, measured.executions), strict=True)),
        "changes": measured.changes,
        "judged_score": score,
    }


def _show(found: DeterminismAnswer, measured: ReExecutionView | None) -> None:
    if measured is not None:
        low, high = interval(measured.score, measured.executions)
        say(f"Measured   {measured.score} of 100 in {measured.executions} executions, 95 % interval {low}–{high}")
        predicted = found.predicted.score
        say(f"Predicted  {'–' if predicted is None else f'{predicted} of 100'}")
        for change in measured.changes:
            say(f"Changed    {change}")
        if measured.score < 100:
            say("Find the cause: titan replay RUN -- COMMAND")
        say()
    elif found.measured is not None:
        known = found.measured.interval
        counts = "" if found.measured.counts else "; of another program: it does not count"
        say(
            f"Measured   {found.measured.score} of 100 in {found.measured.executions} executions,"
            f" 95 % interval {known.low:.0f}–{known.high:.0f}{counts}"
        )
    if found.score is not None:
        band = (found.band or "").replace("_", " ").replace("non deterministic", "non-deterministic")
        say(f"{found.run_id}: {found.score} of 100, {band} ({found.source})")
    for issue in found.issues:
        _show_issue(issue)


def _show_issue(issue: IssueView) -> None:
    at = "" if issue.code is None else f" · {issue.code.file}:{issue.code.line}"
    say()
    say(f"{issue.severity.upper()}  {issue.title} · {issue.action_name}{at}")
    say(f"  {issue.description}")
    if issue.accepted is not None:
        say(f"  Accepted by {issue.accepted.author}: {issue.accepted.reason}")
        return
    say(f"  {issue.recommendation.text}")
    for mark, text in (("-", issue.recommendation.before), ("+", issue.recommendation.after)):
        for line in text.splitlines():
            say(f"    {mark} {line}")
