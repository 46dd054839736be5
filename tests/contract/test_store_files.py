"""What every store answers about the files that attempts left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.test_store_attempts import store_attempts
from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_run, a_stored_job, a_worker, an_attempt, store_dag, store_workers
from tests.support.stores import StandingClock, committed
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.files import AttemptFile, FilePlace, LeftFile
from titan.model.jobs import JobStatus
from titan.ports.jobs_store import Store, Transaction

A_SECOND = timedelta(seconds=1)
DIGEST = "a" * 64
OTHER = "b" * 64
FIRST = an_attempt("first", outcome=AttemptOutcome.FAILED)
SECOND = an_attempt("second", number=2, outcome=AttemptOutcome.SUCCEEDED)
NEIGHBOUR = an_attempt("neighbour", job_id="d1.00001", outcome=AttemptOutcome.SUCCEEDED)
ELSEWHERE = an_attempt("elsewhere", job_id="d1.00001", number=2, worker_id="w2", outcome=AttemptOutcome.SUCCEEDED)


def prepare(store: Store, *attempts: Attempt) -> None:
    """Store two jobs of a stage of run r1, the workers w1, w2 and w3, and attempts."""
    jobs = [a_stored_job(f"job {n}", position=n, run_id="r1", status=JobStatus.RUNNING) for n in range(2)]
    committed(store, lambda tx: tx.add_run(a_run("r1")))
    store_dag(store, *jobs, run_id="r1")
    store_workers(store, a_worker("w1"), a_worker("w2"), a_worker("w3"))
    store_attempts(store, *attempts)


def a_file(
    path: str = "out.txt",
    *,
    digest: str | None = DIGEST,
    place: FilePlace = FilePlace.WORKSPACE,
    node: str = "here",
) -> AttemptFile:
    reason = None if digest else "larger than the limit"
    return AttemptFile(path=path, size_bytes=3, modified_at=NOON, digest=digest, reason=reason, place=place, node=node)


def note(store: Store, attempt: Attempt, *files: AttemptFile) -> None:
    committed(store, lambda tx: tx.note_files(attempt, files))


def writers(found: list[LeftFile]) -> list[tuple[str, str, int]]:
    return [(left.file.path, left.job_name, left.attempt) for left in found]


def test_the_files_of_an_attempt_that_is_forgotten_go_with_it(store: Store) -> None:
    prepare(store, an_attempt("live"), SECOND)
    note(store, an_attempt("live"), a_file())
    note(store, SECOND, a_file())

    committed(store, lambda tx: tx.forget_attempt("live"))

    left = store.read(lambda reader: reader.files_of_job(SECOND.job_id, limit=9))
    assert [(each.file, each.attempt) for each in left] == [(a_file(), SECOND.number)]


def test_the_files_of_an_attempt_come_back_by_path_as_they_were_noted(store: Store) -> None:
    prepare(store, FIRST)
    files = [a_file("z.txt"), a_file("a/ü b.txt", digest=None), a_file("a/ü b.txt", place=FilePlace.ARCHIVE)]

    note(store, FIRST, *files)

    left = store.read(lambda reader: reader.files_of_job(FIRST.job_id, limit=9))
    assert [each.file for each in left] == [files[2], files[1], files[0]]
    assert store.read(lambda reader: reader.files_of_job("unknown", limit=9)) == []


def test_a_path_noted_again_by_its_attempt_is_replaced(store: Store) -> None:
    prepare(store, FIRST)
    arrived = replace(a_file(), size_bytes=4, modified_at=NOON + A_SECOND)

    note(store, FIRST, a_file(digest=None))
    note(store, FIRST, arrived)

    assert [each.file for each in store.read(lambda reader: reader.files_of_job(FIRST.job_id, limit=9))] == [arrived]


def test_of_a_path_that_several_attempts_left_the_one_noted_last_is_given(store: Store, clock: StandingClock) -> None:
    prepare(store, FIRST, SECOND, NEIGHBOUR)
    note(store, SECOND, a_file(), a_file("only second.txt"))
    clock.advance(A_SECOND)
    note(store, FIRST, a_file())
    clock.advance(A_SECOND)
    note(store, NEIGHBOUR, a_file())
    clock.advance(A_SECOND)
    note(store, SECOND, a_file())  # its content arrives: that makes it no newer

    of_job = store.read(lambda reader: reader.files_of_job("d1.00000", limit=10))
    of_attempt = store.read(lambda reader: reader.files_of_job("d1.00000", attempt=2, limit=10))
    of_dag = store.read(lambda reader: reader.files_of_dag("d1", limit=10))
    of_run = store.read(lambda reader: reader.files_of_run(PROJECT, "r1", limit=10))

    assert writers(of_job) == [("only second.txt", "job 0", 2), ("out.txt", "job 0", 1)]
    assert writers(of_attempt) == [("only second.txt", "job 0", 2), ("out.txt", "job 0", 2)]
    assert writers(of_dag) == [("only second.txt", "job 0", 2), ("out.txt", "job 1", 1)]
    assert of_run == of_dag
    assert of_run[0] == LeftFile(
        file=a_file("only second.txt"), job_id="d1.00000", job_name="job 0", attempt=2, worker_id="w1"
    )


def test_a_path_comes_once_for_each_node_and_a_restarted_worker_is_the_same_node(
    store: Store, clock: StandingClock
) -> None:
    after_restart = replace(SECOND, worker_id="w3")
    prepare(store, FIRST, after_restart, ELSEWHERE)
    for attempt, node in ((FIRST, "here"), (ELSEWHERE, "there"), (after_restart, "here")):
        clock.advance(A_SECOND)
        note(store, attempt, a_file(node=node))

    found = store.read(lambda reader: reader.files_of_run(PROJECT, "r1", limit=10))

    assert [(left.file.path, left.worker_id) for left in found] == [("out.txt", "w3"), ("out.txt", "w2")]


@pytest.mark.parametrize("place", [FilePlace.ARCHIVE, FilePlace.ARTIFACT])
def test_files_of_archives_and_artifacts_are_apart_for_each_job(
    store: Store, clock: StandingClock, place: FilePlace
) -> None:
    prepare(store, FIRST, SECOND, NEIGHBOUR)
    for attempt in (FIRST, NEIGHBOUR, SECOND):
        clock.advance(A_SECOND)
        note(store, attempt, a_file(place=place))

    found = store.read(lambda reader: reader.files_of_dag("d1", limit=10))

    assert writers(found) == [("out.txt", "job 0", 2), ("out.txt", "job 1", 1)]


def test_no_more_files_are_given_than_asked_for(store: Store) -> None:
    prepare(store, FIRST)
    note(store, FIRST, *(a_file(f"{number}.txt") for number in range(5)))

    assert len(store.read(lambda reader: reader.files_of_job("d1.00000", limit=2))) == 2
    assert len(store.read(lambda reader: reader.files_of_job("d1.00000", attempt=1, limit=2))) == 2
    assert len(store.read(lambda reader: reader.files_of_dag("d1", limit=2))) == 2
    assert len(store.read(lambda reader: reader.files_of_run(PROJECT, "r1", limit=2))) == 2


def test_content_is_left_while_an_attempt_has_a_file_with_it(store: Store) -> None:
    prepare(store, FIRST)

    def decide(tx: Transaction) -> tuple[bool, bool]:
        tx.note_files(FIRST, [a_file()])
        return tx.is_blob_named(DIGEST), tx.is_blob_named(OTHER)

    assert committed(store, decide) == (True, False)
    assert store.read(lambda reader: reader.is_blob_named(DIGEST))
