"""`titan jobs` and `titan logs`: single jobs, their output, and why they are where they are."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.commands.submit import submitted_once_more
from titan.cli.exits import CommandFailed, ExitCode
from titan.cli.following import attempt_logs, log_pieces
from titan.cli.formats import instant, with_local_times
from titan.cli.lookup import dag_id_of, find_job, find_job_document
from titan.cli.options import EVERYDAY, Answer, DagScope, JobArgument, Limit, RunScope, asks, noun
from titan.cli.screen import Cell, Column, remark, remark_limit, say, show_json, show_table, write_bytes
from titan.cli.server import Server, read
from titan.cli.views import JOB_COLUMNS, attempts_of, job_row, now, reason_of, show_job
from titan.model.jobs import JobStatus
from titan.wire.work import JobsAnswer, JobView, ResultAnswer, StoryAnswer

app = noun("List and show jobs, their history; run one again.")
everyday = typer.Typer()

WithStatus: TypeAlias = Annotated[
    JobStatus | None, typer.Option("--status", case_sensitive=False, help="Only jobs with this status.")
]
OfRun: TypeAlias = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Only jobs of this agent run.", autocompletion=completion.run_ids),
]
OfDag: TypeAlias = Annotated[
    str | None, typer.Option("--dag", metavar="DAG", help="Only jobs of this DAG.", autocompletion=completion.dag_names)
]
OfResult: TypeAlias = Annotated[
    bool, typer.Option("--result", help="Write only the JSON that it set as its result; exit 3 when it set none.")
]
Follow: TypeAlias = Annotated[bool, typer.Option("--follow", "-f", help="Go on as the job writes, until it has ended.")]
AttemptNumber: TypeAlias = Annotated[
    int | None,
    typer.Option("--attempt", min=1, metavar="N", help="Only this attempt's output. Default: all, in order."),
]

_HISTORY_COLUMNS = (Column("WHEN"), Column("WHAT HAPPENED", folds=True), Column("CAUSE", folds=True, least_columns=60))


@asks(
    app,
    "titan jobs",
    "titan jobs --status failed --limit 10",
    "titan jobs list --dag nightly --json | jq -r '.jobs[].name'",
    name="list",
)
def list_jobs(
    titan: Server, *, status: WithStatus = None, dag: OfDag = None, run: OfRun = None, limit: Limit = 50
) -> Answer:
    """List the newest jobs."""
    answer = titan.get("api", "jobs", status=status, dag=dag_id_of(titan, dag), run=run, limit=limit)
    return Answer(answer, lambda: _show_jobs(read(answer, JobsAnswer), limit, is_filtered=bool(status or dag or run)))


@asks(
    app,
    "titan jobs show train",
    "titan jobs show train --dag nightly",
    "titan jobs show train --json | jq .exit_code",
    "titan jobs show train --result | jq .accuracy",
)
def show(
    titan: Server, name: JobArgument, *, dag: DagScope = None, run: RunScope = None, result: OfResult = False
) -> Answer:
    """Show one job and its attempts, or its result.

    A name means the newest job of that name; --dag or --run say where to look instead.
    """
    answer = find_job_document(titan, name, dag=dag, run=run)
    job = read(answer, JobView)
    if not result:
        return Answer(answer, lambda: show_job(job, at=now()))
    answer = titan.get("api", "jobs", job.job_id, "result")
    if not read(answer, ResultAnswer).is_set:
        raise CommandFailed(
            f"job {job.name!r} ({job.job_id})",
            exit_code=ExitCode.NOT_FOUND,
            expected="a result",
            found=f"none; it is {job.status}",
            next_step="A job sets one with titan_sdk.set_result(value).",
            kind="UnknownResult",
        )
    return Answer(answer, lambda: show_json(answer["value"]))


@asks(
    app,
    "titan jobs history train",
    "titan jobs history train --dag nightly",
    "titan jobs history train --json",
)
def history(titan: Server, name: JobArgument, *, dag: DagScope = None, run: RunScope = None) -> Answer:
    """Show what happened to a job, and why it is where it is."""
    job = find_job(titan, name, dag=dag, run=run)
    answer = titan.get("api", "jobs", job.job_id, "story")
    return Answer(answer, lambda: _show_history(job, read(answer, StoryAnswer)))


@asks(app, "titan jobs rerun train", "titan jobs rerun train --dag nightly")
def rerun(titan: Server, name: JobArgument, *, dag: DagScope = None, run: RunScope = None) -> Answer:
    """Run one job again with its script, arguments and environment, as a DAG of its own."""
    return submitted_once_more(titan.post("api", "jobs", find_job(titan, name, dag=dag, run=run).job_id, "rerun"))


@asks(
    everyday,
    "titan logs train",
    "titan logs train --follow",
    "titan logs train --dag nightly --attempt 2 > train.log",
    panel=EVERYDAY,
)
def logs(
    titan: Server,
    name: JobArgument,
    *,
    follow: Follow = False,
    attempt: AttemptNumber = None,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: bool = False,
) -> Answer | None:
    """Write what a job wrote, byte for byte.

    Of several attempts one after the other, named on stderr.
    With --json the text is one field, in which bytes that are no UTF-8 are replaced.
    """
    found = find_job(titan, name, dag=dag, run=run)
    _check_attempt(found, attempt, is_followed=follow)
    if as_json:
        content = b"".join(log_pieces(titan, found.job_id, follow=follow, attempt=attempt))
        text = content.decode("utf-8", "replace")
        document = {"job_id": found.job_id, "name": found.name, "size_bytes": len(content), "text": text}
        return Answer(document, partial(write_bytes, content))
    if follow and found.started_at is None:
        remark(f"{found.name} is {found.status}{_because(found)}; its output follows.")
    if attempt is None:
        has_written = _write_attempts(titan, found, follow=follow)
    else:
        has_written = _write(log_pieces(titan, found.job_id, follow=follow, attempt=attempt)) != b""
    if not has_written:
        _remark_silence(found, was_followed=follow)
    return None


def _show_jobs(listed: JobsAnswer, limit: int, *, is_filtered: bool) -> None:
    if listed.jobs:
        at = now()
        show_table(JOB_COLUMNS, [job_row(job, at=at) for job in listed.jobs])
        remark_limit(len(listed.jobs), limit)
    elif is_filtered:
        say("No such jobs. `titan jobs` lists the newest of all.")
    else:
        say("No jobs yet: the scripts that are submitted appear here. Submit one: titan submit hello.py")


def _show_history(job: JobView, history: StoryAnswer) -> None:
    at = now()
    say(f"Job {history.name} (id {history.job_id}) is {job.status}{_because(job)}")
    say("")
    rows: list[list[Cell]] = [
        [instant(entry.at, now=at), with_local_times(entry.text, now=at), entry.cause] for entry in history.entries
    ]
    show_table(_HISTORY_COLUMNS, rows)


def _write_attempts(titan: Server, job: JobView, *, follow: bool) -> bool:
    """Write the logs of all attempts; return whether there was anything."""
    has_written = False
    end = b"\n"
    for number, pieces in attempt_logs(titan, job, follow=follow):
        if len(attempts_of(job)) > 1 or number > 1:
            if end != b"\n":
                remark("")  # the heading begins its own line, and stdout stays as it was written
            remark(f"--- attempt {number} of {job.name} ---")
        last = _write(pieces)
        has_written = has_written or last != b""
        end = last or b"\n"
    return has_written


def _write(pieces: Iterator[bytes]) -> bytes:
    """Write a log to stdout; return its last byte, or none."""
    last = b""
    for piece in pieces:
        write_bytes(piece)
        last = piece[-1:] or last
    return last


def _because(job: JobView) -> str:
    return f": {reason_of(job, at=now())}" if job.reason else ""


def _check_attempt(job: JobView, attempt: int | None, *, is_followed: bool) -> None:
    """Refuse an attempt that there was not, unless it may be to come."""
    numbers = [each.attempt for each in attempts_of(job)]
    if attempt is None or attempt in numbers or (is_followed and not job.status.is_final):
        return
    raise CommandFailed(
        f"job {job.name!r} ({job.job_id})",
        exit_code=ExitCode.NOT_FOUND,
        expected=f"an attempt from 1 to {max(numbers)}" if numbers else "an attempt",
        found=f"--attempt {attempt}" if numbers else "none yet",
        next_step=f"`titan jobs show {job.job_id}` lists them.",
        kind="UnknownAttempt",
    )


def _remark_silence(job: JobView, *, was_followed: bool) -> None:
    """Say on stderr why nothing was written, so that silence is no riddle."""
    if was_followed or job.status.is_final:
        remark(f"{job.name} has written nothing.")
    elif job.status is JobStatus.RUNNING:
        remark(f"{job.name} has written nothing yet. Follow it: titan logs --follow {job.job_id}")
    else:
        remark(f"{job.name} is {job.status}{_because(job)}. Wait for it: titan logs --follow {job.job_id}")
