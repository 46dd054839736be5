"""What every store answers when many things are asked for at once, and when a list goes on behind a row."""

from dataclasses import replace
from datetime import timedelta

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_run, a_stored_dag, a_stored_job, a_worker, an_attempt, store_dag, store_workers
from tests.support.stores import committed
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.jobs import JobStatus
from titan.model.run_control import RunControl
from titan.model.workers import Load
from titan.ports.jobs_store import Reader, Store, Transaction

ENDED = JobStatus.COMPLETED


def store_runs(store: Store, *run_ids: str) -> None:
    """Store runs that began a second after each other, with the stages PLAN and WRITE each."""

    def decide(tx: Transaction) -> None:
        for position, run_id in enumerate(run_ids):
            tx.add_run(a_run(run_id, started_at=NOON + timedelta(seconds=position)))
            for dag_id, name in ((f"d{position}a", "PLAN"), (f"d{position}b", "WRITE")):
                tx.add_dag(a_stored_dag(dag_id=dag_id, name=name, run_id=run_id), [], [])

    committed(store, decide)


def store_run(tx: Transaction, run: RunControl) -> None:
    tx.add_run(run)


def store_attempts(store: Store, *attempts: Attempt) -> None:
    """Store attempts in one transaction, in this order."""

    def decide(tx: Transaction) -> None:
        for attempt in attempts:
            tx.add_attempt(attempt)

    committed(store, decide)


def test_lookups_by_id_keep_the_given_order_and_leave_out_unknown_ids(store: Store) -> None:
    store_runs(store, "r1", "r2")
    store_dag(store, a_stored_job("a"), a_stored_job("b", position=1))

    def ask(reader: Reader) -> tuple[list[str], ...]:
        return (
            [job.id for job in reader.jobs_of_ids(PROJECT, ["d1.00001", "nowhere", "d1.00000", "d1.00001"])],
            [dag.id for dag in reader.dags_of_ids(PROJECT, ["d1b", "d0a", "nowhere"])],
            [run.id for run in reader.runs_of_ids(PROJECT, ["r2", "r9", "r1"])],
        )

    assert store.read(ask) == (["d1.00001", "d1.00000"], ["d1b", "d0a"], ["r2", "r1"])


def test_lookups_by_id_return_nothing_of_another_project(store: Store) -> None:
    store_runs(store, "r1")
    store_dag(store, a_stored_job("a"))

    def ask(reader: Reader) -> int:
        jobs, dags = reader.jobs_of_ids("other", ["d1.00000"]), reader.dags_of_ids("other", ["d0a"])
        return (
            len(jobs) + len(dags) + len(reader.runs_of_ids("other", ["r1"])) + len(reader.last_stages("other", ["r1"]))
        )

    assert store.read(ask) == 0


def test_a_list_continues_after_a_row(store: Store) -> None:
    store_runs(store, "r1", "r2", "r3")
    store_dag(store, a_stored_job("a"), a_stored_job("b", position=1), a_stored_job("c", position=2))

    def ask(reader: Reader) -> tuple[list[str], ...]:
        return (
            [dag.id for dag in reader.dags(PROJECT, before="d1a", limit=10)],
            [dag.id for dag in reader.dags(PROJECT, name="PLAN", before="d2a", limit=1)],
            [dag.id for dag in reader.dags(PROJECT, run_id="r2", before="d1b", limit=10)],
            [job.id for job in reader.jobs(PROJECT, before="d1.00002", limit=10)],
            [job.id for job in reader.jobs(PROJECT, dag_id="d1", before="d1.00001", limit=10)],
            [job.id for job in reader.jobs(PROJECT, status="WAITING", before="d1.00002", limit=1)],
        )

    assert store.read(ask) == (
        ["d1", "d0b", "d0a"],
        ["d1a"],
        ["d1a"],
        ["d1.00001", "d1.00000"],
        ["d1.00000"],
        ["d1.00001"],
    )


def test_stages_of_many_runs_are_read_together(store: Store) -> None:
    store_runs(store, "r1", "r2")
    committed(store, lambda tx: tx.add_run(a_run("empty")))

    stages = store.read(lambda reader: reader.stages_of_runs(PROJECT, ["r2", "r1", "empty"]))
    last = store.read(lambda reader: reader.last_stages(PROJECT, ["r2", "r1", "empty"]))

    assert {run_id: [dag.name for dag in dags] for run_id, dags in stages.items()} == {
        "r1": ["PLAN", "WRITE"],
        "r2": ["PLAN", "WRITE"],
    }
    assert {run_id: dag.id for run_id, dag in last.items()} == {"r1": "d0b", "r2": "d1b"}


def test_references_of_jobs_are_read_together(store: Store) -> None:
    store_workers(store, a_worker("w1", name="one"), a_worker("w2", name="two"))
    store_dag(store, a_stored_job("a", status=ENDED), a_stored_job("b", position=1))
    store_attempts(
        store,
        an_attempt("l1", outcome=AttemptOutcome.FAILED),
        an_attempt("l2", number=2, worker_id="w2", outcome=AttemptOutcome.SUCCEEDED),
    )
    committed(store, lambda tx: tx.put_result("d1.00000", PROJECT, "null"))
    both = ["d1.00000", "d1.00001"]

    attempts = store.read(lambda reader: reader.attempts_of_jobs(both))

    assert {job_id: [a.lease_id for a in found] for job_id, found in attempts.items()} == {"d1.00000": ["l1", "l2"]}
    assert store.read(lambda reader: reader.jobs_with_result(both)) == {"d1.00000"}
    assert store.read(lambda reader: reader.dag_names(["d1", "d9"])) == {"d1": "pipeline"}
    assert store.read(lambda reader: reader.worker_names(["w2", "w1", "w9"])) == {"w1": "one", "w2": "two"}


def test_jobs_of_a_worker_are_those_it_tried_the_last_taken_first_each_once(store: Store) -> None:
    store_workers(store, a_worker("w1"), a_worker("w2"))
    store_dag(store, *(a_stored_job(name, position=position, status=ENDED) for position, name in enumerate("abcd")))
    lost, later = AttemptOutcome.LOST, NOON + timedelta(seconds=1)
    store_attempts(
        store,
        an_attempt("l1", job_id="d1.00000", outcome=lost),
        an_attempt("l2", job_id="d1.00001", outcome=lost),
        an_attempt("l3", job_id="d1.00002", worker_id="w2", outcome=lost),
        an_attempt("l4", job_id="d1.00003", outcome=lost),
        an_attempt("l5", job_id="d1.00000", number=2, leased_at=later, outcome=lost),
    )

    def ask(before: str | None, limit: int) -> list[str]:
        return store.read(
            lambda reader: [job.name for job in reader.jobs_of_worker(PROJECT, "w1", before=before, limit=limit)]
        )

    assert ask(None, 10) == ["a", "d", "b"]
    assert (ask(None, 1), ask("d1.00000", 1), ask("d1.00003", 5)) == (["a"], ["d"], ["b"])
    assert ask("d1.00002", 5) == []


def test_a_draining_worker_with_its_load_is_read_as_it_was_stored(store: Store) -> None:
    told = Load(average_1m=1.5, cores=8, memory_used_bytes=2**35, memory_total_bytes=2**36)
    worker = replace(a_worker("w1"), is_draining=True, load=told)
    plain = replace(a_worker("w2"), load=Load(average_1m=0.0, cores=1))

    store_workers(store, worker, plain)

    assert store.read(lambda reader: (reader.worker("w1"), reader.worker("w2"))) == (worker, plain)


def test_the_last_attempts_of_a_worker_are_those_that_ended(store: Store) -> None:
    store_workers(store, a_worker("w1"), a_worker("w2"))
    store_dag(store, *(a_stored_job(name, position=position, status=ENDED) for position, name in enumerate("abc")))
    store_attempts(
        store,
        an_attempt("l1", job_id="d1.00000", outcome=AttemptOutcome.SUCCEEDED),
        an_attempt("l2", job_id="d1.00001", leased_at=NOON + timedelta(seconds=1), outcome=AttemptOutcome.FAILED),
        an_attempt("l3", job_id="d1.00002", leased_at=NOON + timedelta(seconds=2)),
        an_attempt("l4", job_id="d1.00000", number=2, worker_id="w2", outcome=AttemptOutcome.SUCCEEDED),
    )

    def ask(limit: int) -> list[str]:
        return store.read(lambda reader: [a.lease_id for a in reader.last_attempts_of_worker("w1", limit=limit)])

    assert (ask(10), ask(1)) == (["l2", "l1"], ["l2"])
