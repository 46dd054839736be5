"""A cancel takes all that the cancelled jobs have submitted, on a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.errors import Conflict
from titan.model.run_control import RunOutcome
from titan.orchestrator.cancel import cancel_dags, cancel_run
from titan.orchestrator.retry import retry_job
from titan.orchestrator.submit import Submitter, check_goes_on
from titan.wire.work import Cancelled


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        opened.join(GENERAL=8)
        yield opened


def begun(desk: Desk, name: str, *, by: Attempt | None = None, run: str | None = None) -> Attempt:
    """Submit a DAG of a job that begins, and one that waits for it; return the attempt."""
    jobs = a_spec(name), a_spec(f"after {name}", parents=(name,))
    desk.submit(a_new_dag(*jobs, name=f"dag of {name}", agent_run_id=run), token=by.token if by else None)
    (attempt,) = desk.dispatch()
    return attempt


def a_tree(desk: Desk, *, run: str | None = None) -> list[Attempt]:
    """Begin a root, its child and its grandchild; return their attempts."""
    root = begun(desk, "root", run=run)
    child = begun(desk, "child", by=root)
    return [root, child, begun(desk, "grandchild", by=child)]


def cancelled(desk: Desk, name: str) -> bool:
    """Return whether a job is cancelled, or asked to stop."""
    job = desk.job(name)
    return job.is_cancel_requested or job.status == "CANCELLED"


TREE = ("root", "child", "grandchild")


def test_a_cancelled_job_takes_what_it_submitted_to_any_depth(desk: Desk) -> None:
    attempts = a_tree(desk)
    begun(desk, "stranger")

    answer = desk.cancel("root")

    waiting = ("after child", "after grandchild")
    assert answer == Cancelled(cancelled=waiting, stopping=TREE, skipped=())
    assert not cancelled(desk, "stranger")
    for attempt in attempts:
        desk.report(attempt, AttemptOutcome.CANCELLED)
    assert all(desk.job(name).status == "CANCELLED" for name in (*TREE, *(f"after {name}" for name in TREE)))
    assert desk.dag(desk.job("grandchild").dag_id).cancelled_by == "a client"


def test_a_cancelled_child_leaves_its_maker_and_its_siblings(desk: Desk) -> None:
    root, _child, _grandchild = a_tree(desk)
    begun(desk, "sibling", by=root)

    desk.cancel("child")

    assert [cancelled(desk, name) for name in (*TREE, "sibling")] == [False, True, True, False]


def test_a_cancel_reaches_through_jobs_that_have_ended_and_leaves_them(desk: Desk) -> None:
    root, child, _grandchild = a_tree(desk)
    desk.report(child)
    desk.report(root)

    answer = desk.perform(lambda tx: cancel_dags(tx, [dag for dag in [tx.dag(root.job_id[:4])] if dag], by="ada"))

    assert [desk.job(name).status for name in ("root", "child")] == ["COMPLETED", "COMPLETED"]
    assert cancelled(desk, "grandchild")
    assert answer.skipped == ("root",)


def test_a_cancelled_dag_and_a_cancelled_run_take_what_their_jobs_began_in_other_runs(desk: Desk) -> None:
    root = begun(desk, "root", run="R_1")
    begun(desk, "elsewhere", by=root, run="R_2")
    begun(desk, "stranger", run="R_3")

    def cancel(tx):  # type: ignore[no-untyped-def]
        run = tx.run_control(PROJECT, "R_1")
        return cancel_run(tx, run, by="ada")

    desk.perform(cancel)

    assert [cancelled(desk, name) for name in ("root", "elsewhere", "stranger")] == [True, True, False]
    first = desk.store.read(lambda reader: reader.run_control(PROJECT, "R_1"))
    assert first is not None
    assert first.outcome is RunOutcome.CANCELLED


def test_a_job_that_fails_or_times_out_leaves_what_it_submitted(desk: Desk) -> None:
    root, child, _grandchild = a_tree(desk)

    desk.report(root, AttemptOutcome.FAILED, exit_code=1)
    desk.report(child, AttemptOutcome.TIMED_OUT)

    assert desk.job("root").status == "FAILED"
    assert desk.job("child").status == "FAILED"
    assert not cancelled(desk, "grandchild")


def test_a_cancelled_job_submits_and_retries_nothing_while_it_ends(desk: Desk) -> None:
    root, child, _grandchild = a_tree(desk)
    desk.cancel("root")
    before = desk.statuses("d001")

    for attempt in (root, child):
        with pytest.raises(Conflict, match="Nothing was changed"):
            desk.submit(a_new_dag(a_spec("late")), token=attempt.token)
        with pytest.raises(Conflict):
            desk.perform(lambda tx, token=attempt.token: check_goes_on(tx, Submitter(project_id=PROJECT, token=token)))  # type: ignore[misc]

    assert desk.statuses("d001") == before


def test_a_job_that_is_cancelled_before_its_worker_begins_it_submits_nothing(desk: Desk) -> None:
    desk.join(GENERAL=1)
    desk.submit(a_new_dag(a_spec("first"), a_spec("second")))
    _first, second = sorted(desk.prefetch(1), key=lambda each: each.job_id)
    desk.cancel("second")

    with pytest.raises(Conflict):
        desk.submit(a_new_dag(a_spec("late")), token=second.token)


def test_a_cancelled_tree_can_be_tried_again(desk: Desk) -> None:
    for attempt in a_tree(desk):
        desk.cancel("root")
        desk.report(attempt, AttemptOutcome.CANCELLED)

    root_job = desk.job("root")
    desk.perform(lambda tx: retry_job(tx, root_job))
    (root,) = desk.dispatch()

    assert desk.submit(a_new_dag(a_spec("fresh")), token=root.token).job_count == 1
