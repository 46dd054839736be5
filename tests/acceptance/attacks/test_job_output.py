"""A job that prints without end fills no disk: its output is cut, the log says so, and the job ends as ever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.raw_http import ask, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob

DEFAULT_LIMIT_BYTES = 100_000_000
SMALL_LIMIT_BYTES = 5_000_000

#: Prints so many MB as fast as it can, then a last word that nobody will read, and leaves a mark.
FLOOD = """
import os, sys
part = (b"x" * 99 + b"\\n") * 10_000
for number in range(int(sys.argv[1])):
    os.write(1, part)
print("the last word")
open(sys.argv[2], "w").close()
"""


@pytest.fixture(scope="module")
def frugal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    settings = {"TITAN_MAX_LOG_BYTES": str(SMALL_LIMIT_BYTES)}
    with running_titan(tmp_path_factory.mktemp("frugal") / "home", environment=settings) as running:
        yield running


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("titan") / "home") as running:
        yield running


def taken_by(folder: Path) -> int:
    """Return how many bytes the files below a folder take on disk; those that go meanwhile take none."""
    taken = 0
    for name, _, files in os.walk(folder):  # what is gone when it is come to is passed over
        for path in (name, *(os.path.join(name, file) for file in files)):
            with suppress(FileNotFoundError):
                taken += os.lstat(path).st_blocks * 512
    return taken


def flood(titan: RunningTitan, megabytes: int, mark: Path) -> tuple[str, int]:
    """Run a job that prints so much; return its id, and the most that the home took meanwhile beyond what it had."""
    before = taken_by(titan.home)
    peak = 0
    with TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None) as client:
        dag = client.submit_dag(
            "flood", [TitanJob("flood", "flood.py", args=[str(megabytes), str(mark)], script_content=FLOOD)]
        )

    def has_ended() -> bool:
        nonlocal peak
        peak = max(peak, taken_by(titan.home) - before)
        return given(titan.sdk_port, f"/api/dags/{dag.dag_id}")["status"] not in ("WAITING", "RUNNING")

    wait_until(has_ended, "the flood has ended", seconds=300)
    return f"{dag.dag_id}.00000", peak


def check(titan: RunningTitan, job_id: str, mark: Path, *, limit_bytes: int) -> None:
    """Check that the job ended well, and that of its output so much was kept, with the line that says so."""
    job = given(titan.sdk_port, f"/api/jobs/{job_id}")
    log = ask(titan.sdk_port, "GET", f"/api/jobs/{job_id}/log").body
    line = (
        f"\n[titan] output cut here: more than {limit_bytes // 10**6} MB; TITAN_MAX_LOG_BYTES sets the limit\n".encode()
    )
    assert (job["status"], len(job["attempts"]), mark.exists()) == ("COMPLETED", 1, True)
    assert len(log) == limit_bytes + len(line)
    assert log.endswith(b"x" * 9 + b"\n" + line)
    assert set(log[:limit_bytes].splitlines()) == {b"x" * 99}


def test_job_output_over_the_limit_is_discarded_while_the_job_runs(frugal: RunningTitan, tmp_path: Path) -> None:
    job_id, _ = flood(frugal, 100, tmp_path / "mark")

    check(frugal, job_id, tmp_path / "mark", limit_bytes=SMALL_LIMIT_BYTES)


@pytest.mark.slow
def test_a_gigabyte_of_output_takes_a_few_hundred_megabytes_at_most(titan: RunningTitan, tmp_path: Path) -> None:
    job_id, peak_bytes = flood(titan, 1000, tmp_path / "mark")

    check(titan, job_id, tmp_path / "mark", limit_bytes=DEFAULT_LIMIT_BYTES)
    assert peak_bytes < 600_000_000  # twice the limit, for worker and server, and what is written in 0.1 s


def test_an_output_up_to_the_limit_is_kept_whole(frugal: RunningTitan, tmp_path: Path) -> None:
    job_id, _ = flood(frugal, 4, tmp_path / "mark")

    log = ask(frugal.sdk_port, "GET", f"/api/jobs/{job_id}/log").body
    assert (len(log), log[-14:]) == (4_000_014, b"the last word\n")
