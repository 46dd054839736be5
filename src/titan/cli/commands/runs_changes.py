"""`titan runs resume`, `end`, `edit`, `note` and `delete`: what one does with one run."""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from titan.cli.commands.runs import app
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.formats import moment
from titan.cli.options import Answer, RunArgument, asks
from titan.cli.run_views import actions_of, note_line
from titan.cli.screen import remark, say
from titan.cli.server import Document, Server, read
from titan.cli.views import now
from titan.model.actions import RunEnd
from titan.wire.notes import NoteView, UnmuteAnswer
from titan.wire.runs import RunView
from titan.wire.work import OrchestratorView, Resumed

Pin: TypeAlias = Annotated[
    bool | None, typer.Option("--pin/--no-pin", help="Keep it for ever; or let retention delete it.")
]
Archive: TypeAlias = Annotated[
    bool | None, typer.Option("--archive/--no-archive", help="Leave it out of lists and search; or restore it.")
]
Unmute: TypeAlias = Annotated[
    bool, typer.Option("--unmute", help="Delete the notes that mute it: it may need attention again.")
]
PrintOnly: TypeAlias = Annotated[
    bool, typer.Option("--print", help="Only print the command that starts its program; change nothing.")
]
EndStatus: TypeAlias = Annotated[
    RunEnd, typer.Option("--status", case_sensitive=False, help="How it ended: completed, failed or cancelled.")
]
Reason: TypeAlias = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why it ended so.")]
Text: TypeAlias = Annotated[
    str, typer.Argument(metavar="[TEXT]", help="The words; none where a score says it all.", show_default=False)
]
OfAction: TypeAlias = Annotated[
    str | None,
    typer.Option("--action", metavar="ID", help="Of this action of it; `titan runs show RUN --ids` has their ids."),
]
Score: TypeAlias = Annotated[float | None, typer.Option("--score", metavar="N", help="A score, any number.")]
ScoreName: TypeAlias = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What is scored. Default: overall.")
]
Acknowledge: TypeAlias = Annotated[
    bool, typer.Option("--acknowledge", help="The run needs no attention any more, until more goes wrong in it.")
]
Mute: TypeAlias = Annotated[
    bool, typer.Option("--mute", help="The run needs no attention any more, whatever more goes wrong in it.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_EDITED: Final = {
    "pin": "RUN is pinned: nothing of it is deleted.",
    "unpin": "RUN is not pinned: it is deleted when it is old enough.",
    "archive": "RUN is archived. Bring it back with: titan runs edit RUN --no-archive",
    "restore": "RUN is in the lists again.",
}


@asks(app, "titan runs resume RESEARCH_cb5e13", "titan runs resume RESEARCH_cb5e13 --print")
def resume(titan: Server, run: RunArgument, *, print_only: PrintOnly = False, as_json: bool = False) -> Answer | None:
    """Start an agent run's orchestrator again; stages that completed are answered from the record.

    An orchestrator that is a job is retried. One that is a program is started in its folder, in the foreground,
    with TITAN_RESUME_RUN_ID set; titan_sdk.new_run_id gives it the run's id again.
    """
    program = read(titan.get("api", "v1", "runs", run), RunView).orchestrator or None
    environment = {"TITAN_RESUME_RUN_ID": run, **titan.environment}
    if program is not None:
        command = _typed(program, environment)
        if print_only:
            say(command)
            return None
        if not as_json:
            _check_here(run, program, command)
    answer = titan.post("api", "v1", "runs", run, "resume")
    resumed = read(answer, Resumed)
    if as_json or program is None or resumed.orchestrator is None:
        text = f"Run {run} goes on: its orchestrator, job {resumed.retried_job}, is tried again."
        return Answer(answer, lambda: say(text))
    remark(f"Run {run} goes on: {shlex.join(program.command)}")
    raise typer.Exit(_run(run, program, environment))


@asks(app, "titan runs end PAPERS_cb5e13", 'titan runs end PAPERS_cb5e13 --reason "killed by hand"')
def end(titan: Server, run: RunArgument, *, status: EndStatus = RunEnd.FAILED, reason: Reason = None) -> Answer:
    """Record that a run has ended whose program was killed before it could report that.

    What begins in it later opens it again. An end that was reported stands.
    """
    answer = titan.post("api", "v1", "runs", run, "end", body={"status": status.value, "error": reason})
    return Answer(answer, lambda: _show_end(read(answer, RunView)))


@asks(
    app,
    "titan runs edit PAPERS_cb5e13 --pin",
    "titan runs edit PAPERS_cb5e13 --archive",
    "titan runs edit PAPERS_cb5e13 --no-pin --no-archive --unmute",
)
def edit(
    titan: Server, run: RunArgument, *, pin: Pin = None, archive: Archive = None, unmute: Unmute = False
) -> Answer:
    """Pin, archive or unmute a run, or undo that.

    A pinned run is never deleted, with its jobs, logs, files and workspaces, and all that was recorded of it.
    An archived one is left out of lists and search until it is restored or goes on.
    """
    verbs = [
        *([] if pin is None else ["pin" if pin else "unpin"]),
        *([] if archive is None else ["archive" if archive else "restore"]),
        *(["unmute"] if unmute else []),
    ]
    if not verbs:
        raise usage_error("titan runs edit", expected="--pin, --archive or --unmute", found="none of them")
    answers = {verb: titan.post("api", "v1", "runs", run, verb) for verb in verbs}
    document = answers[verbs[-1]] if len(verbs) == 1 else answers
    return Answer(document, lambda: _show_edits(answers))


@asks(
    app,
    'titan runs note PAPERS_cb5e13 "the second half repeats the first"',
    "titan runs note PAPERS_cb5e13 --score 0.4 --name quality",
    'titan runs note PAPERS_cb5e13 "known: the site was down" --acknowledge',
    'titan runs note PAPERS_cb5e13 "a rehearsal, it is to fail" --mute',
)
def note(
    titan: Server,
    run: RunArgument,
    text: Text = "",
    *,
    score: Score = None,
    name: ScoreName = None,
    action: OfAction = None,
    acknowledge: Acknowledge = False,
    mute: Mute = False,
) -> Answer:
    """Add a note to a run or to one of its actions: words, a score, or both."""
    if score is not None and not isfinite(score):
        raise usage_error("--score", expected="a finite number", found=str(score), next_step="For example 0.4.")
    if acknowledge and mute:
        raise usage_error(
            "option --mute",
            expected="one of --acknowledge and --mute",
            found="both",
            next_step="Leave --mute out to hear of it when more goes wrong in the run, else --acknowledge.",
        )
    attention = {"acknowledges": acknowledge, "mutes": mute}
    body = {"text": text, "score": score, "name": name, "action_id": action, **attention}
    answer = titan.post("api", "v1", "runs", run, "notes", body=body)
    return Answer(answer, lambda: say(note_line(read(answer, NoteView), at=now())))


@asks(app, "titan runs delete PAPERS_cb5e13 --yes")
def delete(titan: Server, run: RunArgument, *, yes: Yes = False) -> Answer:
    """Delete a run that has ended with its stages and every byte recorded of it, for good; asks first."""
    known = read(titan.get("api", "v1", "runs", run), RunView)
    if not yes:
        _ask(known)
    answer = titan.delete("api", "v1", "runs", run)
    text = f"Deleted {known.run_id}: {actions_of(known.tally)}, and all that was recorded of them."
    return Answer(answer, lambda: say(text))


def _show_end(run: RunView) -> None:
    if run.ended_at is None:
        say(f"{run.run_id} is {run.status} until its jobs have ended. Cancel them: titan cancel --run {run.run_id}")
        return
    why = f": {run.reason}" if run.reason else ""
    say(f"{run.run_id} ended {moment(run.ended_at, now=now())}, {run.status}{why}.")


def _show_edits(answers: Mapping[str, Document]) -> None:
    for verb, answer in answers.items():
        if verb == "unmute":
            _show_unmuted(read(answer, UnmuteAnswer))
        else:
            say(_EDITED[verb].replace("RUN", read(answer, RunView).run_id))


def _show_unmuted(unmuted: UnmuteAnswer) -> None:
    say(f"{unmuted.run_id} {'is not muted any more' if unmuted.deleted else 'was not muted'}.")
    for said in unmuted.deleted:
        say(f"Deleted: {note_line(said, at=now())}")
    if unmuted.acknowledged is not None:
        say(f"Still {note_line(unmuted.acknowledged, at=now())}")


def _ask(run: RunView) -> None:
    """Return when the person at the terminal says yes.

    Raises:
        CommandFailed: nobody is there to be asked.
        Abort: they say no.
    """
    if not sys.stdin.isatty():
        raise usage_error(
            f"run {run.run_id!r}",
            expected="--yes, where nobody can be asked",
            found="neither a terminal nor --yes",
            next_step="Nothing was deleted.",
        )
    try:
        typer.confirm(f"Delete {run.run_id} with {actions_of(run.tally)} for good?", abort=True, err=True)
    except typer.Abort:
        remark("Nothing was deleted.")
        raise


def _typed(program: OrchestratorView, environment: dict[str, str]) -> str:
    """Return what a person would type to start the program again."""
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"cd {shlex.quote(program.directory)} && {assignments} {shlex.join(program.command)}"


def _check_here(agent_run_id: str, program: OrchestratorView, command: str) -> None:
    here = socket.gethostname()
    if program.host == here and Path(program.directory).is_dir():
        return
    place = f"machine {program.host!r}" if program.host != here else f"folder {program.directory}, which is gone"
    raise CommandFailed(
        f"run {agent_run_id!r}",
        exit_code=ExitCode.REFUSED,
        expected="an orchestrator that ran on this machine, in a folder that is still there",
        found=f"one of {place}",
        next_step=f"Start it where it belongs: {command}",
    )


def _run(agent_run_id: str, program: OrchestratorView, environment: dict[str, str]) -> int:
    try:
        with subprocess.Popen(program.command, cwd=program.directory, env={**os.environ, **environment}) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the program got it too, and ends in its own way
    except OSError as error:
        raise CommandFailed(
            f"run {agent_run_id!r}",
            exit_code=ExitCode.REFUSED,
            expected=f"a program that can be started: {shlex.join(program.command)}",
            found=error.strerror or str(error),
            next_step="The run is reopened: start its orchestrator yourself with TITAN_RESUME_RUN_ID set.",
        ) from error


__all__ = ["app"]
