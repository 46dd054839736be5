"""A worker that drains gets no new work, finishes what it runs and is told to leave, unless it is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, submit

LOAD = {"average_1m": 1.25, "cores": 4, "memory_used_bytes": 1000, "memory_total_bytes": 2000}


def change(worker: WireWorker, word: str, name: str | None = None) -> Answer:
    """Have a worker drain, or resume."""
    return ask_json(worker.port, "POST", f"/api/workers/{name or worker.worker_id}/{word}", None, a_key())


def shown(worker: WireWorker, query: str = "") -> Any:
    """Return the worker as the list shows it; None when it does not."""
    workers = ask(worker.port, "GET", f"/api/workers{query}").value["workers"]
    return next((each for each in workers if each["worker_id"] == worker.worker_id), None)


def claim(worker: WireWorker, *holding: str, wait_seconds: float = 0.0) -> Any:
    """Ask for work, holding these leases; return the whole answer."""
    body = {"holding": list(holding), "wait_seconds": wait_seconds, "load": LOAD}
    return ask_json(worker.port, "POST", f"{worker.path}/claim", body).value


def test_an_idle_drained_worker_is_asked_to_leave(port: int) -> None:
    worker = WireWorker(port)

    drained = change(worker, "drain")

    assert (drained.status, drained.value["state"]) == (200, "draining")
    assert claim(worker)["leave"] is True


def test_a_busy_worker_gets_nothing_new_and_leaves_when_it_is_done(port: int) -> None:
    worker = WireWorker(port)
    _, lease_id = worker.a_running_job()
    change(worker, "drain")
    dag_id = submit(port, a_dag_body([a_job_body(requirement=worker.label)]))

    assert claim(worker, lease_id)["leave"] is False
    assert worker.report(lease_id).value["accepted"] == [lease_id]
    last = claim(worker)

    assert (last["assignments"], last["leave"]) == ([], True)
    (job,) = ask(port, "GET", f"/api/jobs?dag={dag_id}").value["jobs"]
    assert (job["status"], job["reason"]) == ("READY", f"every worker that offers {worker.label} is draining")


def test_a_worker_that_resumes_gets_its_waiting_jobs(port: int) -> None:
    worker = WireWorker(port)
    change(worker, "drain")
    submit(port, a_dag_body([a_job_body(requirement=worker.label)]))

    assert change(worker, "resume").value["state"] == "connected"
    answer = claim(worker, wait_seconds=5.0)

    assert (len(answer["assignments"]), answer["leave"]) == (1, False)


def test_a_worker_that_registers_again_is_draining_still(port: int) -> None:
    worker = WireWorker(port)
    change(worker, "drain")

    body = {"name": "again", "host": "here", "pid": 1, "offers": {worker.label: 1}, "version": "0"}
    ask_json(port, "PUT", worker.path, body)

    assert shown(worker)["state"] == "draining"


def test_a_second_time_changes_nothing_and_a_worker_is_known_by_its_name_too(port: int) -> None:
    worker = WireWorker(port)

    for _ in range(2):
        assert change(worker, "drain", worker.worker_id).value["state"] == "draining"
    assert change(worker, "resume", worker.worker_id).value["state"] == "connected"


@pytest.mark.parametrize("word", ["drain", "resume"])
def test_a_worker_that_has_left_neither_drains_nor_resumes(port: int, word: str) -> None:
    worker = WireWorker(port)
    ask_json(port, "POST", f"{worker.path}/leave", {})

    assert change(worker, word).refusal == (409, "Conflict")
    assert change(worker, word, "nobody").refusal == (404, "UnknownWorker")


def test_of_several_with_one_name_the_id_says_which(port: int) -> None:
    first, second = WireWorker(port), WireWorker(port)
    for worker in (first, second):
        body = {"name": "twin", "host": "here", "pid": 1, "offers": {worker.label: 1}, "version": "0"}
        ask_json(port, "PUT", worker.path, body)

    assert change(first, "drain", "twin").refusal == (409, "Conflict")
    assert change(first, "drain").status == 200
    assert shown(second)["state"] == "connected"


def test_workers_are_listed_by_state(port: int) -> None:
    worker = WireWorker(port)
    change(worker, "drain")

    assert shown(worker, "?state=draining,lost") is not None
    assert shown(worker, "?state=connected") is None
    assert ask(port, "GET", "/api/workers?state=tired").refusal == (400, "InvalidInput")


def test_a_worker_shows_its_last_jobs_and_its_load(port: int) -> None:
    worker = WireWorker(port)
    ran: list[tuple[str, str, int]] = []
    for exit_code in (0, 1):
        job_id, lease_id = worker.a_running_job()
        outcome = "failed" if exit_code else "succeeded"
        worker.report(lease_id, outcome=outcome, exit_code=exit_code, duration_ns=5)
        ran.insert(0, (job_id, outcome, 5))
    ask_json(port, "POST", f"{worker.path}/heartbeat", {"holding": [], "load": LOAD})

    view = shown(worker)

    assert [(job["job_id"], job["outcome"], job["duration_ns"]) for job in view["last_jobs"]] == ran
    assert view["load"] == LOAD
    assert view["is_local"] is False


@pytest.mark.parametrize("load", [{"average_1m": -1, "cores": 1}, {"average_1m": 1, "cores": 0}, {"cores": 1}, 7])
def test_a_load_that_no_machine_has_is_refused(port: int, load: object) -> None:
    worker = WireWorker(port)

    answer = ask_json(port, "POST", f"{worker.path}/heartbeat", {"holding": [], "load": load})

    assert answer.refusal == (400, "InvalidInput")


def test_a_server_without_a_worker_starts_none(port: int) -> None:
    refused = ask_json(port, "POST", "/api/workers/local", {"offers": {"GPU": 1}})

    assert refused.refusal == (409, "Conflict")
    assert "--no-worker" in refused.message


@pytest.mark.parametrize("body", [{}, {"offers": {}}, {"offers": {"GPU": 0}}, {"offers": {"a b": 1}}])
def test_an_invalid_offer_is_refused(port: int, body: object) -> None:
    assert ask_json(port, "POST", "/api/workers/local", body).status == 400
