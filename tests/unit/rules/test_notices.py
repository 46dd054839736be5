"""What is worth telling people, and in which words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, PROJECT, a_dag, a_job, a_ready_job, a_spec
from tests.support.stored import a_run, a_worker
from titan.model.dags import JobCounts
from titan.model.errors import InvalidInput
from titan.model.events import JournalEntry, Subject
from titan.model.jobs import JobStatus
from titan.model.projects import project_id_of
from titan.model.run_control import RunOutcome
from titan.model.workers import WorkerState
from titan.rules.notification_rules import (
    FIELDS,
    TEXTS,
    Facts,
    NoticeKind,
    check_texts,
    is_unroutable,
    notice_of,
    text_of,
)

FAILED_STAGE = a_dag(counts=JobCounts(failed=2), started_at=NOON, ended_at=NOON)
FAILED_RUN = replace(a_run(), outcome=RunOutcome.FAILED, ended_at=NOON, reason="no plan")
LATER = NOON + timedelta(minutes=3)


def an_entry(kind: str, **subject: str) -> JournalEntry:
    return JournalEntry(
        seq=7, at=NOON, subject=Subject(project_id=PROJECT, **subject), kind=kind, cause="test", data="{}"
    )


def told(kind: str, facts: Facts) -> tuple[str, str] | None:
    """Return the kind of notice, and its text with "LINK" as the link."""
    entry = an_entry(kind, run_id="r1") if facts.run else an_entry(kind)
    notice = notice_of(entry, facts, now=LATER)
    return None if notice is None else (notice.kind.value, text_of(TEXTS[notice.kind], notice, link="LINK"))


def test_a_failed_run_is_announced_with_its_reason() -> None:
    assert told("RunEnded", Facts(run=FAILED_RUN)) == ("run_failed", "Titan: run r1 failed. no plan LINK")


def test_a_run_that_fell_silent_after_a_failed_stage_is_announced() -> None:
    facts = Facts(run=a_run(), last_stage=FAILED_STAGE)

    assert told("RunFellSilent", facts) == (
        "run_failed",
        "Titan: run r1 failed. its last stage 'pipeline' failed LINK",
    )


def test_a_failed_run_without_details_is_announced_without_a_reason() -> None:
    assert told("RunEnded", Facts(run=replace(FAILED_RUN, reason=None))) == (
        "run_failed",
        "Titan: run r1 failed.  LINK",
    )


@pytest.mark.parametrize(
    "facts",
    [
        Facts(),
        Facts(run=a_run(), last_stage=a_dag(counts=JobCounts(completed=1))),
        Facts(run=replace(FAILED_RUN, outcome=RunOutcome.CANCELLED)),
    ],
    ids=["unknown", "completed", "cancelled"],
)
def test_a_run_that_did_not_fail_is_not_announced(facts: Facts) -> None:
    assert told("RunFellSilent", facts) is None


def test_a_dag_without_a_run_is_announced_if_a_job_failed() -> None:
    dag = a_dag(counts=JobCounts(completed=3, failed=1), ended_at=NOON)

    assert told("DagEnded", Facts(dag=dag)) == (
        "dag_failed",
        "Titan: DAG pipeline ended PARTIAL: 1 of 4 jobs failed. LINK",
    )


def test_a_stage_of_a_run_and_a_dag_without_a_failed_job_are_not_announced() -> None:
    assert told("DagEnded", Facts(dag=replace(FAILED_STAGE, run_id="r1"))) is None
    assert told("DagEnded", Facts(dag=a_dag(counts=JobCounts(cancelled=1), ended_at=NOON))) is None
    assert told("DagEnded", Facts()) is None


def test_a_job_that_no_worker_can_take_is_announced_with_its_label() -> None:
    job = a_job("train", status=JobStatus.READY, spec=a_spec("train", requirement="GPU"))

    assert told("JobUnroutable", Facts(job=job)) == (
        "job_unroutable",
        "Titan: job train waits, for no connected worker offers GPU. LINK",
    )
    theirs = replace(job, project_id=project_id_of("acme", "default"))
    assert told("JobUnroutable", Facts(job=theirs)) == (
        "job_unroutable",
        "Titan: job train waits, for no connected worker offers GPU to organisation acme. LINK",
    )
    assert told("JobUnroutable", Facts(job=replace(job, status=JobStatus.CANCELLED))) is None
    assert told("JobUnroutable", Facts()) is None


def test_an_opened_gate_is_announced_with_its_message_unless_already_decided() -> None:
    spec = replace(a_spec("hitl-gate-plan"), hitl_message="Spend the money?")
    gate = a_job("hitl-gate-plan", status=JobStatus.WAITING_APPROVAL, spec=spec)

    assert told("GateOpened", Facts(job=gate)) == (
        "gate_opened",
        "Titan: hitl-gate-plan waits for approval: Spend the money? LINK",
    )
    assert told("GateOpened", Facts(job=replace(gate, status=JobStatus.COMPLETED))) is None
    assert told("GateOpened", Facts()) is None


def test_everyday_events_are_not_announced() -> None:
    assert told("JobSucceeded", Facts(job=a_job())) is None


def test_a_text_may_use_every_field_and_each_is_escaped() -> None:
    template = " ".join(f"{name}=<{{{name}}}>" for name in FIELDS)
    texts = check_texts({"run_failed": template})
    notice = notice_of(an_entry("RunEnded", run_id="r1"), Facts(run=FAILED_RUN), now=LATER)
    assert notice is not None

    text = text_of(texts[NoticeKind.RUN_FAILED], notice, link="L", escape=str.upper)

    assert "run=<R1>" in text
    assert "agent=<RESEARCHER>" in text
    assert "at=<2026-03-01T12:00:00+00:00>" in text
    assert "label=<>" in text


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"sunrise": "good morning"}, "no such kind"),
        ({"run_failed": 3}, "expected a text; found 3"),
        ({"run_failed": "{secret}"}, r"found \{secret\}"),
        ({"run_failed": "{run.__class__}"}, r"\{run.__class__\}"),
        ({"run_failed": "{run!r}"}, r"found \{run\}"),
        ({"run_failed": "{run:>1000000000}"}, r"found \{run\}"),
        ({"run_failed": "{"}, "expected a text with names in braces"),
    ],
)
def test_a_text_that_asks_for_anything_else_is_refused(texts: dict[str, object], found: str) -> None:
    with pytest.raises(InvalidInput, match=found):
        check_texts(texts)


def test_plain_braces_are_written_twice() -> None:
    assert check_texts({"dag_failed": "{{}}"})[NoticeKind.DAG_FAILED] == "{{}}"


def test_a_job_is_unroutable_after_half_a_minute_without_a_worker_that_offers_its_label() -> None:
    job = a_ready_job(requirement="GPU")
    gpu = replace(a_worker(), offers={"GPU": 1})
    soon, late = NOON + timedelta(seconds=29), NOON + timedelta(seconds=30)

    assert is_unroutable(job, [], now=late)
    assert is_unroutable(job, [a_worker()], now=late)
    assert is_unroutable(job, [replace(gpu, state=WorkerState.LOST)], now=late)
    assert is_unroutable(job, [replace(gpu, offers={"GPU": 0})], now=late)
    assert not is_unroutable(job, [gpu], now=late)
    assert not is_unroutable(job, [], now=soon)
