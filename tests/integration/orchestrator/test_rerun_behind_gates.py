"""A rerun never passes a gate: what never ran, or stands behind a gate that is not approved, is not run again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import PROJECT, a_gate, a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.model.dags import NewDag
from titan.model.errors import Conflict
from titan.model.jobs import GateOutcome
from titan.orchestrator.rerun import redeploy, rerun_job
from titan.orchestrator.retry import retry_dag, retry_job
from titan.orchestrator.submit import Submitter
from titan.ports.jobs_store import Transaction
from titan.wire.work import Submitted

CLIENT = Submitter(project_id=PROJECT)
GATE = "hitl-gate-build"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        opened.join()
        yield opened


def a_held_deployment(*, run_id: str | None = None) -> NewDag:
    """Return build, its gate, and behind it deploy → announce."""
    build = replace(a_spec("build"), hitl_message="Deploy it?")
    jobs = (build, a_spec("deploy", parents=("build",)), a_spec("announce", parents=("deploy",)))
    return replace(a_new_dag(*jobs), agent_run_id=run_id)


def rerun(desk: Desk, name: str, *, dag_id: str | None = None) -> Submitted:
    def act(tx: Transaction) -> Submitted:
        job = tx.newest_job(PROJECT, name, dag_id=dag_id)
        assert job is not None, name
        return rerun_job(tx, job, CLIENT, dag_id=f"d9{desk.clock.time:%H%M%S}")

    desk.clock.turn(1)
    return desk.perform(act)


def refusal(desk: Desk, name: str, *, dag_id: str | None = None) -> Conflict:
    """Return why the job is not run again; nothing was submitted."""
    with pytest.raises(Conflict) as caught:
        rerun(desk, name, dag_id=dag_id)
    assert desk.run_all() == []
    return caught.value


@pytest.mark.parametrize("run_id", [None, "R_1"])
def test_a_job_behind_an_open_gate_is_not_run_again(desk: Desk, run_id: str | None) -> None:
    desk.submit(a_held_deployment(run_id=run_id))
    desk.run_all()

    near, far = refusal(desk, "deploy"), refusal(desk, "announce")

    gate_id = desk.job(GATE).id
    assert near.expected == "a job that has run, and every gate above it approved"
    assert near.found == far.found == f"gate '{GATE}' of dag d001, which is WAITING_APPROVAL"
    assert near.next_step == f"It starts by itself once the gate is approved: `titan approve {gate_id}`."


def test_a_job_behind_a_rejected_gate_is_run_only_by_a_retry_of_the_gate_and_an_approval(desk: Desk) -> None:
    desk.submit(a_held_deployment())
    desk.run_all()
    desk.decide(GATE, GateOutcome.REJECTED)
    rejected = refusal(desk, "deploy")

    desk.perform(lambda tx: retry_job(tx, desk.job(GATE)))
    reopened = refusal(desk, "deploy")
    desk.decide(GATE, GateOutcome.APPROVED)

    assert rejected.found == f"gate '{GATE}' of dag d001, which is rejected"
    assert f"`titan retry {desk.job(GATE).id}` opens it again" in rejected.next_step
    assert "WAITING_APPROVAL" in reopened.found
    assert desk.run_all() == ["deploy", "announce"]


def test_a_job_of_a_dag_that_was_retried_waits_for_its_gates_decision_again(desk: Desk) -> None:
    desk.submit(a_held_deployment())
    desk.run_all()
    desk.clock.turn(3_000_000)
    desk.keep_time()
    expired = refusal(desk, "deploy")

    desk.perform(lambda tx: retry_dag(tx, desk.dag()))

    assert "which is expired" in expired.found
    assert "WAITING_APPROVAL" in refusal(desk, "deploy").found


def test_a_job_of_a_later_stage_is_behind_the_gates_of_earlier_ones(desk: Desk) -> None:
    desk.submit(replace(a_new_dag(replace(a_spec("build"), hitl_message="Deploy it?")), agent_run_id="R_1"))
    desk.submit(replace(a_new_dag(a_spec("deploy", parents=("build",))), agent_run_id="R_1"))
    desk.run_all()

    assert "'hitl-gate-build' of dag d001" in refusal(desk, "deploy").found


def test_a_job_whose_gates_are_all_approved_is_run_again(desk: Desk) -> None:
    desk.submit(a_held_deployment(run_id="R_1"))
    desk.run_all()
    desk.decide(GATE, GateOutcome.APPROVED)
    desk.run_all(failing=["deploy"])

    rerun(desk, "deploy")

    assert desk.run_all() == ["deploy"]


def test_a_gate_reopened_in_the_run_holds_reruns_of_earlier_jobs(desk: Desk) -> None:
    desk.submit(a_held_deployment(run_id="R_1"))
    desk.run_all()
    desk.decide(GATE, GateOutcome.APPROVED)
    desk.run_all()
    deployed = rerun(desk, "deploy")
    desk.run_all()

    again = rerun(desk, "build")
    assert desk.run_all() == ["build"]

    assert f"gate '{GATE}' of dag {again.dag_id}" in refusal(desk, "deploy", dag_id="d001").found
    assert f"gate '{GATE}' of dag {again.dag_id}" in refusal(desk, "deploy", dag_id=deployed.dag_id).found
    desk.perform(lambda tx: redeploy(tx, desk.dag(deployed.dag_id), CLIENT, dag_id="d999"))
    assert desk.run_all() == []
    desk.decide(GATE, GateOutcome.APPROVED)
    assert desk.run_all() == ["deploy"]


def test_a_job_of_a_round_is_run_again_though_the_gate_before_it_has_the_name_of_its_own(desk: Desk) -> None:
    draft = replace(a_spec("draft"), hitl_message="Go on?")
    desk.submit(replace(a_new_dag(draft), agent_run_id="R_1"))
    desk.run_all()
    desk.decide("hitl-gate-draft", GateOutcome.APPROVED)
    desk.submit(replace(a_new_dag(a_spec("review", parents=("draft",))), agent_run_id="R_1"))
    desk.submit(replace(a_new_dag(replace(draft, parents=("review",))), agent_run_id="R_1"))
    assert desk.run_all() == ["review", "draft"]

    rerun(desk, "draft")

    assert desk.run_all() == ["draft"]


def test_a_job_that_never_ran_and_a_gate_are_not_rerun(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("load"), a_spec("report", parents=("load",)), a_gate("ok")))

    waiting = refusal_of_a_waiting_job(desk, "load"), refusal_of_a_waiting_job(desk, "report")
    desk.run_all(failing=["load"])
    cancelled, gate = refusal(desk, "report"), refusal(desk, "ok")

    assert [one.found for one in waiting] == [
        "one that is READY and has never run",
        "one that is WAITING and has never run",
    ]
    assert waiting[0].next_step == "It starts by itself when it can."
    assert (cancelled.found, cancelled.next_step) == (
        "one that is CANCELLED and has never run",
        "`titan retry` starts it.",
    )
    assert gate.found == "one that is WAITING_APPROVAL and has never run"


def refusal_of_a_waiting_job(desk: Desk, name: str) -> Conflict:
    with pytest.raises(Conflict) as caught:
        rerun(desk, name)
    return caught.value
