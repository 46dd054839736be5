"""`titan runs edit`, `note` and `delete`: what one does with one run."""

import sys
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Final

import typer

from titan.cli.commands.runs import app
from titan.cli.exit_codes import usage_error
from titan.cli.options import Answer, RunArgument, argument, asks, option
from titan.cli.server import Document, Server, read
from titan.cli.terminal import remark, say
from titan.cli.views.formats import moment
from titan.cli.views.jobs import now
from titan.cli.views.runs import actions_of, note_line
from titan.model.actions import RunEnd
from titan.wire.notes import NoteView, UnmuteAnswer
from titan.wire.runs import RunView

Pin = Annotated[bool | None, option("--pin/--no-pin", "Keep it for ever; or let retention delete it.")]
Archive = Annotated[bool | None, option("--archive/--no-archive", "Leave it out of lists and search; or restore it.")]
Unmute = Annotated[bool, option("--unmute", "Delete the notes that mute it: it may need attention again.")]
EndStatus = Annotated[RunEnd | None, option("--end", "Record that it has ended, and how.", case_sensitive=False)]
Reason = Annotated[str | None, option("--reason TEXT", "Why it ended so.")]
Text = Annotated[str, argument("[TEXT]", "The words; none where a score says it all.")]
OfAction = Annotated[
    str | None, option("--action ID", "Of this action of it; `titan runs show RUN --ids` has their ids.")
]
Score = Annotated[float | None, option("--score N", "A score, any number.")]
ScoreName = Annotated[str | None, option("--name NAME", "What is scored. Default: overall.")]
Acknowledge = Annotated[
    bool, option("--acknowledge", "The run needs no attention any more, until more goes wrong in it.")
]
Mute = Annotated[bool, option("--mute", "The run needs no attention any more, whatever more goes wrong in it.")]
Yes = Annotated[bool, option("--yes -y", "Do not ask.")]

_EDITED: Final = {
    "pin": "RUN is pinned: nothing of it is deleted.",
    "unpin": "RUN is not pinned: it is deleted when it is old enough.",
    "archive": "RUN is archived. Bring it back with: titan runs edit RUN --no-archive",
    "restore": "RUN is in the lists again.",
}


@asks(
    app,
    "titan runs edit PAPERS_cb5e13 --pin",
    "titan runs edit PAPERS_cb5e13 --archive",
    "titan runs edit PAPERS_cb5e13 --no-pin --no-archive --unmute",
    'titan runs edit PAPERS_cb5e13 --end failed --reason "killed by hand"',
)
def edit(
    titan: Server,
    run: RunArgument,
    *,
    pin: Pin = None,
    archive: Archive = None,
    unmute: Unmute = False,
    end: EndStatus = None,
    reason: Reason = None,
) -> Answer:
    """Pin, archive or unmute a run, or undo that; record the end of one whose program was killed.

    A pinned run is never deleted, with its jobs, logs, files and workspaces, and all that was recorded of it.
    An archived one is left out of lists and search until it is restored or goes on.
    An end that was reported stands; what begins in the run later opens it again.
    """
    verbs = [
        *([] if end is None else ["end"]),
        *([] if pin is None else ["pin" if pin else "unpin"]),
        *([] if archive is None else ["archive" if archive else "restore"]),
        *(["unmute"] if unmute else []),
    ]
    if not verbs or (end is None and reason is not None):
        expected = "--end beside --reason" if verbs or reason else "--pin, --archive, --unmute or --end"
        raise usage_error("titan runs edit", expected, "none of them")
    bodies = {"end": {"status": end, "error": reason}}
    answers = {verb: titan.post("api", "v1", "runs", run, verb, body=bodies.get(verb)) for verb in verbs}
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
        raise usage_error("--score", "a finite number", str(score), "For example 0.4.")
    if acknowledge and mute:
        raise usage_error(
            "option --mute",
            "one of --acknowledge and --mute",
            "both",
            "Leave --mute out to hear of it when more goes wrong in the run, else --acknowledge.",
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
        elif verb == "end":
            _show_end(read(answer, RunView))
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
            "--yes, where nobody can be asked",
            "neither a terminal nor --yes",
            "Nothing was deleted.",
        )
    try:
        typer.confirm(f"Delete {run.run_id} with {actions_of(run.tally)} for good?", abort=True, err=True)
    except typer.Abort:
        remark("Nothing was deleted.")
        raise
