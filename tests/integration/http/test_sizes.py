"""Large graphs and large files are fine; what is over the limit leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw_http import a_key, ask, ask_json, request, said
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import blob_files, stored_facts
from tests.support.submissions import a_dag_body, a_job_body, a_name, submit
from tests.support.waiting import wait_until
from titan_sdk import TitanClient
from titan_sdk.errors import TooLarge

MEBIBYTE = 1024 * 1024
JOBS = 10_000
ARTIFACT_BYTES = 200_000_000
SMALL_LIMIT_BYTES = 3 * MEBIBYTE
MEMORY_MAY_GROW_BYTES = 60 * MEBIBYTE  # less than a third of the artifact: it passes through, in parts


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that takes files of 3 MiB at most."""
    home = tmp_path_factory.mktemp("small") / "home"
    launcher = ("env", f"TITAN_MAX_FILE_BYTES={SMALL_LIMIT_BYTES}")
    running = RunningTitan(home, offers=(), launcher=launcher)
    try:
        yield running
    finally:
        running.stop()


def a_client(titan: RunningTitan) -> TitanClient:
    """Return a client that does not talk."""
    return TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None)


def peak_memory_bytes(pid: int) -> int:
    """Return the most memory a process has had so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    kibibytes = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert kibibytes is not None
    return int(kibibytes[1]) * 1024


def a_large_file(path: Path, size_bytes: int) -> str:
    """Write a file whose parts all differ, and return its digest."""
    digest = hashlib.sha256()
    part = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for number in range(size_bytes // MEBIBYTE + 1):
            piece = (number.to_bytes(8, "big") + part[8:])[: size_bytes - number * MEBIBYTE]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_dag_of_ten_thousand_jobs_is_taken_listed_and_cancelled_whole(port: int) -> None:
    middle = [a_job_body(f"middle-{number}", parents=["first"]) for number in range(JOBS - 2)]
    last = a_job_body("last", parents=[job["id"] for job in middle])

    dag_id = submit(port, a_dag_body([a_job_body("first"), *middle, last]))
    listed = ask(port, "GET", f"/api/jobs?dag={dag_id}&limit=10000").value["jobs"]
    cancelled = ask(port, "POST", f"/api/dags/{dag_id}/cancel", headers=a_key()).value
    dag = ask(port, "GET", f"/api/dags/{dag_id}").value

    assert len(listed) == JOBS
    assert len(cancelled["cancelled"]) == JOBS
    assert dag["counts"]["cancelled"] == len(dag["jobs"]) == JOBS
    assert dag["is_final"]


def test_a_chain_of_ten_thousand_jobs_is_no_cycle_but_is_one_when_closed(port: int) -> None:
    jobs = [a_job_body("0"), *(a_job_body(str(n), parents=[str(n - 1)]) for n in range(1, JOBS))]
    closed = [{**jobs[0], "parents": [str(JOBS - 1)]}, *jobs[1:]]

    accepted = ask_json(port, "POST", "/api/dags", a_dag_body(jobs))
    refused = ask_json(port, "POST", "/api/dags", a_dag_body(closed))

    assert accepted.status == 201
    assert refused.refusal == (400, "InvalidDag")
    assert "no cycle of parents" in refused.message
    assert "… 9992 more …" in refused.message


def test_an_artifact_of_200_mb_goes_up_and_down_without_passing_through_memory(
    titan: RunningTitan, tmp_path: Path
) -> None:
    source, copy, key = tmp_path / "large.bin", tmp_path / "copy.bin", a_name("key")
    digest = a_large_file(source, ARTIFACT_BYTES)
    client = a_client(titan)
    before = peak_memory_bytes(titan.pid)

    assert client.publish_artifact(key, source)
    assert client.get_artifact(key, copy)

    assert copy.stat().st_size == ARTIFACT_BYTES
    assert digest_of(copy) == digest
    assert peak_memory_bytes(titan.pid) - before < MEMORY_MAY_GROW_BYTES


def test_an_empty_file_and_one_with_an_odd_name_are_files(port: int) -> None:
    empty, odd = a_name("empty"), "%F0%9F%98%80%20%27%22%3B%7C%24%28x%29.txt"

    stored = [ask(port, "PUT", f"/api/files/{name}", content).status for name, content in ((empty, b""), (odd, b"x"))]

    assert stored == [201, 201]
    assert [ask(port, "GET", f"/api/files/{name}").body for name in (empty, odd)] == [b"", b"x"]


def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(small: RunningTitan, tmp_path: Path) -> None:
    a_large_file(tmp_path / "over.bin", 20 * SMALL_LIMIT_BYTES)
    before = stored_facts(small.home)

    with pytest.raises(TooLarge, match=str(SMALL_LIMIT_BYTES)):
        a_client(small).upload_file(tmp_path / "over.bin")

    assert stored_facts(small.home) == before


def test_an_upload_of_unannounced_size_is_refused_where_the_limit_is(small: RunningTitan) -> None:
    part = b"%x\r\n%s\r\n" % (MEBIBYTE, bytes(MEBIBYTE))
    headers = {"Content-Length": "", "Transfer-Encoding": "chunked", "Connection": "keep-alive", **a_key()}
    before = stored_facts(small.home)

    answer = ask(small.sdk_port, "PUT", "/api/files/over.bin", 4 * part + b"0\r\n\r\n", headers)

    assert answer.refusal == (413, "TooLarge")
    assert stored_facts(small.home) == before


def test_an_upload_of_just_the_limit_is_kept(small: RunningTitan) -> None:
    answer = ask(small.sdk_port, "PUT", "/api/files/full.bin", bytes(SMALL_LIMIT_BYTES), a_key())

    assert answer.status == 201
    assert answer.value["size_bytes"] == SMALL_LIMIT_BYTES


def test_an_upload_that_breaks_off_after_it_began_leaves_nothing(titan: RunningTitan) -> None:
    before = blob_files(titan.home)
    announced = {"Content-Length": str(10 * MEBIBYTE), **a_key()}

    with said(titan.sdk_port, request("PUT", "/api/files/broken.bin", bytes(3 * MEBIBYTE), announced)):
        wait_until(lambda: blob_files(titan.home) != before, "the upload begins")

    wait_until(lambda: blob_files(titan.home) == before, "what had come is deleted")
    assert ask(titan.sdk_port, "GET", "/api/files/broken.bin").refusal == (404, "UnknownArtifact")
