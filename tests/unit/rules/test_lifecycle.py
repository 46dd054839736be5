"""The transition table, read again from an independent one."""

from datetime import timedelta
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON
from titan.model.attempts import AttemptOutcome
from titan.model.events import (
    CancelRequested,
    JobBackedOff,
    JobCancelled,
    JobDelayed,
    JobEvent,
    JobFailed,
    JobLeased,
    JobReady,
    JobRequeued,
    JobSucceeded,
)
from titan.model.jobs import FINAL_STATUSES, JobStatus
from titan.rules.lifecycle import TRANSITIONS, IllegalTransition, next_status

LATER: Final = NOON + timedelta(seconds=2)
FAILED: Final = AttemptOutcome.FAILED
EVENTS: Final[tuple[JobEvent, ...]] = (
    JobReady(cause="submit"),
    JobDelayed(cause="submit", due_at=LATER),
    JobLeased(cause="worker w1", lease_id="l1", worker_id="w1", attempt=1),
    JobSucceeded(cause="worker w1", lease_id="l1"),
    JobFailed(cause="worker w1", lease_id="l1", outcome=FAILED, reason="exit code 1"),
    JobRequeued(cause="worker w1", lease_id="l1", outcome=FAILED, reason="exit code 1"),
    JobBackedOff(cause="worker w1", lease_id="l1", outcome=FAILED, reason="exit code 1", due_at=LATER),
    JobCancelled(cause="client", reason="cancelled on request"),
    CancelRequested(cause="client"),
)

#: Rows are statuses, columns the events in the order of EVENTS; a dot is a refusal.
TABLE: Final = """
             Ready  Delayed  Leased   Succeeded  Failed  Requeued  BackedOff  Cancelled  CancelRequested
  WAITING    READY  WAITING  .        .          .       .         .          CANCELLED  .
  READY      .      .        RUNNING  .          .       .         .          CANCELLED  .
  RUNNING    .      .        .        COMPLETED  FAILED  READY     WAITING    CANCELLED  RUNNING
  COMPLETED  .      .        .        .          .       .         .          .          .
  FAILED     .      .        .        .          .       .         .          .          .
  CANCELLED  .      .        .        .          .       .         .          .          .
"""
CELLS: Final = [
    (JobStatus(row[0]), event, cell)
    for row in (line.split() for line in TABLE.strip().splitlines()[1:])
    for event, cell in zip(EVENTS, row[1:], strict=True)
]
MOVES: Final = [(status, event, JobStatus(cell)) for status, event, cell in CELLS if cell != "."]
REFUSALS: Final = [(status, event) for status, event, cell in CELLS if cell == "."]


def test_every_status_meets_every_event_in_the_table() -> None:
    pairs = {(status, type(event)) for status, event, _cell in CELLS}

    assert pairs == {(status, event) for status in JobStatus for event in get_args(JobEvent)}
    assert len(TRANSITIONS) == len(MOVES)


@pytest.mark.parametrize(("status", "event", "expected"), MOVES)
def test_a_legal_event_leads_to_the_status_of_the_table(
    status: JobStatus, event: JobEvent, expected: JobStatus
) -> None:
    assert next_status(status, event) is expected


@pytest.mark.parametrize(("status", "event"), REFUSALS)
def test_an_illegal_event_is_refused_with_the_status_the_event_and_its_cause(
    status: JobStatus, event: JobEvent
) -> None:
    with pytest.raises(IllegalTransition) as refusal:
        next_status(status, event)

    assert (refusal.value.status, refusal.value.event) == (status, event)
    assert str(refusal.value) == f"a job that is {status} allows no {type(event).__name__} (cause {event.cause})"


def test_a_final_status_has_no_way_out() -> None:
    assert not [status for status, _event in TRANSITIONS if status in FINAL_STATUSES]


def test_a_job_can_still_end_from_every_status_that_is_not_final() -> None:
    ending = {status for (status, _event), after in TRANSITIONS.items() if after in FINAL_STATUSES}

    assert ending == set(JobStatus) - FINAL_STATUSES


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_whatever_arrives_a_job_becomes_final_at_most_once_and_stays_so(events: list[JobEvent]) -> None:
    status, path = JobStatus.WAITING, [JobStatus.WAITING]

    for event in events:
        try:
            status = next_status(status, event)
        except IllegalTransition:
            continue
        path.append(status)

    assert [step for step in path if step.is_final] in ([], [path[-1]])
