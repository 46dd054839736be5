"""Workers beside the server: started when somebody asks, taken over after a restart, gone when they were drained."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_dag_body, a_job_body, submit
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob, wait_for_signal

WAITS = """
from titan_sdk import TitanClient, wait_for_signal
client = TitanClient()
client.store_put("it:runs", "1")
wait_for_signal(client, "it:may-end")
"""


@pytest.fixture
def titan(tmp_path: Path) -> Iterator[RunningTitan]:
    with running_titan(tmp_path / "home", offers=("GENERAL:1",)) as running:
        yield running


def workers(titan: RunningTitan, state: str = "connected") -> dict[str, Any]:
    """Return the workers in a state, by id."""
    listed = ask(titan.sdk_port, "GET", f"/api/workers?state={state}").value["workers"]
    return {worker["worker_id"]: worker for worker in listed}


def start(titan: RunningTitan, **fields: object) -> dict[str, Any]:
    """Start a worker beside the server."""
    answer = ask_json(titan.sdk_port, "POST", "/api/workers/local", {"offers": {"GPU": 2}, **fields})
    assert answer.status == 201, answer.body
    started: dict[str, Any] = answer.value
    return started


def run_a_job(titan: RunningTitan, requirement: str) -> None:
    """Run a job, and return when it has completed."""
    dag_id = submit(titan.sdk_port, a_dag_body([a_job_body(requirement=requirement)]))
    dag = ask(titan.sdk_port, "GET", f"/api/dags/{dag_id}?wait_seconds=30").value
    assert dag["status"] == "COMPLETED", dag


def test_a_worker_that_was_started_works_and_is_taken_over_by_the_next_server(titan: RunningTitan) -> None:
    started = start(titan, name="second")
    run_a_job(titan, "GPU")
    before = workers(titan)[started["worker_id"]]
    assert (before["name"], before["is_local"], before["offers"]) == ("second", True, {"GPU": 2})

    titan.kill()
    titan.start_again()
    run_a_job(titan, "GPU")

    after = workers(titan)[started["worker_id"]]
    assert (after["pid"], after["is_local"]) == (before["pid"], True)


def test_a_killed_worker_is_announced_once_with_any_number_of_jobs(tmp_path: Path) -> None:
    sleep = "import time; print('ready', flush=True); time.sleep(600)"
    jobs = [TitanJob(name, "sleep.py", script_content=sleep, max_lost=0) for name in ("a", "b")]
    with running_titan(tmp_path / "home", offers=("GENERAL:2",)) as titan:
        client = TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None)
        dag = client.submit_dag("sleepers", jobs)
        wait_until(lambda: all(client.fetch_logs(job) for job in jobs), "both run")
        (killed,) = workers(titan).values()

        os.kill(killed["pid"], signal.SIGKILL)
        client.wait(dag, timeout=60)

        told = f"worker {killed['name']} ({killed['worker_id']}) was lost"
        wait_until(lambda: told in titan.log, "it is told of")
    assert [line.partition("notifications: ")[2] for line in titan.log.splitlines() if killed["worker_id"] in line] == [
        told
    ]


def test_one_without_a_name_gets_one_and_a_name_is_taken_once(titan: RunningTitan) -> None:
    first, second = start(titan), start(titan)

    assert first["name"] != second["name"]
    again = ask_json(titan.sdk_port, "POST", "/api/workers/local", {"offers": {"GPU": 1}, "name": first["name"]})
    assert again.refusal == (409, "Conflict")


def test_a_start_that_is_asked_for_again_starts_one_worker(titan: RunningTitan) -> None:
    key = a_key()

    def ask_again(offers: dict[str, int]) -> Answer:
        return ask_json(titan.sdk_port, "POST", "/api/workers/local", {"offers": offers}, key)

    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(ask_again, [{"GPU": 1}] * 4))
    titan.kill()
    titan.start_again()
    answers.append(ask_again({"GPU": 1}))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.value["worker_id"] for answer in answers}) == 1
    assert ask_again({"GPU": 2}).refusal == (409, "IdempotencyConflict")
    wait_until(lambda: len(workers(titan)) == 2, "the first worker, and the one")


def test_a_drained_worker_leaves_and_is_not_started_again(titan: RunningTitan) -> None:
    wait_until(lambda: len(workers(titan)) == 1, "the first worker is here")
    (first,) = workers(titan).values()
    second = start(titan)

    for worker_id in (first["worker_id"], second["worker_id"]):
        assert ask_json(titan.sdk_port, "POST", f"/api/workers/{worker_id}/drain", None, a_key()).status == 200
        wait_until(lambda worker_id=worker_id: worker_id in workers(titan, "left"), "it has left")  # type: ignore[misc]
    wait_until(lambda: titan.log.count("was drained and has ended; no other is started") == 2, "both")

    assert workers(titan) == {}
    assert start(titan, name=second["name"])["worker_id"] != second["worker_id"]


@pytest.mark.parametrize("offers", [("GENERAL:1",), ("GENERAL:2",)], ids=["the same", "another"])
def test_the_next_server_starts_the_worker_it_is_asked_for_though_the_old_one_drains(
    titan: RunningTitan, offers: tuple[str, ...]
) -> None:
    wait_until(lambda: len(workers(titan)) == 1, "the worker")
    (old,) = workers(titan)
    asked = titan.sdk_port
    waits = TitanJob("waits", "waits.py", script_content=WAITS)
    client = TitanClient("127.0.0.1", asked, announce=lambda _line: None)
    client.submit_job(waits)
    wait_for_signal(client, "it:runs", timeout=30)
    assert ask(asked, "POST", f"/api/workers/{old}/drain", b"", a_key()).status == 200

    titan.kill()
    titan.offers = offers
    titan.start_again()
    client.store_put("it:may-end", "1")

    wait_until(lambda: bool(workers(titan).keys() - {old}), "another worker")
    assert client.wait("waits", timeout=60) == "COMPLETED"


def test_a_worker_that_dies_is_started_again(titan: RunningTitan) -> None:
    started = start(titan)
    pid = workers(titan)[started["worker_id"]]["pid"]

    os.kill(pid, signal.SIGKILL)

    wait_until(
        lambda: any(w["offers"] == {"GPU": 2} and w["pid"] != pid for w in workers(titan).values()), "another is here"
    )
