"""`titan jobs` and `titan logs`: single jobs, their output, and why they are where they are."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Final

import typer

from titan.cli.exit_codes import not_found, usage_error
from titan.cli.following import attempt_logs, log_pieces
from titan.cli.lookup import dag_id_of, find_job, find_job_document
from titan.cli.options import EVERYDAY, Answer, DagScope, JobArgument, Limit, OfDag, OfRun, RunScope, asks, noun, option
from titan.cli.server import Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_json, show_list, show_table, write_bytes
from titan.cli.views.formats import instant, with_local_times
from titan.cli.views.jobs import JOB_COLUMNS, attempts_of, now, reason_of, show_job
from titan.model.jobs import JobStatus
from titan.wire.work import JobsAnswer, JobView, ResultAnswer, StoryAnswer, StoryLineView

app = noun("List and show jobs.")
everyday = typer.Typer()

WithStatus = Annotated[JobStatus | None, option("--status", "Only jobs with this status.", case_sensitive=False)]
OfResult = Annotated[
    bool, option("--result", "Write only the JSON that it set as its result; exit 3 when it set none.")
]
OfHistory = Annotated[bool, option("--history", "Show instead what happened to it, and why it is where it is.")]
Follow = Annotated[bool, option("--follow -f", "Go on as the job writes, until it has ended.")]
AttemptNumber = Annotated[
    int | None, option("--attempt N", "Only this attempt's output. Default: all, in order.", min=1)
]

_HISTORY_COLUMNS: Columns[StoryLineView] = (
    Column("WHEN", lambda entry, at: instant(entry.at, now=at)),
    Column("WHAT HAPPENED", lambda entry, at: with_local_times(entry.text, now=at), folds=True),
    Column("CAUSE", lambda entry, _: entry.cause, folds=True, least_columns=60),
)
_NO_JOBS: Final = "No jobs yet: the scripts that are submitted appear here. Submit one: titan submit hello.py"


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
    nothing = "No such jobs. `titan jobs` lists the newest of all." if status or dag or run else _NO_JOBS
    return Answer(answer, lambda: show_list(JOB_COLUMNS, read(answer, JobsAnswer).jobs, nothing=nothing, limit=limit))


@asks(
    app,
    "titan jobs show train",
    "titan jobs show train --dag nightly",
    "titan jobs show train --json | jq .exit_code",
    "titan jobs show train --history",
    "titan jobs show train --result | jq .accuracy",
)
def show(
    titan: Server,
    name: JobArgument,
    *,
    history: OfHistory = False,
    result: OfResult = False,
    dag: DagScope = None,
    run: RunScope = None,
) -> Answer:
    """Show one job and its attempts, its history, or its result.

    A name means the newest job of that name; --dag or --run say where to look instead.
    """
    answer = find_job_document(titan, name, dag=dag, run=run)
    job = read(answer, JobView)
    if history and result:
        raise usage_error("titan jobs show", "one of --history and --result", "both")
    if history:
        story = titan.get("api", "jobs", job.job_id, "story")
        return Answer(story, lambda: _show_history(job, read(story, StoryAnswer)))
    if not result:
        return Answer(answer, lambda: show_job(job, at=now()))
    answer = titan.get("api", "jobs", job.job_id, "result")
    if not read(answer, ResultAnswer).is_set:
        raise not_found(
            f"job {job.name!r} ({job.job_id})",
            "a result",
            f"none; it is {job.status}",
            "A job sets one with titan_sdk.set_result(value).",
            kind="UnknownResult",
        )
    return Answer(answer, lambda: show_json(answer["value"]))


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


def _show_history(job: JobView, history: StoryAnswer) -> None:
    say(f"Job {history.name} (id {history.job_id}) is {job.status}{_because(job)}")
    say("")
    show_table(_HISTORY_COLUMNS, history.entries)


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
    raise not_found(
        f"job {job.name!r} ({job.job_id})",
        f"an attempt from 1 to {max(numbers)}" if numbers else "an attempt",
        f"--attempt {attempt}" if numbers else "none yet",
        f"`titan jobs show {job.job_id}` lists them.",
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
