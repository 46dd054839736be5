"""Whoever stands still while reading the server's log, has closed it, or has no room for it: the server goes on."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.raw_http import given
from tests.support.sources import PACKAGES
from tests.support.waiting import processes_with, wait_until
from titan_sdk import TitanClient, TitanJob

UP = (sys.executable, "-m", "titan.cli", "up", "--model", "none", "--port", "0", "--sdk-port", "0")
FAILING = 100  # each is a line of the server, and two of the worker
ENDS_WITHIN_SECONDS = 10  # 5, and as many for a busy machine


@contextmanager
def a_full_pipe() -> Iterator[int]:
    """Give the end for writing of a pipe that has no room, and that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def up(home: Path, *words: str, output: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """Run `titan up` in a shell's words, with its output and errors at `output`."""
    environment = {**os.environ, "PYTHONPATH": PACKAGES, "TITAN_HOME": str(home)}
    process = subprocess.Popen([*words, *UP], env=environment, stdout=output, stderr=output)
    try:
        wait_until((home / "server.json").exists, "the server is up")
        wait_until(lambda: bool(given(port_of(home), "/api/workers")["workers"]), "its worker is here")
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_SECONDS) == 0
        wait_until(lambda: processes_with(str(home)) == [], "nothing is left")
    finally:
        process.kill()
        process.wait(ENDS_WITHIN_SECONDS)


def port_of(home: Path) -> int:
    """Return where the server of a home listens."""
    return int(json.loads((home / "server.json").read_text())["url"].rpartition(":")[2])


def fail_jobs(home: Path) -> None:
    """Run jobs that fail, each of which is a line of the log."""
    client = TitanClient("127.0.0.1", port_of(home), announce=lambda _line: None)
    jobs = [TitanJob(f"job-{number}", "fails.py", script_content="raise SystemExit(3)") for number in range(FAILING)]
    assert client.wait(client.submit_dag("failing", jobs), timeout=120) == "FAILED"


def test_a_server_whose_output_nobody_reads_continues_and_logs_to_its_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with a_full_pipe() as output, up(home, output=output):
        fail_jobs(home)

        assert given(port_of(home), "/api/health")["status"] == "ok"

    assert (home / "server.log").read_text().count("failed: exit code 3") == FAILING
    assert stat.S_IMODE((home / "server.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "worker" / "worker.log").stat().st_mode) == 0o600


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_server_whose_output_is_closed_continues_and_logs_to_its_file(tmp_path: Path, closed: str) -> None:
    home = tmp_path / "home"
    with up(home, "sh", "-c", f'exec "$@" {closed}', "sh"):
        fail_jobs(home)

    assert (home / "server.log").read_text().count("failed: exit code 3") == FAILING


def test_a_server_whose_log_cannot_be_written_says_so_once_and_continues(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "server.log").mkdir(parents=True)
    with (tmp_path / "output").open("w") as output, up(home, output=output.fileno()):
        fail_jobs(home)

    said = (tmp_path / "output").read_text()
    assert said.count(f"the log {home / 'server.log'} cannot be written") == 1
    assert said.count("failed: exit code 3") == FAILING
