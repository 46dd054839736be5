"""What every store answers about the journal and about what jobs share: values, sets, files, receipts."""

import json
from datetime import timedelta

import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_run, a_stored_job, record_ready, store_dag
from tests.support.stores import StandingClock, committed
from titan.model.attempts import AttemptOutcome
from titan.model.errors import StoreRefused
from titan.model.events import DagSubmitted, Event, JobBackedOff, JobReady, JournalEntry, RunStarted, Subject
from titan.model.files import Receipt, StoredFile, StoredValue
from titan.ports.jobs_store import Commit, Reader, Store, Transaction

A_DAY = timedelta(days=1)


# --- journal ---


def test_a_journal_entry_has_time_subject_and_cause_and_its_other_fields_as_json(
    store: Store, clock: StandingClock
) -> None:
    clock.advance(timedelta(microseconds=7))
    subject = Subject(project_id=PROJECT, run_id="r1", dag_id="d1", job_id="d1.00000")
    event = JobBackedOff(
        cause="worker w1",
        lease_id="lease1",
        outcome=AttemptOutcome.TIMED_OUT,
        reason="took too long — 5 s",
        due_at=NOON,
    )

    committed(store, lambda tx: tx.record(subject, event))

    (entry,) = store.read(lambda reader: reader.journal(PROJECT, limit=10))
    assert json.loads(entry.data) == {
        "lease_id": "lease1",
        "outcome": "timed_out",
        "reason": "took too long — 5 s",
        "due_at": "2026-03-01T12:00:00Z",
    }
    assert entry == JournalEntry(
        seq=1,
        at=NOON + timedelta(microseconds=7),
        subject=subject,
        kind="JobBackedOff",
        cause="worker w1",
        data=entry.data,
    )


def test_the_journal_counts_on_through_all_transactions(store: Store) -> None:
    empty = store.read(lambda reader: reader.last_seq())

    def record_two(tx: Transaction) -> int:
        for _ in range(2):
            tx.record(Subject(project_id=PROJECT), JobReady(cause="test"))
        return tx.last_seq()

    seen = [committed(store, record_two) for _ in range(3)]

    entries = store.read(lambda reader: reader.journal(PROJECT, limit=10))
    assert (empty, seen, store.read(lambda reader: reader.last_seq())) == (0, [2, 4, 6], 6)
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]


def test_the_journal_is_read_by_position_run_dag_and_job(store: Store) -> None:
    job = a_stored_job(run_id="r1")
    committed(store, lambda tx: tx.add_run(a_run("r1")))
    store_dag(store, job, a_stored_job("other", position=1), run_id="r1")
    of_run = Subject(project_id=PROJECT, run_id="r1")
    of_dag = Subject(project_id=PROJECT, run_id="r1", dag_id="d1")
    happened: list[tuple[Subject, Event]] = [
        (of_run, RunStarted(cause="1", agent_id="researcher")),
        (of_dag, DagSubmitted(cause="2", name="pipeline", job_count=2)),
        (Subject(project_id=PROJECT, run_id="r1", dag_id="d1", job_id=job.id), JobReady(cause="3")),
        (Subject(project_id=PROJECT, run_id="r1", dag_id="d1", job_id="d1.00001"), JobReady(cause="4")),
        (Subject(project_id=PROJECT, dag_id="d2", job_id="d2.00000"), JobReady(cause="5")),
        (Subject(project_id="elsewhere", run_id="r1", dag_id="d1", job_id=job.id), JobReady(cause="6")),
        (Subject(project_id=PROJECT, run_id="r1", dag_id="d1", job_id=job.id), JobReady(cause="7")),
    ]
    for subject, event in happened:
        record(store, subject, event)

    def ask(reader: Reader) -> list[str]:
        return [
            "".join(entry.cause for entry in entries)
            for entries in (
                reader.journal(PROJECT, limit=10),
                reader.journal(PROJECT, after_seq=3, limit=2),
                reader.journal(PROJECT, run_id="r1", limit=10),
                reader.journal(PROJECT, run_id="r1", after_seq=2, limit=1),
                reader.journal(PROJECT, dag_id="d1", limit=10),
                reader.journal(PROJECT, dag_id="d1", run_id="r9", limit=10),
                reader.journal(PROJECT, job_id=job.id, limit=10),
                reader.journal(PROJECT, job_id=job.id, after_seq=2, limit=10),
                reader.journal(PROJECT, job_id=job.id, limit=2),
            )
        ]

    assert store.read(ask) == ["123457", "45", "12347", "3", "2347", "", "237", "37", "23"]


def record(store: Store, subject: Subject, event: Event) -> None:
    committed(store, lambda tx: tx.record(subject, event))


# --- values ---


def test_a_put_replaces_the_previous_value_of_its_key(store: Store) -> None:
    first = StoredValue(value="1", artifact="0" * 64)
    second = StoredValue(value="")
    committed(store, lambda tx: tx.put_value(PROJECT, "key", first))
    before = store.read(lambda reader: reader.value(PROJECT, "key", now=NOON))

    committed(store, lambda tx: tx.put_value(PROJECT, "key", second))

    def ask(reader: Reader) -> tuple[object, ...]:
        return (
            reader.value(PROJECT, "key", now=NOON),
            reader.value(PROJECT, "KEY", now=NOON),
            reader.value("elsewhere", "key", now=NOON),
        )

    assert before == first
    assert store.read(ask) == (second, None, None)


@pytest.mark.parametrize("text", ["", "NULL", "ä\n\t🙂|", "x" * (10 * 1024 * 1024)], ids=len)
def test_a_value_is_any_text_up_to_ten_mebibytes(store: Store, text: str) -> None:
    committed(store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value=text)))

    found = store.read(lambda reader: reader.value(PROJECT, "key", now=NOON))

    assert found == StoredValue(value=text)


def test_the_keys_that_hold_a_value_come_in_the_order_asked(store: Store) -> None:
    for key in ("a", "b"):
        record_ready(store, a_stored_job(key))
        put(store, key)
    committed(store, lambda tx: tx.add_member(PROJECT, "a set", "ada"))

    present = store.read(lambda reader: reader.present_keys(PROJECT, ["b", "missing", "a set", "a"], now=NOON))

    assert present == ["b", "a"]


def put(store: Store, key: str) -> None:
    committed(store, lambda tx: tx.put_value(PROJECT, key, StoredValue(value="x")))


# --- sets ---


def test_members_come_in_the_order_they_were_added_each_once(store: Store) -> None:
    def add(tx: Transaction) -> list[bool]:
        return [tx.add_member(PROJECT, "names", name) for name in ("grace", "ada", "grace", "", "a,b")]

    added = committed(store, add)
    again = committed(store, lambda tx: tx.add_member(PROJECT, "names", "ada"))

    def ask(reader: Reader) -> tuple[list[str], ...]:
        return (
            reader.members(PROJECT, "names"),
            reader.members(PROJECT, "no"),
            reader.members("elsewhere", "names"),
        )

    assert (added, again) == ([True, True, False, True, True], False)
    assert store.read(ask) == (["grace", "ada", "", "a,b"], [], [])


def test_only_a_new_member_counts_as_a_change_of_its_set(store: Store) -> None:
    commits: list[Commit] = []
    committed(store, lambda tx: tx.add_member(PROJECT, "names", "ada"))
    store.listen(commits.append)

    committed(store, lambda tx: tx.add_member(PROJECT, "names", "ada"))
    committed(store, lambda tx: tx.add_member(PROJECT, "names", "grace"))

    assert [commit.keys for commit in commits] == [frozenset({(PROJECT, "names")})]


# --- files ---


def test_the_newest_upload_of_a_name_wins(store: Store) -> None:
    older = StoredFile(name="report.md", digest="a" * 64, size_bytes=5)
    newer = StoredFile(name="report.md", digest="b" * 64, size_bytes=200 * 1024**2)
    committed(store, lambda tx: tx.put_file(PROJECT, older))
    before = store.read(lambda reader: reader.file(PROJECT, "report.md"))

    committed(store, lambda tx: tx.put_file(PROJECT, newer))

    def ask(reader: Reader) -> tuple[object, ...]:
        return (
            reader.file(PROJECT, "report.md"),
            reader.file(PROJECT, "other.md"),
            reader.file("elsewhere", "report.md"),
        )

    assert before == older
    assert store.read(ask) == (newer, None, None)


# --- receipts ---


def test_a_receipt_is_kept_once(store: Store) -> None:
    receipt = Receipt(key="once", fingerprint="f1", answer='{"status":"OK"}')
    committed(store, lambda tx: tx.add_receipt(PROJECT, receipt))

    with pytest.raises(StoreRefused):
        committed(store, lambda tx: tx.add_receipt(PROJECT, Receipt(key="once", fingerprint="f2", answer="")))

    def ask(reader: Reader) -> tuple[object, ...]:
        return (
            reader.receipt(PROJECT, "once"),
            reader.receipt(PROJECT, "never"),
            reader.receipt("elsewhere", "once"),
        )

    assert store.read(ask) == (receipt, None, None)


def test_receipts_are_forgotten_oldest_first_and_only_before_the_moment(store: Store, clock: StandingClock) -> None:
    for key in ("oldest", "older", "old", "new"):
        keep_receipt(store, key)
        clock.advance(A_DAY)
    moment_of_new = NOON + 3 * A_DAY

    def forget(tx: Transaction) -> list[int]:
        return [tx.forget_receipts(before=moment_of_new, limit=limit) for limit in (1, 10, 10)]

    counts = committed(store, forget)

    def ask(reader: Reader) -> list[str]:
        keys = ("oldest", "older", "old", "new")
        return [key for key in keys if reader.receipt(PROJECT, key) is not None]

    assert (counts, store.read(ask)) == ([1, 2, 0], ["new"])


def keep_receipt(store: Store, key: str) -> None:
    committed(store, lambda tx: tx.add_receipt(PROJECT, Receipt(key=key, fingerprint="f", answer="{}")))
