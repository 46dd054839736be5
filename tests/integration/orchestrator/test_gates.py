"""Gates, on a real store: a person decides, and the rest follows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.builders import NOON, PROJECT, a_gate, a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.model.dags import OnFailure
from titan.model.errors import Conflict, InvalidInput
from titan.model.files import StoredValue
from titan.model.jobs import Affinity, Decision, GateOutcome, JobStatus
from titan.orchestrator.gates import put_value
from titan.rules.runs.lifecycle import dag_status

APPROVED, REJECTED = GateOutcome.APPROVED, GateOutcome.REJECTED


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        opened.join()
        yield opened


def test_a_job_with_a_message_is_followed_by_a_gate_that_holds_its_children(desk: Desk) -> None:
    draft = replace(a_spec("draft"), hitl_message="Publish?")
    desk.submit(a_new_dag(draft, a_spec("publish", parents=("draft",))))

    ran = desk.run_all()

    assert ran == ["draft"]
    assert desk.statuses() == {
        "draft": "COMPLETED",
        "hitl-gate-draft": "WAITING_APPROVAL",
        "publish": "WAITING",
    }
    assert dag_status(desk.dag()) == "RUNNING"


def test_an_open_gate_holds_no_slot(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok")))
    desk.submit(a_new_dag(a_spec("other")))

    assert desk.run_all() == ["other"]


def test_an_approval_starts_waiting_jobs_and_records_who_when_and_why(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok"), a_spec("publish", parents=("ok",))))
    desk.clock.turn(5)

    gate = desk.decide("ok", APPROVED, by="ada", comment="well done")

    assert (gate.status, gate.ended_at) == (JobStatus.COMPLETED, NOON + timedelta(seconds=5))
    assert gate.decision == Decision(outcome=APPROVED, decided_by="ada", comment="well done")
    assert desk.run_all() == ["publish"]
    assert dag_status(desk.dag()) == "COMPLETED"


def test_a_rejection_fails_the_gate_and_cancels_the_jobs_behind_it(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok"), a_spec("publish", parents=("ok",)), a_spec("other")))

    gate = desk.decide("ok", REJECTED, by="ada", comment="not yet")
    desk.run_all()

    assert gate.reason == "rejected by ada: not yet"
    assert desk.statuses() == {"ok": "FAILED", "publish": "CANCELLED", "other": "COMPLETED"}
    assert desk.job("publish").reason == "parent 'ok' failed"


def test_a_gate_that_nobody_decides_expires(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok", max_wait_seconds=60), a_spec("publish", parents=("ok",))))
    desk.clock.turn(59)
    desk.keep_time()
    before = desk.job("ok").status

    desk.clock.turn(1)
    desk.keep_time()

    assert (before, desk.job("ok").status) == (JobStatus.WAITING_APPROVAL, JobStatus.FAILED)
    assert desk.job("ok").reason == "nobody decided within 60 s"
    assert desk.job("ok").decision == Decision(outcome=GateOutcome.EXPIRED)
    assert desk.job("publish").status is JobStatus.CANCELLED
    assert desk.value("titan:hitl:status:ok") == "TIMEOUT"


def test_the_time_of_a_gate_counts_from_its_opening(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("slow"), a_gate("ok", parents=("slow",), max_wait_seconds=60)))
    desk.clock.turn(1000)

    desk.run_all()

    assert desk.job("ok").due_at == NOON + timedelta(seconds=1060)


def test_a_gate_behind_a_failed_job_never_opens(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("draft"), a_gate("ok", parents=("draft",))))

    desk.run_all(failing=["draft"])

    assert desk.job("ok").status is JobStatus.CANCELLED
    assert desk.value("titan:hitl:status:ok") == "CLEARED"


def test_a_decided_gate_is_not_decided_again(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok")))
    desk.decide("ok", APPROVED, by="ada")

    with pytest.raises(Conflict, match="found approved by ada"):
        desk.decide("ok", REJECTED, by="bob")

    assert desk.job("ok").status is JobStatus.COMPLETED


def test_a_gate_that_waits_for_its_parents_cannot_be_decided_yet(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("draft"), a_gate("ok", parents=("draft",))))

    with pytest.raises(Conflict, match="found it waits for its parents"):
        desk.decide("ok", APPROVED)


def test_a_job_with_work_cannot_be_decided(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("draft")))

    with pytest.raises(InvalidInput, match="expected a gate; found a job with work"):
        desk.decide("draft", APPROVED)


def test_a_cancelled_gate_is_no_longer_open(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok"), a_spec("publish", parents=("ok",))))

    desk.cancel("ok")

    assert desk.statuses() == {"ok": "CANCELLED", "publish": "CANCELLED"}
    with pytest.raises(Conflict, match="found cancelled"):
        desk.decide("ok", APPROVED)


def test_a_delay_counts_before_the_gate_opens(desk: Desk) -> None:
    desk.submit(a_new_dag(replace(a_gate("ok"), delay_ms=2000)))
    before = desk.job("ok").status

    desk.clock.turn(2)
    desk.keep_time()

    assert (before, desk.job("ok").status) == (JobStatus.WAITING, JobStatus.WAITING_APPROVAL)


def test_affinity_passes_through_a_gate(desk: Desk) -> None:
    desk.join("w2")
    desk.submit(
        a_new_dag(
            replace(a_spec("draft"), hitl_message="Go on?"),
            replace(a_spec("publish", parents=("draft",)), affinity=Affinity.REQUIRED),
        )
    )
    (attempt,) = desk.dispatch("w2")
    desk.report(attempt)

    desk.decide("hitl-gate-draft", APPROVED)

    assert desk.dispatch("w1") == []
    assert len(desk.dispatch("w2")) == 1


def test_a_later_stage_that_names_the_job_waits_for_its_gate(desk: Desk) -> None:
    draft = replace(a_spec("draft"), hitl_message="Publish?")
    desk.submit(a_new_dag(draft, agent_run_id="R_1"))
    desk.run_all()
    desk.submit(a_new_dag(a_spec("publish", parents=("draft",)), agent_run_id="R_1"))

    before = desk.job("publish").status
    desk.decide("hitl-gate-draft", APPROVED)

    assert (before, desk.run_all()) == (JobStatus.WAITING, ["publish"])


def test_two_gates_that_expire_at_once_in_a_dag_that_stops_hold_up_nobody(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("one"), a_gate("two"), on_failure=OnFailure.STOP))
    desk.submit(a_new_dag(replace(a_spec("delayed"), delay_ms=60_000)))
    desk.clock.turn(60)

    desk.keep_time()

    assert desk.statuses() == {"one": "FAILED", "two": "CANCELLED"}
    assert desk.job("delayed").status is JobStatus.READY


def test_a_later_stage_may_name_a_job_and_the_gate_behind_it(desk: Desk) -> None:
    desk.submit(a_new_dag(replace(a_spec("draft"), hitl_message="Publish?"), agent_run_id="R_1"))
    desk.run_all()
    desk.submit(a_new_dag(a_spec("publish", parents=("draft", "hitl-gate-draft")), agent_run_id="R_1"))

    desk.decide("hitl-gate-draft", APPROVED)

    assert desk.run_all() == ["publish"]


# --- the keys of the original's scripts ---


def test_scripts_see_the_gate_in_the_store(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("draft"), a_gate("ok", parents=("draft",), message="Publish?")))
    cleared = desk.value("titan:hitl:status:ok")
    desk.run_all()

    members = desk.store.read(lambda reader: reader.members(PROJECT, "titan:hitl:queue"))
    assert (cleared, desk.value("titan:hitl:status:ok")) == ("CLEARED", "WAITING")
    assert desk.value("titan:hitl:message:ok") == "Publish?"
    assert desk.value("titan:hitl:ts:ok") == str(int(NOON.timestamp() * 1000))
    assert members == ["ok"]


@pytest.mark.parametrize(
    ("word", "status", "ran"), [("APPROVED", JobStatus.COMPLETED, ["publish"]), ("REJECTED", JobStatus.FAILED, [])]
)
def test_a_script_decides_by_writing_the_status_key(desk: Desk, word: str, status: JobStatus, ran: list[str]) -> None:
    desk.submit(a_new_dag(a_gate("ok"), a_spec("publish", parents=("ok",))))

    put(desk, "titan:hitl:status:ok", word)

    assert (desk.job("ok").status, desk.run_all()) == (status, ran)
    assert desk.value("titan:hitl:status:ok") == word


def test_a_status_written_before_the_gate_opens_does_not_open_it(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("draft"), a_gate("ok", parents=("draft",))))
    put(desk, "titan:hitl:status:ok", "APPROVED")

    desk.run_all()

    assert desk.job("ok").status is JobStatus.WAITING_APPROVAL
    assert desk.value("titan:hitl:status:ok") == "WAITING"


def test_a_script_cannot_decide_one_of_two_open_gates_of_a_name(desk: Desk) -> None:
    desk.submit(a_new_dag(a_gate("ok"), agent_run_id="R_1"))
    desk.submit(a_new_dag(a_gate("ok"), agent_run_id="R_2"))

    with pytest.raises(Conflict, match="expected one open gate of this name; found 2, of DAGs d001, d002"):
        put(desk, "titan:hitl:status:ok", "APPROVED")

    assert desk.value("titan:hitl:status:ok") == "WAITING"


def put(desk: Desk, key: str, value: str) -> None:
    desk.perform(lambda tx: put_value(tx, PROJECT, key, StoredValue(value=value)))
