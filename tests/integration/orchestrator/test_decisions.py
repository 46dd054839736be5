"""What the engine decides, on a real store: each test is one rule a user can rely on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.model.attempts import AttemptOutcome
from titan.model.dags import OnFailure
from titan.model.errors import Conflict, InvalidDag, LimitExceeded, StaleLease
from titan.model.jobs import Affinity, JobStatus
from titan.model.run_control import RunOutcome
from titan.orchestrator import worker_registry
from titan.orchestrator.cancel import cancel_run, end_run
from titan.rules.runs.lifecycle import dag_status


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        yield opened


def test_a_chain_runs_in_order_and_its_dag_completes(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("a"), a_spec("b", parents=("a",)), a_spec("c", parents=("b",))))

    ran = desk.run_all()

    assert ran == ["a", "b", "c"]
    assert dag_status(desk.dag()) == "COMPLETED"
    assert desk.events("c") == ["DagSubmitted", "JobReady", "JobLeased", "JobSucceeded", "DagEnded"]


def test_a_job_that_two_parents_release_waits_for_both(desk: Desk) -> None:
    desk.join(GENERAL=2)
    desk.submit(a_new_dag(a_spec("a"), a_spec("b"), a_spec("both", parents=("a", "b"))))
    first, second = desk.dispatch()

    desk.report(first)
    after_one = desk.job("both").status
    desk.report(second)

    assert (after_one, desk.job("both").status) == (JobStatus.WAITING, JobStatus.READY)


def test_a_failed_parent_cancels_its_descendants_and_leaves_other_branches(desk: Desk) -> None:
    desk.join()
    desk.submit(
        a_new_dag(
            a_spec("bad"),
            a_spec("child", parents=("bad",)),
            a_spec("grandchild", parents=("child",)),
            a_spec("other"),
        )
    )

    desk.run_all(failing=["bad"])

    assert desk.statuses() == {
        "bad": "FAILED",
        "child": "CANCELLED",
        "grandchild": "CANCELLED",
        "other": "COMPLETED",
    }
    assert desk.job("child").reason == "parent 'bad' failed"
    assert desk.job("grandchild").reason == "parent 'child' cancelled"
    assert dag_status(desk.dag()) == "PARTIAL"


def test_stop_on_failure_cancels_all_that_has_not_started(desk: Desk) -> None:
    desk.join(GENERAL=2)
    desk.submit(a_new_dag(a_spec("bad"), a_spec("running"), a_spec("ready"), on_failure=OnFailure.STOP))
    bad, running = desk.dispatch()

    desk.report(bad, AttemptOutcome.FAILED, exit_code=1)
    desk.report(running)

    assert desk.statuses() == {"bad": "FAILED", "running": "COMPLETED", "ready": "CANCELLED"}


def test_a_failed_attempt_is_repeated_after_its_backoff_as_often_as_asked(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("flaky", retries=1, backoff_seconds=5)))
    desk.run_all(failing=["flaky"])
    paused = desk.job("flaky")

    desk.clock.turn(5)
    desk.keep_time()
    desk.run_all(failing=["flaky"])

    assert (paused.status, paused.failed_count) == (JobStatus.WAITING, 1)
    assert (desk.job("flaky").status, desk.job("flaky").attempt_count) == (JobStatus.FAILED, 2)


def test_a_delay_counts_from_the_moment_the_parents_are_done(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("a"), replace(a_spec("later", parents=("a",)), delay_ms=2000)))
    desk.clock.turn(60)
    desk.run_all()
    before = desk.job("later").status

    desk.clock.turn(2)
    desk.keep_time()

    assert (before, desk.run_all()) == (JobStatus.WAITING, ["later"])


def test_an_expired_lease_is_lost_and_its_late_report_changes_nothing(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("train")))
    (late,) = desk.dispatch()
    desk.clock.turn(11)
    desk.keep_time()
    desk.hear_of()
    (second,) = desk.dispatch()

    is_accepted = desk.report(late)

    assert not is_accepted
    assert desk.job("train").status is JobStatus.RUNNING
    assert desk.report(second)
    assert (desk.job("train").status, desk.job("train").lost_count) == (JobStatus.COMPLETED, 1)


def test_a_silent_worker_gets_no_job_until_it_reports(desk: Desk) -> None:
    desk.join("w1", GENERAL=4)
    desk.submit(a_new_dag(a_spec("train")))
    desk.dispatch("w1")
    desk.clock.turn(11)
    desk.keep_time()

    while_silent = desk.dispatch("w1")
    desk.hear_of("w1")

    assert while_silent == []
    assert [attempt.worker_id for attempt in desk.dispatch("w1")] == ["w1"]


def test_a_report_counts_once(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("train")))
    (attempt,) = desk.dispatch()

    assert [desk.report(attempt), desk.report(attempt)] == [True, False]


def test_a_job_lost_too_often_fails(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("deadly", max_lost=1)))

    for _ in range(2):
        desk.dispatch()
        desk.clock.turn(11)
        desk.keep_time()
        desk.hear_of()

    assert desk.job("deadly").status is JobStatus.FAILED
    assert desk.job("deadly").reason == "its lease ran out"


def test_an_attempt_returned_by_a_leaving_worker_is_not_counted(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("train")))
    desk.dispatch()

    desk.store.transact(lambda tx: worker_registry.leave(tx, "w1")).result()

    assert (desk.job("train").status, desk.job("train").attempt_count) == (JobStatus.READY, 0)
    desk.join("w2")
    assert [attempt.number for attempt in desk.dispatch("w2")] == [1]


def test_slots_under_one_label_are_not_used_for_another(desk: Desk) -> None:
    desk.join(GENERAL=1, GPU=1)
    desk.submit(a_new_dag(a_spec("one"), a_spec("two"), a_spec("gpu", requirement="GPU")))

    leased = [desk.job_of(attempt).name for attempt in desk.dispatch()]

    assert sorted(leased) == ["gpu", "one"]
    assert desk.dispatch() == []


def test_affinity_prefers_the_parents_worker_and_required_affinity_waits_for_it(desk: Desk) -> None:
    desk.join("w1")
    desk.submit(a_new_dag(a_spec("parent"), replace(a_spec("bound", parents=("parent",)), affinity=Affinity.REQUIRED)))
    desk.run_all("w1")
    desk.submit(a_new_dag(a_spec("p2"), replace(a_spec("b2", parents=("p2",)), affinity=Affinity.REQUIRED)))
    desk.join("w2")

    (parent,) = desk.dispatch("w2")
    desk.report(parent)

    assert desk.dispatch("w1") == []
    assert [attempt.worker_id for attempt in desk.dispatch("w1", "w2")] == ["w2"]


def test_cancelling_ends_waiting_jobs_at_once_and_running_ones_when_their_worker_confirms(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("runs"), a_spec("waits", parents=("runs",)), a_spec("ready")))
    (attempt,) = desk.dispatch()

    answer = desk.cancel("runs", "waits", "ready")
    during = desk.statuses()
    desk.report(attempt, AttemptOutcome.CANCELLED)

    assert (set(answer.cancelled), answer.stopping) == ({"waits", "ready"}, ("runs",))
    assert during == {"runs": "RUNNING", "waits": "CANCELLED", "ready": "CANCELLED"}
    assert desk.job("runs").status is JobStatus.CANCELLED


def test_a_job_that_a_cancel_comes_too_late_for_counts_as_completed(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("quick")))
    (attempt,) = desk.dispatch()
    desk.cancel("quick")

    desk.report(attempt)

    assert desk.job("quick").status is JobStatus.COMPLETED


def test_a_stage_may_depend_on_a_job_of_an_earlier_stage_of_its_run(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("plan"), name="R_1_PLAN", agent_run_id="R_1"))
    desk.submit(a_new_dag(a_spec("work", parents=("plan",)), name="R_1_WORK", agent_run_id="R_1"))
    before = desk.job("work").status

    ran = desk.run_all()

    assert (before, ran) == (JobStatus.WAITING, ["plan", "work"])


def test_a_stage_behind_a_failed_job_of_its_run_is_cancelled_at_once(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("plan"), agent_run_id="R_1"))
    desk.run_all(failing=["plan"])

    submitted = desk.submit(
        a_new_dag(a_spec("work", parents=("plan",)), a_spec("more", parents=("work",)), agent_run_id="R_1")
    )

    assert desk.statuses(submitted.dag_id) == {"work": "CANCELLED", "more": "CANCELLED"}
    assert desk.dag(submitted.dag_id).is_final


def test_a_parent_outside_of_the_run_is_refused_and_nothing_is_stored(desk: Desk) -> None:
    with pytest.raises(InvalidDag, match="unknown parent 'nobody'"):
        desk.submit(a_new_dag(a_spec("work", parents=("nobody",)), agent_run_id="R_1"))

    assert desk.store.read(lambda reader: (reader.run_control("default", "R_1"), reader.last_seq())) == (None, 0)


def test_a_dag_submitted_by_a_running_job_joins_its_run_and_names_its_maker(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("agent"), agent_run_id="R_1"))
    (attempt,) = desk.dispatch()

    submitted = desk.submit(a_new_dag(a_spec("helper"), name="second"), token=attempt.token)

    dag = desk.dag(submitted.dag_id)
    assert (dag.run_id, dag.made_by, dag.depth) == ("R_1", attempt.job_id, 1)


def test_an_attempt_that_is_over_submits_nothing(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("agent")))
    (attempt,) = desk.dispatch()
    desk.report(attempt)

    with pytest.raises(StaleLease):
        desk.submit(a_new_dag(a_spec("helper")), token=attempt.token)


def test_jobs_that_submit_jobs_stop_at_fifty_deep(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("agent")))
    for _ in range(50):
        (attempt,) = desk.dispatch()
        desk.submit(a_new_dag(a_spec("agent")), token=attempt.token)
        desk.report(attempt)
    (deepest,) = desk.dispatch()

    with pytest.raises(LimitExceeded, match="at most 50"):
        desk.submit(a_new_dag(a_spec("agent")), token=deepest.token)

    assert desk.dag(desk.job_of(deepest).dag_id).depth == 50


def test_a_run_counts_its_jobs_and_refuses_more_than_ten_thousand(desk: Desk) -> None:
    many = tuple(a_spec(f"j{n}") for n in range(6000))
    desk.submit(a_new_dag(*many, agent_run_id="R_1"))

    with pytest.raises(LimitExceeded, match="10000 jobs in a run"):
        desk.submit(a_new_dag(*many, agent_run_id="R_1"))

    run = desk.store.read(lambda reader: reader.run_control("default", "R_1"))
    assert run is not None
    assert (run.job_count, run.live_job_count, run.stage_count) == (6000, 6000, 1)


def test_a_cancelled_run_takes_no_more_stages_and_an_ended_one_is_reopened(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a"), agent_run_id="ENDED"))
    desk.submit(a_new_dag(a_spec("a"), agent_run_id="GONE"))
    gone = desk.store.read(lambda reader: reader.run_control("default", "GONE"))
    assert gone is not None
    desk.store.transact(lambda tx: cancel_run(tx, gone, by="ann")).result()
    desk.store.transact(lambda tx: end_run(tx, "default", "ENDED", RunOutcome.COMPLETED, reason="")).result()

    desk.submit(a_new_dag(a_spec("b"), agent_run_id="ENDED"))
    with pytest.raises(Conflict, match="cancelled"):
        desk.submit(a_new_dag(a_spec("b"), agent_run_id="GONE"))

    ended = desk.store.read(lambda reader: reader.run_control("default", "ENDED"))
    assert ended is not None
    assert ended.outcome is None


def test_a_vanished_workers_jobs_go_to_another(desk: Desk) -> None:
    desk.join("w1")
    desk.join("w2")
    desk.submit(a_new_dag(a_spec("train")))
    desk.dispatch("w1")

    desk.store.transact(lambda tx: worker_registry.lose(tx, "w1", server_id="")).result()

    assert [attempt.worker_id for attempt in desk.dispatch("w1", "w2")] == ["w2"]


def test_a_worker_is_not_given_as_lost_a_lease_that_it_reported(desk: Desk) -> None:
    desk.join(GENERAL=2)
    desk.submit(a_new_dag(a_spec("done"), a_spec("gone")))
    done, gone = desk.dispatch()
    desk.report(done)
    desk.cancel("gone")
    holding = [done.lease_id, "of nobody"]

    found = desk.store.read(
        lambda reader: worker_registry.orders(reader, "w1", holding=[*holding, gone.lease_id], stopping=[])
    )

    assert (found.lost, found.stop) == (("of nobody",), (gone.lease_id,))
