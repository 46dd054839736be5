"""What every store answers about attempts, their leases, and workers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON
from tests.support.stored import LEASE, a_stored_job, a_worker, an_attempt, store_dag, store_workers
from tests.support.stores import committed
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.errors import StoreRefused
from titan.model.jobs import JobStatus
from titan.model.workers import WorkerState
from titan.ports.jobs_store import Reader, Store, Transaction

A_SECOND = timedelta(seconds=1)


def prepare(store: Store, *, job_count: int = 4) -> None:
    """Store RUNNING jobs d1.00000 … and the workers w1 and w2."""
    jobs = [a_stored_job(f"job {n}", position=n, status=JobStatus.RUNNING) for n in range(job_count)]
    store_dag(store, *jobs)
    store_workers(store, a_worker("w1"), a_worker("w2"))


def store_attempts(store: Store, *attempts: Attempt) -> None:
    def decide(tx: Transaction) -> None:
        for attempt in attempts:
            tx.add_attempt(attempt)

    committed(store, decide)


def leases(attempts: list[Attempt]) -> list[str]:
    return [attempt.lease_id for attempt in attempts]


# --- attempts ---


def test_an_attempt_comes_back_as_it_was_saved(store: Store) -> None:
    prepare(store)
    live = replace(an_attempt("lease1"), ready_at=NOON - A_SECOND)
    ended = replace(
        live,
        expires_at=NOON + 2 * LEASE,
        started_at=NOON + A_SECOND,
        ended_at=NOON + 2 * A_SECOND,
        outcome=AttemptOutcome.FAILED,
        exit_code=None,
        signal=9,
        duration_ns=3_000_000_000_123,
        peak_memory_bytes=2**40,
        error="killed — out of memory",
        is_stop_requested=True,
    )

    store_attempts(store, live)
    as_leased = store.read(lambda reader: reader.attempt("lease1"))
    committed(store, lambda tx: tx.save_attempt(ended))

    assert (as_leased, store.read(lambda reader: reader.attempt("lease1"))) == (live, ended)


def test_the_attempts_of_a_job_come_in_the_order_of_their_leases(store: Store) -> None:
    prepare(store)
    given_back = an_attempt("zzz", outcome=AttemptOutcome.RETURNED)
    failed = an_attempt("aaa", outcome=AttemptOutcome.FAILED)
    live = an_attempt("mmm", number=2)

    store_attempts(store, given_back, failed, live, an_attempt("other", job_id="d1.00001"))

    assert store.read(lambda reader: reader.attempts_of_job("d1.00000")) == [given_back, failed, live]


def test_only_a_live_attempt_is_found_by_its_job_and_its_token(store: Store) -> None:
    prepare(store)
    live = an_attempt("live")
    ended = an_attempt("ended", job_id="d1.00001", outcome=AttemptOutcome.LOST)
    store_attempts(store, live, ended)

    def ask(reader: Reader) -> tuple[Attempt | None, ...]:
        return (
            reader.live_attempt_of_job(live.job_id),
            reader.live_attempt_of_job(ended.job_id),
            reader.live_attempt_by_token(live.token),
            reader.live_attempt_by_token(ended.token),
            reader.attempt("unknown"),
        )

    assert store.read(ask) == (live, None, live, None, None)


def test_the_live_attempts_of_a_worker_come_oldest_first(store: Store) -> None:
    prepare(store)
    store_attempts(
        store,
        an_attempt("later", job_id="d1.00000", leased_at=NOON + A_SECOND),
        an_attempt("earlier", job_id="d1.00001"),
        an_attempt("ended", job_id="d1.00002", outcome=AttemptOutcome.SUCCEEDED),
        an_attempt("another's", job_id="d1.00003", worker_id="w2"),
    )

    found = store.read(lambda reader: reader.live_attempts_of_worker("w1"))

    assert leases(found) == ["earlier", "later"]


def test_busy_slots_are_counted_by_label_from_live_leases(store: Store) -> None:
    prepare(store, job_count=5)
    store_attempts(
        store,
        an_attempt("a", job_id="d1.00000"),
        an_attempt("b", job_id="d1.00001"),
        an_attempt("c", job_id="d1.00002", label="GPU"),
        an_attempt("d", job_id="d1.00003", label="TPU", outcome=AttemptOutcome.FAILED),
        an_attempt("e", job_id="d1.00004", worker_id="w2"),
    )

    busy = store.read(lambda reader: [reader.busy_slots(worker_id) for worker_id in ("w1", "w2", "w3")])

    assert busy == [{"GENERAL": 2, "GPU": 1}, {"GENERAL": 1}, {}]


def test_a_job_has_one_live_attempt_at_most(store: Store) -> None:
    prepare(store)
    store_attempts(store, an_attempt("first"))

    with pytest.raises(StoreRefused):
        store_attempts(store, an_attempt("second", number=2))

    assert leases(store.read(lambda reader: reader.attempts_of_job("d1.00000"))) == ["first"]


def test_an_ended_attempt_makes_room_for_the_next(store: Store) -> None:
    prepare(store)
    first = an_attempt("first")
    store_attempts(store, first)
    second = an_attempt("second", number=2)

    def decide(tx: Transaction) -> None:
        tx.save_attempt(replace(first, outcome=AttemptOutcome.LOST, ended_at=NOON))
        tx.add_attempt(second)

    committed(store, decide)

    assert store.read(lambda reader: reader.live_attempt_of_job("d1.00000")) == second


def test_a_forgotten_attempt_was_never_there(store: Store) -> None:
    prepare(store)
    kept = an_attempt("kept", job_id="d1.00001")
    store_attempts(store, an_attempt("forgotten"), kept)

    committed(store, lambda tx: tx.forget_attempt("forgotten"))
    committed(store, lambda tx: tx.forget_attempt("unknown"))
    store_attempts(store, again := an_attempt("again"))

    def ask(reader: Reader) -> tuple[object, ...]:
        return (
            reader.attempt("forgotten"),
            reader.live_attempt_by_token("token of forgotten"),
            reader.attempts_of_job("d1.00000"),
            reader.live_attempts_of_worker("w1"),
            reader.busy_slots("w1"),
        )

    found = store.read(ask)
    assert found[:3] == (None, None, [again])
    assert sorted(leases(store.read(lambda reader: reader.live_attempts_of_worker("w1")))) == ["again", "kept"]
    assert found[4] == {"GENERAL": 2}


def test_a_transaction_sees_at_once_that_an_attempt_is_forgotten(store: Store) -> None:
    prepare(store)
    store_attempts(store, an_attempt("forgotten"))

    def decide(tx: Transaction) -> tuple[object, ...]:
        tx.look_ahead(leases=["forgotten"], workers=["w1"])
        before = tx.busy_slots("w1"), leases(tx.live_attempts_of_worker("w1"))
        tx.forget_attempt("forgotten")
        after = tx.attempt("forgotten"), tx.busy_slots("w1"), tx.live_attempts_of_worker("w1")
        return before, after, tx.live_attempt_of_job("d1.00000")

    assert committed(store, decide) == (({"GENERAL": 1}, ["forgotten"]), (None, {}, []), None)


@pytest.mark.parametrize(
    "impossible",
    [
        replace(an_attempt(), ended_at=NOON),
        replace(an_attempt(outcome=AttemptOutcome.FAILED), ended_at=None),
        an_attempt(number=0),
        an_attempt(job_id="d9.00000"),
        an_attempt(worker_id="unknown"),
        replace(an_attempt(), duration_ns=-1),
    ],
    ids=[
        "ended without an outcome",
        "an outcome without an end",
        "before the first",
        "an unknown job",
        "an unknown worker",
        "shorter than nothing",
    ],
)
def test_an_impossible_attempt_is_refused(store: Store, impossible: Attempt) -> None:
    prepare(store)

    with pytest.raises(StoreRefused):
        store_attempts(store, impossible)

    assert store.read(lambda reader: reader.attempt(impossible.lease_id)) is None


# --- leases ---


def test_live_leases_that_ran_out_are_found_at_the_moment_they_do(store: Store) -> None:
    prepare(store)
    store_attempts(
        store,
        an_attempt("second", job_id="d1.00000"),
        an_attempt("first", job_id="d1.00001", leased_at=NOON - A_SECOND),
        an_attempt("later", job_id="d1.00002", leased_at=NOON + timedelta(microseconds=1)),
        an_attempt("ended", job_id="d1.00003", outcome=AttemptOutcome.LOST),
    )

    found = store.read(lambda reader: reader.expired_attempts(NOON + LEASE))

    assert leases(found) == ["first", "second"]


def test_renewing_moves_the_live_leases_of_that_worker_alone(store: Store) -> None:
    prepare(store)
    store_attempts(
        store,
        an_attempt("renewed", job_id="d1.00000"),
        an_attempt("not asked for", job_id="d1.00001"),
        an_attempt("ended", job_id="d1.00002", outcome=AttemptOutcome.LOST),
        an_attempt("another's", job_id="d1.00003", worker_id="w2"),
    )
    until = NOON + 5 * LEASE
    asked = ["renewed", "ended", "another's", "unknown"]

    renewed = committed(store, lambda tx: tx.renew_leases("w1", asked, expires_at=until))

    expired = store.read(lambda reader: reader.expired_attempts(NOON + LEASE))
    assert renewed == {"renewed"}
    assert leases(expired) == ["another's", "not asked for"]
    assert store.read(lambda reader: reader.attempt("renewed")) == replace(an_attempt("renewed"), expires_at=until)


def test_renewing_all_leases_gives_all_that_are_live_the_same_time(store: Store) -> None:
    prepare(store)
    store_attempts(
        store,
        an_attempt("short", job_id="d1.00000"),
        an_attempt("long", job_id="d1.00001", leased_at=NOON + 9 * LEASE),
        an_attempt("ended", job_id="d1.00002", outcome=AttemptOutcome.LOST),
    )

    committed(store, lambda tx: tx.renew_all_leases(expires_at=NOON + 5 * LEASE))

    def expiry(reader: Reader) -> list[object]:
        found = [reader.attempt(lease_id) for lease_id in ("short", "long", "ended")]
        return [None if attempt is None else attempt.expires_at for attempt in found]

    assert store.read(expiry) == [NOON + 5 * LEASE, NOON + 5 * LEASE, NOON + LEASE]


# --- workers ---


def test_a_worker_comes_back_as_it_was_last_saved(store: Store) -> None:
    first = a_worker("w1")
    later = replace(
        first,
        name="the big one",
        host="elsewhere",
        pid=1,
        offers={"GPU": 2, "GENERAL": 0},
        version="0.2.0",
        state=WorkerState.LOST,
        joined_at=NOON + A_SECOND,
        seen_at=NOON + 2 * A_SECOND,
    )

    store_workers(store, first)
    as_joined = store.read(lambda reader: reader.worker("w1"))
    store_workers(store, later)

    assert (as_joined, store.read(lambda reader: reader.worker("w1"))) == (first, later)
    assert store.read(lambda reader: reader.worker("unknown")) is None


def test_workers_come_connected_ones_first_then_by_name(store: Store) -> None:
    store_workers(
        store,
        a_worker("w1", name="a", state=WorkerState.LEFT),
        a_worker("w2", name="c"),
        a_worker("w3", name="b", state=WorkerState.LOST),
        a_worker("w4", name="b"),
    )

    found = store.read(lambda reader: reader.workers())

    assert [worker.id for worker in found] == ["w4", "w2", "w1", "w3"]


def test_the_connected_workers_come_by_id(store: Store) -> None:
    store_workers(
        store,
        a_worker("w3"),
        a_worker("w1", state=WorkerState.LOST),
        a_worker("w2", state=WorkerState.LEFT),
        replace(a_worker("w0"), organisation_id="elsewhere"),
    )

    assert store.read(lambda reader: reader.connected_workers()) == ["w0", "w3"]
