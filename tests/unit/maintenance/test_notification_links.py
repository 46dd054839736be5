"""Where the link of a notification leads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import NOON, PROJECT, a_dag, a_job
from tests.support.stored import a_run
from titan.maintenance.notifications import page_of
from titan.model.dags import JobCounts
from titan.model.events import JournalEntry, Subject
from titan.model.jobs import JobStatus
from titan.model.run_control import RunOutcome
from titan.rules.notification_rules import Facts, notice_of

FAILED_DAG = replace(a_dag(counts=JobCounts(failed=2), started_at=NOON, ended_at=NOON), name="a/b c")
FAILED_RUN = replace(a_run(), outcome=RunOutcome.FAILED, ended_at=NOON)
JOB = {"run_id": "r1", "dag_id": "d1", "job_id": "d1.00000"}


@pytest.mark.parametrize(
    ("kind", "facts", "subject", "page"),
    [
        (
            "GateOpened",
            Facts(job=a_job(status=JobStatus.WAITING_APPROVAL), dag=FAILED_DAG),
            JOB,
            "/dags/DAG-a%2Fb%20c?id=d1",
        ),
        (
            "JobUnroutable",
            Facts(job=a_job(status=JobStatus.READY), dag=FAILED_DAG),
            JOB,
            "/dags/DAG-a%2Fb%20c?id=d1&job=d1.00000",
        ),
        ("DagEnded", Facts(dag=FAILED_DAG), {"dag_id": "d1"}, "/dags/DAG-a%2Fb%20c?id=d1"),
        ("RunEnded", Facts(run=FAILED_RUN), {"run_id": "r/1"}, "/runs/r%2F1"),
    ],
)
def test_a_notification_links_to_the_page_of_its_subject(
    kind: str, facts: Facts, subject: dict[str, str], page: str
) -> None:
    about = Subject(project_id=PROJECT, **subject)
    entry = JournalEntry(seq=7, at=NOON, subject=about, kind=kind, cause="test", data="{}")
    notice = notice_of(entry, facts, now=NOON)
    assert notice is not None

    assert page_of(notice) == page
