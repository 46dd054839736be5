"""A worker that reports is answered with its next jobs; some begin only when it says so: what workers see over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.raw_http import Answer, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, submit

BAD_PROGRESS: dict[str, dict[str, object]] = {
    "fewer than none": {"prefetch": {"GENERAL": -1}},
    "more than a worker runs in 50 ms": {"prefetch": {"GENERAL": 1001}},
    "a part of a lease": {"prefetch": {"GENERAL": 0.5}},
    "a number for all": {"prefetch": 5},
    "a start that is no time": {"started": {"x": "yesterday"}},
    "a start without a time zone": {"started": {"x": "2026-01-01T00:00:00"}},
    "starts without times": {"started": ["x"]},
    "a lease that is no text": {"returned": [7]},
}
UNLIKELY_STARTS = ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "1970-01-01T00:00:00Z"]


class PrefetchingWorker(WireWorker):
    """A worker with one slot that says what it would prefetch."""

    def complete(self, *ended: str, prefetch: int | None = None, **progress: object) -> Answer:
        reports = [
            {"lease_id": lease_id, "outcome": "succeeded", "started_at": "2026-01-01T00:00:00Z", "duration_ns": 1}
            for lease_id in ended
        ]
        wish = None if prefetch is None else {self.label: prefetch}
        return ask_json(self.port, "POST", f"{self.path}/complete", {"reports": reports, "prefetch": wish, **progress})

    def a_prefetched_job(self, **fields: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Take one job and prefetch another with other `fields`; return the assignments."""
        submit(self.port, a_dag_body([a_job_body("now", requirement=self.label)]))
        (now,) = self.claim(wait_seconds=10)
        submit(self.port, a_dag_body([a_job_body("next", requirement=self.label, **fields)]))
        (prefetched,) = self.complete(prefetch=1).value["assignments"]
        return now, prefetched

    def job(self, assignment: dict[str, Any]) -> Any:
        return ask(self.port, "GET", f"/api/jobs/{assignment['job_id']}").value


def test_the_answer_to_a_report_brings_the_next_job(port: int) -> None:
    worker = PrefetchingWorker(port)
    _job_id, lease_id = worker.a_running_job()
    dag_id = submit(port, a_dag_body([a_job_body(requirement=worker.label)]))

    answer = worker.complete(lease_id, prefetch=0).value

    (assignment,) = answer["assignments"]
    assert (answer["accepted"], assignment["dag_id"]) == ([lease_id], dag_id)
    assert (assignment["is_prefetched"], assignment["label"]) == (False, worker.label)
    assert worker.job(assignment)["status"] == "RUNNING"


def test_an_older_worker_that_says_nothing_of_prefetching_is_answered_as_ever(port: int) -> None:
    worker = PrefetchingWorker(port)
    _job_id, lease_id = worker.a_running_job()
    submit(port, a_dag_body([a_job_body(requirement=worker.label)]))

    answer = worker.report(lease_id).value

    assert (answer["accepted"], answer["assignments"]) == ([lease_id], [])
    assert len(worker.claim(wait_seconds=10)) == 1


def test_a_prefetched_job_comes_with_its_place_in_the_queue_and_begins_when_its_worker_says_so(port: int) -> None:
    worker = PrefetchingWorker(port)
    _now, prefetched = worker.a_prefetched_job(priority=7)
    before = worker.job(prefetched)

    worker.complete(started={prefetched["lease_id"]: "2999-01-01T00:00:00Z"})
    running = worker.job(prefetched)

    assert (prefetched["is_prefetched"], prefetched["priority"], prefetched["label"]) == (True, 7, worker.label)
    assert prefetched["ready_at"] == before["ready_at"]
    assert (before["status"], before["started_at"], running["status"]) == ("READY", None, "RUNNING")
    assert running["started_at"] < "2999"


def test_a_returned_job_is_offered_again(port: int) -> None:
    worker = PrefetchingWorker(port)
    _now, prefetched = worker.a_prefetched_job()

    answer = worker.complete(returned=[prefetched["lease_id"]]).value
    (again,) = worker.complete(prefetch=1).value["assignments"]

    assert (answer["accepted"], answer["stale"]) == ([prefetched["lease_id"]], [])
    assert (again["job_id"], again["attempt"]) == (prefetched["job_id"], 1)
    assert again["lease_id"] != prefetched["lease_id"]


def test_a_draining_worker_is_asked_to_return_its_prefetched_jobs(port: int) -> None:
    worker = PrefetchingWorker(port)
    now, prefetched = worker.a_prefetched_job()
    holding = {"holding": [now["lease_id"], prefetched["lease_id"]], "wait_seconds": 10}
    ask_json(port, "POST", f"{worker.path}/drain", None)

    told = ask_json(port, "POST", f"{worker.path}/claim", holding).value

    assert (told["give_back"], told["stop"], told["assignments"]) == (True, [], [])


def test_a_claim_carries_the_cancel_of_a_prefetched_job_and_its_worker_confirms_it(port: int) -> None:
    worker = PrefetchingWorker(port)
    now, prefetched = worker.a_prefetched_job()
    cancelled = ask(port, "POST", f"/api/jobs/{prefetched['job_id']}/cancel").value
    holding = {"holding": [now["lease_id"], prefetched["lease_id"]], "wait_seconds": 10}

    told = ask_json(port, "POST", f"{worker.path}/claim", holding).value
    worker.report(prefetched["lease_id"], outcome="cancelled", exit_code=None)

    assert (cancelled["stopping"], told["stop"]) == (["next"], [prefetched["lease_id"]])
    assert worker.job(prefetched)["status"] == "CANCELLED"


def test_a_worker_shows_running_jobs_and_not_prefetched_ones(port: int) -> None:
    worker = PrefetchingWorker(port)
    now, _prefetched = worker.a_prefetched_job()

    (shown,) = [w for w in ask(port, "GET", "/api/workers").value["workers"] if w["worker_id"] == worker.worker_id]
    figures = ask(port, "GET", "/metrics").body.decode().splitlines()

    assert shown["busy"] == {worker.label: 1}
    assert [running["job_id"] for running in shown["running"]] == [now["job_id"]]
    assert f'titan_slots_busy{{label="{worker.label}"}} 1.0' in figures


@pytest.mark.parametrize("progress", BAD_PROGRESS.values(), ids=BAD_PROGRESS.keys())
def test_progress_that_cannot_be_meant_is_refused_and_changes_nothing(
    titan: RunningTitan, progress: dict[str, object]
) -> None:
    worker = WireWorker(titan.sdk_port)
    _job_id, lease_id = worker.a_running_job()
    before = stored_facts(titan.home)

    answer = ask_json(titan.sdk_port, "POST", f"{worker.path}/complete", {"reports": [], **progress})

    assert answer.refusal == (400, "InvalidInput")
    assert stored_facts(titan.home) == before
    assert worker.report(lease_id).value["accepted"] == [lease_id]


@pytest.mark.parametrize("began_at", UNLIKELY_STARTS)
def test_a_start_by_a_clock_that_is_far_off_began_after_its_lease(port: int, began_at: str) -> None:
    worker = PrefetchingWorker(port)
    before = time.strftime("%Y-%m-%dT%H:%M", time.gmtime())
    _now, prefetched = worker.a_prefetched_job()

    answer = worker.complete(started={prefetched["lease_id"]: began_at})

    assert answer.status == 200, answer.body
    assert before <= worker.job(prefetched)["started_at"] <= time.strftime("%Y-%m-%dT%H:%M:%S~", time.gmtime())
