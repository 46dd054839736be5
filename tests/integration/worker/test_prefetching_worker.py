"""A worker process that prefetches, against a scripted server: what it begins, gives back, and wants next."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.waiting import let_pass, wait_until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_server import WorkerServer
from titan.model.attempts import AttemptOutcome

WAITING = (
    "import pathlib, sys, time\nprint('ready')\nwhile not pathlib.Path(sys.argv[1]).exists():\n    time.sleep(0.005)"
)
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(600)"
SLEEP = "import time\nprint('ready')\ntime.sleep(600)"


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


def a_worker(server: WorkerServer, folder: Path, *, slots: int = 1) -> WorkerProcess:
    return WorkerProcess(server.url, folder / "home", offer=f"GENERAL:{slots}")


def give(server: WorkerServer, text: str, *args: str, is_prefetched: bool = False) -> str:
    """Lease an attempt with its place in the queue."""
    return server.give(text, *args, label="GENERAL", ready_at=datetime.now(UTC), is_prefetched=is_prefetched)


def test_a_worker_wants_nothing_beyond_its_slots_until_it_knows_that_its_jobs_are_short(
    server: WorkerServer, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    with a_worker(server, tmp_path, slots=4):
        first = give(server, WAITING, str(flag), is_prefetched=True)
        wait_until(lambda: bool(server.started), "the start is reported")
        before = server.progress[0].prefetch
        flag.touch()
        server.wait_for_report(first)
        for _short_one in range(40):
            server.wait_for_report(give(server, ""))

    assert (server.started, before) == ([first], {"GENERAL": 0})
    assert max((request.prefetch or {}).get("GENERAL", 0) for request in server.progress) > 0


def test_an_attempt_that_would_have_to_wait_for_long_is_given_back_and_never_begins(
    server: WorkerServer, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    with a_worker(server, tmp_path):
        long = give(server, WAITING, str(flag))
        server.wait_for_output(long, "ready")
        waiting = give(server, "print('began')", is_prefetched=True)
        wait_until(lambda: waiting in server.returned, "it is given back")
        flag.touch()
        server.wait_for_report(long)
        server.wait_for_report(give(server, ""))

    assert waiting not in {*server.logs, *server.reports, *server.started}


def test_a_worker_that_was_stopped_begins_nothing_that_waited_meanwhile(server: WorkerServer, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with a_worker(server, tmp_path) as worker:
        for _short_one in range(3):
            server.wait_for_report(give(server, ""))
        first = give(server, WAITING, str(flag))
        server.wait_for_output(first, "ready")
        waiting = give(server, "", is_prefetched=True)  # the script of the short ones, which need not be fetched
        wait_until(lambda: any(waiting in claim.holding for claim in server.claims), "the other is held")
        last = give(server, WAITING, str(flag))  # assigned after it, so it began when the other waited already
        server.wait_for_output(last, "ready")

        worker.signal(signal.SIGSTOP)
        flag.touch()
        let_pass(0.3)
        worker.signal(signal.SIGCONT)
        wait_until(lambda: waiting in server.returned, "what waited is given back")
        server.wait_for_report(first)
        server.wait_for_report(last)

    assert waiting not in {*server.logs, *server.reports, *server.started}


def test_a_worker_that_leaves_wants_nothing_more_while_its_jobs_end(server: WorkerServer, tmp_path: Path) -> None:
    with a_worker(server, tmp_path, slots=2) as worker:
        for _short_one in range(3):
            server.wait_for_report(give(server, ""))
        stubborn, other = give(server, STUBBORN), give(server, SLEEP)
        server.wait_for_output(stubborn, "ready")
        server.wait_for_output(other, "ready")
        before = len(server.progress)

        worker.signal(signal.SIGTERM)
        worker.exit_code()

    assert [server.reports[lease].outcome for lease in (stubborn, other)] == [AttemptOutcome.RETURNED] * 2
    assert [request.prefetch for request in server.progress[before:]] == [None, None]
