"""Who gives a slot back while it waits, who goes on first, and what is said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, a_job, a_spec
from titan.model.attempts import Attempt, Wait
from titan.model.jobs import Job, JobKind, JobStatus
from titan.model.workers import Worker, WorkerState
from titan.rules.jobs.parking import has_turn, holders_that_wait, needs_held, reason_of_wait, why_kept

WORKER = Worker(
    id="w1",
    name="w1",
    host="here",
    pid=1,
    offers={"GENERAL": 1, "GPU": 1},
    version="1",
    state=WorkerState.CONNECTED,
    joined_at=NOON,
    seen_at=NOON,
    max_parked=2,
)
SOON = NOON + timedelta(seconds=1)


def an_attempt(label: str = "GENERAL", *, wait: Wait | None = None) -> Attempt:
    return Attempt(
        project_id="default",
        lease_id="l",
        job_id="j",
        number=1,
        worker_id="w1",
        label=label,
        token="t",
        leased_at=NOON,
        expires_at=SOON,
        wait=wait,
    )


@pytest.mark.parametrize(
    ("waits", "label", "parked_count", "is_kept"),
    [
        ("parks", "GENERAL", 1, False),
        ("parks", "GENERAL", 2, True),
        ("parks", "GPU", 0, True),
        ("threads", "GENERAL", 0, True),
        ("unheard of", "GENERAL", 0, True),
    ],
)
def test_a_slot_is_given_back_where_the_program_the_label_and_the_worker_allow_it(
    waits: str, label: str, parked_count: int, is_kept: bool
) -> None:
    assert (why_kept(waits, label, WORKER, parked_count=parked_count) is not None) is is_kept


def test_the_one_that_was_woken_first_goes_on_first_and_runs_over_one_for_each_slot() -> None:
    running = {"runs": None, "first": NOON, "second": SOON}

    def turns(slots: int, *, may_run_over: bool) -> list[bool]:
        return [has_turn(each, running, slots=slots, may_run_over=may_run_over) for each in ("first", "second")]

    assert turns(1, may_run_over=False) == [False, False]
    assert turns(1, may_run_over=True) == [True, False]
    assert turns(2, may_run_over=False) == [True, False]
    assert turns(3, may_run_over=False) == [True, True]


def test_a_reason_says_what_is_waited_for_and_what_becomes_of_the_slot() -> None:
    wait = Wait(what="job 'x'")

    assert reason_of_wait(an_attempt()) is None
    assert reason_of_wait(an_attempt(wait=wait)) == "waits for job 'x'; its slot is free meanwhile"
    kept = an_attempt(wait=replace(wait, kept="because"))
    assert reason_of_wait(kept) == "waits for job 'x'; it keeps its slot: because"
    woken = replace(an_attempt(wait=wait), woken_at=NOON)
    assert reason_of_wait(woken) == "waited for job 'x', and goes on as soon as it has a slot"


def test_waiters_are_named_where_they_hold_all_places_and_five_say_enough() -> None:
    waiters = [(a_job(f"a{n}"), an_attempt(wait=Wait(what=f"job 'x{n}'"))) for n in range(6)]

    assert holders_that_wait(waiters, places=7) is None
    assert holders_that_wait([], places=0) is None
    assert holders_that_wait(waiters[:1], places=1) == "held by jobs that wait themselves: 'a0' for job 'x0'"
    assert (holders_that_wait(waiters, places=6) or "").endswith("'a4' for job 'x4' and 1 more")


def a_keyed(name: str, *, limit: int = 1, status: JobStatus = JobStatus.WAITING) -> Job:
    spec = replace(a_spec(name), concurrency_key="db", concurrency_limit=limit, requirement="OTHER")
    return a_job(name, spec=spec, status=status)


def test_a_target_that_needs_the_waiters_key_or_slot_is_named_by_it() -> None:
    holder, keeps = a_keyed("holder", status=JobStatus.RUNNING), an_attempt("GPU")
    on_gpu = a_job("child", spec=a_spec("child", requirement="GPU"), status=JobStatus.READY)
    gate = a_job("gate", spec=replace(a_spec("gate", requirement="GPU"), kind=JobKind.GATE))

    assert needs_held(a_keyed("child"), holder, keeps, slots=1) == "the only place under key 'db'"
    assert needs_held(a_keyed("child", limit=2), holder, keeps, slots=1) is None
    assert needs_held(a_keyed("child", status=JobStatus.RUNNING), holder, keeps, slots=1) is None
    assert needs_held(on_gpu, holder, keeps, slots=1) == "the only GPU slot"
    assert needs_held(on_gpu, holder, keeps, slots=2) is None
    assert needs_held(on_gpu, holder, keeps, slots=None) is None
    assert needs_held(on_gpu, holder, replace(keeps, parked_at=NOON), slots=1) is None
    assert needs_held(gate, holder, keeps, slots=1) is None
