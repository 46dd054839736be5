"""Retry, rerun, redeploy and resume, on a real store: finished work is kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import PROJECT, a_gate, a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.model.attempts import AttemptOutcome
from titan.model.dags import NewDag, OnFailure
from titan.model.errors import Conflict, IdempotencyConflict, UnknownRun
from titan.model.jobs import GateOutcome, Job, JobStatus
from titan.model.run_control import Orchestrator, RunControl, RunOutcome
from titan.orchestrator.cancel import cancel_run, end_run
from titan.orchestrator.rerun import redeploy, rerun_job, resume_run
from titan.orchestrator.retry import retry_dag, retry_job, retry_run
from titan.orchestrator.submit import Submitter
from titan.ports.jobs_store import Transaction
from titan.rules.runs.lifecycle import dag_status
from titan.wire.work import Resumed, Retried, Submitted

CLIENT = Submitter(project_id=PROJECT)
PROGRAM = Orchestrator(command=("python3", "agent.py"), directory="/work", host="here")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        opened.join()
        yield opened


def a_diamond(**changes: object) -> NewDag:
    """Return load → (good, bad) → join → report."""
    jobs = (
        a_spec("load"),
        a_spec("good", parents=("load",)),
        a_spec("bad", parents=("load",)),
        a_spec("join", parents=("good", "bad")),
        a_spec("report", parents=("join",)),
    )
    return replace(a_new_dag(*jobs), **changes)  # type: ignore[arg-type]  # fields of NewDag


def test_a_retried_dag_keeps_finished_work_and_runs_the_rest(desk: Desk) -> None:
    desk.submit(a_diamond())
    desk.run_all(failing=["bad"])

    answer = retry(desk)

    assert answer == Retried(retried=("bad", "join", "report"), kept=2)
    assert desk.run_all() == ["bad", "join", "report"]
    assert dag_status(desk.dag()) == "COMPLETED"
    assert desk.dag().ended_at is not None


def test_each_attempt_keeps_since_when_its_job_waited_for_it(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("bad")))
    submitted_at = desk.clock.now()
    desk.clock.turn(18)
    desk.run_all(failing=["bad"])
    desk.clock.turn(60)
    retried_at = desk.clock.now()
    retry(desk)
    desk.clock.turn(5)
    desk.run_all()

    job = desk.job("bad")
    attempts = desk.store.read(lambda reader: reader.attempts_of_job(job.id))

    assert [attempt.ready_at for attempt in attempts] == [submitted_at, retried_at]


def test_a_retried_dag_is_unfinished_again_at_once(desk: Desk) -> None:
    desk.submit(a_diamond(agent_run_id="R_1"))
    desk.run_all(failing=["bad"])
    desk.perform(lambda tx: end_run(tx, PROJECT, "R_1", RunOutcome.FAILED, reason="a stage failed"))

    retry(desk)

    assert (desk.dag().ended_at, desk.dag().counts.unfinished) == (None, 3)
    assert (run(desk).outcome, run(desk).live_job_count) == (None, 3)


def test_retrying_a_job_retries_the_jobs_cancelled_because_of_it(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("one"), a_spec("two"), a_spec("after", parents=("one",))))
    desk.run_all(failing=["one", "two"])

    answer = desk.perform(lambda tx: retry_job(tx, newest(tx, "one")))

    assert answer.retried == ("one", "after")
    assert desk.statuses() == {"one": "READY", "two": "FAILED", "after": "WAITING"}


def test_a_child_of_two_failed_parents_comes_back_when_both_do(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("one"), a_spec("two"), a_spec("both", parents=("one", "two"))))
    desk.run_all(failing=["one", "two"])

    first = desk.perform(lambda tx: retry_job(tx, newest(tx, "one")))
    second = desk.perform(lambda tx: retry_job(tx, newest(tx, "two")))

    assert (first.retried, second.retried) == (("one",), ("two", "both"))
    assert desk.run_all() == ["one", "two", "both"]


def test_a_cancelled_child_of_a_failed_parent_cannot_be_retried_alone(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("one"), a_spec("after", parents=("one",))))
    desk.run_all(failing=["one"])

    with pytest.raises(Conflict, match="expected parents that completed, or will"):
        desk.perform(lambda tx: retry_job(tx, newest(tx, "after")))

    assert desk.job("after").status is JobStatus.CANCELLED


def test_in_a_dag_that_stops_on_failure_a_retried_job_brings_back_all_that_was_stopped(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("bad"), a_spec("other"), on_failure=OnFailure.STOP))
    desk.run_all(failing=["bad"])

    answer = desk.perform(lambda tx: retry_job(tx, newest(tx, "bad")))

    assert answer.retried == ("bad", "other")


@pytest.mark.parametrize("fails", [True, False])
def test_a_retry_begins_with_all_retries_again_and_counts_attempts_on(desk: Desk, *, fails: bool) -> None:
    desk.submit(a_new_dag(a_spec("flaky", retries=1)))
    desk.run_all(failing=["flaky"])

    retry(desk)
    desk.run_all(failing=["flaky"] if fails else [])

    assert desk.job("flaky").attempt_count == (4 if fails else 3)


def test_a_rejected_gate_opens_again(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok"), a_spec("publish", parents=("ok",))))
    desk.decide("ok", GateOutcome.REJECTED)

    retry(desk)

    assert (desk.job("ok").status, desk.job("ok").decision) == (JobStatus.WAITING_APPROVAL, None)
    assert desk.value("titan:hitl:status:ok") == "WAITING"


def test_jobs_cancelled_on_request_can_be_retried_and_their_run_continues(desk: Desk) -> None:
    desk.submit(a_diamond(agent_run_id="R_1"))
    desk.perform(lambda tx: cancel_run(tx, run_in(tx), by="ann"))

    answer = desk.perform(lambda tx: retry_run(tx, run_in(tx)))

    assert (answer.kept, run(desk).outcome) == (0, None)
    assert desk.run_all() == ["load", "good", "bad", "join", "report"]


def test_a_retried_run_leaves_stages_alone_that_a_later_one_of_their_name_replaced(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a"), name="PLAN", agent_run_id="R_1"))
    desk.run_all(failing=["a"])
    desk.submit(a_new_dag(a_spec("b"), name="PLAN", agent_run_id="R_1"))
    desk.run_all(failing=["b"])

    answer = desk.perform(lambda tx: retry_run(tx, run_in(tx)))

    assert answer.retried == ("b",)


def test_a_job_of_a_later_stage_that_was_cancelled_comes_back_with_its_parent(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a"), agent_run_id="R_1"))
    desk.submit(a_new_dag(a_spec("b", parents=("a",)), agent_run_id="R_1"))
    desk.run_all(failing=["a"])

    answer = desk.perform(lambda tx: retry_job(tx, newest(tx, "a")))

    assert answer.retried == ("a", "b")
    assert desk.run_all() == ["a", "b"]


def test_there_is_nothing_to_retry_where_all_completed(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a")))
    desk.run_all()

    with pytest.raises(Conflict, match="expected a job that failed or was cancelled; found none"):
        retry(desk)
    with pytest.raises(Conflict, match="found COMPLETED"):
        desk.perform(lambda tx: retry_job(tx, newest(tx, "a")))


def test_the_late_report_of_an_attempt_before_the_retry_changes_nothing(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a", max_lost=0)))
    (late,) = desk.dispatch()
    desk.clock.turn(11)
    desk.keep_time()

    retry(desk)

    assert (desk.report(late), desk.job("a").status) == (False, JobStatus.READY)


def test_a_dag_that_waits_for_a_failed_earlier_stage_is_not_retried_alone(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a"), agent_run_id="R_1"))
    desk.submit(a_new_dag(a_spec("b", parents=("a",)), agent_run_id="R_1"))
    desk.run_all(failing=["a"])

    with pytest.raises(Conflict, match="found that all wait for jobs of earlier stages"):
        desk.perform(lambda tx: retry_dag(tx, desk.dag("d002")))


def test_only_completed_jobs_of_the_retried_dag_count_as_kept(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a"), a_spec("other"), agent_run_id="R_1"))
    desk.run_all()
    second = desk.submit(a_new_dag(a_spec("b", parents=("a",)), agent_run_id="R_1"))
    desk.run_all(failing=["b"])

    assert desk.perform(lambda tx: retry_dag(tx, desk.dag(second.dag_id))) == Retried(retried=("b",), kept=0)


# --- rerun and redeploy ---


def test_a_rerun_job_runs_alone_with_its_inputs_in_its_run(desk: Desk) -> None:
    desk.submit(a_diamond(agent_run_id="R_1"))
    desk.run_all()

    answer = desk.perform(lambda tx: rerun_job(tx, newest(tx, "join"), CLIENT, dag_id="d900"))

    assert (answer.name, answer.agent_run_id, answer.job_count) == ("join-rerun", "R_1", 1)
    assert desk.run_all() == ["join"]


def test_a_redeployed_dag_runs_all_of_it_anew_gates_too(desk: Desk) -> None:
    desk.submit(a_new_dag(replace(a_spec("draft"), hitl_message="Go on?"), a_spec("publish", parents=("draft",))))
    desk.run_all()
    desk.decide("hitl-gate-draft", GateOutcome.APPROVED)
    desk.run_all()

    answer = desk.perform(lambda tx: redeploy(tx, desk.dag(), CLIENT, dag_id="d900"))

    assert (answer.dag_id, answer.job_count, answer.from_record) == ("d900", 3, False)
    assert desk.statuses("d900") == {"draft": "READY", "hitl-gate-draft": "WAITING", "publish": "WAITING"}


def test_a_rerun_asks_for_approval_again_and_lets_nobody_pass_the_gate(desk: Desk) -> None:
    desk.submit(a_new_dag(replace(a_spec("draft"), hitl_message="Go on?"), agent_run_id="R_1"))
    desk.run_all()
    desk.decide("hitl-gate-draft", GateOutcome.REJECTED)
    desk.perform(lambda tx: rerun_job(tx, newest(tx, "draft"), CLIENT, dag_id="d900"))
    desk.submit(a_new_dag(a_spec("publish", parents=("draft",)), agent_run_id="R_1"))

    ran = desk.run_all()

    assert (ran, desk.job("hitl-gate-draft").status) == (["draft"], JobStatus.WAITING_APPROVAL)
    assert desk.job("publish").status is JobStatus.WAITING


def test_a_rerun_takes_no_stages_place_when_the_run_is_resumed_or_retried(desk: Desk) -> None:
    first = submit_stage(desk)
    desk.run_all()
    desk.perform(lambda tx: rerun_job(tx, newest(tx, "plan"), CLIENT, dag_id="d900"))
    desk.run_all(failing=["plan"])

    again = submit_stage(desk, is_resumed=True)

    assert (again.dag_id, again.from_record) == (first.dag_id, True)


# --- submissions that repeat ---


def test_a_resumed_program_gets_completed_stages_from_the_record(desk: Desk) -> None:
    first = submit_stage(desk)
    desk.run_all()

    again = submit_stage(desk, is_resumed=True)

    assert (again.dag_id, again.from_record) == (first.dag_id, True)
    assert desk.run_all() == []


def test_a_run_that_is_not_on_record_cannot_be_resumed(desk: Desk) -> None:
    with pytest.raises(UnknownRun, match="Correct TITAN_RESUME_RUN_ID"):
        submit_stage(desk, is_resumed=True)

    assert desk.run_all() == []


def test_a_failed_stage_is_retried_in_place_and_keeps_its_completed_jobs(desk: Desk) -> None:
    first = desk.submit(a_diamond(agent_run_id="R_1", orchestrator=PROGRAM))
    desk.run_all(failing=["bad"])

    again = desk.submit(a_diamond(agent_run_id="R_1", orchestrator=PROGRAM, is_resumed=True))

    assert (again.dag_id, again.from_record) == (first.dag_id, True)
    assert desk.run_all() == ["bad", "join", "report"]


def test_changed_content_is_new_work(desk: Desk) -> None:
    first = submit_stage(desk)
    desk.run_all()

    changed = replace(a_spec("plan"), script="1" * 64)
    again = desk.submit(a_new_dag(changed, agent_run_id="R_1", name="PLAN", is_resumed=True))

    assert (again.dag_id != first.dag_id, again.from_record) == (True, False)


def test_stages_after_a_changed_stage_are_new_work_too(desk: Desk) -> None:
    submit_stage(desk)
    desk.run_all()
    desk.clock.turn(1)
    summary = submit_summary(desk)
    desk.run_all()
    desk.clock.turn(1)

    changed = replace(a_spec("plan"), script="1" * 64)
    desk.submit(a_new_dag(changed, agent_run_id="R_1", name="PLAN", is_resumed=True))
    again = submit_summary(desk, is_resumed=True)

    assert (again.dag_id != summary.dag_id, again.from_record) == (True, False)


def test_a_stage_after_a_partly_failed_one_is_new_work_once_that_is_retried(desk: Desk) -> None:
    desk.submit(a_diamond(agent_run_id="R_1", orchestrator=PROGRAM))
    desk.run_all(failing=["bad"])
    desk.clock.turn(1)
    summary = submit_summary(desk)
    desk.run_all()
    desk.clock.turn(1)

    desk.submit(a_diamond(agent_run_id="R_1", orchestrator=PROGRAM, is_resumed=True))
    desk.run_all()
    desk.clock.turn(1)
    again = submit_summary(desk, is_resumed=True)
    desk.run_all()
    desk.clock.turn(1)
    third = submit_summary(desk, is_resumed=True)

    assert (again.dag_id != summary.dag_id, again.from_record) == (True, False)
    assert (third.dag_id, third.from_record) == (again.dag_id, True)


def test_a_stage_that_waited_for_no_other_is_kept_if_others_are_retried(desk: Desk) -> None:
    desk.submit(a_diamond(agent_run_id="R_1", orchestrator=PROGRAM))
    summary = submit_summary(desk)
    desk.clock.turn(1)
    desk.run_all(failing=["bad"])
    desk.clock.turn(1)

    desk.submit(a_diamond(agent_run_id="R_1", orchestrator=PROGRAM, is_resumed=True))
    again = submit_summary(desk, is_resumed=True)

    assert (again.dag_id, again.from_record) == (summary.dag_id, True)


def test_the_same_stage_twice_in_one_program_is_two_stages_also_when_resumed(desk: Desk) -> None:
    first, second = submit_stage(desk), submit_stage(desk, occurrence=1)
    desk.run_all()

    again = [submit_stage(desk, occurrence=n, is_resumed=True).dag_id for n in range(3)]

    assert again[:2] == [first.dag_id, second.dag_id]
    assert again[2] not in again[:2]


def test_without_a_resume_the_same_stage_runs_again(desk: Desk) -> None:
    first, second = submit_stage(desk), submit_stage(desk)

    assert (first.dag_id == second.dag_id, second.from_record) == (False, False)


def test_a_later_attempt_of_a_job_gets_the_dag_an_earlier_one_submitted(desk: Desk) -> None:
    desk.join("w1", GENERAL=2)
    desk.submit(a_new_dag(a_spec("agent", retries=1)))
    (one,) = desk.dispatch()
    first = desk.submit(a_new_dag(a_spec("step"), name="STEP"), token=one.token)
    desk.report(one, AttemptOutcome.FAILED, exit_code=1)
    two = next(attempt for attempt in desk.dispatch() if desk.job_of(attempt).name == "agent")

    again = desk.submit(a_new_dag(a_spec("step"), name="STEP"), token=two.token)

    assert (again.dag_id, again.from_record) == (first.dag_id, True)


def test_an_idempotency_key_returns_the_first_submission_even_after_its_failure(desk: Desk) -> None:
    first = submit_stage(desk, idempotency_key="plan-1")
    desk.run_all(failing=["plan"])

    again = submit_stage(desk, idempotency_key="plan-1")

    assert (again.dag_id, again.from_record, desk.run_all()) == (first.dag_id, True, [])


def test_an_idempotency_key_is_refused_for_other_content(desk: Desk) -> None:
    submit_stage(desk, idempotency_key="plan-1")

    with pytest.raises(IdempotencyConflict, match="found another content"):
        desk.submit(a_new_dag(a_spec("other"), agent_run_id="R_1", idempotency_key="plan-1"))


# --- resume ---


def test_a_resumed_run_is_reopened_and_names_its_program(desk: Desk) -> None:
    submit_stage(desk)
    desk.run_all(failing=["plan"])
    desk.perform(lambda tx: end_run(tx, PROJECT, "R_1", RunOutcome.FAILED, reason="broke"))

    answer = desk.perform(lambda tx: resume_run(tx, run_in(tx)))

    assert answer == Resumed(agent_run_id="R_1", retried_job=None, orchestrator=PROGRAM)
    assert run(desk).outcome is None


def test_a_run_that_a_job_orchestrates_is_resumed_by_retrying_that_job(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("agent"), name="AGENT", agent_run_id="R_1"))
    (attempt,) = desk.dispatch()
    desk.submit(a_new_dag(a_spec("step"), name="STEP"), token=attempt.token)
    desk.report(attempt, AttemptOutcome.FAILED, exit_code=1)
    desk.run_all()

    answer = desk.perform(lambda tx: resume_run(tx, run_in(tx)))

    assert answer == Resumed(agent_run_id="R_1", retried_job=desk.job("agent").id, orchestrator=None)
    assert desk.job("agent").status is JobStatus.READY


def test_a_run_whose_orchestrating_job_still_runs_is_not_resumed(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("agent"), name="AGENT", agent_run_id="R_1"))
    (attempt,) = desk.dispatch()
    desk.submit(a_new_dag(a_spec("step"), name="STEP"), token=attempt.token)

    with pytest.raises(Conflict, match="found job 'agent' is RUNNING"):
        desk.perform(lambda tx: resume_run(tx, run_in(tx)))


def test_a_run_of_an_unknown_program_says_how_to_resume_it(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("plan"), agent_run_id="R_1"))

    with pytest.raises(Conflict, match="TITAN_RESUME_RUN_ID=R_1"):
        desk.perform(lambda tx: resume_run(tx, run_in(tx)))


def retry(desk: Desk) -> Retried:
    return desk.perform(lambda tx: retry_dag(tx, desk.dag()))


def submit_stage(
    desk: Desk, *, is_resumed: bool = False, occurrence: int = 0, idempotency_key: str | None = None
) -> Submitted:
    return desk.submit(
        a_new_dag(
            a_spec("plan"),
            name="PLAN",
            agent_run_id="R_1",
            orchestrator=PROGRAM,
            is_resumed=is_resumed,
            occurrence=occurrence,
            idempotency_key=idempotency_key,
        )
    )


def submit_summary(desk: Desk, *, is_resumed: bool = False) -> Submitted:
    spec = a_spec("summary")
    return desk.submit(a_new_dag(spec, name="SUMMARY", agent_run_id="R_1", orchestrator=PROGRAM, is_resumed=is_resumed))


def newest(tx: Transaction, name: str) -> Job:
    job = tx.newest_job(PROJECT, name)
    assert job is not None
    return job


def run_in(tx: Transaction) -> RunControl:
    found = tx.run_control(PROJECT, "R_1")
    assert found is not None
    return found


def run(desk: Desk) -> RunControl:
    return desk.perform(run_in)
