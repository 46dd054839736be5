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
    GateApproved,
    GateExpired,
    GateOpened,
    GateRejected,
    JobBackedOff,
    JobCancelled,
    JobDelayed,
    JobEvent,
    JobFailed,
    JobHeld,
    JobLeased,
    JobReady,
    JobRequeued,
    JobRetried,
    JobSucceeded,
)
from titan.model.jobs import FINAL_STATUSES, JobStatus
from titan.rules.jobs.lifecycle import TRANSITIONS, IllegalTransition, next_status

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
    CancelRequested(cause="client", reason="cancelled on request"),
    JobHeld(cause="submit", key="db"),
    JobRetried(cause="client", remaining_parents=0),
    GateOpened(cause="submit", message="Publish?", due_at=LATER),
    GateApproved(cause="approved by ada", decided_by="ada", comment=None),
    GateRejected(cause="rejected by ada", decided_by="ada", comment=None),
    GateExpired(cause="its time is over"),
)

#: Rows are statuses, columns the events in the order of EVENTS; a dot is a refusal.
WORK_TABLE: Final = """
                    Ready  Delayed  Leased   Succeeded  Failed  Requeued  BackedOff  Cancelled  CancelRequested
  WAITING           READY  WAITING  .        .          .       .         .          CANCELLED  .
  WAITING_APPROVAL  .      WAITING_APPROVAL .        .          .       .         .          CANCELLED  .
  READY             .      .        RUNNING  .          .       .         .          CANCELLED  READY
  RUNNING           .      .        .        COMPLETED  FAILED  READY     WAITING    CANCELLED  RUNNING
  COMPLETED         .      .        .        .          .       .         .          .          .
  FAILED            .      .        .        .          .       .         .          .          .
  CANCELLED         .      .        .        .          .       .         .          .          .
"""
GATE_TABLE: Final = """
                    Held     Retried  Opened            Approved   Rejected  Expired
  WAITING           WAITING  .        WAITING_APPROVAL  .          .         .
  WAITING_APPROVAL  .        .        .                 COMPLETED  FAILED    FAILED
  READY             .        .        .                 .          .         .
  RUNNING           .        .        .                 .          .         .
  COMPLETED         .        .        .                 .          .         .
  FAILED            .        WAITING  .                 .          .         .
  CANCELLED         .        WAITING  .                 .          .         .
"""
CELLS: Final = [
    (JobStatus(row[0]), event, cell)
    for events, table in ((EVENTS[:9], WORK_TABLE), (EVENTS[9:], GATE_TABLE))
    for row in (line.split() for line in table.strip().splitlines()[1:])
    for event, cell in zip(events, row[1:], strict=True)
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


def test_a_retry_is_the_only_way_out_of_a_final_status() -> None:
    ways_out = {(status, event) for status, event in TRANSITIONS if status in FINAL_STATUSES}

    assert ways_out == {(JobStatus.FAILED, JobRetried), (JobStatus.CANCELLED, JobRetried)}


def test_a_job_can_still_end_from_every_status_that_is_not_final() -> None:
    ending = {status for (status, _event), after in TRANSITIONS.items() if after in FINAL_STATUSES}

    assert ending == set(JobStatus) - FINAL_STATUSES


@given(st.lists(st.sampled_from([event for event in EVENTS if not isinstance(event, JobRetried)]), max_size=40))
def test_without_a_retry_a_job_becomes_final_at_most_once_and_stays_so(events: list[JobEvent]) -> None:
    status, path = JobStatus.WAITING, [JobStatus.WAITING]

    for event in events:
        try:
            status = next_status(status, event)
        except IllegalTransition:
            continue
        path.append(status)

    assert [step for step in path if step.is_final] in ([], [path[-1]])
