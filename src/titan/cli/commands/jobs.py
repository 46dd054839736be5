"""`titan jobs`, `job`, `logs` and `story`: single jobs, their output, and why they are where they are."""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Job, JobList, Story, read
from titan.cli.exits import CommandFailed, ExitCode
from titan.cli.following import attempt_logs, log_pieces
from titan.cli.formats import instant, with_local_times
from titan.cli.lookup import dag_id_of, find_job, find_job_document
from titan.cli.options import DagScope, JobArgument, JsonOption, Limit, RunScope, ServerOption, examples
from titan.cli.screen import Cell, Column, remark, remark_limit, say, show_json, show_table, write_bytes
from titan.cli.server import Server, connect
from titan.cli.views import JOB_COLUMNS, job_row, now, reason_of, show_job
from titan.model.jobs import JobStatus

app = typer.Typer()

WithStatus: TypeAlias = Annotated[
    JobStatus | None, typer.Option("--status", case_sensitive=False, help="Only jobs that stand there.")
]
OfRun: TypeAlias = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Only jobs of this agent run.", autocompletion=completion.run_ids),
]
OfDag: TypeAlias = Annotated[
    str | None,
    typer.Option("--dag", metavar="DAG", help="Only jobs of this DAG.", autocompletion=completion.dag_names),
]
Follow: TypeAlias = Annotated[bool, typer.Option("--follow", "-f", help="Go on as the job writes, until it has ended.")]
AttemptNumber: TypeAlias = Annotated[
    int | None,
    typer.Option("--attempt", min=1, metavar="N", help="Only this attempt's output. Default: all, in order."),
]

_STORY_COLUMNS = (Column("WHEN"), Column("WHAT HAPPENED", folds=True), Column("CAUSE", folds=True, least_columns=60))


@app.command(
    epilog=examples(
        "titan jobs",
        "titan jobs --status failed --limit 10",
        "titan jobs --dag nightly --json | jq -r '.jobs[].name'",
    )
)
def jobs(
    *,
    status: WithStatus = None,
    dag: OfDag = None,
    run: OfRun = None,
    limit: Limit = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List the newest jobs."""
    titan = connect(server)
    answer = titan.get("api", "jobs", status=status, dag=dag_id_of(titan, dag), run=run, limit=limit)
    if as_json:
        show_json(answer)
        return
    listed = read(answer, JobList).jobs
    if not listed:
        _say_no_jobs(is_filtered=bool(status or dag or run))
        return
    at = now()
    show_table(JOB_COLUMNS, [job_row(job, at=at) for job in listed])
    remark_limit(len(listed), limit)


@app.command(
    epilog=examples(
        "titan job train",
        "titan job train --dag nightly",
        "titan job train --json | jq .exit_code",
    )
)
def job(
    name: JobArgument,
    *,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show one job and its attempts.

    A name means the newest job of that name; --dag or --run say where to look instead.
    """
    answer = find_job_document(connect(server), name, dag=dag, run=run)
    if as_json:
        show_json(answer)
    else:
        show_job(read(answer, Job), at=now())


@app.command(
    epilog=examples(
        "titan logs train",
        "titan logs train --follow",
        "titan logs train --dag nightly --attempt 2 > train.log",
    )
)
def logs(
    name: JobArgument,
    *,
    follow: Follow = False,
    attempt: AttemptNumber = None,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Write what a job wrote, byte for byte; of several attempts one after the other, named on stderr.

    With --json the text is one field, in which bytes that are no UTF-8 are replaced.
    """
    titan = connect(server)
    found = find_job(titan, name, dag=dag, run=run)
    _check_attempt(found, attempt, is_followed=follow)
    if as_json:
        content = b"".join(log_pieces(titan, found.job_id, follow=follow, attempt=attempt))
        text = content.decode("utf-8", "replace")
        show_json({"job_id": found.job_id, "name": found.name, "size_bytes": len(content), "text": text})
        return
    if follow and found.started_at is None:
        remark(f"{found.name} is {found.status}{_because(found)}; its output follows.")
    if attempt is None:
        has_written = _write_attempts(titan, found, follow=follow)
    else:
        has_written = _write(log_pieces(titan, found.job_id, follow=follow, attempt=attempt)) != b""
    if not has_written:
        _remark_silence(found, was_followed=follow)


@app.command(epilog=examples("titan story train", "titan story train --dag nightly", "titan story train --json"))
def story(
    name: JobArgument,
    *,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Tell what happened to a job, and why it is where it is."""
    titan = connect(server)
    found = find_job(titan, name, dag=dag, run=run)
    answer = titan.get("api", "jobs", found.job_id, "story")
    if as_json:
        show_json(answer)
        return
    told = read(answer, Story)
    say(f"Job {told.name} (id {told.job_id}) is {found.status}{_because(found)}")
    say("")
    at = now()
    rows: list[list[Cell]] = [
        [instant(entry.at, now=at), with_local_times(entry.text, now=at), entry.cause] for entry in told.entries
    ]
    show_table(_STORY_COLUMNS, rows)


def _write_attempts(titan: Server, job: Job, *, follow: bool) -> bool:
    """Write the logs of all attempts; return whether there was anything."""
    has_written = False
    end = b"\n"
    for number, pieces in attempt_logs(titan, job, follow=follow):
        if len(job.attempts) > 1 or number > 1:
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


def _because(job: Job) -> str:
    return f": {reason_of(job, at=now())}" if job.reason else ""


def _say_no_jobs(*, is_filtered: bool) -> None:
    if is_filtered:
        say("No such jobs. `titan jobs` lists the newest of all.")
    else:
        say("No jobs yet: the scripts that are submitted appear here. Submit one: titan submit hello.py")


def _check_attempt(job: Job, attempt: int | None, *, is_followed: bool) -> None:
    """Refuse an attempt that there was not, unless it may be to come."""
    numbers = [each.attempt for each in job.attempts]
    if attempt is None or attempt in numbers or (is_followed and not job.status.is_final):
        return
    raise CommandFailed(
        f"job {job.name!r} ({job.job_id})",
        exit_code=ExitCode.NOT_FOUND,
        expected=f"an attempt from 1 to {max(numbers)}" if numbers else "an attempt",
        found=f"--attempt {attempt}" if numbers else "none yet",
        next_step=f"`titan job {job.job_id}` lists them.",
        kind="UnknownAttempt",
    )


def _remark_silence(job: Job, *, was_followed: bool) -> None:
    """Say on stderr why nothing was written, so that silence is no riddle."""
    if was_followed or job.status.is_final:
        remark(f"{job.name} has written nothing.")
    elif job.status is JobStatus.RUNNING:
        remark(f"{job.name} has written nothing yet. Follow it: titan logs --follow {job.job_id}")
    else:
        remark(f"{job.name} is {job.status}{_because(job)}. Wait for it: titan logs --follow {job.job_id}")
