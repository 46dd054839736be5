"""`titan determinism`: how reproducible a run is predicted to be, for people and for CI."""

from typing import Annotated, Final, TypeAlias

import msgspec
import typer

from titan.cli.answers import Document, read
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.options import JsonOption, RunArgument, ServerOption, examples
from titan.cli.screen import remark, say, show_json
from titan.cli.server import connect

everyday = typer.Typer()

Least: TypeAlias = Annotated[
    int | None,
    typer.Option("--min", min=0, max=100, metavar="SCORE", help="Exit with 1 when the score is lower."),
]
Executions: TypeAlias = Annotated[int | None, typer.Option("--runs", hidden=True)]
Program: TypeAlias = Annotated[list[str] | None, typer.Argument(hidden=True)]

NO_SCORE: Final = {
    "no_calls": "it made no calls",
    "outputs_missing": "the inputs and outputs of its calls are not stored",
}


class Fix(msgspec.Struct, frozen=True):
    """How to fix an issue."""

    text: str
    before: str
    after: str


class Place(msgspec.Struct, frozen=True):
    """A statement in a script."""

    file: str
    line: int


class Accepted(msgspec.Struct, frozen=True):
    """That an issue does not count."""

    author: str
    reason: str


class Issue(msgspec.Struct, frozen=True):
    """A source of non-determinism."""

    title: str
    severity: str
    action_name: str
    description: str
    recommendation: Fix
    code: Place | None
    accepted: Accepted | None


class Determinism(msgspec.Struct, frozen=True):
    """What is predicted of a run."""

    run_id: str
    score: int | None
    band: str | None
    source: str
    unavailable: str | None
    issues: list[Issue]


@everyday.command(
    epilog=examples(
        "titan determinism RESEARCH_cb5e13",
        "titan determinism RESEARCH_cb5e13 --min 70   # in CI: exit 1 below, 2 without a score",
    )
)
def determinism(
    run: RunArgument,
    program: Program = None,
    *,
    least: Least = None,
    executions: Executions = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show how reproducible a run is predicted to be, and what makes executions differ.

    Exit codes: 0 done, 1 the score is below --min, 2 the run has no score.
    """
    if executions is not None or program:
        raise usage_error(
            "titan determinism",
            expected="a run, whose determinism is predicted",
            found="--runs or a command, to measure it by executing that",
            next_step="This version cannot measure yet: leave both out.",
        )
    document: Document = connect(server).get("api", "v1", "runs", run, "determinism")
    found = read(document, Determinism)
    if as_json:
        show_json(document)
    else:
        _show(found)
    if found.score is None:
        raise CommandFailed(
            f"run {found.run_id}",
            exit_code=ExitCode.USAGE,
            expected="a run whose determinism can be predicted",
            found=NO_SCORE.get(found.unavailable or "", "none"),
            next_step="Record calls with their inputs and outputs.",
        )
    if least is not None and found.score < least:
        remark(f"titan: the score {found.score} is below {least}")
        raise typer.Exit(ExitCode.FAILED)


def _show(found: Determinism) -> None:
    band = (found.band or "").replace("_", " ").replace("non deterministic", "non-deterministic")
    if found.score is not None:
        say(f"{found.run_id}: {found.score} of 100, {band} ({found.source})")
    for issue in found.issues:
        at = "" if issue.code is None else f" · {issue.code.file}:{issue.code.line}"
        say()
        say(f"{issue.severity.upper()}  {issue.title} · {issue.action_name}{at}")
        say(f"  {issue.description}")
        if issue.accepted is not None:
            say(f"  Accepted by {issue.accepted.author}: {issue.accepted.reason}")
            continue
        say(f"  {issue.recommendation.text}")
        for mark, text in (("-", issue.recommendation.before), ("+", issue.recommendation.after)):
            for line in text.splitlines():
                say(f"    {mark} {line}")
