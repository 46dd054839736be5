"""What jobs recorded and could not deliver comes to the server with their worker, whatever lies in their folders."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.worker_server import WorkerServer
from titan.wire.protocol import Registration
from titan.worker.server_client import Link, ServerAddress, ServerAway
from titan.worker.spool_upload import Spools
from titan_sdk.recording.delivery import Spool

ENTRY = '{"id":"a"}'
BODY = b'{"entries":[{"id":"a"}]}'


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


def spools_for(server: WorkerServer, folder: Path) -> Spools:
    registration = Registration(name="w", host="here", pid=1, offers={}, version="0")
    return Spools(Link("w1", registration, lambda: ServerAddress.of(server.url)), folder)


def test_what_an_attempt_left_is_delivered_as_its_own_and_its_folder_goes(server: WorkerServer, tmp_path: Path) -> None:
    spools = spools_for(server, tmp_path)
    for _ in range(2):
        Spool(str(spools.folder_of("l1"))).add([ENTRY])

    spools.ended("l1")
    spools.step()

    assert server.recorded == [("l1", BODY)] * 2
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_that_left_nothing_is_no_work(server: WorkerServer, tmp_path: Path) -> None:
    spools = spools_for(server, tmp_path)

    spools.ended("l1")
    spools.close()
    spools.step()

    assert server.recorded == []


def test_what_an_earlier_worker_did_not_deliver_is_delivered(server: WorkerServer, tmp_path: Path) -> None:
    Spool(str(tmp_path / "l1")).add([ENTRY])

    spools_for(server, tmp_path).step()

    assert server.recorded == [("l1", BODY)]


def test_what_cannot_be_delivered_now_stays_for_the_next_step(server: WorkerServer, tmp_path: Path) -> None:
    spools = spools_for(server, tmp_path)
    Spool(str(spools.folder_of("l1"))).add([ENTRY])
    spools.ended("l1")
    server.records_with = 503

    with pytest.raises(ServerAway):
        spools.step()
    server.records_with = 200
    spools.step()

    assert server.recorded == [("l1", BODY)]


def test_what_the_server_fails_over_lets_what_other_attempts_left_go_first(
    server: WorkerServer, tmp_path: Path
) -> None:
    spools = spools_for(server, tmp_path)
    for lease in ("l1", "l2"):
        Spool(str(spools.folder_of(lease))).add([ENTRY])
        spools.ended(lease)
    server.records_with = 500

    with pytest.raises(ServerAway):
        spools.step()
    server.records_with = 200
    spools.step()
    spools.step()

    assert server.recorded == [("l2", BODY), ("l1", BODY)]


@pytest.mark.parametrize("status", [400, 404, 409])
def test_what_the_server_will_never_take_holds_up_no_others(server: WorkerServer, tmp_path: Path, status: int) -> None:
    spools = spools_for(server, tmp_path)
    Spool(str(spools.folder_of("l1"))).add([ENTRY])
    spools.ended("l1")
    server.records_with = status

    spools.step()

    assert list(tmp_path.iterdir()) == []


def test_whatever_else_a_job_puts_there_is_removed_and_not_read(server: WorkerServer, tmp_path: Path) -> None:
    spools = spools_for(server, tmp_path)
    folder = spools.folder_of("l1")
    (folder / "2.jsonl").mkdir(parents=True)
    os.mkfifo(folder / "3.jsonl")
    (folder / "4.jsonl").symlink_to("/etc/hostname")
    (folder / "note.txt").write_text("x")
    spools.ended("l1")

    spools.step()

    assert (server.recorded, list(tmp_path.iterdir())) == ([], [])
