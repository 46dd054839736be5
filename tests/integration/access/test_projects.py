"""A token of a project sees and changes that project alone; a job that of its DAG; a worker takes jobs of all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.raw_http import Answer
from tests.support.replayed import a_call
from tests.support.submissions import a_dag_body, a_name
from tests.support.token_holder import Holder
from tests.support.wire_jobs import RunningJob, a_running_job

#: What a token of a project asks for that another project has.
ELSEWHERE: Final[dict[str, Callable[[Holder, str], Answer]]] = {
    "by a header": lambda holder, project: holder.ask("GET", "/api/jobs", headers={"X-Titan-Project": project}),
    "by the query": lambda holder, project: holder.ask("GET", f"/api/dags?project={project}"),
    "runs": lambda holder, project: holder.ask("GET", f"/api/v1/runs?project={project}"),
    "an export": lambda holder, project: holder.ask("GET", f"/api/v1/runs/export?format=jsonl&project={project}"),
    "the store": lambda holder, project: holder.ask("GET", f"/api/store?key=k&project={project}"),
    "events": lambda holder, project: holder.ask("GET", f"/api/events?project={project}"),
    "a submission": lambda holder, project: holder.ask_json("POST", f"/api/dags?project={project}", a_dag_body()),
    "an import": lambda holder, project: holder.ask("POST", f"/api/v1/import?project={project}", b"{}"),
}


@pytest.fixture
def project() -> str:
    """A project that nobody else has."""
    return a_name("project")


@pytest.fixture
def inside(admin: Holder, project: str) -> Holder:
    """Somebody with an admin token of the project."""
    return admin.make(project=project)


def submitted(holder: Holder, **fields: object) -> str:
    answer = holder.ask_json("POST", "/api/dags", a_dag_body(**fields))  # type: ignore[arg-type]
    assert answer.status == 201, answer.body
    dag_id: str = answer.value["dag_id"]
    return dag_id


def record(holder: Holder, run: str, *, query: str = "", **said: object) -> Answer:
    body = {"run_id": run, "agent_id": "ann", "entries": [a_call("a", **said)]}
    return holder.ask_json("POST", f"/api/v1/actions{query}", body)


def test_submissions_and_records_of_a_project_token_are_in_that_project(
    admin: Holder, inside: Holder, project: str
) -> None:
    run, dag_id = a_name("run"), submitted(inside)
    assert record(inside, run).status == 200
    seen = f"?project={project}"

    assert inside.ask("GET", f"/api/dags/{dag_id}").status == 200
    assert [admin.ask("GET", f"/api/dags/{dag_id}{query}").status for query in ("", seen)] == [404, 200]
    assert [admin.ask("GET", f"/api/v1/runs/{run}{query}").status for query in ("", seen)] == [404, 200]


@pytest.mark.parametrize("what", ELSEWHERE)
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_it_is_refused_another_project_by_name(admin: Holder, project: str, role: str, what: str) -> None:
    answer = ELSEWHERE[what](admin.make(role, project=project), "elsewhere")

    assert answer.refusal == (403, "Forbidden")
    assert project in answer.message


def test_a_socket_is_of_a_project_by_its_query(admin: Holder, inside: Holder) -> None:
    def refused_with(query: str) -> int:
        url = f"ws://127.0.0.1:{inside.port}/api/v1/ws{query}"
        with pytest.raises(InvalidStatus) as refusal, connect(url, additional_headers=inside.header, proxy=None):
            pass
        return refusal.value.response.status_code

    assert refused_with("?project=elsewhere") == 403
    with connect(f"ws://127.0.0.1:{inside.port}/api/v1/ws", additional_headers=inside.header, proxy=None) as socket:
        record(admin, a_name("of-default"))
        record(inside, mine := a_name("mine"))
        event = json.loads(socket.recv(timeout=20))

    assert event["data"]["run_id"] == mine


def test_its_records_are_in_its_project_whatever_an_exporter_names(admin: Holder, inside: Holder, project: str) -> None:
    run = a_name("run")
    header = {"X-Titan-Project": "elsewhere"}
    entry = json.dumps({"run_id": run, "entries": [a_call("a", project="elsewhere")]}).encode()

    assert inside.ask("POST", "/api/v1/actions", entry, header).status == 200

    found = [admin.ask("GET", f"/api/v1/runs/{run}?project={name}").status for name in (project, "elsewhere")]
    assert found == [200, 404]


def test_an_admin_of_a_project_administers_its_tokens_alone(admin: Holder, inside: Holder, project: str) -> None:
    other, own = admin.make("viewer"), inside.make("viewer")

    listed = {token["token_id"]: token["project"] for token in inside.ask("GET", "/api/tokens").value["tokens"]}
    everything = {token["token_id"] for token in admin.ask("GET", "/api/tokens").value["tokens"]}

    assert listed == {inside.token_id: project, own.token_id: project}
    assert {other.token_id, own.token_id} < everything
    assert inside.ask("POST", f"/api/tokens/{other.token_id}/revoke").refusal == (404, "UnknownToken")
    assert inside.ask("POST", f"/api/tokens/{own.token_id}/revoke").status == 200
    for body in ({"name": "x", "project": "elsewhere"}, {"name": "x", "project": project, "role": "worker"}):
        assert inside.ask_json("POST", "/api/tokens", body).status in (400, 403)
    assert inside.ask("GET", "/api/session").value["project"] == project


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/metrics"),
        ("GET", "/api/settings"),
        ("POST", "/api/clean"),
        ("POST", "/api/workers/w/drain"),
        ("POST", "/api/workers/local"),
        ("PUT", "/api/workers/w"),
        ("POST", "/api/workers/w/claim"),
    ],
)
def test_it_does_not_look_after_workers_or_the_server(inside: Holder, method: str, path: str) -> None:
    assert inside.ask(method, path).refusal == (403, "Forbidden")


def test_it_sees_no_other_project(admin: Holder, inside: Holder, project: str) -> None:
    assert [each["name"] for each in inside.ask("GET", "/api/v1/projects").value["data"]] == [project]
    assert {project, "default"} <= {each["name"] for each in admin.ask("GET", "/api/v1/projects").value["data"]}


def test_workers_take_jobs_of_every_project_and_show_them_to_who_may_see_them(
    admin: Holder, inside: Holder, project: str
) -> None:
    job = a_running_job(admin.make("worker", trusted=True), inside)
    worker_id = job.worker_path.rpartition("/")[2]

    def running(holder: Holder) -> list[tuple[str, str]]:
        found = holder.ask("GET", "/api/workers?state=connected").value["workers"]
        return [
            (each["job_id"], each["project"]) for w in found if w["worker_id"] == worker_id for each in w["running"]
        ]

    assert (running(admin), running(inside)) == ([(job.job_id, project)], [(job.job_id, project)])
    assert running(admin.make(project="elsewhere")) == []
    job.end()
    assert inside.ask("GET", f"/api/jobs/{job.job_id}").value["status"] == "COMPLETED"


@pytest.fixture
def job(admin: Holder, inside: Holder) -> RunningJob:
    """A running job of the project."""
    return a_running_job(admin.make("worker", trusted=True), inside)


def test_a_job_is_of_the_project_of_its_dag(admin: Holder, inside: Holder, job: RunningJob, project: str) -> None:
    key = a_name("key")
    job.holder.ask_json("PUT", "/api/store", {"key": key, "value": "v"})
    made = submitted(job.holder)
    assert record(job.holder, made, project="elsewhere").status == 200

    assert inside.ask("GET", f"/api/store?key={key}").value["value"] == "v"
    assert admin.ask("GET", f"/api/store?key={key}").value["value"] is None
    assert [inside.ask("GET", path).status for path in (f"/api/dags/{made}", f"/api/v1/runs/{made}")] == [200, 200]
    job.end()


def test_a_job_cannot_read_another_project(admin: Holder, job: RunningJob) -> None:
    elsewhere = submitted(admin)

    answers = [
        job.holder.ask("GET", "/api/store?key=k&project=default"),
        job.holder.ask("GET", f"/api/dags/{elsewhere}?project=default"),
        job.holder.ask_json("POST", "/api/dags?project=default", a_dag_body()),
    ]

    assert [answer.refusal for answer in answers] == [(403, "Forbidden")] * 3
    assert job.holder.ask("GET", f"/api/dags/{elsewhere}").refusal == (404, "UnknownDag")
    waited = {"keys": ["none"], "dags": [elsewhere], "timeout_seconds": 0}
    assert job.holder.ask_json("POST", "/api/store/wait", waited).value["ended"] is True  # as what does not exist
    job.end()


def test_a_worker_delivers_records_of_a_job_into_the_job_s_project(
    admin: Holder, inside: Holder, job: RunningJob, project: str
) -> None:
    lease = f"?lease={job.lease_id}"
    for deliverer, name in ((job.worker, "shop"), (admin, "shop")):
        answer = record(deliverer, job.dag_id, query=f"{lease}&project={name}")
        assert answer.status == 200, answer.body

    assert inside.ask("GET", f"/api/v1/runs/{job.dag_id}").value["tally"]["calls"] == 1
    assert record(admin.make(project="elsewhere"), job.dag_id, query=lease).refusal == (404, "UnknownJob")
    job.end()


def test_a_name_of_any_language_goes_through_headers_and_queries(admin: Holder) -> None:
    name, run = f"Crème brûlée {a_name('x')}", a_name("run")
    inside = admin.make(project=name)
    assert record(inside, run).status == 200

    by_header = admin.ask("GET", f"/api/v1/runs/{run}", headers={"X-Titan-Project": quote(name)})
    by_query = admin.ask("GET", f"/api/v1/runs/{run}?project={quote(name)}")

    assert [by_header.status, by_query.status] == [200, 200]
