"""How a stage and a run stand: every small case, against the sentences of the specification."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest

from tests.support.builders import NOON, PROJECT, a_dag
from titan.model.dags import Dag, JobCounts, StageStatus
from titan.model.run_control import RunControl, RunOutcome, RunStatus
from titan.rules.runs.lifecycle import (
    RUN_IDLE,
    agent_of,
    dag_status,
    run_ended_at,
    run_status,
    stage_labels,
    stage_status,
)

COMPLETED_STAGE = a_dag(counts=JobCounts(completed=2), started_at=NOON, ended_at=NOON)
PARTIAL_STAGE = a_dag(counts=JobCounts(completed=1, failed=1), started_at=NOON, ended_at=NOON)
FAILED_STAGE = a_dag(counts=JobCounts(failed=1, cancelled=1), started_at=NOON, ended_at=NOON)
RUNNING_STAGE = a_dag(counts=JobCounts(running=1), started_at=NOON)
WAITING_STAGE = a_dag(counts=JobCounts(waiting=1))
ENDED = NOON + timedelta(seconds=1)
LONG_AFTER = NOON + RUN_IDLE


def a_run(*, live: int = 0, stages: int = 1, outcome: RunOutcome | None = None) -> RunControl:
    """Return a run whose last activity was at noon."""
    return RunControl(
        project_id=PROJECT,
        id="RESEARCH_cb5e13",
        agent_id="RESEARCH",
        started_at=NOON,
        last_activity_at=NOON,
        stage_count=stages,
        live_job_count=live,
        outcome=outcome,
        ended_at=ENDED if outcome else None,
    )


@pytest.mark.parametrize("has_started", [False, True])
def test_the_status_of_a_stage_follows_the_specification_for_every_small_mixture(has_started: bool) -> None:
    fields = ("waiting", "ready", "running", "completed", "failed", "cancelled")
    for mixture in product(range(3), repeat=len(fields)):
        counts = JobCounts(**dict(zip(fields, mixture, strict=True)))
        waiting, ready, running, completed, failed, cancelled = mixture

        status = stage_status(counts, has_started=has_started)

        is_over = waiting + ready + running == 0
        assert (status in (StageStatus.WAITING, StageStatus.RUNNING)) != is_over
        assert (status is StageStatus.RUNNING) == (not is_over and has_started)
        assert (status is StageStatus.COMPLETED) == (is_over and failed + cancelled == 0)
        assert (status is StageStatus.PARTIAL) == (is_over and completed > 0 and failed + cancelled > 0)
        assert (status is StageStatus.FAILED) == (is_over and completed == 0 and failed + cancelled > 0)


def test_a_stage_has_started_when_its_first_attempt_was_leased() -> None:
    assert dag_status(WAITING_STAGE) is StageStatus.WAITING
    assert dag_status(replace(WAITING_STAGE, started_at=NOON)) is StageStatus.RUNNING


def test_a_run_is_pending_until_the_first_attempt_of_its_first_stage() -> None:
    assert run_status(a_run(live=1), WAITING_STAGE, now=NOON) is RunStatus.PENDING
    assert run_status(a_run(live=1), RUNNING_STAGE, now=NOON) is RunStatus.RUNNING


def test_a_run_with_an_earlier_stage_is_running_while_the_next_one_waits() -> None:
    assert run_status(a_run(live=1, stages=2), WAITING_STAGE, now=NOON) is RunStatus.RUNNING


def test_a_run_whose_first_jobs_are_known_before_their_stage_is_pending() -> None:
    assert run_status(a_run(live=1), None, now=NOON) is RunStatus.PENDING


@pytest.mark.parametrize("outcome", [None, *RunOutcome])
def test_a_run_with_a_live_job_is_running_after_any_report_and_time(
    outcome: RunOutcome | None,
) -> None:
    run = a_run(live=1, outcome=outcome)

    assert run_status(run, RUNNING_STAGE, now=NOON + timedelta(days=30)) is RunStatus.RUNNING


@pytest.mark.parametrize("last_stage", [COMPLETED_STAGE, FAILED_STAGE, None])
def test_a_silent_run_is_running_for_two_minutes_after_its_last_activity(last_stage: Dag | None) -> None:
    just_before = LONG_AFTER - timedelta(microseconds=1)

    assert run_status(a_run(), last_stage, now=just_before) is RunStatus.RUNNING
    assert run_status(a_run(), last_stage, now=LONG_AFTER) is not RunStatus.RUNNING


@pytest.mark.parametrize(
    ("outcome", "last_stage", "now", "expected"),
    [
        (None, COMPLETED_STAGE, LONG_AFTER, RunStatus.COMPLETED),
        (None, PARTIAL_STAGE, LONG_AFTER, RunStatus.COMPLETED),
        (None, FAILED_STAGE, LONG_AFTER, RunStatus.FAILED),
        (None, None, LONG_AFTER, RunStatus.COMPLETED),
        (RunOutcome.COMPLETED, COMPLETED_STAGE, NOON, RunStatus.COMPLETED),
        (RunOutcome.COMPLETED, FAILED_STAGE, NOON, RunStatus.FAILED),
        (RunOutcome.COMPLETED, None, NOON, RunStatus.COMPLETED),
        (RunOutcome.FAILED, COMPLETED_STAGE, NOON, RunStatus.FAILED),
        (RunOutcome.CANCELLED, COMPLETED_STAGE, NOON, RunStatus.CANCELLED),
        (RunOutcome.CANCELLED, FAILED_STAGE, LONG_AFTER, RunStatus.CANCELLED),
    ],
)
def test_the_status_of_an_ended_run_is_from_its_orchestrator_or_its_last_stage(
    outcome: RunOutcome | None, last_stage: Dag | None, now: datetime, expected: RunStatus
) -> None:
    assert run_status(a_run(outcome=outcome), last_stage, now=now) is expected


def test_a_failed_stage_that_a_later_one_recovered_does_not_fail_the_run() -> None:
    run = a_run(stages=2, outcome=RunOutcome.COMPLETED)

    assert run_status(run, COMPLETED_STAGE, now=NOON) is RunStatus.COMPLETED


@pytest.mark.parametrize(
    ("run", "now", "ended_at"),
    [
        (a_run(), NOON, None),
        (a_run(), LONG_AFTER, NOON),
        (a_run(live=1), LONG_AFTER, None),
        (a_run(live=1, outcome=RunOutcome.CANCELLED), LONG_AFTER, None),
        (a_run(outcome=RunOutcome.FAILED), LONG_AFTER, ENDED),
    ],
)
def test_a_run_ended_when_somebody_said_so_or_with_its_last_activity(
    run: RunControl, now: datetime, ended_at: datetime | None
) -> None:
    assert run_ended_at(run, now=now) == ended_at


@pytest.mark.parametrize("now", [NOON, LONG_AFTER])
@pytest.mark.parametrize("live", [0, 1])
@pytest.mark.parametrize("outcome", [None, *RunOutcome])
def test_a_run_has_an_end_exactly_when_it_is_neither_pending_nor_running(
    outcome: RunOutcome | None, live: int, now: datetime
) -> None:
    run = a_run(live=live, outcome=outcome)

    status = run_status(run, RUNNING_STAGE if live else COMPLETED_STAGE, now=now)

    is_over = status not in (RunStatus.PENDING, RunStatus.RUNNING)
    assert (run_ended_at(run, now=now) is not None) == is_over


@pytest.mark.parametrize(
    ("run_id", "agent"),
    [
        ("RESEARCH_cb5e13", "RESEARCH"),
        ("my-agent-42", "my-agent"),
        ("my-agent_42", "my-agent"),
        ("my_agent-42", "my_agent"),
        ("RESEARCH", "RESEARCH"),
        ("_hidden", "_hidden"),
        ("RESEARCH_", "RESEARCH"),
        ("RESEARCH _1", "RESEARCH"),
    ],
)
def test_the_agent_is_the_run_id_without_its_last_token(run_id: str, agent: str) -> None:
    assert agent_of(run_id) == agent


@pytest.mark.parametrize(
    ("run_id", "program", "agent"),
    [
        ("cb5e13a0b1c2", "research_agent", "research_agent"),
        ("cb5e13a0b1c2", "über mich", "cb5e13a0b1c2"),
        ("cb5e13a0b1c2", "", "cb5e13a0b1c2"),
        ("9f1b7c2e-5d0a-4c3b-8e6f-0a1b2c3d4e5f", "research_agent", "research_agent"),
        ("2026-11-25", "research_agent", "research_agent"),
        ("_hidden", "research_agent", "research_agent"),
        ("RESEARCH_cb5e13", "research_agent", "RESEARCH"),
        ("übung-7", "research_agent", "übung"),
    ],
)
def test_a_run_whose_id_names_no_agent_has_that_of_its_program(run_id: str, program: str, agent: str) -> None:
    assert agent_of(run_id, program) == agent


@pytest.mark.parametrize(
    ("run_id", "names", "labels"),
    [
        ("RESEARCH_cb5e13", ["RESEARCH_cb5e13_PLAN", "RESEARCH_cb5e13_ITER1"], ["PLAN", "ITER1"]),
        ("RESEARCH_cb5e13", ["RESEARCH_cb5e13_PLAN"], ["PLAN"]),
        ("cb5e13a0b1c2", ["RESEARCH_cb5e13_PLAN", "RESEARCH_cb5e13_SEARCH"], ["PLAN", "SEARCH"]),
        ("run-7", ["nightly-etl-PLAN", "nightly-etl-POLISH"], ["PLAN", "POLISH"]),
        ("run-7", ["plan", "plant", "play"], ["plan", "plant", "play"]),
        ("run-7", ["ITER1", "ITER10"], ["ITER1", "ITER10"]),
        ("run-7", ["load_data"], ["load_data"]),
        ("R_1", ["R_1_PLAN", "planner-rerun", "R_1_ITER1"], ["PLAN", "planner-rerun", "ITER1"]),
        ("r", ["job_ITER", "job_ITER"], ["ITER", "ITER"]),
        ("R_1", ["R_1", "R_1_", "R_1_PLAN"], ["R_1", "R_1_", "PLAN"]),
        ("R_1", ["R_10_PLAN"], ["R_10_PLAN"]),
        ("x", ["a_", "a_b"], ["a_", "b"]),
        ("x", [], []),
    ],
)
def test_a_stages_label_is_its_name_without_the_words_all_stages_begin_with(
    run_id: str, names: list[str], labels: list[str]
) -> None:
    assert stage_labels(run_id, names) == labels
