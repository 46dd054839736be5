"""What every store promises of old facts: they are found by age, deleted whole, and what is pinned or alive stays."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.support.builders import NOON, PROJECT, SCRIPT
from tests.support.stored import a_run, a_stored_job, a_worker, an_attempt, record_ready, store_dag, store_workers
from tests.support.stores import StandingClock, committed
from titan.model.attempts import AttemptOutcome
from titan.model.events import JobReady, Subject
from titan.model.files import StoredFile, StoredValue
from titan.model.jobs import JobStatus
from titan.model.projects import project_id_of, reach_of
from titan.model.retention import ArtifactKey, FileName, LogOwner
from titan.model.run_control import RunControl
from titan.model.workers import WorkerState
from titan.ports.jobs_store import Store

DAY = timedelta(days=1)
DIGEST, OTHER = "a" * 64, "b" * 64
FIRST = FileName(project_id="", name="")


def store_run(store: Store, run_id: str, *, live: int = 0, age: int = 0) -> RunControl:
    run = replace(
        a_run(run_id),
        live_job_count=live,
        job_count=live,
        last_activity_at=NOON - age * DAY,
    )
    committed(store, lambda tx: tx.add_run(run))
    return run


def test_runs_that_may_go_are_found_the_oldest_first(store: Store) -> None:
    store_run(store, "live", live=1, age=9)
    young, old, older, as_old = (
        store_run(store, name, age=age) for name, age in (("a", 1), ("b", 5), ("c", 8), ("d", 8))
    )

    def found(after: RunControl | None, *, before: datetime = NOON - 2 * DAY, limit: int = 10) -> list[RunControl]:
        return store.read(lambda reader: reader.forgettable_runs(before=before, after=after, limit=limit))

    assert found(None) == [older, as_old, old]
    assert (found(None, limit=1), found(older), found(old)) == ([older], [as_old, old], [])
    assert found(None, before=NOON)[-1] == young


def test_runs_that_fell_silent_in_a_span_of_time_are_found(store: Store) -> None:
    silent = store_run(store, "silent", age=3)
    store_run(store, "before", age=5)
    store_run(store, "after", age=1)

    found = store.read(lambda reader: reader.quiet_runs(since=NOON - 3 * DAY, before=NOON - 2 * DAY, limit=10))

    assert found == [silent]


def test_dags_of_no_run_that_ended_are_found_by_age(store: Store) -> None:
    store_run(store, "r1")
    done = a_stored_job(status=JobStatus.COMPLETED)
    alone = store_dag(store, done)
    store_dag(store, a_stored_job(dag_id="d2"), dag_id="d2")
    store_dag(store, a_stored_job(dag_id="d3", run_id="r1", status=JobStatus.FAILED), dag_id="d3", run_id="r1")

    assert store.read(lambda reader: reader.forgettable_dags(before=NOON + DAY, limit=10)) == [alone]
    assert store.read(lambda reader: reader.forgettable_dags(before=NOON, limit=10)) == []


def test_a_dag_is_deleted_with_its_jobs_edges_and_attempts_but_not_with_dags_its_jobs_submitted(store: Store) -> None:
    a, b, c = (a_stored_job(name, position=n, status=JobStatus.COMPLETED) for n, name in enumerate("abc"))
    store_dag(store, a, b, c, edges=[(a, b), (b, c)])
    store_workers(store, a_worker())
    committed(store, lambda tx: tx.add_attempt(an_attempt(outcome=AttemptOutcome.SUCCEEDED, job_id=a.id)))
    committed(store, lambda tx: tx.put_result(a.id, PROJECT, "1"))
    child = a_stored_job(dag_id="d2", status=JobStatus.COMPLETED)
    made = store_dag(store, child, dag_id="d2")
    committed(store, lambda tx: tx.add_dag(replace(made, id="d3", name="made", made_by=a.id), [], []))

    counts = [committed(store, lambda tx: tx.forget_jobs("d1", limit=2)) for _ in range(3)]
    committed(store, lambda tx: tx.forget_dag("d1"))

    assert counts == [2, 1, 0]
    assert store.read(lambda reader: (reader.dag("d1"), reader.jobs_of_dag("d1"), reader.job(b.id))) == (None, [], None)
    assert store.read(lambda reader: reader.attempt("lease1")) is None
    made_now = store.read(lambda reader: reader.dag("d3"))
    assert made_now is not None
    assert made_now.made_by is None


def test_workers_that_are_gone_go_when_no_attempt_names_them(store: Store) -> None:
    gone = [a_worker(f"w{n}", state=state) for n, state in enumerate((WorkerState.LEFT, WorkerState.LOST))]
    named = a_worker("w2", state=WorkerState.LEFT)
    young = replace(a_worker("w3", state=WorkerState.LEFT), seen_at=NOON + 2 * DAY)
    store_workers(store, *gone, named, young, a_worker("here"))
    job = a_stored_job(status=JobStatus.COMPLETED)
    store_dag(store, job)
    attempt = an_attempt(outcome=AttemptOutcome.SUCCEEDED, job_id=job.id)
    committed(store, lambda tx: tx.add_attempt(replace(attempt, worker_id="w2")))

    def found(after_id: str = "", limit: int = 10) -> list[str]:
        return store.read(
            lambda reader: [
                worker.id for worker in reader.forgettable_workers(before=NOON + DAY, after_id=after_id, limit=limit)
            ]
        )

    assert (found(), found(limit=1), found(after_id="w0")) == (["w0", "w1"], ["w0"], ["w1"])
    everyone = ["here", "w0", "w1", "w2", "w3", "unknown"]
    assert committed(store, lambda tx: tx.forget_workers(everyone, before=NOON + DAY)) == 2
    assert {worker.id for worker in store.read(lambda reader: reader.workers())} == {"here", "w2", "w3"}
    committed(store, lambda tx: tx.forget_jobs("d1", limit=2))
    assert found() == ["w2"]


def test_a_run_is_deleted(store: Store) -> None:
    store_run(store, "r1")

    committed(store, lambda tx: tx.forget_run(PROJECT, "r1"))

    assert store.read(lambda reader: reader.run_control(PROJECT, "r1")) is None


def test_the_entries_of_a_run_are_deleted_but_the_newest_stays_and_numbers_continue(store: Store) -> None:
    job = a_stored_job(run_id="r1")
    for _ in range(4):
        record_ready(store, job)

    gone = [committed(store, lambda tx: tx.forget_entries(PROJECT, run_id="r1", limit=2)) for _ in range(3)]
    record_ready(store, job, cause="later")

    assert gone == [2, 1, 0]
    entries = store.read(lambda reader: reader.journal(PROJECT, limit=10))
    assert [(entry.seq, entry.cause) for entry in entries] == [(4, "submit"), (5, "later")]
    assert store.read(lambda reader: reader.journal_cut()) == 3


def test_the_entries_of_a_dag_go(store: Store) -> None:
    record_ready(store, a_stored_job(dag_id="d1"))
    record_ready(store, a_stored_job(dag_id="d2"))

    assert committed(store, lambda tx: tx.forget_entries(PROJECT, dag_id="d1", limit=10)) == 1
    assert [entry.seq for entry in store.read(lambda reader: reader.journal(PROJECT, limit=10))] == [2]


def test_the_oldest_entries_name_their_subjects_and_whether_they_are_live(store: Store, clock: StandingClock) -> None:
    store_run(store, "live", live=1)
    store_run(store, "old")
    store_dag(store, a_stored_job(dag_id="d1"))  # a live one
    subjects = (
        Subject(project_id=PROJECT, run_id="live"),
        Subject(project_id=PROJECT, run_id="old"),
        Subject(project_id=PROJECT, dag_id="d1"),
        Subject(project_id=PROJECT),
        Subject(project_id=PROJECT),
    )
    for subject in subjects:
        committed(store, lambda tx, subject=subject: tx.record(subject, JobReady(cause="x")))  # type: ignore[misc]

    found = store.read(lambda reader: reader.oldest_entries(after_seq=0, limit=10))
    committed(store, lambda tx: tx.cut_journal([2, 4]))

    assert [(entry.seq, entry.is_live) for entry in found] == [(1, True), (2, False), (3, True), (4, False)]
    assert [entry.run for entry in found] == [(PROJECT, "live"), (PROJECT, "old"), None, None]
    assert [entry.seq for entry in store.read(lambda reader: reader.oldest_entries(after_seq=1, limit=10))] == [3]
    assert store.read(lambda reader: (reader.journal_cut(), reader.last_seq())) == (4, 5)


def test_an_empty_journal_was_not_cut(store: Store) -> None:
    committed(store, lambda tx: tx.cut_journal([]))

    assert store.read(lambda reader: (reader.journal_cut(), reader.oldest_entries(after_seq=0, limit=9))) == (0, [])


def test_old_files_are_found_in_order_and_go_unless_they_are_new_again(store: Store, clock: StandingClock) -> None:
    for name, run_id in (("a", None), ("b", "r1"), ("c", None)):
        file = StoredFile(name=name, digest=DIGEST, size_bytes=1, run_id=run_id)
        committed(store, lambda tx, file=file: tx.put_file(PROJECT, file))  # type: ignore[misc]
    clock.advance(DAY)
    before = clock.moment

    found = store.read(lambda reader: reader.old_files(before=before, after=FIRST, limit=1))
    rest = store.read(lambda reader: reader.old_files(before=before, after=found[0], limit=9))
    committed(store, lambda tx: tx.put_file(PROJECT, StoredFile(name="c", digest=OTHER, size_bytes=2)))
    gone = committed(store, lambda tx: tx.forget_files([*found, *rest], before=before))

    assert [(each.name, each.run) for each in (*found, *rest)] == [("a", None), ("b", (PROJECT, "r1")), ("c", None)]
    assert gone == 2
    assert store.read(lambda reader: reader.file(PROJECT, "a")) is None
    assert store.read(lambda reader: reader.file(PROJECT, "c")) is not None


def test_old_published_keys_are_found_and_go_and_plain_values_stay(store: Store, clock: StandingClock) -> None:
    values = {
        "plain": StoredValue(value="x"),
        "report": StoredValue(value="r", artifact=DIGEST),
        "kept": StoredValue(value="k", artifact=OTHER, run_id="r1"),
    }
    for key, value in values.items():
        committed(store, lambda tx, key=key, value=value: tx.put_value(PROJECT, key, value))  # type: ignore[misc]
    clock.advance(DAY)

    found = store.read(
        lambda reader: reader.old_artifact_keys(
            before=clock.moment, after=ArtifactKey(project_id="", key="", artifact=""), limit=9
        )
    )
    gone = committed(store, lambda tx: tx.forget_artifact_keys(found, before=clock.moment))

    assert (found, gone) == (
        [
            ArtifactKey(project_id=PROJECT, key="report", artifact=DIGEST),
            ArtifactKey(project_id=PROJECT, key="kept", artifact=OTHER, run=(PROJECT, "r1")),
        ],
        2,
    )
    assert store.read(lambda reader: reader.present_keys(PROJECT, list(values), now=NOON)) == ["plain"]


def test_a_blob_is_named_by_files_keys_and_jobs(store: Store) -> None:
    store_dag(store, a_stored_job("a"), a_stored_job("b", position=1))
    committed(store, lambda tx: tx.put_file(PROJECT, StoredFile(name="f", digest=DIGEST, size_bytes=1)))
    committed(store, lambda tx: tx.put_value(PROJECT, "k", StoredValue(value="", artifact=OTHER)))

    named = store.read(lambda reader: [reader.is_blob_named(digest) for digest in (DIGEST, OTHER, "c" * 64)])
    pages: list[set[str]] = []
    last: str | None = ""
    while last is not None:
        last, digests = store.read(lambda reader, after=last: reader.blobs_of_jobs(after_id=after, limit=1))  # type: ignore[misc]
        pages.append(digests)

    assert named == [True, True, False]
    assert pages == [{SCRIPT}, {SCRIPT}, set()]


def test_a_blob_is_within_reach_of_the_organisation_and_the_project_that_name_it(store: Store) -> None:
    finance = project_id_of("acme", "finance")
    committed(store, lambda tx: tx.put_file(finance, StoredFile(name="f", digest=DIGEST, size_bytes=1)))
    committed(store, lambda tx: tx.put_value("default", "k", StoredValue(value="", artifact=OTHER)))

    def within(digest: str) -> list[str]:
        reaches = {
            "acme": reach_of("acme"),
            "acme/finance": reach_of("acme", finance),
            "acme/fin": reach_of("acme", project_id_of("acme", "fin")),
            "acm": reach_of("acm"),
            "local": reach_of("local"),
            "local/default": reach_of("local", "default"),
            "local/finance": reach_of("local", "finance"),
        }
        return store.read(
            lambda reader: [name for name, reach in reaches.items() if reader.is_blob_within(digest, reach)]
        )

    assert within(DIGEST) == ["acme", "acme/finance"]
    assert within(OTHER) == ["local", "local/default"]
    assert within("c" * 64) == []


def test_the_owner_of_a_log_is_its_attempt(store: Store) -> None:
    store_run(store, "r1")
    store_workers(store, a_worker())
    job = a_stored_job(run_id="r1", status=JobStatus.COMPLETED)
    store_dag(store, job, run_id="r1")
    store_dag(store, a_stored_job(dag_id="d2", status=JobStatus.COMPLETED), dag_id="d2")
    ended = an_attempt("lease1", outcome=AttemptOutcome.FAILED)
    committed(store, lambda tx: tx.add_attempt(ended))
    committed(store, lambda tx: tx.add_attempt(an_attempt("lease2", job_id="d2.00000")))

    owners = store.read(lambda reader: [reader.log_owner(lease) for lease in ("lease1", "lease2", "lease3")])

    assert owners == [
        LogOwner(ended_at=NOON, run=(PROJECT, "r1")),
        LogOwner(ended_at=None, run=None),
        None,
    ]


def test_labels_that_ready_jobs_wait_for_are_found_once_each(store: Store) -> None:
    labels = ("GPU", "GENERAL", "GPU", "TPU")
    jobs = [
        a_stored_job(str(n), position=n, requirement=label, status=JobStatus.READY) for n, label in enumerate(labels)
    ]
    store_dag(store, *jobs, a_stored_job("w", position=9, requirement="LATER"))

    assert store.read(lambda reader: reader.labels_waited_for()) == ["GENERAL", "GPU", "TPU"]
    assert store.read(lambda reader: reader.count_unfinished_jobs()) == {"READY": 4, "WAITING": 1}


def test_a_note_has_its_last_value(store: Store) -> None:
    for text in ("one", "two"):
        committed(store, lambda tx, text=text: tx.put_note("cursor", text))  # type: ignore[misc]

    assert store.read(lambda reader: (reader.note("cursor"), reader.note("other"))) == ("two", None)


def test_deleted_rows_leave_unused_space_in_the_database(store: Store) -> None:
    before = store.read(lambda reader: reader.unused_bytes())

    assert before >= 0
