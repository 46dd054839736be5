"""For how long files of an attempt are taken."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.insight.story import story
from titan.model.attempts import AttemptOutcome
from titan.model.errors import StaleLease
from titan.model.files import AttemptFile, StoredFile
from titan.orchestrator.attempts import note_artifact, note_files
from titan.wire.protocol import FILES_ACCEPTED_SECONDS


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as desk:
        yield desk


def a_pipe(desk: Desk) -> AttemptFile:
    return AttemptFile(path="a", size_bytes=0, modified_at=desk.clock.now(), reason="a pipe", node="n1")


def note(desk: Desk, lease_id: str) -> None:
    desk.perform(lambda tx: note_files(tx, "w1", lease_id, [a_pipe(desk)]))


@pytest.mark.parametrize("outcome", [AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT])
def test_files_are_taken_for_ten_minutes_after_the_end(desk: Desk, outcome: AttemptOutcome) -> None:
    desk.submit(a_new_dag(a_spec()))
    desk.join()
    (attempt,) = desk.dispatch()
    note(desk, attempt.lease_id)
    desk.report(attempt, outcome)

    desk.clock.turn(FILES_ACCEPTED_SECONDS)
    note(desk, attempt.lease_id)
    desk.clock.turn(1)
    with pytest.raises(StaleLease, match="less than 10 minutes ago"):
        note(desk, attempt.lease_id)


def test_the_files_of_a_lost_attempt_change_nothing(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec()))
    desk.join()
    (attempt,) = desk.dispatch()
    desk.clock.turn(60)
    desk.keep_time()

    with pytest.raises(StaleLease):
        note(desk, attempt.lease_id)
    assert desk.store.read(lambda reader: reader.files_of_job(attempt.job_id, limit=9)) == []


def test_files_of_one_call_are_one_journal_entry(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("train")))
    desk.join()
    (attempt,) = desk.dispatch()
    files = [replace(a_pipe(desk), path=path) for path in ("a", "b")]

    desk.perform(lambda tx: note_files(tx, "w1", attempt.lease_id, files))
    desk.perform(lambda tx: note_files(tx, "w1", attempt.lease_id, []))
    desk.perform(lambda tx: note_artifact(tx, attempt, StoredFile(name="c", digest="0" * 64, size_bytes=1)))

    assert desk.events("train")[-3:] == ["JobLeased", "FilesNoted", "FilesNoted"]
    entries = desk.store.read(lambda reader: reader.journal(PROJECT, job_id=attempt.job_id, limit=10))
    assert [line.text for line in story(entries)][-2:] == [
        "2 file(s) it left were listed",
        "1 file(s) it left were listed",
    ]
    assert {entry.subject.dag_id for entry in entries} == {"d001"}
