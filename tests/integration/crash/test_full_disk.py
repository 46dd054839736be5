"""A full disk refuses what it cannot keep, by name, and loses nothing of what it has kept."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.support.command_line import PROGRAM
from tests.support.full_disk import MakeRoom, small_disk
from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import running_titan
from tests.support.running_worker import running_worker
from tests.support.sources import PACKAGES
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, submit
from tests.support.waiting import wait_until
from tests.support.witness import Witness, crowd

DISK_BYTES = 12 * 1024 * 1024
LARGER_DISK_BYTES = 64 * 1024 * 1024
VALUE = "x" * 256 * 1024
UNRECORDED = "titan_unrecorded_model_calls_total "


@pytest.fixture
def make_room(tmp_path: Path) -> Iterator[MakeRoom]:
    with small_disk(tmp_path / "disk", size_bytes=DISK_BYTES) as make_room:
        yield make_room


def test_running_jobs_are_not_lost_while_the_servers_disk_fills_up(make_room: MakeRoom, tmp_path: Path) -> None:
    with running_titan(tmp_path / "disk" / "home", offers=()) as titan, ExitStack() as stack:
        witness, port = Witness(titan, tmp_path, Random(1)), titan.sdk_port
        stack.enter_context(running_worker(witness.url, tmp_path / "worker"))
        witness.submit("crowd", crowd("job", 4), seconds=1.5)
        witness.wait_for_attempts(4)

        refusal = fill_up(port)
        another_refusal = put(port, "one more")
        witness.wait_for_mark("ended job0")
        while_full = ask(port, "GET", "/api/store?key=filler0")
        make_room()
        lift_limit(titan.pid)

        witness.see_that_all_is_well()
        assert refusal.refusal == another_refusal.refusal == (507, "StoreFull")
        assert while_full.value["value"] == VALUE
        assert ask(port, "GET", "/api/store?key=one%20more").value["value"] is None
    witness.see_that_nothing_is_left()


def test_an_almost_full_disk_keeps_no_record_of_the_models_answers_and_gives_them_all_the_same(tmp_path: Path) -> None:
    disk, script = tmp_path / "disk", tmp_path / "answers.json"
    script.write_text('[{"contains": "sky", "answer": "blue", "repeat": true}]')
    question = {"messages": [{"role": "user", "content": "The sky?"}]}
    with (
        small_disk(disk, size_bytes=LARGER_DISK_BYTES),
        running_titan(disk / "home", offers=(), model=f"scripted:{script}") as titan,
    ):
        if not disk.is_mount():
            return  # where nobody may mount one, there is no disk that this test could fill
        port, recorded = titan.sdk_port, RecordedCalls(titan)
        filler = disk / "filler"
        filler.write_bytes(bytes(free_bytes(port) - LARGER_DISK_BYTES // 40))
        wait_until(lambda: ask(port, "GET", "/api/health").value["storage"]["is_low"], "the disk is low")

        answers = [ask_json(port, "POST", "/v1/chat/completions", question) for _ in range(3)]
        wait_until(lambda: unrecorded(port) == 3, "three calls are counted")
        filler.unlink()
        wait_until(lambda: not ask(port, "GET", "/api/health").value["storage"]["is_low"], "there is room")
        later = ask_json(port, "POST", "/v1/chat/completions", question)
        recorded.actions(later.value["id"])
        recorded.close()

        assert [answer.status for answer in answers] == [200, 200, 200]
        assert len(recorded_runs(port)) == 1
        assert titan.log.count("calls of the model endpoint are not recorded") == 1


def test_an_almost_full_disk_refuses_new_work_and_lets_running_jobs_finish(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, size_bytes=LARGER_DISK_BYTES), running_titan(disk / "home", offers=()) as titan:
        if not disk.is_mount():
            return  # where nobody may mount one, there is no disk that this test could fill
        port, worker = titan.sdk_port, WireWorker(titan.sdk_port)
        running_id, lease_id = worker.a_running_job()
        waiting_id = submit(port, a_dag_body([a_job_body(requirement=worker.label)]))
        filler = disk / "filler"
        filler.write_bytes(bytes(free_bytes(port) - LARGER_DISK_BYTES // 40))

        storage = ask(port, "GET", "/api/health").value["storage"]
        refusals = [
            ask_json(port, "POST", "/api/dags", a_dag_body(), a_key()).refusal,
            ask_json(port, "PUT", "/api/store", {"key": "k", "value": "v"}, a_key()).refusal,
            ask(port, "PUT", "/api/files/data.csv", b"1,2", a_key()).refusal,
        ]
        printed = worker.print_of(lease_id, b"hello\n", offset=0)
        reported = worker.report(lease_id, log_offset=6)
        claimed = worker.claim(wait_seconds=0.2)
        done = ask(port, "GET", f"/api/jobs/{running_id}").value["status"]
        filler.unlink()
        after = ask(port, "GET", "/api/health").value["storage"]
        claimed_again = worker.claim(wait_seconds=20)

    assert (storage["is_low"], after["is_low"]) == (True, False)
    assert refusals == [(507, "StoreFull")] * 3
    assert (printed.status, reported.value["accepted"], done) == (200, [lease_id], "COMPLETED")
    assert claimed == []
    assert [assignment["dag_id"] for assignment in claimed_again] == [waiting_id]


def test_an_almost_full_disk_is_reported_once(tmp_path: Path) -> None:
    disk, told = tmp_path / "disk", tmp_path / "told"
    with small_disk(disk, size_bytes=LARGER_DISK_BYTES), told.open("w") as output:
        if not disk.is_mount():
            return  # where nobody may mount one, there is no disk that this test could fill
        server = subprocess.Popen(
            [*PROGRAM, "up", "--home", str(disk / "home"), "--no-worker", "--port", "0", "--sdk-port", "0"],
            env={**os.environ, "PYTHONPATH": PACKAGES},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: "Ctrl-C" in told.read_text(), "it is up", seconds=60)
            free = os.statvfs(disk)
            (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - LARGER_DISK_BYTES // 40))
            wait_until(lambda: "is almost full" in told.read_text(), "it is told of")
        finally:
            server.terminate()
            server.wait(30)

    assert told.read_text().count("is almost full") == 1


def free_bytes(port: int) -> int:
    """Return how much of the disk is free."""
    found: int = ask(port, "GET", "/api/health").value["storage"]["free_bytes"]
    return found


def put(port: int, key: str) -> Answer:
    """Put a quarter of a mebibyte under `key`."""
    return ask_json(port, "PUT", "/api/store", {"key": key, "value": VALUE})


def fill_up(port: int) -> Answer:
    """Put values until one is refused; return the refusal."""
    for number in range(4 * DISK_BYTES // len(VALUE)):
        answer = put(port, f"filler{number}")
        if answer.status != 200:
            return answer
    raise AssertionError("the disk never was full")


def lift_limit(pid: int) -> None:
    """Let a process that was started under a limit on file sizes write again; no matter where the disk was mounted."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, resource.prlimit(os.getpid(), resource.RLIMIT_FSIZE))


def unrecorded(port: int) -> int:
    """Return how many calls of the model the server counts as not recorded."""
    figures = ask(port, "GET", "/metrics").body.decode()
    return next(int(float(line.split()[1])) for line in figures.splitlines() if line.startswith(UNRECORDED))


def recorded_runs(port: int) -> list[str]:
    """Return the ids of all recorded runs."""
    return [run["run_id"] for run in ask(port, "GET", "/api/v1/runs?window=all").value["data"]]
