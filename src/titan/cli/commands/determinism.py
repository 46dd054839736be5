"""`titan determinism`: how reproducible a run is predicted to be, for people and for CI."""

from typing import Annotated, Final, TypeAlias

import typer

from titan.cli.exits import CommandFailed, ExitCode
from titan.cli.options import EVERYDAY, Answer, RunArgument, asks
from titan.cli.screen import remark, say
from titan.cli.server import Server, read
from titan.wire.determinism import DeterminismAnswer, IssueView

everyday = typer.Typer()

Least: TypeAlias = Annotated[
    int | None,
    typer.Option("--min", min=0, max=100, metavar="SCORE", help="Exit with 1 when the score is lower."),
]

NO_SCORE: Final = {
    "no_calls": "it made no calls",
    "outputs_missing": "the inputs and outputs of its calls are not stored",
}


@asks(
    everyday,
    "titan determinism WEATHER_5f2c1a",
    "titan determinism WEATHER_5f2c1a --min 70   # in CI: exit 1 below, 2 without a score",
    panel=EVERYDAY,
)
def determinism(titan: Server, run: RunArgument, *, least: Least = None) -> Answer:
    """Show how reproducible a run is predicted to be, and what makes executions differ.

    Exit codes: 0 done, 1 the score is below --min, 2 the run has no score.

    Nothing is executed. To measure: titan replay RUN --runs N -- COMMAND
    """
    document = titan.get("api", "v1", "runs", run, "determinism")
    found = read(document, DeterminismAnswer)
    if found.score is None:
        raise CommandFailed(
            f"run {found.run_id}",
            exit_code=ExitCode.USAGE,
            expected="a run whose determinism can be predicted",
            found=NO_SCORE.get(found.unavailable or "", "none"),
            next_step="Record calls with their inputs and outputs.",
        )
    is_below = least is not None and found.score < least
    if is_below:
        remark(f"titan: the score {found.score} is below {least}")
    return Answer(document, lambda: _show(found), ExitCode.FAILED if is_below else ExitCode.OK)


def _show(found: DeterminismAnswer) -> None:
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
