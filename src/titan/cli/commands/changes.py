"""`titan cancel` and `titan retry`: end what runs, or try again what failed."""

import typer

from titan.cli.formats import count, listed
from titan.cli.lookup import on_any
from titan.cli.options import EVERYDAY, AllOfDag, AllOfRun, Answer, AnyArgument, asks
from titan.cli.screen import say
from titan.cli.server import Server, read
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
    answer = on_any(titan, "titan cancel", lambda *path: titan.post("api", *path, "cancel"), name, dag=dag, run=run)
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
    answer = on_any(titan, "titan retry", lambda *path: titan.post("api", *path, "retry"), name, dag=dag, run=run)
    return Answer(answer, lambda: _show_retried(read(answer, Retried)))


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
