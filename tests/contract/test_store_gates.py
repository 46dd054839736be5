"""What gates, retries, results and concurrency keys ask of a store."""

from dataclasses import replace
from datetime import timedelta
from operator import methodcaller

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_run, a_stored_dag, a_stored_job, store_dag
from tests.support.stores import committed
from titan.model.files import StoredValue
from titan.model.jobs import Decision, GateOutcome, Job, JobStatus
from titan.model.run_control import Orchestrator
from titan.ports.jobs_store import Reader, Store, Transaction

OPEN = JobStatus.WAITING_APPROVAL


def test_gates_are_listed_newest_first_and_the_open_ones_apart(store: Store) -> None:
    committed(store, lambda tx: tx.add_run(a_run("r1")))
    decided = a_stored_job("decided", position=0, status=JobStatus.COMPLETED, is_gate=True)
    is_open = a_stored_job("open", position=1, status=OPEN, is_gate=True)
    work = a_stored_job("work", position=2)
    of_run = a_stored_job("of run", dag_id="d2", run_id="r1", status=OPEN, is_gate=True)
    store_dag(store, decided, is_open, work)
    store_dag(store, of_run, dag_id="d2", run_id="r1")

    def ask(reader: Reader) -> list[list[str]]:
        asked = (
            reader.gates(PROJECT, limit=10),
            reader.gates(PROJECT, is_open=True, limit=10),
            reader.gates(PROJECT, run_id="r1", limit=10),
            reader.gates(PROJECT, is_open=True, run_id="r1", limit=10),
            reader.gates(PROJECT, limit=1),
            reader.gates("elsewhere", limit=10),
        )
        return [[gate.name for gate in gates] for gates in asked]

    assert store.read(ask) == [
        ["of run", "open", "decided"],
        ["of run", "open"],
        ["of run"],
        ["of run"],
        ["of run"],
        [],
    ]


def test_open_gates_of_a_name_are_found_in_every_dag(store: Store) -> None:
    store_dag(store, a_stored_job("ok", status=OPEN, is_gate=True))
    store_dag(store, a_stored_job("ok", dag_id="d2", status=OPEN, is_gate=True), dag_id="d2")
    store_dag(store, a_stored_job("ok", dag_id="d3", status=JobStatus.COMPLETED, is_gate=True), dag_id="d3")

    found = store.read(lambda reader: reader.open_gates_called(PROJECT, "ok"))

    assert [gate.dag_id for gate in found] == ["d1", "d2"]


def test_a_decision_is_kept_with_its_gate(store: Store) -> None:
    gate = a_stored_job("ok", status=OPEN, is_gate=True)
    store_dag(store, gate)
    decision = Decision(outcome=GateOutcome.REJECTED, decided_by="ada", comment="nicht so, „später“")
    decided = replace(gate, status=JobStatus.FAILED, ended_at=NOON, decision=decision)

    committed(store, lambda tx: tx.save_job(decided))

    assert store.read(lambda reader: reader.job(gate.id)) == decided


def test_the_edges_of_a_dag_are_those_with_an_end_in_it(store: Store) -> None:
    a, b = a_stored_job("a", position=0), a_stored_job("b", position=1, remaining_parents=1)
    c = a_stored_job("c", dag_id="d2", remaining_parents=1)
    d = a_stored_job("d", dag_id="d10")

    def write(tx: Transaction) -> None:
        tx.add_dag(a_stored_dag(a, b), [a, b], [(a.id, b.id)])
        tx.add_dag(a_stored_dag(c, dag_id="d2"), [c], [(b.id, c.id)])
        tx.add_dag(a_stored_dag(d, dag_id="d10"), [d], [])

    committed(store, write)

    assert sorted(store.read(lambda reader: reader.edges_of_dag("d1"))) == [(a.id, b.id), (b.id, c.id)]
    assert store.read(lambda reader: reader.edges_of_dag("d2")) == [(b.id, c.id)]
    assert store.read(lambda reader: reader.edges_of_dag("d10")) == []


def test_places_under_a_key_are_counted_and_the_held_are_ordered(store: Store) -> None:
    def keyed(name: str, position: int, status: JobStatus, priority: int = 1, remaining: int = 0) -> Job:
        return a_stored_job(
            name,
            position=position,
            status=status,
            priority=priority,
            remaining_parents=remaining,
            concurrency_key="db",
        )

    delayed = replace(keyed("delayed", 6, JobStatus.WAITING, 9), due_at=NOON)
    store_dag(
        store,
        keyed("ready", 0, JobStatus.READY),
        keyed("running", 1, JobStatus.RUNNING),
        keyed("done", 2, JobStatus.COMPLETED),
        keyed("later", 3, JobStatus.WAITING, 5),
        keyed("first", 4, JobStatus.WAITING, 7),
        keyed("not yet", 5, JobStatus.WAITING, 9, remaining=1),
        delayed,
    )

    held = store.read(lambda reader: reader.next_held(PROJECT, "db"))

    assert store.read(lambda reader: reader.active_with_key(PROJECT, "db")) == 2
    assert held is not None
    assert held.name == "first"
    assert store.read(lambda reader: reader.next_held(PROJECT, "other")) is None
    assert store.read(lambda reader: reader.active_with_key("elsewhere", "db")) == 0


def test_the_newest_dag_of_a_submission_key_is_found(store: Store) -> None:
    for dag_id in ("d1", "d2"):
        job = a_stored_job(dag_id=dag_id)
        dag = replace(a_stored_dag(job, dag_id=dag_id), submission_key="key::k", content_digest="0" * 32)
        store.transact(methodcaller("add_dag", dag, [job], [])).result()

    found = store.read(lambda reader: reader.newest_dag_of_key(PROJECT, "key::k"))

    assert found is not None
    assert (found.id, found.submission_key, found.content_digest) == ("d2", "key::k", "0" * 32)
    assert store.read(lambda reader: reader.newest_dag_of_key(PROJECT, "key::other")) is None


def test_a_result_is_replaced_and_cleared(store: Store) -> None:
    store_dag(store, job := a_stored_job())
    before = store.read(lambda reader: reader.result(job.id))
    committed(store, lambda tx: tx.put_result(job.id, PROJECT, '{"a":1}'))
    committed(store, lambda tx: tx.put_result(job.id, PROJECT, "null"))
    between = store.read(lambda reader: reader.result(job.id))

    committed(store, lambda tx: tx.clear_result(job.id))

    assert (before, between, store.read(lambda reader: reader.result(job.id))) == (None, "null", None)


def test_a_run_keeps_how_its_program_was_started(store: Store) -> None:
    program = Orchestrator(command=("python3", "agent.py", "ä b"), directory="/work", host="here")
    run = replace(a_run("r1"), orchestrator=program)

    committed(store, lambda tx: tx.add_run(run))

    assert store.read(lambda reader: reader.run_control(PROJECT, "r1")) == run


# --- keys that expire, are listed, and go ---


def test_a_value_is_absent_from_its_expiry_on(store: Store) -> None:
    value = StoredValue(value="soon gone", expires_at=NOON)
    committed(store, lambda tx: tx.put_value(PROJECT, "key", value))

    def ask(reader: Reader) -> tuple[object, ...]:
        early = NOON - timedelta(microseconds=1)
        return (
            reader.value(PROJECT, "key", now=early),
            reader.value(PROJECT, "key", now=NOON),
            reader.present_keys(PROJECT, ["key"], now=early),
            reader.present_keys(PROJECT, ["key"], now=NOON),
            reader.stored_keys(PROJECT, start="", limit=10, now=early),
            reader.stored_keys(PROJECT, start="", limit=10, now=NOON),
        )

    assert store.read(ask) == (value, None, ["key"], [], ["key"], [])


def test_setting_a_key_again_without_an_expiry_keeps_it(store: Store) -> None:
    committed(store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value="1", expires_at=NOON)))

    committed(store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value="2")))

    assert store.read(lambda reader: reader.value(PROJECT, "key", now=NOON)) == StoredValue(value="2")


def test_expired_values_are_forgotten_in_batches_and_others_stay(store: Store) -> None:
    def write(tx: Transaction) -> None:
        past = tx.now - timedelta(seconds=1)
        for number in range(3):
            tx.put_value(PROJECT, f"old{number}", StoredValue(value="", expires_at=past))
        tx.put_value(PROJECT, "later", StoredValue(value="", expires_at=tx.now + timedelta(days=1)))
        tx.put_value(PROJECT, "for ever", StoredValue(value=""))

    committed(store, write)

    first = committed(store, lambda tx: tx.forget_expired_values(limit=2))
    second = committed(store, lambda tx: tx.forget_expired_values(limit=2))

    left = store.read(lambda reader: reader.stored_keys(PROJECT, start="", limit=10, now=NOON - timedelta(days=9)))
    assert (first, second, left) == (2, 1, ["for ever", "later"])


def test_keys_of_values_and_sets_are_listed_by_code_point_from_a_start_on(store: Store) -> None:
    def write(tx: Transaction) -> None:
        for key in ("b", "ä", "B", "a:1", "a:2"):
            tx.put_value(PROJECT, key, StoredValue(value=""))
        tx.add_member(PROJECT, "a:set", "member")
        tx.add_member(PROJECT, "a:1", "member")

    committed(store, write)

    def ask(reader: Reader) -> tuple[list[str], list[str]]:
        return (
            reader.stored_keys(PROJECT, start="", limit=10, now=NOON),
            reader.stored_keys(PROJECT, start="a:2", limit=2, now=NOON),
        )

    assert store.read(ask) == (["B", "a:1", "a:2", "a:set", "b", "ä"], ["a:2", "a:set"])


def test_a_deleted_key_holds_neither_value_nor_set(store: Store) -> None:
    def write(tx: Transaction) -> None:
        tx.put_value(PROJECT, "key", StoredValue(value="1"))
        tx.add_member(PROJECT, "key", "member")

    committed(store, write)

    first = committed(store, lambda tx: tx.delete_key(PROJECT, "key"))
    second = committed(store, lambda tx: tx.delete_key(PROJECT, "key"))

    assert (first, second) == (True, False)
    assert store.read(lambda reader: reader.value(PROJECT, "key", now=NOON)) is None
    assert store.read(lambda reader: reader.members(PROJECT, "key")) == []
