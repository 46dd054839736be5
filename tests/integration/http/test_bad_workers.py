"""What a worker may not say is refused by name; what comes too late changes nothing."""

from __future__ import annotations

import pytest

from tests.support.raw_http import ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import WireWorker, a_name

HUGE = 10**30

BAD_REGISTRATIONS: dict[str, dict[str, object]] = {
    "a pid beyond all": {"pid": HUGE},
    "a negative pid": {"pid": -1},
    "a pid as text": {"pid": "1"},
    "negative slots": {"offers": {"GENERAL": -1}},
    "slots beyond all": {"offers": {"GENERAL": HUGE}},
    "a fraction of a slot": {"offers": {"GENERAL": 0.5}},
    "a label with a blank": {"offers": {"BIG GPU": 1}},
    "a label of nothing": {"offers": {"": 1}},
    "a name with a newline": {"name": "a\nb"},
    "no name": {"name": ""},
    "a host with a NUL": {"host": "a\0"},
    "a host without end": {"host": "h" * 10_000},
    "a version without end": {"version": "1" * 10_000},
}
BAD_REPORTS: dict[str, dict[str, object]] = {
    "a negative duration": {"duration_ns": -1},
    "a duration beyond all": {"duration_ns": HUGE},
    "a duration just beyond a column": {"duration_ns": 2**63},
    "a fraction of a nanosecond": {"duration_ns": 0.5},
    "an exit code beyond all": {"exit_code": HUGE},
    "an exit code below all": {"exit_code": -HUGE},
    "a signal beyond all": {"signal": HUGE},
    "negative memory": {"peak_memory_bytes": -1},
    "memory beyond all": {"peak_memory_bytes": HUGE},
    "a negative place in the log": {"log_offset": -1, "log_tail": "YWJj"},
    "a place in the log beyond all": {"log_offset": HUGE, "log_tail": "YWJj"},
    "a start without a time zone": {"started_at": "2026-01-01T00:00:00"},
    "a start before all clocks": {"started_at": "0001-01-01T00:00:00+23:00"},
    "a start after all time": {"started_at": "9999-12-31T23:59:59-23:00"},
    "a start that is no time": {"started_at": "yesterday"},
    "an outcome nobody knows": {"outcome": "fine"},
    "an error with a NUL": {"outcome": "failed", "error": "a\0"},
    "a log that is no base64": {"log_tail": "§"},
}
REQUESTS_OF_WORKERS = [
    ("claim", {"holding": [], "wait_seconds": 5}),
    ("heartbeat", {"holding": ["x"]}),
    ("leave", None),
]


@pytest.mark.parametrize("fields", BAD_REGISTRATIONS.values(), ids=BAD_REGISTRATIONS.keys())
def test_a_registration_that_cannot_be_meant_is_refused(titan: RunningTitan, fields: dict[str, object]) -> None:
    registration = {"name": "w", "host": "here", "pid": 1, "offers": {"GENERAL": 1}, "version": "0", **fields}
    before = stored_facts(titan.home)

    answer = ask_json(titan.sdk_port, "PUT", f"/api/workers/{a_name('worker')}", registration)

    assert answer.refusal in ((400, "InvalidInput"), (400, "InvalidName"))
    assert stored_facts(titan.home) == before


@pytest.mark.parametrize("worker_id", ["a%0Ab", "..", "%F0%9F%98%80", "a" * 201])
def test_a_worker_id_is_a_name_like_any_other(titan: RunningTitan, worker_id: str) -> None:
    registration = {"name": "w", "host": "here", "pid": 1, "offers": {}, "version": "0"}
    before = stored_facts(titan.home)

    answer = ask_json(titan.sdk_port, "PUT", f"/api/workers/{worker_id}", registration)

    assert answer.refusal == (400, "InvalidName")
    assert stored_facts(titan.home) == before


@pytest.mark.parametrize(("what", "body"), REQUESTS_OF_WORKERS)
def test_a_worker_that_never_registered_is_unknown(titan: RunningTitan, what: str, body: object) -> None:
    before = stored_facts(titan.home)

    answer = ask_json(titan.sdk_port, "POST", f"/api/workers/{a_name('worker')}/{what}", body)

    assert answer.refusal == (404, "UnknownWorker")
    assert "PUT /api/workers/" in answer.message
    assert stored_facts(titan.home) == before


def test_output_for_a_lease_nobody_has_is_stale(port: int) -> None:
    worker = WireWorker(port)

    answer = worker.print_of("no-such-lease", b"text", offset=0)

    assert answer.refusal == (409, "StaleLease")


def test_output_for_the_lease_of_another_worker_is_stale(port: int) -> None:
    owner, other = WireWorker(port), WireWorker(port)
    _job_id, lease_id = owner.a_running_job()

    answer = other.print_of(lease_id, b"text", offset=0)

    assert answer.refusal == (409, "StaleLease")


def test_output_after_the_report_is_stale_and_the_second_report_changes_nothing(titan: RunningTitan) -> None:
    worker = WireWorker(titan.sdk_port)
    job_id, lease_id = worker.a_running_job()
    first = worker.report(lease_id)
    before = stored_facts(titan.home)

    late_output = worker.print_of(lease_id, b"text", offset=0)
    late_report = worker.report(lease_id, outcome="failed", exit_code=1)

    assert (first.value["accepted"], first.value["stale"]) == ([lease_id], [])
    assert late_output.refusal == (409, "StaleLease")
    assert (late_report.value["accepted"], late_report.value["stale"]) == ([], [lease_id])
    assert ask(titan.sdk_port, "GET", f"/api/jobs/{job_id}").value["status"] == "COMPLETED"
    assert stored_facts(titan.home) == before


def test_a_report_whose_output_has_a_gap_waits_until_the_gap_is_filled(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    worker.print_of(lease_id, b"123", offset=0)

    early = worker.report(lease_id, log_offset=5, log_tail="Njc=")
    status_between = ask(port, "GET", f"/api/jobs/{job_id}").value["status"]
    worker.print_of(lease_id, b"45", offset=3)
    whole = worker.report(lease_id, log_offset=5, log_tail="Njc=")

    assert (early.value["accepted"], early.value["gaps"], status_between) == ([], {lease_id: 3}, "RUNNING")
    assert whole.value["accepted"] == [lease_id]
    assert ask(port, "GET", f"/api/jobs/{job_id}/log").body == b"1234567"


def test_a_gap_in_the_output_is_refused_with_the_stored_size(port: int) -> None:
    worker = WireWorker(port)
    _job_id, lease_id = worker.a_running_job()
    worker.print_of(lease_id, b"12345", offset=0)

    gap = worker.print_of(lease_id, b"8", offset=7)
    overlap = worker.print_of(lease_id, b"3456", offset=2)
    beyond_all = worker.print_of(lease_id, b"8", offset=HUGE)

    assert gap.refusal == (409, "Conflict")
    assert gap.value["error"]["found"] == "5"
    assert overlap.value == {"size_bytes": 6}
    assert beyond_all.status in (400, 409)


@pytest.mark.parametrize("fields", BAD_REPORTS.values(), ids=BAD_REPORTS.keys())
def test_a_report_that_cannot_be_meant_is_refused_and_the_attempt_goes_on(
    titan: RunningTitan, fields: dict[str, object]
) -> None:
    worker = WireWorker(titan.sdk_port)
    job_id, lease_id = worker.a_running_job()
    before = stored_facts(titan.home)

    refused = worker.report(lease_id, **fields)
    after = stored_facts(titan.home)
    accepted = worker.report(lease_id)

    assert refused.refusal == (400, "InvalidInput")
    assert after == before
    assert accepted.value["accepted"] == [lease_id]
    assert ask(titan.sdk_port, "GET", f"/api/jobs/{job_id}/log").body == b""


def test_one_bad_report_refuses_the_good_one_beside_it_whole(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    good = {
        "lease_id": lease_id,
        "outcome": "succeeded",
        "started_at": "2026-01-01T00:00:00Z",
        "duration_ns": 1,
        "log_tail": "YWJj",
    }

    answer = ask_json(port, "POST", f"{worker.path}/complete", {"reports": [good, {**good, "error": "\0"}]})

    assert answer.refusal == (400, "InvalidInput")
    assert ask(port, "GET", f"/api/jobs/{job_id}").value["status"] == "RUNNING"
    assert ask(port, "GET", f"/api/jobs/{job_id}/log").body == b""


def test_the_widest_figures_a_report_may_hold_are_kept(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()

    worker.report(lease_id, outcome="failed", exit_code=2**32 - 1, duration_ns=2**63 - 1, peak_memory_bytes=2**63 - 1)

    job = ask(port, "GET", f"/api/jobs/{job_id}").value
    assert (job["exit_code"], job["duration_ns"], job["peak_memory_bytes"]) == (2**32 - 1, 2**63 - 1, 2**63 - 1)
