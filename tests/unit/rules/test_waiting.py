"""What jobs wait for, in a word, in a sentence, and gathered."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import NOON, a_gate, a_job, a_spec
from titan.model.jobs import NO_KEY, Affinity, HeldPart, Job, JobStatus, QueuePart, ReadyPart, WaitsFor
from titan.model.projects import project_id_of
from titan.model.workers import Worker, WorkerState
from titan.rules.jobs.wait_reason import gather, reason_of, waits_for

DUE = NOON + timedelta(minutes=1)
BOUND = "the worker it is bound to is"


def a_worker(
    worker_id: str, label: str, state: WorkerState = WorkerState.CONNECTED, *, is_draining: bool = False
) -> Worker:
    """Return a registered worker that offers one slot under `label`."""
    return Worker(
        id=worker_id,
        name=worker_id,
        host="box",
        pid=1,
        offers={label: 1},
        version="0.1.0",
        state=state,
        joined_at=NOON,
        seen_at=NOON,
        is_draining=is_draining,
    )


def told(job: Job, *workers: Worker) -> tuple[WaitsFor | None, str | None]:
    """Return what a job waits for, in a word and in a sentence."""
    why = waits_for(job, workers)
    return why, reason_of(job, why)


def a_held_job(*, spec: Mapping[str, Any] | None = None, **facts: Any) -> Job:
    """Return a WAITING job with these facts, and these in its spec."""
    return replace(a_job(spec=replace(a_spec(), **(spec or {}))), **facts)


@pytest.mark.parametrize(
    ("affinity", "workers", "why", "reason"),
    [
        (Affinity.NONE, [], WaitsFor.UNROUTABLE, "no worker offers GPU"),
        (Affinity.NONE, [a_worker("w2", "GENERAL")], WaitsFor.UNROUTABLE, "no worker offers GPU"),
        (Affinity.NONE, [a_worker("w2", "GPU", WorkerState.LOST)], WaitsFor.UNROUTABLE, "no worker offers GPU"),
        (Affinity.NONE, [a_worker("w2", "GPU")], WaitsFor.SLOTS, "all GPU slots are busy"),
        (
            Affinity.NONE,
            [a_worker("w2", "GPU", is_draining=True)],
            WaitsFor.DRAINING,
            "every worker that offers GPU is draining",
        ),
        (Affinity.SOFT, [a_worker("w2", "GPU")], WaitsFor.SLOTS, "all GPU slots are busy"),
        (Affinity.REQUIRED, [a_worker("w1", "GPU"), a_worker("w2", "GPU")], WaitsFor.WORKER_BUSY, f"{BOUND} busy"),
        (
            Affinity.REQUIRED,
            [a_worker("w1", "GPU", is_draining=True), a_worker("w2", "GPU")],
            WaitsFor.WORKER_DRAINING,
            f"{BOUND} draining",
        ),
        (Affinity.REQUIRED, [a_worker("w2", "GPU")], WaitsFor.WORKER_AWAY, f"{BOUND} away"),
        (Affinity.REQUIRED, [a_worker("w1", "GENERAL")], WaitsFor.WORKER_AWAY, f"{BOUND} away"),
        (Affinity.REQUIRED, [], WaitsFor.WORKER_AWAY, f"{BOUND} away"),
    ],
)
def test_the_reason_why_a_ready_job_waits_depends_on_the_workers(
    affinity: Affinity, workers: list[Worker], why: WaitsFor, reason: str
) -> None:
    spec = replace(a_spec(requirement="GPU"), affinity=affinity)
    job = replace(a_job(status=JobStatus.READY, spec=spec), preferred_worker_id="w1")

    assert told(job, *workers) == (why, reason)
    assert told(replace(job, reason="exit code 1"), *workers) == (why, f"{reason} (after: exit code 1)")


@pytest.mark.parametrize(
    ("job", "why", "reason"),
    [
        (
            a_held_job(spec={"parents": ("a",)}, remaining_parents=1),
            WaitsFor.PARENTS,
            "waits for 1 parent(s): a",
        ),
        (
            a_held_job(spec={"parents": ("a", "b", "c", "d", "e")}, remaining_parents=4),
            WaitsFor.PARENTS,
            "waits for 4 parent(s) of a, b, c and 2 more",
        ),
        (
            a_held_job(due_at=DUE),
            WaitsFor.TIME,
            "waits until 2026-03-01T12:01:00.000+00:00",
        ),
        (
            a_held_job(due_at=DUE, failed_count=1, reason="exit code 1"),
            WaitsFor.RETRY,
            "waits until 2026-03-01T12:01:00.000+00:00 (after: exit code 1)",
        ),
        (
            a_held_job(due_at=DUE, lost_count=1, reason="its lease ran out"),
            WaitsFor.RETRY,
            "waits until 2026-03-01T12:01:00.000+00:00 (after: its lease ran out)",
        ),
        (
            a_held_job(spec={"concurrency_key": "db", "concurrency_limit": 2}),
            WaitsFor.CONCURRENCY,
            "waits for one of 2 place(s) under key 'db'",
        ),
        (a_held_job(), None, None),
        (
            replace(a_job(status=JobStatus.WAITING_APPROVAL, spec=a_gate()), due_at=DUE),
            WaitsFor.APPROVAL,
            "waits for approval until 2026-03-01T12:01:00.000+00:00: Go on?",
        ),
        (
            a_job(status=JobStatus.WAITING_APPROVAL, spec=a_gate()),
            WaitsFor.APPROVAL,
            "waits for approval until somebody decides: Go on?",
        ),
        (a_job(status=JobStatus.RUNNING), None, None),
        (replace(a_job(status=JobStatus.FAILED), reason="exit code 1"), None, "exit code 1"),
    ],
)
def test_the_reason_why_any_other_job_waits_is_in_the_job(job: Job, why: WaitsFor | None, reason: str | None) -> None:
    assert told(job) == (why, reason)


def test_a_confined_job_waits_for_workers_with_its_token() -> None:
    job = a_job(status=JobStatus.READY, spec=replace(a_spec(), requirement="GPU", confined_to="t1"))
    other, own = a_worker("w1", "GPU"), replace(a_worker("w2", "GPU"), token_id="t1", confines=True)
    about = " with token t1; it was submitted from a worker with that token, which is not trusted"

    assert told(job, other) == (WaitsFor.UNROUTABLE, "no worker offers GPU" + about)
    assert told(job, other, own) == (
        WaitsFor.SLOTS,
        "all GPU with token t1 slots are busy; it was submitted from a worker with that token, which is not trusted",
    )


def test_a_job_whose_values_no_server_can_read_says_so() -> None:
    job = replace(a_job(status=JobStatus.READY), reason=NO_KEY)

    assert told(job, a_worker("w1", "GENERAL")) == (WaitsFor.SLOTS, NO_KEY)


def test_a_job_of_another_organisation_waits_for_a_worker_of_it() -> None:
    job = replace(a_job(status=JobStatus.READY), project_id=project_id_of("acme", "default"))
    other, own = a_worker("w1", "GENERAL"), replace(a_worker("w2", "GENERAL"), organisation_id="acme")
    why, reason = told(job, other)

    assert why is WaitsFor.UNROUTABLE
    assert reason is not None
    assert "waits for a worker of organisation acme" in reason
    assert told(job, other, own) == (WaitsFor.SLOTS, "all GENERAL slots are busy")
    assert told(a_job(status=JobStatus.READY), own) == (WaitsFor.UNROUTABLE, "no worker offers GENERAL")


def test_the_parts_of_a_queue_wait_for_workers_of_their_organisation() -> None:
    part = replace(a_ready_part("GPU"), organisation_id="acme")

    assert [group.name for group in gather([part], [a_worker("w1", "GPU")])] == ["unroutable:GPU"]
    assert [group.name for group in gather([part], [replace(a_worker("w1", "GPU"), organisation_id="acme")])] == [
        "slots:GPU"
    ]


def test_confined_jobs_of_a_queue_are_a_group_of_their_own() -> None:
    confined = replace(a_ready_part("GPU"), confined_to="t1")

    groups = gather([a_ready_part("GPU"), confined], [a_worker("w1", "GPU")])

    assert [group.name for group in groups] == ["unroutable:GPU@t1", "slots:GPU"]


def a_ready_part(label: str, count: int = 1, *, bound_to: str | None = None, age: int = 0) -> ReadyPart:
    """Return READY jobs, the first of which waits `age` seconds at noon."""
    return ReadyPart(requirement=label, bound_to=bound_to, count=count, since=NOON - timedelta(seconds=age))


def a_held_part(why: WaitsFor, count: int = 1, *, key: str | None = None) -> HeldPart:
    return HeldPart(waits_for=why, concurrency_key=key, count=count, since=NOON)


def test_a_queue_lists_groups_that_need_a_person_first_then_the_largest() -> None:
    parts: list[QueuePart] = [
        a_held_part(WaitsFor.PARENTS, 90),
        a_held_part(WaitsFor.CONCURRENCY, 2, key="small"),
        a_held_part(WaitsFor.CONCURRENCY, 5, key="large"),
        a_held_part(WaitsFor.APPROVAL),
        a_ready_part("GENERAL", 7),
        a_ready_part("TPU"),
        a_ready_part("GPU"),
    ]

    groups = gather(parts, [a_worker("w1", "GENERAL")])

    assert [(group.name, group.count) for group in groups] == [
        ("unroutable:GPU", 1),
        ("unroutable:TPU", 1),
        ("approval", 1),
        ("slots:GENERAL", 7),
        ("concurrency:large", 5),
        ("concurrency:small", 2),
        ("parents", 90),
    ]


def test_jobs_bound_to_workers_are_grouped_by_the_state_of_these() -> None:
    parts = [
        a_ready_part("GENERAL", 3, age=5),
        a_ready_part("GENERAL", 2, bound_to="here", age=9),
        a_ready_part("GENERAL", 1, bound_to="here too"),
        a_ready_part("GENERAL", 4, bound_to="gone"),
        a_ready_part("GENERAL", bound_to="leaving"),
    ]
    here = [a_worker(worker_id, "GENERAL") for worker_id in ("here", "here too")]

    groups = gather(parts, [*here, a_worker("leaving", "GENERAL", is_draining=True)])

    assert [(group.name, group.count, group.since) for group in groups] == [
        ("worker_away:GENERAL", 4, NOON),
        ("worker_draining:GENERAL", 1, NOON),
        ("slots:GENERAL", 3, NOON - timedelta(seconds=5)),
        ("worker_busy:GENERAL", 3, NOON - timedelta(seconds=9)),
    ]


def test_a_queue_of_nothing_has_no_groups() -> None:
    assert gather([], []) == []
