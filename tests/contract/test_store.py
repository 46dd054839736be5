"""What every store promises of transactions, snapshots and listeners; test_store_* ask for its facts."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_stored_job, a_worker, an_attempt, store_dag, store_workers
from tests.support.stores import PATIENCE_SECONDS, StandingClock, committed
from titan.model.errors import StoreRefused, StoreUnavailable
from titan.model.events import JobReady, Subject
from titan.model.files import Receipt, StoredFile, StoredValue
from titan.ports.jobs_store import Commit, Reader, Store, Transaction

SUBJECT = Subject(project_id=PROJECT)


class Oops(Exception):
    """A decision refuses."""


def put(key: str, value: str = "x") -> Callable[[Transaction], None]:
    return lambda tx: tx.put_value(PROJECT, key, StoredValue(value=value))


def read_value(store: Store, key: str) -> str | None:
    found = store.read(lambda reader: reader.value(PROJECT, key, now=NOON))
    return None if found is None else found.value


def in_one_group(store: Store, *decisions: Callable[[Transaction], None]) -> list[BaseException | None]:
    """Hand decisions in while the writer is held up, so that they share a commit; return their errors."""
    go_on = threading.Event()
    held_up = store.transact(lambda _tx: go_on.wait(PATIENCE_SECONDS))
    futures = [store.transact(decide) for decide in decisions]
    go_on.set()
    held_up.result(timeout=PATIENCE_SECONDS)
    return [future.exception(timeout=PATIENCE_SECONDS) for future in futures]


def test_an_event_loop_reads_committed_values_and_is_refused_after_the_end(store: Store) -> None:
    committed(store, put("answer", "42"))

    async def look() -> str | None:
        found = await store.look(lambda reader: reader.value(PROJECT, "answer", now=NOON))
        return None if found is None else found.value

    assert asyncio.run(look()) == "42"
    store.close()
    with pytest.raises(StoreUnavailable):
        asyncio.run(look())


# --- transactions ---


def test_a_transaction_returns_its_result_and_its_writes_can_be_read(store: Store) -> None:
    def decide(tx: Transaction) -> str:
        tx.put_value(PROJECT, "answer", StoredValue(value="42"))
        return "done"

    result = committed(store, decide)

    assert result == "done"
    assert read_value(store, "answer") == "42"


def test_a_transaction_that_raises_keeps_nothing_and_its_future_raises_the_same(store: Store) -> None:
    refusal = Oops()

    def decide(tx: Transaction) -> None:
        tx.put_value(PROJECT, "answer", StoredValue(value="42"))
        tx.add_member(PROJECT, "names", "ada")
        tx.put_file(PROJECT, StoredFile(name="a.csv", digest="0" * 64, size_bytes=1))
        tx.add_receipt(PROJECT, Receipt(key="once", fingerprint="f", answer="{}"))
        tx.record(SUBJECT, JobReady(cause="test"))
        raise refusal

    error = store.transact(decide).exception(timeout=PATIENCE_SECONDS)

    assert error is refusal
    assert store.read(everything_of_memory) == (None, [], None, None, 0)


def everything_of_memory(reader: Reader) -> tuple[object, ...]:
    return (
        reader.value(PROJECT, "answer", now=NOON),
        reader.members(PROJECT, "names"),
        reader.file(PROJECT, "a.csv"),
        reader.receipt(PROJECT, "once"),
        reader.last_seq(),
    )


def test_a_transaction_that_raises_takes_nothing_from_the_others_of_its_group(store: Store) -> None:
    commits: list[Commit] = []
    store.listen(commits.append)

    def write(key: str, tx: Transaction) -> None:
        tx.put_value(PROJECT, key, StoredValue(value=key))
        tx.record(SUBJECT, JobReady(cause=key))

    def write_and_raise(tx: Transaction) -> None:
        write("b", tx)
        tx.journal(PROJECT, limit=10)
        raise Oops

    errors = in_one_group(store, lambda tx: write("a", tx), write_and_raise, lambda tx: write("c", tx))

    entries = store.read(lambda reader: reader.journal(PROJECT, limit=10))
    assert [type(error) for error in errors] == [type(None), Oops, type(None)]
    assert [read_value(store, key) for key in "abc"] == ["a", None, "c"]
    assert [(entry.seq, entry.cause) for entry in entries] == [(1, "a"), (2, "c")]
    assert [entry for commit in commits for entry in commit.entries] == entries
    assert {key for commit in commits for key in commit.keys} == {(PROJECT, "a"), (PROJECT, "c")}


def test_a_write_that_the_schema_refuses_takes_back_only_its_own_transaction(store: Store) -> None:
    store_dag(store, a_stored_job())
    store_workers(store, a_worker())

    def two_live_attempts(tx: Transaction) -> None:
        tx.add_attempt(an_attempt("lease1"))
        tx.add_attempt(an_attempt("lease2"))

    errors = in_one_group(store, put("before"), two_live_attempts, put("after"))

    assert [type(error) for error in errors] == [type(None), StoreRefused, type(None)]
    assert store.read(lambda reader: reader.attempts_of_job("d1.00000")) == []
    assert [read_value(store, key) for key in ("before", "after")] == ["x", "x"]


def test_a_transaction_reads_its_own_writes(store: Store) -> None:
    job = a_stored_job()
    store_dag(store, job)
    changed = replace(job, reason="for its parents", remaining_parents=2)

    def decide(tx: Transaction) -> tuple[object, ...]:
        tx.save_job(changed)
        tx.record(SUBJECT, JobReady(cause="first"))
        tx.record(SUBJECT, JobReady(cause="second"))
        entries = tx.journal(PROJECT, limit=10)
        return tx.job(job.id), tx.last_seq(), [entry.cause for entry in entries]

    assert committed(store, decide) == (changed, 2, ["first", "second"])


def test_a_transaction_has_the_time_of_its_start(store: Store, clock: StandingClock) -> None:
    clock.advance(timedelta(hours=1, microseconds=1))

    def decide(tx: Transaction) -> object:
        before = tx.now
        clock.advance(timedelta(hours=1))
        return before, tx.now

    one_oclock = NOON + timedelta(hours=1, microseconds=1)
    assert committed(store, decide) == (one_oclock, one_oclock)


def test_transactions_run_one_after_the_other(store: Store) -> None:
    def count(tx: Transaction) -> None:
        found = tx.value(PROJECT, "count", now=NOON)
        number = 0 if found is None else int(found.value)
        tx.put_value(PROJECT, "count", StoredValue(value=str(number + 1)))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _turn: [committed(store, count) for _ in range(25)], range(16)))

    assert read_value(store, "count") == "400"


def test_a_thousand_puts_by_sixteen_threads_are_all_there(store: Store) -> None:
    keys = [f"key{number}" for number in range(1000)]

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda key: committed(store, put(key, f"value of {key}")), keys))

    assert store.read(lambda reader: reader.present_keys(PROJECT, keys, now=NOON)) == keys
    assert read_value(store, "key777") == "value of key777"


def test_a_transaction_cancelled_before_its_turn_does_not_run(store: Store) -> None:
    go_on = threading.Event()
    held_up = store.transact(lambda _tx: go_on.wait(PATIENCE_SECONDS))
    unwanted = store.transact(put("unwanted"))

    is_cancelled = unwanted.cancel()
    go_on.set()
    held_up.result(timeout=PATIENCE_SECONDS)
    committed(store, put("wanted"))

    assert is_cancelled
    assert (read_value(store, "unwanted"), read_value(store, "wanted")) == (None, "x")


# --- snapshots ---


def test_a_read_never_sees_half_a_transaction(store: Store) -> None:
    def put_both(number: int) -> Callable[[Transaction], None]:
        def decide(tx: Transaction) -> None:
            for key in ("left", "right"):
                tx.put_value(PROJECT, key, StoredValue(value=str(number)))

        return decide

    def both(reader: Reader) -> tuple[StoredValue | None, StoredValue | None]:
        return reader.value(PROJECT, "left", now=NOON), reader.value(PROJECT, "right", now=NOON)

    writes = [store.transact(put_both(number)) for number in range(300)]
    seen = []
    while not writes[-1].done():
        seen.append(store.read(both))

    assert all(left == right for left, right in seen)
    assert read_value(store, "right") == "299"


def test_a_read_keeps_its_snapshot_while_others_write(store: Store) -> None:
    committed(store, put("key", "old"))

    def before_and_after(reader: Reader) -> tuple[StoredValue | None, StoredValue | None]:
        before = reader.value(PROJECT, "key", now=NOON)
        committed(store, put("key", "new"))
        return before, reader.value(PROJECT, "key", now=NOON)

    old = StoredValue(value="old")
    assert store.read(before_and_after) == (old, old)
    assert read_value(store, "key") == "new"


def test_a_query_that_raises_leaves_the_next_one_a_fresh_snapshot(store: Store) -> None:
    def refuse(reader: Reader) -> None:
        reader.value(PROJECT, "key", now=NOON)
        raise Oops

    with pytest.raises(Oops):
        store.read(refuse)
    committed(store, put("key"))

    assert read_value(store, "key") == "x"


def test_every_thread_reads_committed_values(store: Store) -> None:
    committed(store, put("key"))

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _turn: read_value(store, "key"), range(64)))

    assert seen == ["x"] * 64


# --- listeners ---


def test_a_listener_receives_a_commit_before_its_future_resolves(store: Store) -> None:
    heard: list[tuple[Commit, bool, str | None]] = []
    futures: list[Future[None]] = []
    may_commit = threading.Event()

    def listener(commit: Commit) -> None:
        heard.append((commit, futures[0].done(), read_value(store, "key")))

    def decide(tx: Transaction) -> None:
        may_commit.wait(PATIENCE_SECONDS)
        tx.put_value(PROJECT, "key", StoredValue(value="x"))
        tx.add_member(PROJECT, "names", "ada")
        tx.record(SUBJECT, JobReady(cause="test"))

    store.listen(listener)
    futures.append(store.transact(decide))
    may_commit.set()
    futures[0].result(timeout=PATIENCE_SECONDS)

    entries = store.read(lambda reader: reader.journal(PROJECT, limit=10))
    commit = Commit(entries=tuple(entries), keys=frozenset({(PROJECT, "key"), (PROJECT, "names")}))
    assert heard == [(commit, False, "x")]


def test_a_listener_receives_nothing_from_a_transaction_without_writes(store: Store) -> None:
    commits: list[Commit] = []
    store.listen(commits.append)

    committed(store, lambda tx: tx.value(PROJECT, "key", now=NOON))
    committed(store, lambda tx: tx.renew_leases("w1", ["unknown"], expires_at=NOON))

    assert commits == []


def test_a_listener_that_fails_harms_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_commit: Commit) -> None:
        raise Oops

    commits: list[Commit] = []
    store.listen(fail)
    store.listen(commits.append)

    committed(store, put("first"))
    committed(store, put("second"))

    assert [commit.keys for commit in commits] == [{(PROJECT, "first")}, {(PROJECT, "second")}]
    assert "a listener failed" in caplog.text


# --- opening and closing ---


def test_closing_finishes_submitted_transactions(reopen: Callable[[], Store]) -> None:
    store = reopen()
    futures = [store.transact(put(f"key{number}")) for number in range(100)]

    store.close()

    assert all(future.exception(timeout=0) is None for future in futures)
    assert read_value(reopen(), "key99") == "x"


def test_a_closed_store_may_be_closed_again_and_refuses_the_rest(store: Store) -> None:
    read_value(store, "key")
    store.close()
    store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        committed(store, put("key"))
    with pytest.raises(StoreUnavailable, match="closed"):
        read_value(store, "key")


def test_a_reopened_store_holds_its_values_and_journal(reopen: Callable[[], Store]) -> None:
    store = reopen()
    home_id = store.read(lambda reader: reader.home_id())
    committed(store, put("key"))
    committed(store, lambda tx: tx.record(SUBJECT, JobReady(cause="first")))

    store = reopen()
    committed(store, lambda tx: tx.record(SUBJECT, JobReady(cause="second")))

    entries = store.read(lambda reader: reader.journal(PROJECT, limit=10))
    assert store.read(lambda reader: reader.home_id()) == home_id
    assert len(home_id) == 32
    assert read_value(store, "key") == "x"
    assert [(entry.seq, entry.cause) for entry in entries] == [(1, "first"), (2, "second")]
