"""Waiting until a DAG has ended: looks at it now and then, and never misses its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from titan.cli.answers import Dag, Document, read
from titan.cli.exits import ExitCode, usage_error
from titan.cli.following import LogFollower
from titan.cli.progress import PlainProgress, SilentProgress, progress_on_stderr
from titan.cli.screen import remark, show_json
from titan.cli.server import Server
from titan.cli.views import now, show_outcome
from titan.model.dags import StageStatus

_SHORTEST_PAUSE_SECONDS = 0.3  # a change is on the screen within a third of a second
_LONGEST_PAUSE_SECONDS = 10.0
_PAUSE_PER_COST = 20  # a look at 10,000 jobs may take 0.2 s; the next then comes after 4 s: 5 % of the time
_ANSWER_SECONDS = 30.0  # silence that means a broken connection, beyond what the server was asked to wait


def check_watching(*, as_json: bool, follow: bool) -> None:
    """Refuse `--json` with `--follow`.

    Raises:
        CommandFailed: both were given.
    """
    if as_json and follow:
        raise usage_error(
            "--json with --follow",
            expected="one JSON document on stdout, or what the jobs write",
            found="both",
            next_step="Use --wait --json, then `titan logs JOB`.",
        )


def watch_dag(server: Server, dag_id: str, *, as_json: bool = False, follow: bool = False) -> ExitCode:
    """Show how the DAG goes on until it has ended, then how it ended; return the exit code for that."""
    with _goes_on_without_us(dag_id, is_silent=as_json):
        if follow:
            dag = _follow(server, dag_id)
        else:
            with SilentProgress() if as_json else progress_on_stderr() as progress:
                document, dag = wait_for_dag(server, dag_id, show=progress.show)
    if as_json:
        show_json(document)
    elif not follow:
        show_outcome(dag, at=now())
    return ExitCode.OK if dag.status is StageStatus.COMPLETED else ExitCode.FAILED


def wait_for_dag(server: Server, dag_id: str, *, show: Callable[[Dag], None]) -> tuple[Document, Dag]:
    """Return the DAG once it is final, as it came and as a value; call `show` with every look at it."""
    for document, dag in _look_until_final(server, dag_id):
        show(dag)
        final = document, dag
    return final


def _follow(server: Server, dag_id: str) -> Dag:
    """Write the jobs' logs to stdout and their changes to stderr, a job's end after its last line."""
    follower, progress = LogFollower(server), PlainProgress()

    def show(dag: Dag) -> None:
        follower.show(dag)
        if dag.is_final:
            follower.finish()
        progress.show(dag)

    _, dag = wait_for_dag(server, dag_id, show=show)
    return dag


@contextmanager
def _goes_on_without_us(dag_id: str, *, is_silent: bool) -> Iterator[None]:
    """On Ctrl-C say that only the waiting ends."""
    try:
        yield
    except KeyboardInterrupt:
        if not is_silent:
            remark(
                f"No longer waiting; the DAG goes on. See it: titan dag {dag_id}  End it: titan cancel --dag {dag_id}"
            )
        raise


def _look_until_final(server: Server, dag_id: str) -> Iterator[tuple[Document, Dag]]:
    """Yield the DAG at once and after every pause; the last is final.

    The pause is spent in the server, which answers early when the DAG becomes final.
    """
    pause = 0.0
    while True:
        began = time.monotonic()
        document = server.get("api", "dags", dag_id, wait_seconds=pause, timeout_seconds=pause + _ANSWER_SECONDS)
        dag = read(document, Dag)
        yield document, dag
        if dag.is_final:
            return
        cost = max(time.monotonic() - began - pause, 0.0)
        pause = min(max(cost * _PAUSE_PER_COST, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
