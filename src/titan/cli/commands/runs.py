"""`titan runs list`, `show`, `edit`, `note` and `delete`; other modules add more commands to this group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite
from typing import Annotated, Final

from msgspec import to_builtins

from titan.cli import lookup
from titan.cli.exit_codes import CommandFailed, ExitCode, refused, usage_error
from titan.cli.lookup import replaced
from titan.cli.options import Answer, Limit, OfOrigin, RunArgument, argument, asks, noun, option
from titan.cli.server import Document, Server, read
from titan.cli.terminal import confirm, say, show_list
from titan.cli.views import runs as view
from titan.cli.views.formats import count, moment
from titan.cli.views.jobs import now
from titan.home.identity import OWNER_KEY_FILE
from titan.model.actions import RunEnd
from titan.model.run_control import RunStatus
from titan.rules.runs.windows import ALL_TIME, WINDOWS_ARE, is_window
from titan.secret_files import kept_secret
from titan.settings import home_folder
from titan.wire.actions import ActionDetailView, SkeletonAnswer
from titan.wire.notes import NotesAnswer, NoteView, UnmuteAnswer
from titan.wire.runs import ChainAnswer, RegistryAnswer, RunView

app = noun("List, show, resume, edit, export and import runs.")


class Sort(StrEnum):
    """The order of the list: newest or largest first."""

    STARTED = "started"
    COST = "cost"
    DURATION = "duration"
    ACTIONS = "actions"
    SUCCESS_RATE = "success_rate"
    DETERMINISM = "determinism"


PAGE: Final = 200  # what the server gives at once
SAID_BYTES: Final = 1000

OneAction = Annotated[str | None, option("--action ID", "Show this action of it; --ids names them.")]
OfTurns = Annotated[
    bool, option("--turns", "Show what each turn was asked and answered; without turns, each call of a model.")
]
WithIds = Annotated[bool, option("--ids", "Show the ids of the actions, too.")]
Verify = Annotated[bool, option("--verify", "Only compute its recording's chain again: whether anything was changed.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters of a list or an export of runs."""

    status: Annotated[
        list[RunStatus] | None,
        option(
            "--status STATUS",
            "Only those: pending, running, completed, failed, cancelled. May be repeated.",
            case_sensitive=False,
        ),
    ] = None
    agent: Annotated[str | None, option("--agent AGENT", "Only runs of this agent.", lookup.agent_ids)] = None
    origin: OfOrigin = None
    session: Annotated[str | None, option("--session SESSION", "Only runs of this session.")] = None
    tag: Annotated[str | None, option("--tag TAG", "Only runs with this tag.")] = None
    since: Annotated[
        str,
        option(
            "--since TIME",
            "Only runs that started within this time, or go on: 90m, 24h, 7d, 2w, or all.",
            lookup.windows,
        ),
    ] = ALL_TIME
    min_cost: Annotated[str | None, option("--min-cost USD", "Only runs on which at least so much was spent.")] = None
    determinism_below: Annotated[
        int | None, option("--determinism-below SCORE", "Only runs with a lower determinism score.", min=1, max=100)
    ] = None
    search: Annotated[
        str | None, option("--search TEXT", "Part of an id, an agent or a name; or words of what was recorded.")
    ] = None
    sort: Annotated[Sort, option("--sort", "The newest first, or the largest.")] = Sort.STARTED
    archived: Annotated[bool, option("--archived", "Those too that were archived.")] = False
    stages: Annotated[bool, option("--stages", "Only runs that submitted DAGs.")] = False

    def query(self) -> dict[str, str | None]:
        """Return the filters as query parameters."""
        return {
            "status": ",".join(self.status) if self.status else None,
            "agent_id": self.agent,
            "origin": self.origin,
            "session_id": self.session,
            "tag": self.tag,
            "window": _window(self.since),
            "min_cost": None if self.min_cost is None else _usd(self.min_cost),
            "determinism_below": None if self.determinism_below is None else str(self.determinism_below),
            "q": self.search,
            "sort": self.sort,
            "include_archived": "true" if self.archived else None,
            "has_stages": "true" if self.stages else None,
        }


@asks(
    app,
    "titan runs",
    "titan runs --status failed --since 24h",
    "titan runs --stages",
    "titan runs --determinism-below 70 --sort determinism",
    "titan runs --origin evaluation --since 24h",
    "titan runs list --agent RESEARCH --min-cost 0.50 --sort cost",
    name="list",
)
def list_runs(titan: Server, *, filters: Filters, limit: Limit = 50) -> Answer:
    """List runs, with how many actions each took and what they cost; also those that only submitted jobs."""
    query = filters.query()
    answer = listed(titan, query, limit=limit)
    registry = read(answer, RegistryAnswer)
    may_go_on = limit if filters.sort is Sort.STARTED else None
    return Answer(
        answer, lambda: show_list(view.RUN_COLUMNS, registry.data, nothing=_nothing(registry, query), limit=may_go_on)
    )


@asks(
    app,
    "titan runs show RESEARCH_cb5e13",
    "titan runs show RESEARCH_cb5e13 --turns",
    "titan runs show RESEARCH_cb5e13 --ids",
    "titan runs show RESEARCH_cb5e13 --verify",
    "titan runs show RESEARCH_cb5e13 --json | jq '.actions[] | select(.outcome == \"error\")'",
)
def show(
    titan: Server,
    run: RunArgument,
    *,
    action: OneAction = None,
    turns: OfTurns = False,
    ids: WithIds = False,
    verify: Verify = False,
    as_json: bool = False,
) -> Answer | None:
    """Show one run: its totals, notes, stages, and actions as a tree.

    With --action, one of them: its input, output, error, usage, cost and times. With --turns, instead of
    the tree, what each turn was asked and answered, a cut line each. With --verify, whether its recording was changed:
    exit 1 where it was.
    """
    _check_one_view(turns=turns, ids=ids, verify=verify, action=action)
    if action is not None:
        return _shown_action(titan, run, action)
    if verify:
        return _verified(titan, run)
    shown = titan.get("api", "v1", "runs", run)
    calls = view.tree_of(read(titan.get("api", "v1", "runs", run, "skeleton"), SkeletonAnswer))
    said = titan.get("api", "v1", "runs", run, "notes")
    one, notes = read(shown, RunView), read(said, NotesAnswer).data
    if as_json:
        extra = {"turns": [turn.document for turn in view.turns_of(titan, run, calls)]} if turns else {}
        return Answer({"run": shown, "actions": to_builtins(calls), "notes": said["data"], **extra}, lambda: None)
    if turns:
        view.show_run(one, calls, notes, at=now(), has_tree=False)
        view.show_turns(view.turns_of(titan, run, calls), at=now())
    else:
        view.show_run(one, calls, notes, at=now(), said=_said_in_the_tree(titan, run, calls), has_ids=ids)
    return None


def _check_one_view(*, turns: bool, ids: bool, verify: bool, action: str | None) -> None:
    """Refuse options that exclude each other."""
    chosen = [("--turns", turns), ("--verify", verify), ("--action", action is not None), ("--ids", ids)]
    given = [option for option, is_given in chosen if is_given]
    if len(given) > 1 and given != ["--action", "--ids"]:
        next_step = "Leave out one of the two; --turns --json has the turns' ids."
        raise usage_error(f"option {given[0]}", "it alone: it shows no tree", f"it with {given[1]}", next_step)


def _shown_action(titan: Server, run: str, action: str) -> Answer:
    try:
        answer = titan.get("api", "v1", "runs", run, "actions", action)
    except CommandFailed as failure:
        if failure.kind == "NotFound" and failure.subject.startswith("action "):  # one of many to the SDK
            next_step = f"`titan runs show {run} --ids` lists their ids; give the whole one."
            raise replaced(failure, next_step=next_step) from failure
        raise
    return Answer(answer, lambda: view.show_action(read(answer, ActionDetailView), at=now()))


def _verified(titan: Server, run: str) -> Answer:
    answer = titan.get("api", "v1", "runs", run, "chain")
    chain = read(answer, ChainAnswer)
    text = f"{chain.run_id} is what was recorded: {count(chain.entries, 'entry', 'entries')}, link {chain.link}."
    if (broken := chain.broken) is not None:
        about = f", of action {broken.action_id}" if broken.action_id else ""
        text = f"{chain.run_id} was changed: entry {broken.entry:,} of {chain.entries:,}{about}: {broken.found}."
    return Answer(answer, lambda: say(text), ExitCode.OK if chain.verified else ExitCode.FAILED)


def _said_in_the_tree(titan: Server, run: str, calls: Sequence[view.Call]) -> dict[str, str]:
    """Return the text of thoughts, hand-offs and events by action id."""
    saying = {call.id: call for call in calls if call.kind in view.SAYING}
    found = view.bodies_of(titan, run, list(saying), limit_bytes=SAID_BYTES)
    return {bodies.id: view.said_in(saying[bodies.id], bodies.outputs) for bodies in found}


def _window(text: str) -> str:
    if not is_window(text):
        raise usage_error(f"--since {text!r}", WINDOWS_ARE, repr(text), "For example --since 24h.")
    return text


def _usd(text: str) -> str:
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise usage_error(f"--min-cost {text!r}", "US dollars from 0", repr(text), "For example 0.05.")
    return f"{amount:f}"


def listed(titan: Server, query: Mapping[str, str | None], *, limit: int) -> Document:
    """Return the first `limit` runs as one answer, read page by page."""
    runs: list[object] = []
    cursor: str | None = None
    while True:
        answer = titan.get(
            "api", "v1", "runs", timeout_seconds=None, **query, limit=min(limit - len(runs), PAGE), cursor=cursor
        )
        page, following = answer.get("data"), answer.get("next_cursor")
        runs += page if isinstance(page, list) else []
        cursor = following if isinstance(following, str) else None
        if cursor is None or len(runs) >= limit or not page:
            return {**answer, "data": runs}


def _nothing(registry: RegistryAnswer, query: Mapping[str, str | None]) -> str:
    """Return the lines to show for an empty list."""
    asked = {name: value for name, value in query.items() if value is not None and name != "sort"}
    if asked == {"window": ALL_TIME} and (registry.elsewhere is None or not registry.elsewhere.in_all_origins):
        return (
            "No runs yet: every model and tool call that is recorded appears here, by its run.\n"
            "Make one: a job that calls the model endpoint, or any program with titan_sdk.action."
        )
    lines, elsewhere = ["No such runs."], registry.elsewhere
    if elsewhere is not None and elsewhere.in_all_origins:
        lines.append(f"{elsewhere.in_all_origins:,} of production and evaluations: --origin all")
    if elsewhere is not None and elsewhere.in_all_time and query["window"] != ALL_TIME:
        lines.append(f"{elsewhere.in_all_time:,} in all time: --since all")
    if elsewhere is not None and elsewhere.similar_agents:
        lines.append(f"Agents of a similar name: {', '.join(elsewhere.similar_agents)}")
    return "\n".join(lines)


# --- edit, note, delete ---

Pin = Annotated[bool | None, option("--pin/--no-pin", "Keep it for ever; or let retention delete it.")]
Archive = Annotated[bool | None, option("--archive/--no-archive", "Leave it out of lists and search; or restore it.")]
Undo = Annotated[bool, option("--undo", "Trust it no more.")]
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
    A reported end cannot be changed; an action that begins later reopens the run.
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


@asks(app, "titan runs trust PAPERS_cb5e13", "titan runs trust PAPERS_cb5e13 --undo")
def trust(titan: Server, run: RunArgument, *, undo: Undo = False) -> Answer:
    """Let workers execute the code of an imported run, in their sandbox; read that code first.

    It needs the server's home (TITAN_HOME): only whoever can read that may trust code.
    """
    home = home_folder()
    try:
        key = kept_secret(home / OWNER_KEY_FILE)
    except OSError as error:
        expected = "the home of the server, which can be read"
        raise refused(f"home {home}", expected, str(error), "Run it where the server runs, with TITAN_HOME.") from error
    answer = titan.post("api", "v1", "runs", run, "trust", body={"key": key, "is_trusted": not undo})
    text = "is not trusted: no worker executes its code." if undo else "is trusted: workers may execute its code."
    return Answer(answer, lambda: say(f"{read(answer, RunView).run_id} {text}"))


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
        next_step = "Leave --mute out to hear of it when more goes wrong in the run, else --acknowledge."
        raise usage_error("option --mute", "one of --acknowledge and --mute", "both", next_step)
    attention = {"acknowledges": acknowledge, "mutes": mute}
    body = {"text": text, "score": score, "name": name, "action_id": action, **attention}
    answer = titan.post("api", "v1", "runs", run, "notes", body=body)
    return Answer(answer, lambda: say(view.note_line(read(answer, NoteView), at=now())))


@asks(app, "titan runs delete PAPERS_cb5e13 --yes")
def delete(titan: Server, run: RunArgument, *, yes: Yes = False) -> Answer:
    """Delete a run that has ended with its stages and every byte recorded of it, for good; asks first."""
    known = read(titan.get("api", "v1", "runs", run), RunView)
    if not yes:
        confirm(f"Delete {known.run_id} with {view.actions_of(known.tally)} for good?", subject=f"run {known.run_id!r}")
    answer = titan.delete("api", "v1", "runs", run)
    text = f"Deleted {known.run_id}: {view.actions_of(known.tally)}, and all that was recorded of them."
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
        say(f"Deleted: {view.note_line(said, at=now())}")
    if unmuted.acknowledged is not None:
        say(f"Still {view.note_line(unmuted.acknowledged, at=now())}")
