"""What jobs recorded and could not deliver comes to the server with their worker, whatever lies in their folders."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.support.worker_server import WorkerServer
from titan.wire.protocol import Registration
from titan.worker.server_client import ServerAddress, ServerAway, ServerClient
from titan.worker.spool_upload import SpoolUploader
from titan.worker.threads import ThreadPool
from titan_sdk.recording.delivery import Spool

ENTRY = '{"id":"a"}'
BODY = b'{"entries":[{"id":"a"}]}'


class Tasks:
    """A pool that performs its tasks when the test says so; one that raises ServerAway comes last."""

    def __init__(self) -> None:
        self._tasks: list[Callable[[], None]] = []

    def add(self, task: Callable[[], None]) -> None:
        self._tasks.append(task)

    def perform(self, count: int = 1) -> None:
        for _ in range(count):
            task = self._tasks.pop(0)
            try:
                task()
            except ServerAway:
                self._tasks.append(task)

    def __len__(self) -> int:
        return len(self._tasks)


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def spools(server: WorkerServer, tasks: Tasks, tmp_path: Path) -> SpoolUploader:
    registration = Registration(name="w", host="here", pid=1, offers={}, version="0")
    client = ServerClient("w1", registration, lambda: ServerAddress.of(server.url))
    return SpoolUploader(client, tmp_path, pool=cast("ThreadPool", tasks))


def leave(spools: SpoolUploader, *leases: str) -> None:
    """Have attempts leave an entry each, and end."""
    for lease in leases:
        Spool(str(spools.folder_of(lease))).add([ENTRY])
        spools.upload(lease)


def test_entries_left_by_an_attempt_are_delivered_as_its_own_and_its_folder_removed(
    server: WorkerServer, tasks: Tasks, spools: SpoolUploader, tmp_path: Path
) -> None:
    Spool(str(spools.folder_of("l1"))).add([ENTRY])
    leave(spools, "l1")

    tasks.perform()

    assert server.recorded == [("l1", BODY)] * 2
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_that_left_nothing_is_no_work(tasks: Tasks, spools: SpoolUploader) -> None:
    spools.upload("l1")

    assert len(tasks) == 0


def test_entries_left_by_an_earlier_worker_are_delivered(
    server: WorkerServer, tasks: Tasks, spools: SpoolUploader
) -> None:
    Spool(str(spools.folder_of("l1"))).add([ENTRY])

    spools.start()
    tasks.perform()

    assert server.recorded == [("l1", BODY)]


def test_entries_that_make_the_server_fail_are_repeated_after_those_of_other_attempts(
    server: WorkerServer, tasks: Tasks, spools: SpoolUploader
) -> None:
    leave(spools, "l1", "l2")
    server.records_with = 503

    tasks.perform()
    server.records_with = 200
    tasks.perform(2)

    assert server.recorded == [("l2", BODY), ("l1", BODY)]


@pytest.mark.parametrize("status", [400, 404, 409])
def test_entries_that_the_server_permanently_refuses_are_dropped(
    server: WorkerServer, tasks: Tasks, spools: SpoolUploader, tmp_path: Path, status: int
) -> None:
    leave(spools, "l1")
    server.records_with = status

    tasks.perform()

    assert list(tmp_path.iterdir()) == []


def test_foreign_files_that_a_job_puts_there_are_removed_and_not_read(
    server: WorkerServer, tasks: Tasks, spools: SpoolUploader, tmp_path: Path
) -> None:
    folder = spools.folder_of("l1")
    (folder / "2.jsonl").mkdir(parents=True)
    os.mkfifo(folder / "3.jsonl")
    (folder / "4.jsonl").symlink_to("/etc/hostname")
    (folder / "note.txt").write_text("x")
    spools.upload("l1")

    tasks.perform()

    assert (server.recorded, list(tmp_path.iterdir())) == ([], [])
