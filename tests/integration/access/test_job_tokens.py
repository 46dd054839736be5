"""A job's token reaches its run, or its DAG and what that made, and nothing else; it ends with the attempt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.support.raw_http import Answer
from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until
from tests.support.wire_jobs import RunningJob, a_running_job


@pytest.fixture(scope="module")
def worker(admin: Holder) -> Holder:
    return admin.make("worker")


@pytest.fixture
def run_id() -> str:
    return a_name("run")


@pytest.fixture
def job(worker: Holder, admin: Holder, run_id: str) -> Iterator[RunningJob]:
    """A job of a run."""
    running = a_running_job(worker, admin, run=run_id)
    yield running
    running.worker.ask_json("POST", f"{running.worker_path}/leave", {})


def submit(holder: Holder, *names: str, run: str | None = None) -> str:
    """Submit a DAG of jobs nobody takes, and return its id."""
    body = a_dag_body([a_job_body(name) for name in names or ("a",)], **({} if run is None else {"agent_run_id": run}))
    answer = holder.ask_json("POST", "/api/dags", body)
    assert answer.status == 201, answer.body
    dag_id: str = answer.value["dag_id"]
    return dag_id


def test_a_job_looks_at_its_run_and_the_dags_and_jobs_of_it(job: RunningJob, admin: Holder, run_id: str) -> None:
    other_stage = submit(admin, run=run_id)

    targets = [
        f"/api/v1/runs/{run_id}",
        f"/api/dags/{other_stage}",
        f"/api/jobs/{other_stage}.00000",
        f"/api/jobs/{other_stage}.00000/story",
        f"/api/jobs/{job.job_id}/log",
        f"/api/jobs?run={run_id}",
        f"/api/jobs?dag={other_stage}",
        f"/api/dags?run={run_id}",
    ]

    assert {target: job.holder.ask("GET", target).status for target in targets} == dict.fromkeys(targets, 200)


def test_a_job_reads_by_id_only_jobs_dags_and_runs_within_its_reach(
    job: RunningJob, admin: Holder, run_id: str
) -> None:
    own, foreign = submit(admin, run=run_id), submit(admin)

    def status(target: str) -> int:
        return job.holder.ask("GET", target).status

    assert status(f"/api/jobs?ids={own}.00000,{job.job_id},nowhere") == 200
    assert status(f"/api/dags?ids={own},{job.dag_id},nowhere") == 200
    assert status(f"/api/jobs?ids={own}.00000,{foreign}.00000") == 403
    assert status(f"/api/dags?ids={foreign},{own}&run={run_id}") == 403
    assert status(f"/api/v1/runs?ids={run_id}") == 403


def test_a_job_cancels_and_ends_within_its_run(job: RunningJob, admin: Holder, run_id: str) -> None:
    other_stage = submit(admin, "a", "b", run=run_id)

    answers = [
        job.holder.ask("POST", f"/api/jobs/a/cancel?dag={other_stage}"),
        job.holder.ask("POST", f"/api/dags/{other_stage}/cancel"),
        job.holder.ask_json("POST", f"/api/v1/runs/{run_id}/end", {"status": "completed"}),
    ]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[0].value["cancelled"] == ["a"]


def test_a_job_uses_the_key_value_store_and_files_that_all_jobs_share(job: RunningJob) -> None:
    key = a_name("key")

    answers = [
        job.holder.ask_json("PUT", "/api/store", {"key": key, "value": "1"}),
        job.holder.ask("GET", f"/api/store?key={key}"),
        job.holder.ask_json("POST", "/api/store/sets", {"key": key, "member": "m"}),
        job.holder.ask_json("POST", "/api/store/wait", {"keys": [key], "timeout_seconds": 1}),
        job.holder.ask("PUT", "/api/files/shared.txt", b"x"),
        job.holder.ask("GET", "/api/files/shared.txt"),
        job.holder.ask("GET", "/v1/models"),
        job.holder.ask("GET", "/api/health"),
    ]

    assert {answer.status // 100 for answer in answers} == {2}


def test_objects_of_others_are_refused_and_the_refusal_names_the_job(job: RunningJob, admin: Holder) -> None:
    foreign_run = a_name("run")
    foreign_dag = submit(admin, run=foreign_run)

    answers = [
        job.holder.ask("GET", f"/api/v1/runs/{foreign_run}"),
        job.holder.ask("GET", f"/api/dags/{foreign_dag}"),
        job.holder.ask("GET", f"/api/jobs/{foreign_dag}.00000/log"),
        job.holder.ask("GET", f"/api/jobs/a?dag={foreign_dag}"),
        job.holder.ask("POST", f"/api/dags/{foreign_dag}/cancel"),
        job.holder.ask("POST", f"/api/jobs/{foreign_dag}.00000/cancel"),
        job.holder.ask("POST", f"/api/jobs/{foreign_dag}%2E00000/cancel"),
        job.holder.ask("POST", f"/api/v1/runs/{foreign_run}/cancel"),
        job.holder.ask_json("POST", f"/api/v1/runs/{foreign_run}/end", {"status": "failed"}),
        job.holder.ask("GET", f"/api/jobs?run={foreign_run}"),
        job.holder.ask("GET", f"/api/jobs?dag={foreign_dag}"),
        job.holder.ask("GET", f"/api/dags?run={foreign_run}"),
        job.holder.ask("GET", f"/api/events?run={foreign_run}"),
        job.holder.ask("GET", "/api/events"),
        job.holder.ask("GET", "/api/jobs"),
        job.holder.ask("GET", "/api/v1/runs"),
        job.holder.ask("GET", "/api/workers"),
        job.holder.ask("GET", "/api/tokens"),
        job.holder.ask_json("POST", "/api/tokens", {"name": "mine"}),
        job.holder.ask_json("POST", f"{job.worker_path}/leave", {}),
        job.holder.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=foreign_run)),
        job.holder.ask_json("POST", "/api/store/wait", {"keys": ["k"], "dags": [foreign_dag], "timeout_seconds": 0}),
        job.holder.ask_json(
            "POST", "/api/store/wait", {"keys": ["k"], "jobs": [f"{foreign_dag}.00000"], "timeout_seconds": 0}
        ),
    ]

    assert [answer.refusal for answer in answers] == [(403, "Forbidden")] * len(answers)
    assert all(f"job {job.job_id}" in answer.message for answer in answers)
    assert admin.ask("GET", f"/api/dags/{foreign_dag}").value["counts"]["cancelled"] == 0


def test_a_name_means_the_jobs_own_before_a_newer_one_of_another_run(
    job: RunningJob, admin: Holder, run_id: str
) -> None:
    own_stage = submit(admin, "shared-name", run=run_id)
    foreign_stage = submit(admin, "shared-name", run=a_name("run"))

    looked = job.holder.ask("GET", "/api/jobs/shared-name").value
    cancelled = job.holder.ask("POST", "/api/jobs/shared-name/cancel")

    assert looked["dag_id"] == own_stage
    assert cancelled.value["cancelled"] == ["shared-name"]
    assert admin.ask("GET", f"/api/jobs/shared-name?dag={foreign_stage}").value["status"] == "READY"


def test_a_name_resolved_for_one_job_is_not_resolved_so_for_others(job: RunningJob, admin: Holder, run_id: str) -> None:
    submit(admin, "a-name-of-two", run=run_id)
    newest = submit(admin, "a-name-of-two", run=a_name("run"))
    job.holder.ask("GET", "/api/jobs/a-name-of-two")

    assert admin.ask("GET", "/api/jobs/a-name-of-two").value["dag_id"] == newest


def test_a_cancel_that_names_a_dag_looks_nowhere_else(job: RunningJob, admin: Holder, run_id: str) -> None:
    submit(admin, "only-here", run=run_id)

    answer = job.holder.ask("POST", f"/api/jobs/only-here/cancel?dag={job.dag_id}")

    assert answer.refusal == (404, "UnknownJob")


def test_a_job_without_a_run_reaches_its_dag_and_those_it_submitted(worker: Holder, admin: Holder) -> None:
    job = a_running_job(worker, admin)
    child = a_running_job(worker, job.holder, name="child")
    grandchild = submit(child.holder)
    began = a_name("run")
    first_stage = submit(job.holder, run=began)
    second_stage = submit(job.holder, run=began)

    reached = [job.dag_id, child.dag_id, grandchild, first_stage, second_stage]

    assert [job.holder.ask("GET", f"/api/dags/{dag_id}").status for dag_id in reached] == [200] * 5
    assert job.holder.ask("GET", f"/api/v1/runs/{began}").status == 200
    assert job.holder.ask("POST", f"/api/dags/{grandchild}/cancel").status == 200
    assert child.holder.ask("GET", f"/api/dags/{job.dag_id}").refusal == (403, "Forbidden")
    assert child.holder.ask("GET", f"/api/dags/{first_stage}").refusal == (403, "Forbidden")


def test_a_job_does_not_join_a_run_that_others_began(job: RunningJob, admin: Holder, run_id: str) -> None:
    foreign_run = a_name("run")
    submit(admin, run=foreign_run)

    answer = job.holder.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=foreign_run))

    assert answer.refusal == (403, "Forbidden")
    assert f"run '{run_id}'" in answer.message
    assert submit(job.holder, run=a_name("run"))  # a new one it may begin


@pytest.mark.parametrize("part", ["%00", "a%", "..", "%F0%9F%98%80", "a" * 3000, "*"])
@pytest.mark.parametrize(
    "path", ["/api/jobs/{}", "/api/dags/{}", "/api/v1/runs/{}", "/api/jobs?dag={}", "/api/jobs?run={}"]
)
def test_odd_names_are_answered_as_for_everybody(job: RunningJob, path: str, part: str) -> None:
    assert job.holder.ask("GET", path.format(part)).status in (400, 403, 404)


def test_the_end_of_an_attempt_is_the_end_of_its_token(worker: Holder, admin: Holder) -> None:
    job = a_running_job(worker, admin)
    assert job.holder.ask("GET", f"/api/dags/{job.dag_id}").status == 200

    job.end()

    answers = [
        job.holder.ask("GET", f"/api/dags/{job.dag_id}"),
        job.holder.ask_json("PUT", "/api/store", {"key": "late", "value": "x"}),
        job.holder.ask_json("POST", "/api/dags", a_dag_body()),
    ]
    assert [answer.refusal for answer in answers] == [(401, "Unauthorized")] * 3
    assert all("while its attempt runs" in answer.message for answer in answers)
    assert admin.ask("GET", f"/api/store?key={quote('late')}").value["value"] is None


@pytest.mark.parametrize("kind", ["status", "message", "ts"])
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PUT", "/api/store", {"value": "APPROVED"}),
        ("PUT", "/api/store", {"value": "CLEARED", "ttl_seconds": 0.001}),
        ("POST", "/api/store/cas", {"expected": "WAITING", "value": "APPROVED"}),
        ("POST", "/api/store/cas", {"expected": "WAITING", "value": None}),
        ("POST", "/api/store/incr", {"by": 1}),
        ("POST", "/api/store/sets", {"member": "APPROVED"}),
        ("DELETE", "/api/store?key={}", None),
    ],
)
def test_a_job_changes_no_key_of_a_gate(
    job: RunningJob, admin: Holder, kind: str, method: str, target: str, body: dict[str, object] | None
) -> None:
    name = a_name("gate")
    gate = {"id": name, "kind": "gate", "hitl_message": "Go on?"}
    dag_id = admin.ask_json("POST", "/api/dags", a_dag_body([gate])).value["dag_id"]
    key = f"titan:hitl:{kind}:{name}"
    held = admin.ask("GET", f"/api/store?key={quote(key)}").value

    answer = job.holder.ask_json(method, target.format(quote(key)), None if body is None else {"key": key, **body})

    assert answer.refusal == (403, "Forbidden")
    assert admin.ask("GET", f"/api/gates/{dag_id}.00000").value["state"] == "open"
    assert job.holder.ask("GET", f"/api/store?key={quote(key)}").value == held


def test_a_job_reports_to_its_own_run_and_new_ones_and_to_no_others(
    job: RunningJob, admin: Holder, run_id: str
) -> None:
    foreign = a_name("run")
    submit(admin, run=foreign)

    def tell(run: str | None) -> int:
        entry = {"type": "action", "id": a_name("action"), "name": "search", "started_at_ns": 10**18, "run_id": run}
        return job.holder.ask_json("POST", "/api/v1/actions", {"entries": [entry]}).status

    assert [tell(None), tell(run_id), tell(a_name("run")), tell(foreign)] == [200, 200, 200, 403]
    assert admin.ask("GET", f"/api/v1/runs/{run_id}").value["tally"]["calls"] == 2


def test_a_job_reports_and_scores_nothing_of_a_trace_in_a_foreign_run(job: RunningJob, admin: Holder) -> None:
    foreign, trace = a_name("run"), os.urandom(16).hex()
    submit(admin, run=foreign)
    span = {"traceId": trace, "spanId": "a" * 16, "name": "n", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    resource = {"attributes": [{"key": "titan.agent_run_id", "value": {"stringValue": foreign}}]}
    spans = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    unnamed = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    told = admin.ask("POST", "/v1/traces", json.dumps(spans).encode(), {"Content-Type": "application/json"})

    refused = [
        job.holder.ask_json("POST", "/api/public/scores", {"traceId": trace, "name": "q", "value": 1}),
        job.holder.ask("POST", "/v1/traces", json.dumps(unnamed).encode(), {"Content-Type": "application/json"}),
    ]

    assert told.status == 200
    assert [answer.refusal for answer in refused] == [(403, "Forbidden")] * 2
    assert admin.ask("GET", f"/api/v1/runs/{foreign}/notes").value["data"] == []


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_job_asks_the_model_in_its_own_run_and_in_nobody_elses(
    job: RunningJob, admin: Holder, run_id: str, is_streamed: bool
) -> None:
    foreign = a_name("run")
    submit(admin, run=foreign)
    question = {"model": "m", "messages": [{"role": "user", "content": "forged"}], "stream": is_streamed}

    def ask(run: str) -> Answer:
        body = json.dumps(question).encode()
        return job.holder.ask("POST", "/v1/chat/completions", body, {"X-Titan-Run-Id": run})

    refused, own = ask(foreign), ask(run_id)

    assert refused.refusal == (403, "Forbidden")
    assert f"run '{foreign}'" in refused.message
    assert own.refusal == (503, "ModelNotConfigured")  # which is written down in the run
    wait_until(lambda: admin.ask("GET", f"/api/v1/runs/{run_id}").status == 200, "the call is recorded")
    assert admin.ask("GET", f"/api/v1/ledger?run_id={foreign}").value["data"] == []
