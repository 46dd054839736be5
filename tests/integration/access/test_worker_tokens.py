"""A worker belongs to the token that it registered with, and what jobs of an untrusted one submit stays with it."""

from __future__ import annotations

import pytest

from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder
from tests.support.wire_jobs import RunningJob, a_running_job

LABEL = "SHARED"


class Worker:
    """A worker that is nothing but its requests."""

    def __init__(self, holder: Holder, *, offers: dict[str, int]) -> None:
        self.holder = holder
        self.path = f"/api/workers/{a_name('worker')}"
        self.registration = {"name": "w", "host": "here", "pid": 1, "offers": offers, "version": "0"}
        assert holder.ask_json("PUT", self.path, self.registration).status == 200

    def claimed(self, *, wait_seconds: float = 0) -> list[str]:
        """Return the ids of the jobs that a claim brings."""
        answer = self.holder.ask_json("POST", f"{self.path}/claim", {"holding": [], "wait_seconds": wait_seconds})
        assert answer.status == 200, answer.body
        return [assignment["job_id"] for assignment in answer.value["assignments"]]


def submitted_by(job: Holder, label: str) -> str:
    """Return the id of a job that somebody submits."""
    answer = job.ask_json("POST", "/api/dags", a_dag_body([a_job_body("child", requirement=label)]))
    assert answer.status == 201, answer.body
    return f"{answer.value['dag_id']}.00000"


@pytest.fixture
def label() -> str:
    return a_name("label").upper()


def test_every_request_as_a_worker_of_another_token_is_refused(admin: Holder) -> None:
    job = a_running_job(admin.make("worker"), admin)
    other = admin.make("worker", trusted=True)
    path, lease = job.worker_path, job.lease_id
    registration = {"name": "w", "host": "here", "pid": 1, "offers": {}, "version": "0"}

    answers = [
        other.ask_json("PUT", path, registration),
        other.ask_json("POST", f"{path}/claim", {"holding": []}),
        other.ask_json("POST", f"{path}/heartbeat", {"holding": [lease]}),
        other.ask_json("POST", f"{path}/complete", {"reports": []}),
        other.ask_json("POST", f"{path}/workspaces", {"idle_seconds": {}}),
        other.ask("PUT", f"{path}/log/{lease}?offset=0", b"x"),
        other.ask_json("PUT", f"{path}/files/{lease}", {"files": []}),
        other.ask("PUT", f"{path}/files/{lease}/{'0' * 64}", b"x"),
        other.ask_json("POST", f"{path}/leave", {}),
        admin.ask_json("POST", f"{path}/leave", {}),
    ]

    assert [answer.refusal for answer in answers] == [(403, "Forbidden")] * len(answers)
    assert admin.ask("GET", f"/api/jobs/{job.job_id}").value["status"] == "RUNNING"
    job.end()


def test_workers_of_one_token_are_one_anothers_equals(admin: Holder) -> None:
    holder = admin.make("worker")
    job = a_running_job(holder, admin)

    assert Holder(holder.port, holder.token).ask_json("POST", f"{job.worker_path}/leave", {}).value == {
        "returned": [job.lease_id]
    }


def test_only_a_trusted_token_takes_over_a_worker_whose_own_has_ended(admin: Holder, label: str) -> None:
    bound = admin.make("worker")
    worker = Worker(bound, offers={label: 1})
    untrusted, trusted = admin.make("worker"), admin.make("worker", trusted=True)
    claim = (f"{worker.path}/claim", {"holding": [], "wait_seconds": 0})
    before = trusted.ask_json("POST", *claim).status
    admin.ask_json("POST", f"/api/tokens/{bound.token_id}/revoke")

    after = [holder.ask_json("POST", *claim).status for holder in (bound, untrusted, trusted)]

    assert (before, after) == (403, [401, 403, 200])


def test_jobs_submitted_by_a_job_of_an_untrusted_worker_run_only_on_workers_with_its_token(
    admin: Holder, label: str
) -> None:
    sandbox = admin.make("worker")
    job = a_running_job(sandbox, admin)
    trusted = Worker(admin.make("worker", trusted=True), offers={label: 1})
    other = Worker(admin.make("worker"), offers={label: 1})
    child = submitted_by(job.holder, label)

    waits = admin.ask("GET", f"/api/jobs/{child}").value
    taken = [trusted.claimed(), other.claimed(), Worker(sandbox, offers={label: 1}).claimed(wait_seconds=10)]

    assert taken == [[], [], [child]]
    assert waits["waits_for"] == "unroutable"
    assert f"no worker offers {label} with token {sandbox.token_id}" in waits["reason"]
    job.end()


def test_a_redeployed_dag_stays_confined_to_its_token(admin: Holder, label: str) -> None:
    sandbox = admin.make("worker")
    job = a_running_job(sandbox, admin)
    child = submitted_by(job.holder, label)
    worker = Worker(sandbox, offers={label: 1})
    assert worker.claimed(wait_seconds=10) == [child]
    trusted = Worker(admin.make("worker", trusted=True), offers={label: 2})

    again = admin.ask("POST", f"/api/dags/{child.partition('.')[0]}/redeploy")

    assert again.status == 201, again.body
    assert trusted.claimed() == []
    job.end()


@pytest.mark.parametrize("fields", [{"role": "admin"}, {"role": "worker", "trusted": True}])
def test_jobs_submitted_by_a_job_of_a_trusted_worker_run_anywhere(
    admin: Holder, label: str, fields: dict[str, object]
) -> None:
    job = a_running_job(admin.make(**fields), admin)  # type: ignore[arg-type]
    anywhere = Worker(admin.make("worker"), offers={label: 1})

    child = submitted_by(job.holder, label)

    assert anywhere.claimed(wait_seconds=10) == [child]
    job.end()


def test_an_untrusted_worker_shares_its_slots_between_both_queues(admin: Holder, label: str) -> None:
    sandbox = admin.make("worker")
    job = a_running_job(sandbox, admin)
    confined = [submitted_by(job.holder, label) for _ in range(2)]
    free = submitted_by(admin, label)
    worker = Worker(sandbox, offers={label: 2})

    taken = worker.claimed(wait_seconds=10)

    assert len(taken) == 2
    assert set(taken) < {*confined, free}
    job.end()


def test_no_program_that_a_job_names_is_started_by_a_resume(admin: Holder) -> None:
    run = a_name("run")
    job = a_running_job(admin.make("worker"), admin, run=run)
    planted = {"command": ["sh", "-c", "id"], "directory": "/", "host": "here"}

    submitted = job.holder.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=run, orchestrator=planted))

    assert submitted.status == 201, submitted.body
    assert admin.ask("GET", f"/api/v1/runs/{run}").value["orchestrator"] is None
    job.end()


def told(job: RunningJob, **fields: object) -> tuple[str, dict[str, object]]:
    """Return the request that delivers an action which a job recorded."""
    entry = {"kind": "event", "name": "x", "at": "2026-01-01T00:00:00Z", **fields}
    return f"/api/v1/actions?lease={job.lease_id}", {"entries": [entry]}


def test_a_worker_delivers_records_of_its_own_jobs_and_records_nothing_else(admin: Holder) -> None:
    holder, other = admin.make("worker"), admin.make("worker", trusted=True)
    run, foreign = a_name("run"), a_name("run")
    job = a_running_job(holder, admin, run=run)
    admin.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=foreign))
    body: dict[str, object] = {"entries": []}
    own = f"/api/v1/actions?lease={job.lease_id}"

    answers = [
        holder.ask_json("POST", own, body),
        other.ask_json("POST", own, body),
        holder.ask_json("POST", "/api/v1/actions", body),
        holder.ask_json("POST", "/api/public/scores", {"traceId": run, "name": "s", "value": 1}),
        holder.ask_json("POST", f"/api/v1/runs/{run}/end", {"status": "completed"}),
        holder.ask("POST", "/v1/traces", b""),
    ]

    assert [answer.status for answer in answers] == [200, 403, 400, 403, 403, 403]
    job.end()


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_only_a_workers_token_is_trusted_or_not(admin: Holder, role: str) -> None:
    answer = admin.ask_json("POST", "/api/tokens", {"name": "x", "role": role, "trusted": True})

    assert (answer.status, "role worker" in answer.message) == (400, True)


def test_a_worker_offers_only_the_labels_that_its_token_is_limited_to(admin: Holder) -> None:
    sandbox = admin.make("worker", labels=["SANDBOX", "GPU"])
    registration = {"name": "w", "host": "here", "pid": 1, "version": "0"}

    answers = [
        sandbox.ask_json("PUT", f"/api/workers/{a_name('worker')}", {**registration, "offers": offers})
        for offers in ({"SANDBOX": 1}, {"SANDBOX": 1, "GENERAL": 1})
    ]

    assert [answer.status for answer in answers] == [200, 403]
    assert "found GENERAL" in answers[1].message
