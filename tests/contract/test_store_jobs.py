"""What every store answers about jobs: one job, lists, what may be taken, what follows a parent."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_run, a_stored_job, a_worker, an_attempt, store_dag, store_workers
from tests.support.stores import committed
from titan.model.attempts import AttemptOutcome
from titan.model.errors import StoreRefused
from titan.model.jobs import Affinity, Job, JobSpec, JobStatus, ReadyJob
from titan.ports.jobs_store import Reader, Store, Transaction

A_MINUTE = timedelta(minutes=1)


def names(jobs: list[Job]) -> list[str]:
    return [job.name for job in jobs]


def a_job_with_everything() -> Job:
    spec = JobSpec(
        name="träin",
        filename="train.py",
        script="ab" * 32,
        args=("--fast", 'a "quoted" | one', ""),
        parents=("load", "clean"),
        priority=-7,
        delay_ms=1500,
        affinity=Affinity.REQUIRED,
        requirement="GPU",
        retries=3,
        backoff_seconds=0.25,
        timeout_seconds=1.5,
        max_lost=0,
        env={"MODE": "fäst", "EMPTY": ""},
        cold=True,
        hitl_message="Publish it?",
        max_wait_seconds=60.5,
        concurrency_key="db",
        concurrency_limit=2,
    )
    moments = [NOON + timedelta(microseconds=number) for number in range(1, 6)]
    return Job(
        project_id=PROJECT,
        id="d1.00000",
        dag_id="d1",
        run_id="r1",
        spec=spec,
        status=JobStatus.FAILED,
        submitted_at=moments[0],
        remaining_parents=2,
        ready_at=moments[1],
        started_at=moments[3],
        ended_at=moments[4],
        reason="exit code 3 — for a person",
        is_cancel_requested=True,
        attempt_count=4,
        failed_count=3,
        lost_count=1,
        preferred_worker_id="w1",
    )


# --- one job ---


def test_a_job_comes_back_as_it_was_stored(store: Store) -> None:
    job = a_job_with_everything()
    committed(store, lambda tx: tx.add_run(a_run("r1")))

    store_dag(store, job, run_id="r1")

    assert store.read(lambda reader: reader.job(job.id)) == job


def test_saving_a_job_overwrites_all_but_its_submitted_fields(store: Store) -> None:
    job = a_job_with_everything()
    committed(store, lambda tx: tx.add_run(a_run("r1")))
    store_dag(store, replace(a_stored_job(), spec=job.spec, run_id="r1", submitted_at=NOON), run_id="r1")

    committed(store, lambda tx: tx.save_job(job))

    assert store.read(lambda reader: reader.job(job.id)) == replace(job, submitted_at=NOON)


def test_an_unknown_job_is_none_and_has_nothing(store: Store) -> None:
    def ask(reader: Reader) -> tuple[object, ...]:
        return (
            reader.job("d9.00000"),
            reader.newest_job(PROJECT, "train"),
            reader.newest_job(PROJECT, "train", dag_id="d9"),
            reader.newest_job(PROJECT, "train", run_id="r9"),
            reader.jobs_of_dag("d9"),
            reader.children("d9.00000"),
            reader.attempts_of_job("d9.00000"),
        )

    assert store.read(ask) == (None, None, None, None, [], [], [])


def test_the_newest_job_of_a_name_is_found_in_the_dag_the_run_or_the_project(store: Store) -> None:
    committed(store, lambda tx: tx.add_run(a_run("r1")))
    of_run = a_stored_job("train", dag_id="d1", run_id="r1")
    later_of_run = a_stored_job("train", dag_id="d2", run_id="r1")
    of_nobody = a_stored_job("train", dag_id="d3")
    store_dag(store, of_run, dag_id="d1", run_id="r1")
    store_dag(store, later_of_run, dag_id="d2", run_id="r1")
    store_dag(store, of_nobody, dag_id="d3")

    def ask(reader: Reader) -> tuple[Job | None, ...]:
        return (
            reader.newest_job(PROJECT, "train", dag_id="d1"),
            reader.newest_job(PROJECT, "train", run_id="r1"),
            reader.newest_job(PROJECT, "train"),
            reader.newest_job("elsewhere", "train"),
        )

    assert store.read(ask) == (of_run, later_of_run, of_nobody, None)


# --- lists ---


def test_jobs_are_listed_newest_first_by_status_run_and_dag(store: Store) -> None:
    committed(store, lambda tx: tx.add_run(a_run("r1")))
    store_dag(store, a_stored_job("a"), a_stored_job("b", position=1, status=JobStatus.READY), dag_id="d1")
    in_run = [
        a_stored_job("c", dag_id="d2", run_id="r1"),
        a_stored_job("d", dag_id="d2", position=1, run_id="r1", status=JobStatus.READY),
    ]
    store_dag(store, *in_run, dag_id="d2", run_id="r1")
    later = a_stored_job("e", dag_id="d3", run_id="r1", status=JobStatus.COMPLETED)
    store_dag(store, later, dag_id="d3", run_id="r1")

    def ask(reader: Reader) -> list[list[str]]:
        return [
            names(found)
            for found in (
                reader.jobs(PROJECT, limit=10),
                reader.jobs(PROJECT, limit=2),
                reader.jobs(PROJECT, status="READY", limit=10),
                reader.jobs(PROJECT, run_id="r1", limit=10),
                reader.jobs(PROJECT, run_id="r1", status="READY", limit=10),
                reader.jobs(PROJECT, dag_id="d2", limit=10),
                reader.jobs(PROJECT, dag_id="d2", status="WAITING", limit=10),
                reader.jobs(PROJECT, dag_id="d1", run_id="r1", limit=10),
                reader.jobs("elsewhere", limit=10),
            )
        ]

    assert store.read(ask) == [
        ["e", "d", "c", "b", "a"],
        ["e", "d"],
        ["d", "b"],
        ["e", "d", "c"],
        ["d"],
        ["d", "c"],
        ["c"],
        [],
        [],
    ]


def test_the_jobs_of_a_dag_come_in_submission_order(store: Store) -> None:
    jobs = [a_stored_job(name, position=position) for position, name in enumerate("zyxab")]
    store_dag(store, *jobs)

    assert store.read(lambda reader: reader.jobs_of_dag("d1")) == jobs


def test_the_children_of_a_job_come_by_id_from_other_dags_of_its_run_too(store: Store) -> None:
    parent = a_stored_job("parent")
    near = a_stored_job("near", position=1, remaining_parents=1)
    store_dag(store, parent, near, a_stored_job("other", position=2), edges=[(parent, near)])
    far = a_stored_job("far", dag_id="d2", remaining_parents=1)
    store_dag(store, far, dag_id="d2", edges=[(parent, far)])

    assert store.read(lambda reader: reader.children(parent.id)) == [near, far]


# --- what may be taken ---


def a_ready(name: str, position: int, *, priority: int = 1, minutes: int = 0) -> Job:
    ready_at = NOON + minutes * A_MINUTE
    return a_stored_job(name, position=position, status=JobStatus.READY, priority=priority, ready_at=ready_at)


def test_ready_jobs_come_by_priority_then_by_ready_time_then_by_id(store: Store) -> None:
    store_dag(
        store,
        a_ready("tie, second id", 1, minutes=1),
        a_ready("tie, first id", 0, minutes=1),
        a_ready("waited longest", 2),
        a_ready("low", 3, priority=-5),
        a_ready("high", 4, priority=9, minutes=5),
        a_ready("too many", 5, priority=-9),
    )

    found = store.read(lambda reader: reader.ready_jobs("GENERAL", limit=5))

    assert [job.id for job in found] == ["d1.00004", "d1.00002", "d1.00000", "d1.00001", "d1.00003"]
    assert found[0] == ReadyJob(id="d1.00004", requirement="GENERAL", priority=9, ready_at=NOON + 5 * A_MINUTE)


def test_only_ready_jobs_of_the_requirement_may_be_taken(store: Store) -> None:
    statuses = [status for status in JobStatus if status not in (JobStatus.READY, JobStatus.WAITING_APPROVAL)]
    jobs = [a_stored_job(status, position=number, status=status) for number, status in enumerate(statuses)]
    gpu = a_stored_job("gpu", position=7, status=JobStatus.READY, requirement="GPU")
    general = a_stored_job("general", position=8, status=JobStatus.READY)
    store_dag(store, *jobs, gpu, general)

    found = store.read(lambda reader: reader.ready_jobs("GENERAL", limit=10))

    assert [job.id for job in found] == [general.id]


def test_a_job_bound_to_a_worker_is_offered_to_that_worker_alone(store: Store) -> None:
    def a_job_wanting(name: str, position: int, affinity: Affinity, worker_id: str | None) -> Job:
        return a_stored_job(
            name,
            position=position,
            status=JobStatus.READY,
            affinity=affinity,
            preferred_worker_id=worker_id,
        )

    store_dag(
        store,
        a_job_wanting("bound", 0, Affinity.REQUIRED, "w1"),
        a_job_wanting("bound elsewhere", 1, Affinity.REQUIRED, "w2"),
        a_job_wanting("required, but no parent ran", 2, Affinity.REQUIRED, None),
        a_job_wanting("soft", 3, Affinity.SOFT, "w1"),
    )

    def ask(reader: Reader) -> tuple[list[str], list[str]]:
        return (
            [job.id for job in reader.ready_jobs("GENERAL", limit=10)],
            [job.id for job in reader.ready_jobs_bound_to("w1", "GENERAL", limit=10)],
        )

    assert store.read(ask) == (["d1.00002", "d1.00003"], ["d1.00000"])
    assert store.read(lambda reader: reader.ready_jobs("GENERAL", limit=10))[1] == ReadyJob(
        id="d1.00003",
        requirement="GENERAL",
        priority=1,
        ready_at=NOON,
        affinity=Affinity.SOFT,
        preferred_worker_id="w1",
    )


def test_a_job_enters_and_leaves_the_ready_jobs_with_its_status(store: Store) -> None:
    waiting = a_stored_job()
    store_dag(store, waiting)

    def ready_ids() -> list[str]:
        return [job.id for job in store.read(lambda reader: reader.ready_jobs("GENERAL", limit=10))]

    before = ready_ids()
    committed(store, lambda tx: tx.save_job(replace(waiting, status=JobStatus.READY, ready_at=NOON)))
    while_ready = ready_ids()
    committed(store, lambda tx: tx.save_job(replace(waiting, status=JobStatus.RUNNING, ready_at=NOON)))

    assert (before, while_ready, ready_ids()) == ([], [waiting.id], [])


def test_a_ready_job_with_a_live_attempt_is_offered_to_nobody_until_that_is_over(store: Store) -> None:
    bound = a_stored_job(
        "bound", position=0, status=JobStatus.READY, affinity=Affinity.REQUIRED, preferred_worker_id="w1"
    )
    free = a_stored_job("free", position=1, status=JobStatus.READY)
    again = a_stored_job("again", position=2, status=JobStatus.READY)
    store_dag(store, bound, free, again)
    store_workers(store, a_worker("w1"))
    lost = an_attempt("lost", job_id=again.id, outcome=AttemptOutcome.LOST)
    held = [an_attempt("l0", job_id=bound.id), an_attempt("l1", job_id=free.id)]

    def decide(tx: Transaction) -> list[list[str]]:
        before = offered(tx)
        for attempt in (lost, *held):
            tx.add_attempt(attempt)
        while_held = offered(tx)
        tx.forget_attempt("l0")
        tx.save_attempt(replace(held[1], outcome=AttemptOutcome.RETURNED, ended_at=NOON))
        return [*before, *while_held, *offered(tx)]

    def offered(reader: Reader) -> list[list[str]]:
        reader.look_ahead(lanes=[(None, "GENERAL", 10), ("w1", "GENERAL", 10)])
        found = reader.ready_jobs("GENERAL", limit=10), reader.ready_jobs_bound_to("w1", "GENERAL", limit=10)
        return [[job.id for job in jobs] for jobs in found]

    everything = [[free.id, again.id], [bound.id]]
    assert committed(store, decide) == [*everything, [again.id], [], *everything]
    assert store.read(offered) == everything


def test_a_ready_job_knows_whether_an_attempt_of_it_was_lost(store: Store) -> None:
    lost = replace(a_stored_job("lost", position=0, status=JobStatus.READY), lost_count=1, attempt_count=1)
    failed = replace(a_stored_job("failed", position=1, status=JobStatus.READY), failed_count=1, attempt_count=1)
    store_dag(store, lost, failed)

    def ask(reader: Reader) -> list[bool]:
        return [job.must_not_be_lost for job in reader.ready_jobs("GENERAL", limit=10)]

    assert store.read(ask) == [True, False]


# --- what waits for a moment ---


def test_due_jobs_are_the_waiting_ones_whose_moment_has_come(store: Store) -> None:
    store_dag(
        store,
        a_stored_job("second", position=0, due_at=NOON),
        a_stored_job("first", position=1, due_at=NOON - A_MINUTE),
        a_stored_job("later", position=2, due_at=NOON + timedelta(microseconds=1)),
        a_stored_job("no moment", position=3),
        a_stored_job("cancelled", position=4, status=JobStatus.CANCELLED),
        a_stored_job("gate", position=5, due_at=NOON - A_MINUTE / 2, status=JobStatus.WAITING_APPROVAL, is_gate=True),
    )

    def ask(reader: Reader) -> tuple[list[str], list[str]]:
        return names(reader.due_jobs(NOON, limit=10)), names(reader.due_jobs(NOON, limit=1))

    assert store.read(ask) == (["first", "gate", "second"], ["first"])


def test_jobs_due_later_are_listed_by_due_time_and_id_after_a_given_one(store: Store) -> None:
    gate = a_stored_job("gate", position=4, due_at=NOON + A_MINUTE / 2, status=JobStatus.WAITING_APPROVAL, is_gate=True)
    first = a_stored_job("first", position=2, due_at=NOON)
    store_dag(
        store,
        a_stored_job("before", position=0, due_at=NOON - A_MINUTE),
        a_stored_job("no moment", position=1),
        first,
        a_stored_job("second", position=3, due_at=NOON),
        gate,
    )

    def ask(reader: Reader) -> list[list[str]]:
        return [
            names(reader.jobs_due_after(NOON, "", limit=2)),
            names(reader.jobs_due_after(NOON, first.id, limit=9)),
            names(reader.jobs_due_after(NOON + A_MINUTE / 2, gate.id, limit=9)),
        ]

    assert store.read(ask) == [["first", "second"], ["second", "gate"], []]


def test_the_next_wakeup_is_the_earliest_due_time_or_expiry(store: Store) -> None:
    def wakeup() -> object:
        return store.read(lambda reader: reader.next_wakeup())

    asleep = wakeup()
    running = a_stored_job("running", position=1, status=JobStatus.RUNNING)
    store_dag(store, a_stored_job("delayed", due_at=NOON + A_MINUTE), running)
    store_workers(store, a_worker())
    with_a_due_job = wakeup()
    attempt = an_attempt(job_id=running.id)
    committed(store, lambda tx: tx.add_attempt(attempt))

    assert (asleep, with_a_due_job, wakeup()) == (None, NOON + A_MINUTE, attempt.expires_at)


# --- counting down ---


def test_counting_down_returns_the_children_that_wait_for_nobody_else(store: Store) -> None:
    parent = a_stored_job("parent")
    freed_first = a_stored_job("freed first", position=1, remaining_parents=1)
    freed_second = a_stored_job("freed second", position=2, remaining_parents=1)
    held_back = a_stored_job("held back", position=3, remaining_parents=2)
    cancelled = a_stored_job("cancelled", position=4, status=JobStatus.CANCELLED, remaining_parents=1)
    children = [held_back, freed_second, freed_first, cancelled]
    store_dag(store, parent, *children, edges=[(parent, child) for child in children])

    freed = committed(store, lambda tx: tx.count_down_children(parent.id, worker_id="w1"))

    left = store.read(lambda reader: [reader.job(job.id) for job in (held_back, cancelled)])
    assert freed == [
        replace(freed_first, remaining_parents=0, preferred_worker_id="w1"),
        replace(freed_second, remaining_parents=0, preferred_worker_id="w1"),
    ]
    assert left == [replace(held_back, remaining_parents=1, preferred_worker_id="w1"), cancelled]


def test_the_first_parent_that_completes_chooses_the_preferred_worker(store: Store) -> None:
    parents = [a_stored_job("load"), a_stored_job("clean", position=1)]
    child = a_stored_job("train", position=2, remaining_parents=2)
    store_dag(store, *parents, child, edges=[(parent, child) for parent in parents])

    committed(store, lambda tx: tx.count_down_children(parents[0].id, worker_id="w1"))
    freed = committed(store, lambda tx: tx.count_down_children(parents[1].id, worker_id="w2"))

    assert freed == [replace(child, remaining_parents=0, preferred_worker_id="w1")]


def test_of_many_parents_that_end_at_once_exactly_one_frees_their_child(store: Store) -> None:
    parents = [a_stored_job(f"parent {number}", position=number) for number in range(64)]
    child = a_stored_job("child", position=99, remaining_parents=64)
    store_dag(store, *parents, child, edges=[(parent, child) for parent in parents])

    def finish(parent: Job) -> list[Job]:
        return committed(store, lambda tx: tx.count_down_children(parent.id, worker_id=None))

    with ThreadPoolExecutor(16) as threads:
        freed = [job for found in threads.map(finish, parents) for job in found]

    assert freed == [replace(child, remaining_parents=0)]


# --- what a store refuses ---


@pytest.mark.parametrize(
    "impossible",
    [
        replace(a_stored_job(status=JobStatus.READY), ready_at=None),
        a_stored_job(status=JobStatus.READY, remaining_parents=1),
        a_stored_job(status=JobStatus.RUNNING, remaining_parents=1),
        replace(a_stored_job(status=JobStatus.COMPLETED), ended_at=None),
        replace(a_stored_job(), ended_at=NOON),
        a_stored_job(remaining_parents=-1),
        replace(a_stored_job(), id="d2.00000"),
        replace(a_stored_job(), dag_id="d2", id="d2.00000"),
    ],
    ids=[
        "ready since never",
        "ready before its parents",
        "running before its parents",
        "final without an end",
        "ended but not final",
        "fewer parents than none",
        "an id of another DAG",
        "an unknown DAG",
    ],
)
def test_an_impossible_job_is_refused_with_its_dag(store: Store, impossible: Job) -> None:
    with pytest.raises(StoreRefused):
        store_dag(store, impossible)

    assert store.read(lambda reader: (reader.dag("d1"), reader.job(impossible.id))) == (None, None)


def test_a_dag_with_two_jobs_of_one_name_is_refused(store: Store) -> None:
    with pytest.raises(StoreRefused):
        store_dag(store, a_stored_job("train"), a_stored_job("train", position=1))

    assert store.read(lambda reader: reader.jobs_of_dag("d1")) == []


def test_an_edge_to_an_unknown_job_or_to_itself_is_refused(store: Store) -> None:
    job = a_stored_job()

    for other in (a_stored_job("unknown", position=9), job):
        with pytest.raises(StoreRefused):
            store_dag(store, job, edges=[(other, job)])

    assert store.read(lambda reader: reader.dag("d1")) is None
