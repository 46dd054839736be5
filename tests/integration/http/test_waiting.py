"""Questions that wait are answered when there is something to say, not when their time is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, a_name, submit

LONG_SECONDS = 25
EARLY_SECONDS = 10  # it takes 2 ms; far below LONG_SECONDS, and far above what a loaded machine needs
WOKEN_SECONDS = 2.0  # 200 ms are promised, on a machine that has nothing else to do


@contextmanager
def meanwhile(port: int, method: str, target: str, value: object = None) -> Iterator[Future[Answer]]:
    """Ask in the background for a `with` block."""
    with ThreadPoolExecutor(1) as other:
        yield other.submit(ask_json, port, method, target, value)


def test_a_dag_that_ends_answers_who_waits_for_it(port: int) -> None:
    dag_id = submit(port, a_dag_body())

    with meanwhile(port, "GET", f"/api/dags/{dag_id}?wait_seconds={LONG_SECONDS}") as waiting:
        ask(port, "POST", f"/api/dags/{dag_id}/cancel", headers=a_key())
        answer = waiting.result(EARLY_SECONDS)

    assert answer.value["is_final"]


def test_a_job_that_ends_answers_who_waits_for_it(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()

    with meanwhile(port, "GET", f"/api/jobs/{job_id}?wait_seconds={LONG_SECONDS}") as waiting:
        worker.report(lease_id)
        answer = waiting.result(EARLY_SECONDS)

    assert answer.value["status"] == "COMPLETED"


def test_ended_dags_and_jobs_are_answered_without_waiting(port: int) -> None:
    dag_id = submit(port, a_dag_body())
    ask(port, "POST", f"/api/dags/{dag_id}/cancel", headers=a_key())
    started = time.monotonic()

    dag = ask(port, "GET", f"/api/dags/{dag_id}?wait_seconds={LONG_SECONDS}").value
    job = ask(port, "GET", f"/api/jobs/a?dag={dag_id}&wait_seconds={LONG_SECONDS}").value

    assert (dag["is_final"], job["status"]) == (True, "CANCELLED")
    assert time.monotonic() - started < EARLY_SECONDS


def test_an_unfinished_dag_is_answered_as_it_is_at_the_timeout(port: int) -> None:
    dag_id = submit(port, a_dag_body())

    dag = ask(port, "GET", f"/api/dags/{dag_id}?wait_seconds=0.1").value

    assert dag["is_final"] is False


@pytest.mark.parametrize("seconds", ["-1", "31", "nan", "inf", "1e300"])
def test_a_wait_that_is_negative_or_over_thirty_seconds_is_refused(port: int, seconds: str) -> None:
    dag_id = submit(port, a_dag_body())

    assert ask(port, "GET", f"/api/dags/{dag_id}?wait_seconds={seconds}").refusal == (400, "InvalidInput")


def test_a_put_wakes_who_waits_for_its_key(port: int) -> None:
    key, other = a_name("key"), a_name("key")

    with meanwhile(port, "POST", "/api/store/wait", {"keys": [other, key]}) as waiting:
        ask_json(port, "PUT", "/api/store", {"key": key, "value": "v"}, a_key())
        put_at = time.monotonic()
        answer = waiting.result(EARLY_SECONDS)
        woken_after = time.monotonic() - put_at

    assert answer.value == {"present": [key], "ended": False}
    assert woken_after < WOKEN_SECONDS


def test_a_key_that_is_there_is_not_waited_for(port: int) -> None:
    key = a_name("key")
    ask_json(port, "PUT", "/api/store", {"key": key, "value": ""}, a_key())

    answer = ask_json(port, "POST", "/api/store/wait", {"keys": [key], "timeout_seconds": 0})

    assert answer.value == {"present": [key], "ended": False}


def test_a_wait_for_a_key_ends_when_all_who_could_put_it_have_ended(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    dag_id = submit(port, a_dag_body())
    wanted = {"keys": [a_name("key")], "dags": [dag_id], "jobs": [job_id], "timeout_seconds": LONG_SECONDS}

    with meanwhile(port, "POST", "/api/store/wait", wanted) as waiting:
        worker.report(lease_id)
        one_left = ask_json(port, "POST", "/api/store/wait", {**wanted, "timeout_seconds": 0}).value
        ask(port, "POST", f"/api/dags/{dag_id}/cancel", headers=a_key())
        answer = waiting.result(EARLY_SECONDS)

    assert one_left == {"present": [], "ended": False}
    assert answer.value == {"present": [], "ended": True}


def test_a_wait_for_nobodys_end_is_never_ended(port: int) -> None:
    answer = ask_json(port, "POST", "/api/store/wait", {"keys": [a_name("key")], "timeout_seconds": 0.05})

    assert answer.value == {"present": [], "ended": False}


def test_a_claim_is_answered_when_a_job_for_it_comes(port: int) -> None:
    worker = WireWorker(port)

    with meanwhile(port, "POST", f"{worker.path}/claim", {"wait_seconds": LONG_SECONDS}) as waiting:
        submit(port, a_dag_body([a_job_body(requirement=worker.label)]))
        answer = waiting.result(EARLY_SECONDS)

    assert [assignment["job_name"] for assignment in answer.value["assignments"]] == ["a"]
