"""`titan jobs`, `titan dags` and `titan logs`: show jobs and DAGs; `titan cancel`, `titan retry`, `titan rerun`."""

from functools import partial
from typing import Annotated, Final

import typer

from titan.cli import lookup
from titan.cli.commands.submit import submitted_once_more
from titan.cli.exit_codes import not_found, usage_error
from titan.cli.following import attempt_logs, check_watching, log_pieces, outcome_code, watch_dag
from titan.cli.lookup import dag_id_of, find_dag, find_job, find_job_document, path_of
from titan.cli.options import (
    EVERYDAY,
    AllOfDag,
    AllOfRun,
    Answer,
    AnyArgument,
    DagArgument,
    DagScope,
    Follow,
    JobArgument,
    JobOrDag,
    Limit,
    OfDag,
    OfOrigin,
    OfRun,
    RunScope,
    Wait,
    asks,
    noun,
    option,
)
from titan.cli.server import Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_json, show_list, show_table, write_bytes, write_stream
from titan.cli.views.formats import count, instant, listed, with_local_times
from titan.cli.views.jobs import DAG_COLUMNS, JOB_COLUMNS, attempts_of, now, reason_of, show_dag, show_job
from titan.model.jobs import JobStatus
from titan.wire import work

jobs = noun("List and show jobs.")
dags = noun("List and show DAGs, wait for one.")
everyday = typer.Typer()

WithStatus = Annotated[JobStatus | None, option("--status", "Only jobs with this status.", case_sensitive=False)]
OfResult = Annotated[
    bool, option("--result", "Write only the JSON that it set as its result; exit 3 when it set none.")
]
OfHistory = Annotated[bool, option("--history", "Show instead what happened to it, and why it is where it is.")]
FollowLog = Annotated[bool, option("--follow -f", "Go on as the job writes, until it has ended.")]
AttemptNumber = Annotated[
    int | None, option("--attempt N", "Only this attempt's output. Default: all, in order.", min=1)
]

_HISTORY_COLUMNS: Columns[work.StoryLineView] = (
    Column("WHEN", lambda entry, at: instant(entry.at, now=at)),
    Column("WHAT HAPPENED", lambda entry, at: with_local_times(entry.text, now=at), folds=True),
    Column("CAUSE", lambda entry, _: entry.cause, folds=True, least_columns=60),
)
_NO_JOBS: Final = "No jobs yet: the scripts that are submitted appear here. Submit one: titan submit hello.py"


@asks(
    jobs,
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
    return Answer(
        answer, lambda: show_list(JOB_COLUMNS, read(answer, work.JobsAnswer).jobs, nothing=nothing, limit=limit)
    )


@asks(
    jobs,
    "titan jobs show train",
    "titan jobs show train --dag nightly",
    "titan jobs show train --json | jq .exit_code",
    "titan jobs show train --history",
    "titan jobs show train --result | jq .accuracy",
    name="show",
)
def show_one_job(
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
    job = read(answer, work.JobView)
    if history and result:
        raise usage_error("titan jobs show", "one of --history and --result", "both")
    if history:
        story = titan.get("api", "jobs", job.job_id, "story")
        return Answer(story, lambda: _show_history(job, read(story, work.StoryAnswer)))
    if not result:
        return Answer(answer, lambda: show_job(job, at=now()))
    answer = titan.get("api", "jobs", job.job_id, "result")
    if not read(answer, work.ResultAnswer).is_set:
        found, next_step = f"none; it is {job.status}", "A job sets one with titan_sdk.set_result(value)."
        raise not_found(f"job {job.name!r} ({job.job_id})", "a result", found, next_step, kind="UnknownResult")
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
    follow: FollowLog = False,
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
        has_written = write_stream(log_pieces(titan, found.job_id, follow=follow, attempt=attempt)) != b""
    if not has_written:
        _remark_silence(found, was_followed=follow)
    return None


def _show_history(job: work.JobView, history: work.StoryAnswer) -> None:
    say(f"Job {history.name} (id {history.job_id}) is {job.status}{_because(job)}")
    say("")
    show_table(_HISTORY_COLUMNS, history.entries)


def _write_attempts(titan: Server, job: work.JobView, *, follow: bool) -> bool:
    """Write the logs of all attempts; return whether they hold anything."""
    has_written = False
    end = b"\n"
    for number, pieces in attempt_logs(titan, job, follow=follow):
        if len(attempts_of(job)) > 1 or number > 1:
            if end != b"\n":
                remark("")  # the heading begins its own line, and stdout stays as it was written
            remark(f"--- attempt {number} of {job.name} ---")
        last = write_stream(pieces)
        has_written = has_written or last != b""
        end = last or b"\n"
    return has_written


def _because(job: work.JobView) -> str:
    return f": {reason_of(job, at=now())}" if job.reason else ""


def _check_attempt(job: work.JobView, attempt: int | None, *, is_followed: bool) -> None:
    """Refuse the number of an attempt that does not exist, unless `--follow` waits for it."""
    numbers = [each.attempt for each in attempts_of(job)]
    if attempt is None or attempt in numbers or (is_followed and not job.status.is_final):
        return
    expected, found = "an attempt", "none yet"
    if numbers:
        expected, found = f"an attempt from 1 to {max(numbers)}", f"--attempt {attempt}"
    next_step = f"`titan jobs show {job.job_id}` lists them."
    raise not_found(f"job {job.name!r} ({job.job_id})", expected, found, next_step, kind="UnknownAttempt")


def _remark_silence(job: work.JobView, *, was_followed: bool) -> None:
    """Say on stderr why there is no output."""
    if was_followed or job.status.is_final:
        remark(f"{job.name} has written nothing.")
    elif job.status is JobStatus.RUNNING:
        remark(f"{job.name} has written nothing yet. Follow it: titan logs --follow {job.job_id}")
    else:
        remark(f"{job.name} is {job.status}{_because(job)}. Wait for it: titan logs --follow {job.job_id}")


# --- DAGs ---

_NO_DAGS: Final = "No DAGs yet: whatever is submitted appears here. Submit a script: titan submit hello.py"

Named = Annotated[str | None, option("--name NAME", "Only submissions of this name.", lookup.dag_names)]


@asks(
    dags,
    "titan dags",
    "titan dags --name nightly --limit 5",
    "titan dags list --json | jq -r '.dags[] | select(.status == \"FAILED\") | .name'",
    name="list",
)
def list_dags(
    titan: Server, *, limit: Limit = 50, run: OfRun = None, name: Named = None, origin: OfOrigin = None
) -> Answer:
    """List the newest DAGs; those of evaluations where asked for, or where their name or run is."""
    answer = titan.get("api", "dags", limit=limit, run=run, name=name, origin=origin)
    nothing = "No such DAGs. `titan dags` lists all of them." if run or name or origin else _NO_DAGS
    return Answer(
        answer, lambda: show_list(DAG_COLUMNS, read(answer, work.DagsAnswer).dags, nothing=nothing, limit=limit)
    )


@asks(
    dags,
    "titan dags show nightly",
    "titan dags show nightly --wait && echo done",
    "titan dags show nightly --json | jq '.counts'",
    name="show",
)
def show_one_dag(
    titan: Server, name: DagArgument, *, wait: Wait = False, follow: Follow = False, as_json: bool = False
) -> Answer:
    """Show one DAG and its jobs, or wait until it has ended.

    A name means the newest DAG of that name.
    """
    check_watching(as_json=as_json, follow=follow)
    if wait or follow:
        dag = watch_dag(titan, find_dag(titan, name).dag_id, as_json=as_json, follow=follow)
        raise typer.Exit(outcome_code(dag))
    answer = titan.get("api", "dags", name)
    return Answer(answer, lambda: show_dag(read(answer, work.DagView), at=now()))


# --- cancel, retry, rerun ---


@asks(
    everyday,
    "titan cancel train",
    "titan cancel train --dag nightly",
    "titan cancel --dag nightly",
    "titan cancel --run RESEARCH_cb5e13",
    panel=EVERYDAY,
)
def cancel(titan: Server, name: AnyArgument = None, *, dag: AllOfDag = None, run: AllOfRun = None) -> Answer:
    """Cancel a job, a DAG or an agent run.

    What has not started never will, and the children of a cancelled job neither; what runs is ended with all
    its processes. So is all that these jobs have submitted themselves.
    """
    answer = titan.post("api", *path_of(titan, "titan cancel", name, dag=dag, run=run), "cancel")
    return Answer(answer, lambda: _show_cancelled(read(answer, work.Cancelled)))


@asks(
    everyday,
    "titan retry train",
    "titan retry train --dag nightly",
    "titan retry --dag nightly",
    "titan retry RESEARCH_cb5e13",
    panel=EVERYDAY,
)
def retry(titan: Server, name: AnyArgument = None, *, dag: AllOfDag = None, run: AllOfRun = None) -> Answer:
    """Try again what failed; what completed is kept.

    What was cancelled because of it is tried again, too.
    """
    answer = titan.post("api", *path_of(titan, "titan retry", name, dag=dag, run=run), "retry")
    return Answer(answer, lambda: _show_retried(read(answer, work.Retried)))


@asks(everyday, "titan rerun train", "titan rerun train --dag nightly", "titan rerun --dag nightly", panel=EVERYDAY)
def rerun(titan: Server, name: JobOrDag = None, *, dag: AllOfDag = None, run: RunScope = None) -> Answer:
    """Run a job or a whole DAG again, with the same scripts, arguments and environment.

    A job runs as a DAG of its own. Of an agent run, `titan runs resume` starts the orchestrator again.
    """
    kind, found = path_of(titan, "titan rerun", name, dag=dag, run=run, has_runs=False)
    return submitted_once_more(titan.post("api", kind, found, "rerun" if kind == "jobs" else "redeploy"))


def _show_cancelled(done: work.Cancelled) -> None:
    if done.cancelled:
        say(f"Cancelled {listed(done.cancelled)}.")
    if done.stopping:
        say(f"Stopping {listed(done.stopping)}: what runs is being ended with all its processes.")
    if not done.cancelled and not done.stopping:
        say(f"Nothing to cancel: {listed(done.skipped)} had ended already." if done.skipped else "Nothing to cancel.")


def _show_retried(done: work.Retried) -> None:
    kept = f" {count(done.kept, 'completed job')} kept." if done.kept else ""
    say(f"Trying again: {listed(done.retried)}.{kept}")
