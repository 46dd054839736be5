"""How a run stands: what silence means, and what its stages say."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT, a_dag
from tests.support.recorded import LATER, RUN, a_call, a_word, at, heard
from titan.model.actions import Entry, Outcome, RunEnd
from titan.model.dags import JobCounts
from titan.model.run_control import RunControl, RunStatus, StatusSource
from titan.model.runs import UNKNOWN_AGENT, Tally
from titan.ports.runs_store import KnownCalls
from titan.rules.runs.lifecycle import (
    IDLE,
    IDLE_WITHIN_CALL,
    fallen_silent,
    is_silent,
    not_reported_yet,
    silent_since,
    silent_within_call_since,
    with_dag_ended,
    with_stages,
    without_recordings,
)
from titan.rules.runs.recording import apply_entries

SECOND = timedelta(seconds=1)


def test_a_run_that_is_quiet_for_a_while_has_ended_with_its_last_event() -> None:
    run = heard([a_call(ends=5)]).run

    assert not is_silent(run, now=LATER + IDLE - SECOND)
    assert is_silent(run, now=LATER + IDLE)
    assert fallen_silent(run, []) == replace(
        run, status=RunStatus.COMPLETED, status_source=StatusSource.INFERRED, ended_at=at(5), received_at=LATER
    )


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.SUCCESS, RunStatus.COMPLETED),
        (Outcome.ERROR, RunStatus.FAILED),
        (Outcome.BLOCKED, RunStatus.FAILED),
        (Outcome.REJECTED, RunStatus.FAILED),
        (Outcome.REPLAYED, RunStatus.COMPLETED),
    ],
)
def test_it_failed_when_its_last_attempt_did(outcome: Outcome, status: RunStatus) -> None:
    assert fallen_silent(heard([a_call(outcome=outcome)]).run, []).status is status


def test_a_call_that_runs_may_take_long() -> None:
    run = heard([a_call(ends=None)]).run

    assert not is_silent(run, now=LATER + IDLE)
    assert is_silent(run, now=LATER + IDLE_WITHIN_CALL)


def test_a_run_that_falls_silent_within_a_call_broke_off() -> None:
    memory = heard([a_call(), a_call("a2", begins=2, ends=None)])

    ended = fallen_silent(memory.run, memory.all[1:])

    assert (ended.status, ended.status_source) == (RunStatus.FAILED, StatusSource.INFERRED)
    assert ended.reason == "broke off: 1 call never ended"


def test_a_run_that_ended_or_has_stages_is_left_alone() -> None:
    run = heard([a_word()]).run

    assert not is_silent(replace(run, status=RunStatus.FAILED), now=NOON + IDLE)
    assert not is_silent(replace(run, has_stages=True), now=NOON + IDLE)


def test_a_run_is_looked_at_from_the_moment_it_may_have_ended() -> None:
    assert silent_since(NOON) == NOON - IDLE
    assert silent_within_call_since(NOON) == NOON - IDLE_WITHIN_CALL


def a_run(agent_id: str = "ada") -> RunControl:
    """Return a run with stages, that began a second after noon and did something in the ninth."""
    return RunControl(
        project_id=PROJECT,
        id=RUN,
        agent_id=agent_id,
        started_at=at(1),
        last_activity_at=at(9),
        live_job_count=0,
        reason="enough",
    )


def test_a_run_known_by_its_stages_alone_is_as_they_say() -> None:
    row = with_stages(None, a_run(), RunStatus.FAILED, ended_at=at(9), now=at(10))

    assert (row.agent_id, row.status, row.status_source) == ("ada", RunStatus.FAILED, StatusSource.STAGES)
    assert (row.started_at, row.last_event_at, row.ended_at, row.received_at) == (at(1), at(9), at(9), at(10))
    assert (row.reason, row.pinned_at, row.has_stages) == ("enough", None, True)


def test_stages_set_the_status_of_a_run_recorded_before() -> None:
    known = heard([a_call(begins=0, ends=20, cost="1")]).run

    row = with_stages(known, a_run(), RunStatus.COMPLETED, ended_at=at(9), now=at(30))

    assert (row.agent_id, row.status, row.tally) == ("ada", RunStatus.COMPLETED, known.tally)
    assert (row.started_at, row.last_event_at, row.received_at) == (at(0), at(20), LATER)


def test_a_pinned_run_stays_pinned_with_its_next_stage() -> None:
    known = replace(heard([a_word()]).run, pinned_at=at(5))

    row = with_stages(known, a_run(), RunStatus.COMPLETED, ended_at=at(9), now=at(30))

    assert row.pinned_at == at(5)


def test_a_run_without_its_recordings_is_as_its_stages_say() -> None:
    known = with_stages(
        heard([a_call(begins=0, ends=20, cost="1")]).run, a_run(), RunStatus.FAILED, ended_at=at(9), now=NOON
    )

    bare = without_recordings(known, now=at(99))

    assert (bare.tally, bare.entry_count, bare.first_error_id) == (Tally(), 0, None)
    assert (bare.agent_id, bare.status, bare.ended_at) == ("ada", RunStatus.FAILED, at(9))
    assert (bare.reason, bare.has_stages, bare.received_at) == ("enough", True, at(99))


def test_the_agent_that_a_run_with_stages_has_is_not_given_to_another() -> None:
    first = with_stages(heard([a_word(agent_id="own")]).run, a_run(), RunStatus.RUNNING, ended_at=None, now=NOON)
    later = with_stages(replace(first, agent_id="renamed"), a_run(), RunStatus.RUNNING, ended_at=None, now=NOON)

    assert (first.agent_id, later.agent_id) == ("ada", "renamed")


@pytest.mark.parametrize(
    ("counts", "status"),
    [(JobCounts(completed=1), RunStatus.COMPLETED), (JobCounts(failed=1), RunStatus.FAILED)],
)
def test_a_run_recorded_by_a_dags_jobs_ends_with_the_dag(counts: JobCounts, status: RunStatus) -> None:
    run = heard([a_call(ends=5)]).run

    over = with_dag_ended(run, a_dag(counts=counts, started_at=NOON, ended_at=at(9)))

    assert over == replace(run, status=status, status_source=StatusSource.STAGES, ended_at=at(9))


def test_a_run_recorded_by_a_dags_jobs_lasts_as_long_as_the_dag_with_any_clocks() -> None:
    run = heard([a_call(begins=-1320, ends=-1319), a_call("a2", begins=20, ends=30)]).run

    over = with_dag_ended(run, a_dag(counts=JobCounts(completed=1), started_at=NOON, ended_at=at(9)))

    assert over is not None
    assert (over.started_at, over.ended_at) == (NOON, at(9))


def test_an_active_dag_and_an_ended_run_change_nothing() -> None:
    run = heard([a_call(ends=5)]).run
    over = replace(run, status=RunStatus.COMPLETED, ended_at=at(5))

    assert with_dag_ended(run, a_dag()) is None
    assert with_dag_ended(over, a_dag(counts=JobCounts(completed=1), ended_at=at(9))) is None


def test_a_run_with_notes_before_its_first_entry_takes_the_fields_of_later_entries() -> None:
    unheard = not_reported_yet(PROJECT, RUN, at=at(1), now=at(2), keeps_content=True)
    known = KnownCalls(runs={RUN: unheard}, actions={}, next_number=1)
    said: list[Entry] = [a_word(seconds=0, agent_id="ada"), a_call(ends=0.5), a_word(seconds=0.6, end=RunEnd.COMPLETED)]

    [run] = apply_entries(said, known, project_id=PROJECT, now=at(3)).runs

    assert (unheard.status, unheard.agent_id, unheard.received_at) == (RunStatus.RUNNING, UNKNOWN_AGENT, at(2))
    assert (run.agent_id, run.started_at, run.status, run.ended_at) == ("ada", at(0), RunStatus.COMPLETED, at(0.6))
