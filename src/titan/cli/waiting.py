"""Waiting until a DAG has ended: looks at it now and then, and never misses its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from titan.cli.answers import Dag, Document, read
from titan.cli.exits import ExitCode, usage_error
from titan.cli.following import LogFollower
from titan.cli.progress import PlainProgress, progress_on_stderr
from titan.cli.screen import remark, show_json
from titan.cli.server import Server
from titan.cli.views import now, show_outcome
from titan.model.dags import StageStatus

_SHORTEST_PAUSE_SECONDS = 0.3  # a change is on the screen within a third of a second
_LONGEST_PAUSE_SECONDS = 10.0
_PAUSE_PER_COST = 20  # a look at 10,000 jobs may take 0.2 s; the next then comes after 4 s: 5 % of the time
_SILENT_WAIT_SECONDS = 25.0  # the server waits 30 s at most
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


def watch_dag(server: Server, dag_id: str, *, as_json: bool = False, follow: bool = False) -> Dag:
    """Show how the DAG goes on until it has ended, then how it ended; return it."""
    if as_json:
        document = _wait_silently(server, dag_id)
        show_json(document)
        return read(document, Dag)
    with _goes_on_without_us(dag_id):
        dag = _follow(server, dag_id) if follow else _show_progress(server, dag_id)
    if not follow:
        show_outcome(dag, at=now())
    return dag


def outcome_code(dag: Dag) -> ExitCode:
    """Return the exit code of a DAG that has ended."""
    return ExitCode.OK if dag.status is StageStatus.COMPLETED else ExitCode.FAILED


def _wait_silently(server: Server, dag_id: str) -> Document:
    """Return the final DAG as it came; until then nothing but its status is asked for."""
    is_final = False
    while not is_final:
        document = server.get(
            *("api", "dags", dag_id),
            jobs=False,
            wait_seconds=_SILENT_WAIT_SECONDS,
            timeout_seconds=_SILENT_WAIT_SECONDS + _ANSWER_SECONDS,
        )
        is_final = read(document, Dag).is_final
    return server.get("api", "dags", dag_id)


def _show_progress(server: Server, dag_id: str) -> Dag:
    with progress_on_stderr() as progress:
        return _wait(server, dag_id, show=progress.show)


def _follow(server: Server, dag_id: str) -> Dag:
    """Write the jobs' logs to stdout and their changes to stderr, a job's end after its last line."""
    follower, progress = LogFollower(server), PlainProgress()

    def show(dag: Dag) -> None:
        follower.show(dag)
        if dag.is_final:
            follower.finish()
        progress.show(dag)

    return _wait(server, dag_id, show=show)


@contextmanager
def _goes_on_without_us(dag_id: str) -> Iterator[None]:
    """On Ctrl-C say that only the waiting ends."""
    try:
        yield
    except KeyboardInterrupt:
        remark(
            f"No longer waiting; the DAG goes on. See it: titan dags show {dag_id}  End it: titan cancel --dag {dag_id}"
        )
        raise


def _wait(server: Server, dag_id: str, *, show: Callable[[Dag], None]) -> Dag:
    """Return the DAG once it is final; call `show` with every look at it, the last included.

    Between two looks the request waits in the server, which answers early when the DAG becomes final.
    """
    pause = 0.0
    while True:
        began = time.monotonic()
        document = server.get("api", "dags", dag_id, wait_seconds=pause, timeout_seconds=pause + _ANSWER_SECONDS)
        dag = read(document, Dag)
        show(dag)
        if dag.is_final:
            return dag
        cost = max(time.monotonic() - began - pause, 0.0)
        pause = min(max(cost * _PAUSE_PER_COST, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
