"""What jobs record: it comes to the server with their worker when they cannot bring it there themselves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_server import WorkerServer
from titan.model.attempts import AttemptOutcome

RECORD = """
import os, signal
from titan_sdk import action, flush

@action
def search(query):
    return [query]

search("LoRA")
"""


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


def names(server: WorkerServer, lease_id: str) -> list[str]:
    """Return the names of the actions that came for an attempt."""
    entries: list[dict[str, Any]] = [
        entry for lease, body in list(server.recorded) if lease == lease_id for entry in json.loads(body)["entries"]
    ]
    return [entry["name"] for entry in entries if entry["type"] == "action"]


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [("", AttemptOutcome.SUCCEEDED), ("flush(20)\nos.kill(os.getpid(), signal.SIGKILL)", AttemptOutcome.FAILED)],
    ids=["it ends", "it is killed"],
)
def test_actions_that_a_job_could_not_deliver_are_delivered_by_its_worker(
    server: WorkerServer, tmp_path: Path, ending: str, outcome: AttemptOutcome
) -> None:
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1"):
        lease_id = server.give(RECORD + ending)
        report = server.wait_for_report(lease_id)
        wait_until(lambda: names(server, lease_id) == ["search"], "its action")
        spools = tmp_path / "home" / "workers" / "w1" / "spools"
        wait_until(lambda: not list(spools.iterdir()), "what was delivered is kept no longer")

    assert report.outcome is outcome


def test_recorded_actions_of_a_job_are_delivered_when_the_server_is_back(server: WorkerServer, tmp_path: Path) -> None:
    server.records_with = 503
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1"):
        lease_id = server.give(RECORD)
        server.wait_for_report(lease_id)
        assert server.recorded == []

        server.records_with = 200

        wait_until(lambda: names(server, lease_id) == ["search"], "its action")
