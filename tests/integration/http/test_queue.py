"""The queue tells what jobs wait for: how many, since when, and who is next."""

from __future__ import annotations

from typing import Any

from tests.support.raw_http import a_key, ask, ask_json, given
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, a_name, submit
from titan.model.jobs import WaitsFor


def queue(port: int, query: str = "") -> Any:
    """Return the queue; other tests' jobs wait in it too."""
    return given(port, f"/api/queue{query}")


def group(port: int, name: str, *, limit: int = 8) -> Any:
    """Return one group of the queue, None when there is none of the name."""
    return next(iter(queue(port, f"?group={name}&limit={limit}")["groups"]), None)


def a_label() -> str:
    """Return a label that nobody offers."""
    return a_name("label").upper()


def test_jobs_that_nobody_can_take_are_counted_with_the_first_of_them(port: int) -> None:
    label = a_label()
    jobs = [a_job_body(f"j{n}", requirement=label, priority=n) for n in range(30)]
    submit(port, a_dag_body([*jobs, a_job_body("child", parents=["j0"], requirement=label)]))

    found = group(port, f"unroutable:{label}", limit=3)

    assert (found["waits_for"], found["requirement"], found["concurrency_key"]) == ("unroutable", label, None)
    assert (found["count"], [job["name"] for job in found["jobs"]]) == (30, ["j29", "j28", "j27"])
    assert {(job["waits_for"], job["reason"]) for job in found["jobs"]} == {("unroutable", f"no worker offers {label}")}
    assert found["since"] <= found["jobs"][0]["ready_at"]
    assert queue(port)["ready"][label] == 30


def test_a_named_group_is_listed_at_length(port: int) -> None:
    label = a_label()
    submit(port, a_dag_body([a_job_body(f"j{n:02}", requirement=label) for n in range(30)]))

    (shown,) = [one for one in queue(port, "?limit=1000")["groups"] if one["requirement"] == label]

    assert len(shown["jobs"]) == 20
    assert len(group(port, f"unroutable:{label}", limit=25)["jobs"]) == 25
    assert group(port, "unroutable:NO_SUCH_LABEL") is None


def test_all_waiting_jobs_are_counted_once_and_those_that_need_a_person_come_first(port: int) -> None:
    submit(port, a_dag_body([a_job_body("a"), a_job_body("b", parents=["a"])]))
    submit(port, a_dag_body([{"id": "ask", "kind": "gate", "hitl_message": "Go on?"}]))

    found = queue(port)

    kinds = [one["waits_for"] for one in found["groups"]]
    order = [kind.value for kind in WaitsFor]
    assert kinds == sorted(kinds, key=order.index)
    assert {"unroutable", "approval", "parents"} <= set(kinds)
    assert found["total"] >= sum(one["count"] for one in found["groups"])


def test_jobs_wait_for_slots_while_a_worker_is_busy_and_for_others_when_it_drains(port: int) -> None:
    worker = WireWorker(port)
    worker.a_running_job()
    submit(port, a_dag_body([a_job_body(requirement=worker.label)]))

    busy = group(port, f"slots:{worker.label}")
    ask_json(port, "POST", f"{worker.path}/drain", None, a_key())

    assert busy["count"] == 1
    assert group(port, f"slots:{worker.label}") is None
    assert group(port, f"draining:{worker.label}")["count"] == 1


def test_jobs_behind_a_key_are_a_group_by_that_key(port: int) -> None:
    key = a_name("key")
    submit(port, a_dag_body([a_job_body(f"j{n}", concurrency_key=key) for n in range(4)]))

    found = group(port, f"concurrency:{key}")

    assert (found["count"], found["concurrency_key"], found["requirement"]) == (3, key, None)
    assert found["jobs"][0]["reason"] == f"waits for one of 1 place(s) under key '{key}'"


def test_a_worker_shows_when_its_running_job_started(port: int) -> None:
    worker = WireWorker(port)
    job_id, _ = worker.a_running_job()

    workers = ask(port, "GET", "/api/workers").value["workers"]
    (running,) = next(one["running"] for one in workers if one["worker_id"] == worker.worker_id)

    attempts = ask(port, "GET", f"/api/jobs/{job_id}").value["attempts"]
    assert (running["job_id"], running["started_at"]) == (job_id, attempts[0]["leased_at"])


def test_of_many_labels_without_a_worker_the_largest_are_listed(port: int) -> None:
    label = a_label()
    many = [a_job_body(f"l{n}", requirement=f"{label}_{n}") for n in range(21)]
    submit(port, a_dag_body([*many, a_job_body("more", requirement=f"{label}_0")]))

    found = queue(port)

    unroutable = [one["count"] for one in found["groups"] if one["waits_for"] == "unroutable"]
    assert (len(unroutable), unroutable[0] >= 2, found["more"]) == (20, True, True)
    assert found["ready"][f"{label}_20"] == 1
    assert group(port, f"unroutable:{label}_20")["count"] == 1
