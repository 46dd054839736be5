"""A worker whose server stays away."""

from pathlib import Path

from tests.support.worker_server import WorkerServer
from titan.worker.files.file_collector import CollectLimits
from titan.worker.mailbox import Mailbox
from titan.worker.server_client import ServerAddress
from titan.worker.worker import Worker, WorkerPlan


def test_a_worker_without_work_ends_when_no_server_answers_for_long(tmp_path: Path) -> None:
    server = WorkerServer()
    server.go_away()
    plan = WorkerPlan(
        name="w1",
        host="here",
        offers={"GENERAL": 1},
        folder=tmp_path,
        collect=CollectLimits(file_bytes=0, files=0),
        find_server=lambda: ServerAddress.of(server.url),
        absence_limit_seconds=0.5,
    )
    worker = Worker(plan, Mailbox())

    worker.start()
    worker.work()  # returns only because nobody answers
    worker.leave()
    worker.close()

    assert server.claims == []
