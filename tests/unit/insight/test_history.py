"""A job's story: its journal entries as sentences."""

import json
from dataclasses import asdict, fields
from datetime import timedelta
from string import Formatter
from typing import get_args

import pytest

from tests.support.builders import NOON, PROJECT
from titan.insight.story import SENTENCES, StoryLine, story
from titan.model.attempts import AttemptOutcome
from titan.model.events import (
    CancelRequested,
    DagEnded,
    DagSubmitted,
    Event,
    JobBackedOff,
    JobCancelled,
    JobDelayed,
    JobEvent,
    JobFailed,
    JobLeased,
    JobReady,
    JobRequeued,
    JobSucceeded,
    JournalEntry,
    Subject,
    WorkerJoined,
)

DUE = NOON + timedelta(seconds=4)
FAILED, LOST = AttemptOutcome.FAILED, AttemptOutcome.LOST


def an_entry(seq: int, event: Event) -> JournalEntry:
    """Return the event as the journal gives it back: all fields but the cause as JSON."""
    data = {key: value for key, value in asdict(event).items() if key != "cause"}
    return JournalEntry(
        seq=seq,
        at=NOON + timedelta(seconds=seq),
        subject=Subject(project_id=PROJECT, dag_id="d1", job_id="d1.00000"),
        kind=type(event).__name__,
        cause=event.cause,
        data=json.dumps(data, default=str),
    )


def sentences(*events: Event) -> list[str]:
    """Return the text of each line of the story of `events`."""
    return [line.text for line in story(an_entry(seq, event) for seq, event in enumerate(events))]


def test_a_life_with_a_retry_reads_from_submission_to_end() -> None:
    text = sentences(
        DagSubmitted(cause="submit", name="pipeline", job_count=2),
        JobDelayed(cause="parent d1.00000 completed", due_at=DUE),
        JobReady(cause="delay over"),
        JobLeased(cause="worker w1", lease_id="l1", worker_id="w1", attempt=1),
        JobBackedOff(cause="worker w1", lease_id="l1", outcome=FAILED, reason="exit code 3", due_at=DUE),
        JobLeased(cause="worker w2", lease_id="l2", worker_id="w2", attempt=2),
        JobRequeued(cause="lease expired", lease_id="l2", outcome=LOST, reason="its lease ran out"),
        JobLeased(cause="worker w1", lease_id="l3", worker_id="w1", attempt=3),
        JobSucceeded(cause="worker w1", lease_id="l3"),
        DagEnded(cause="worker w1", name="pipeline", status="COMPLETED"),
    )

    assert text == [
        "submitted in DAG pipeline with 2 job(s)",
        f"waits until {DUE}",
        "ready for a worker",
        "attempt 1 taken by worker w1",
        f"attempt failed (exit code 3); next attempt at {DUE}",
        "attempt 2 taken by worker w2",
        "attempt lost (its lease ran out); ready for another at once",
        "attempt 3 taken by worker w1",
        "completed",
        "the DAG ended: COMPLETED",
    ]


def test_the_sad_ends_say_why() -> None:
    text = sentences(
        CancelRequested(cause="client", reason="cancelled on request"),
        JobCancelled(cause="client", reason="cancelled on request"),
        JobFailed(cause="worker w1", lease_id="l1", outcome=FAILED, reason="killed by signal 9"),
    )

    assert text == ["asked to stop", "cancelled: cancelled on request", "failed: killed by signal 9"]


def test_a_line_carries_its_entrys_number_time_kind_and_cause() -> None:
    lines = list(story([an_entry(7, JobReady(cause="submit"))]))

    assert lines == [
        StoryLine(seq=7, at=NOON + timedelta(seconds=7), event="JobReady", cause="submit", text="ready for a worker")
    ]


def test_an_entry_of_an_unknown_kind_is_shown_by_its_name_and_data() -> None:
    (text,) = sentences(WorkerJoined(cause="worker w1", worker_id="w1", name="box"))

    assert text == 'WorkerJoined {"worker_id": "w1", "name": "box"}'


def test_a_reason_with_braces_is_shown_unchanged() -> None:
    (text,) = sentences(JobCancelled(cause="client", reason="{reason} {0} {"))

    assert text == "cancelled: {reason} {0} {"


def test_no_entries_make_no_story() -> None:
    assert list(story([])) == []


@pytest.mark.parametrize("kind", [*get_args(JobEvent), DagSubmitted, DagEnded], ids=lambda kind: kind.__name__)
def test_every_event_of_a_job_has_a_sentence_made_of_its_own_fields(kind: type[Event]) -> None:
    placeholders = {name for _text, name, _spec, _conversion in Formatter().parse(SENTENCES[kind.__name__]) if name}

    assert placeholders <= {field.name for field in fields(kind)}


def test_the_display_name_of_a_worker_replaces_its_id() -> None:
    taken = an_entry(1, JobLeased(cause="worker 1f0e asked", lease_id="a", worker_id="1f0e", attempt=1))

    (line,) = story([taken], {"1f0e": "gpu-box"})

    assert (line.text, line.cause) == ("attempt 1 taken by worker gpu-box", "worker gpu-box asked")
