"""`titan runs cancel`, `resume`, `end`, `note`, `verify`, `pin`, `delete` …: what one does with one run."""

import sys
from math import isfinite
from typing import Annotated, TypeAlias

import typer

from titan.cli.answers import Cancelled, Document, read
from titan.cli.commands.again import resume
from titan.cli.commands.cancel import show_cancelled
from titan.cli.commands.runs import RunId, app
from titan.cli.exits import ExitCode, usage_error
from titan.cli.formats import moment
from titan.cli.lookup import run_named
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.recorded_answers import Chain, Note, Run, Unmuted
from titan.cli.recorded_views import actions_of, note_line
from titan.cli.screen import remark, say, show_json
from titan.cli.server import Server, connect
from titan.cli.views import now
from titan.model.actions import RunEnd

Status: TypeAlias = Annotated[
    RunEnd, typer.Option("--status", case_sensitive=False, help="How it ended: completed, failed or cancelled.")
]
Reason: TypeAlias = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why it ended so.", show_default=False)
]
Text: TypeAlias = Annotated[
    str, typer.Argument(metavar="[TEXT]", help="The words; none where a score says it all.", show_default=False)
]
OfAction: TypeAlias = Annotated[
    str | None,
    typer.Option("--action", metavar="ID", help="Of this action of it; `titan runs show RUN --ids` has their ids."),
]
Score: TypeAlias = Annotated[float | None, typer.Option("--score", metavar="N", help="A score, any number.")]
ScoreName: TypeAlias = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What is scored. Default: overall.", show_default=False)
]
Acknowledge: TypeAlias = Annotated[
    bool, typer.Option("--acknowledge", help="The run needs no attention any more, until more goes wrong in it.")
]
Mute: TypeAlias = Annotated[
    bool, typer.Option("--mute", help="The run needs no attention any more, whatever more goes wrong in it.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command(epilog=examples("titan runs cancel RESEARCH_cb5e13"))
def cancel(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Cancel all jobs of a run's stages and end the run; what runs is ended with all its processes."""
    answer = _post(connect(server), run, "cancel")
    if as_json:
        show_json(answer)
    else:
        show_cancelled(read(answer, Cancelled))


app.command(epilog=examples("titan runs resume RESEARCH_cb5e13"))(resume)


@app.command(epilog=examples("titan runs end PAPERS_cb5e13", 'titan runs end PAPERS_cb5e13 --reason "killed by hand"'))
def end(
    run: RunId,
    *,
    status: Status = RunEnd.FAILED,
    reason: Reason = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Say that a run has ended: of one whose program was killed, nobody else does.

    What begins in it later opens it again. An end that was told stands.
    """
    answer = _post(connect(server), run, "end", body={"status": status.value, "error": reason})
    if as_json:
        show_json(answer)
        return
    ended = read(answer, Run)
    if ended.ended_at is None:
        say(
            f"{ended.run_id} is {ended.status} until its jobs have ended. Cancel them: titan runs cancel {ended.run_id}"
        )
        return
    why = f": {ended.reason}" if ended.reason else ""
    say(f"{ended.run_id} ended {moment(ended.ended_at, now=now())}, {ended.status}{why}.")


@app.command(
    epilog=examples(
        'titan runs note PAPERS_cb5e13 "the second half repeats the first"',
        "titan runs note PAPERS_cb5e13 --score 0.4 --name quality",
        'titan runs note PAPERS_cb5e13 "known: the site was down" --acknowledge',
        'titan runs note PAPERS_cb5e13 "a rehearsal, it is to fail" --mute',
    )
)
def note(
    run: RunId,
    text: Text = "",
    *,
    score: Score = None,
    name: ScoreName = None,
    action: OfAction = None,
    acknowledge: Acknowledge = False,
    mute: Mute = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Say something of a run or of one of its actions: words, a score, or both."""
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
    answer = _post(connect(server), run, "notes", body=body)
    if as_json:
        show_json(answer)
    else:
        say(note_line(read(answer, Note), at=now()))


@app.command(epilog=examples("titan runs unmute PAPERS_cb5e13"))
def unmute(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Delete the notes that mute a run: what is wrong with it needs attention again, unless it is acknowledged."""
    answer = _post(connect(server), run, "unmute")
    if as_json:
        show_json(answer)
        return
    unmuted = read(answer, Unmuted)
    say(f"{unmuted.run_id} {'is not muted any more' if unmuted.deleted else 'was not muted'}.")
    for said in unmuted.deleted:
        say(f"Deleted: {note_line(said, at=now())}")
    if unmuted.acknowledged is not None:
        say(f"Still {note_line(unmuted.acknowledged, at=now())}")


@app.command(epilog=examples("titan runs verify PAPERS_cb5e13"))
def verify(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Compute a run's tape anew: whether it is what was recorded. Exit 1 where it is not."""
    titan = connect(server)
    with run_named(titan, run):
        answer = titan.get("api", "v1", "runs", run, "chain")
    chain = read(answer, Chain)
    if as_json:
        show_json(answer)
    elif chain.broken is None:
        entries = "1 entry" if chain.entries == 1 else f"{chain.entries:,} entries"
        say(f"{chain.run_id} is what was recorded: {entries}, link {chain.link}.")
    else:
        broken = chain.broken
        about = f", of action {broken.action_id}" if broken.action_id else ""
        say(f"{chain.run_id} was changed: entry {broken.entry:,} of {chain.entries:,}{about}: {broken.found}.")
    if not chain.verified:
        raise typer.Exit(ExitCode.FAILED)


@app.command(epilog=examples("titan runs pin PAPERS_cb5e13"))
def pin(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Keep a run, with its jobs, logs, files and workspaces, and all that was recorded of it, however old it gets."""
    _mark(run, "pin", "{run} is pinned: nothing of it is deleted.", as_json=as_json, server=server)


@app.command(epilog=examples("titan runs unpin PAPERS_cb5e13"))
def unpin(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Let retention delete a pinned run when it is old."""
    _mark(run, "unpin", "{run} is not pinned: it is deleted when it is old enough.", as_json=as_json, server=server)


@app.command(epilog=examples("titan runs archive PAPERS_cb5e13"))
def archive(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Take a run that has ended out of the lists and the search, until it is restored or goes on."""
    _mark(
        run,
        "archive",
        "{run} is archived. Bring it back with: titan runs restore {run}",
        as_json=as_json,
        server=server,
    )


@app.command(epilog=examples("titan runs restore PAPERS_cb5e13"))
def restore(run: RunId, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Bring an archived run back into the lists and the search."""
    _mark(run, "restore", "{run} is in the lists again.", as_json=as_json, server=server)


@app.command(epilog=examples("titan runs delete PAPERS_cb5e13 --yes"))
def delete(run: RunId, *, yes: Yes = False, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Delete a run that has ended with its stages and every byte recorded of it, for good; asks first."""
    titan = connect(server)
    with run_named(titan, run):
        known = read(titan.get("api", "v1", "runs", run), Run)
        if not yes:
            _ask(known)
        answer = titan.delete("api", "v1", "runs", run)
    if as_json:
        show_json(answer)
    else:
        say(f"Deleted {known.run_id}: {actions_of(known.tally)}, and all that was recorded of them.")


def _ask(run: Run) -> None:
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


def _post(titan: Server, run: str, verb: str, *, body: object = None) -> Document:
    with run_named(titan, run):
        return titan.post("api", "v1", "runs", run, verb, body=body)


def _mark(run: str, verb: str, told: str, *, as_json: bool, server: str | None) -> None:
    answer = _post(connect(server), run, verb)
    if as_json:
        show_json(answer)
    else:
        say(told.replace("{run}", read(answer, Run).run_id))


__all__ = ["app"]
