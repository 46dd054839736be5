"""`titan cancel`, `titan retry` and `titan rerun`: end what runs, try again what failed, or run all of it again."""

import typer

from titan.cli.commands.submit import submitted_once_more
from titan.cli.lookup import path_of
from titan.cli.options import EVERYDAY, AllOfDag, AllOfRun, Answer, AnyArgument, JobOrDag, RunScope, asks
from titan.cli.server import Server, read
from titan.cli.terminal import say
from titan.cli.views.formats import count, listed
from titan.wire.work import Cancelled, Retried

everyday = typer.Typer()


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
    its processes.
    """
    answer = titan.post("api", *path_of(titan, "titan cancel", name, dag=dag, run=run), "cancel")
    return Answer(answer, lambda: _show_cancelled(read(answer, Cancelled)))


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
    return Answer(answer, lambda: _show_retried(read(answer, Retried)))


@asks(
    everyday,
    "titan rerun train",
    "titan rerun train --dag nightly",
    "titan rerun --dag nightly",
    panel=EVERYDAY,
)
def rerun(titan: Server, name: JobOrDag = None, *, dag: AllOfDag = None, run: RunScope = None) -> Answer:
    """Run a job or a whole DAG again, with the same scripts, arguments and environment.

    A job runs as a DAG of its own. Of an agent run, `titan runs resume` starts the orchestrator again.
    """
    kind, found = path_of(titan, "titan rerun", name, dag=dag, run=run, has_runs=False)
    return submitted_once_more(titan.post("api", kind, found, "rerun" if kind == "jobs" else "redeploy"))


def _show_cancelled(done: Cancelled) -> None:
    if done.cancelled:
        say(f"Cancelled {listed(done.cancelled)}.")
    if done.stopping:
        say(f"Stopping {listed(done.stopping)}: what runs is being ended with all its processes.")
    if not done.cancelled and not done.stopping:
        say(f"Nothing to cancel: {listed(done.skipped)} had ended already." if done.skipped else "Nothing to cancel.")


def _show_retried(done: Retried) -> None:
    kept = f" {count(done.kept, 'completed job')} kept." if done.kept else ""
    say(f"Trying again: {listed(done.retried)}.{kept}")
