"""What may go: only what is over, old, and neither pinned nor to be kept for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, a_dag
from tests.support.stored import a_run
from titan.model.dags import Dag, JobCounts
from titan.model.retention import LogOwner, OldEntry
from titan.model.run_control import RunControl
from titan.rules.retention import cutoff, may_cut, may_delete_log, may_delete_workspace, may_forget_dag, may_forget_run

DAY = timedelta(days=1)
LATER = NOON + 10 * DAY
ENDED = a_dag(counts=JobCounts(completed=1), ended_at=NOON)


def test_unlimited_retention_has_no_cutoff() -> None:
    assert cutoff(None, LATER) is None
    assert cutoff(3 * DAY, LATER) == NOON + 7 * DAY


@pytest.mark.parametrize(
    ("run", "may_go"),
    [
        (a_run(), True),
        (replace(a_run(), job_count=1, live_job_count=1), False),
        (replace(a_run(), last_activity_at=LATER), False),
    ],
    ids=["old", "alive", "young"],
)
def test_a_run_is_deleted_when_it_is_expired_and_not_live(run: RunControl, may_go: bool) -> None:
    assert may_forget_run(run, before=LATER) is may_go


@pytest.mark.parametrize(
    ("dag", "may_go"),
    [(ENDED, True), (replace(ENDED, run_id="r1"), False), (a_dag(), False), (replace(ENDED, ended_at=LATER), False)],
    ids=["old", "of a run", "alive", "young"],
)
def test_a_dag_without_a_run_is_deleted_when_it_is_expired(dag: Dag, may_go: bool) -> None:
    assert may_forget_dag(dag, before=LATER) is may_go


def test_a_log_is_deleted_with_its_attempt_or_long_after_its_end_in_no_pinned_run() -> None:
    old, pinned = LogOwner(ended_at=NOON, run=("p", "r1")), {("p", "pinned")}

    assert may_delete_log(None, before=None, pinned=pinned)
    assert may_delete_log(old, before=LATER, pinned=pinned)
    assert not may_delete_log(old, before=None, pinned=pinned)
    assert not may_delete_log(old, before=NOON, pinned=pinned)
    assert not may_delete_log(replace(old, run=("p", "pinned")), before=LATER, pinned=pinned)
    assert not may_delete_log(replace(old, ended_at=None), before=LATER, pinned=pinned)


def test_a_journal_entry_is_deleted_when_it_is_old_and_not_needed() -> None:
    entry, pinned = OldEntry(seq=1, at=NOON, is_live=False, run=None), {("p", "pinned")}

    assert may_cut(entry, before=LATER, pinned=pinned)
    assert not may_cut(entry, before=NOON, pinned=pinned)
    assert not may_cut(replace(entry, is_live=True), before=LATER, pinned=pinned)
    assert not may_cut(replace(entry, run=("p", "pinned")), before=LATER, pinned=pinned)


@pytest.mark.parametrize(
    ("owner", "idle_days", "keep_days", "may_go"),
    [
        (a_run(), 8, 7, True),
        (a_run(), 8, None, False),
        (a_run(), 6, 7, False),
        (replace(a_run(), last_activity_at=LATER), 8, 7, False),
        (ENDED, 8, 7, True),
        (a_dag(), 8, 7, False),
        (replace(ENDED, ended_at=LATER), 8, 7, False),
        (None, 8, 7, True),
        (None, 6, 7, False),
    ],
)
def test_a_workspace_is_deleted_when_it_is_idle_and_its_owner_ended_as_long_ago(
    owner: RunControl | Dag | None, idle_days: int, keep_days: int | None, may_go: bool
) -> None:
    keep = None if keep_days is None else keep_days * DAY

    assert may_delete_workspace(owner, idle=idle_days * DAY, keep=keep, now=LATER) is may_go
