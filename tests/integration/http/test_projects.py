"""Two projects of one server share no run, DAG, job, store key, file or agent, whatever these are called."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from socket import socket

import pytest

from tests.support.raw_http import Answer, ask, ask_json, given, said
from tests.support.replayed import a_call
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.waiting import wait_until

FINANCE: Mapping[str, str] = {"X-Titan-Project": "finance"}
SHOP: Mapping[str, str] = {"X-Titan-Project": "shop"}


def both(port: int, path: str) -> list[Answer]:
    return [ask(port, "GET", path, headers=project) for project in (FINANCE, SHOP)]


def test_runs_of_one_name_are_two(port: int) -> None:
    run = a_name("run")
    for headers, name in ((FINANCE, "look"), (SHOP, "buy")):
        body = {"run_id": run, "agent_id": run, "entries": [a_call("a") | {"name": name}]}
        assert ask_json(port, "POST", "/api/v1/actions", body, headers).status == 200

    assert [answer.value["action"]["name"] for answer in both(port, f"/api/v1/runs/{run}/actions/a")] == ["look", "buy"]
    assert [len(answer.value["data"]) for answer in both(port, f"/api/v1/runs?agent_id={run}")] == [1, 1]
    assert [len(answer.value["data"]) for answer in both(port, f"/api/v1/ledger?agent_id={run}")] == [1, 1]
    assert [len(answer.value["data"]) for answer in both(port, f"/api/v1/agents?q={run}")] == [1, 1]
    assert ask(port, "GET", f"/api/v1/runs/{run}").status == 404

    assert ask_json(port, "POST", f"/api/v1/runs/{run}/end", {"status": "completed"}, FINANCE).status == 200
    assert ask(port, "DELETE", f"/api/v1/runs/{run}", headers=FINANCE).status == 200
    assert [answer.status for answer in both(port, f"/api/v1/runs/{run}")] == [404, 200]


def test_dags_jobs_and_runs_with_stages_of_one_name_are_two(port: int) -> None:
    name, run = a_name("dag"), a_name("run")
    body = a_dag_body([a_job_body("main")], name=name, agent_run_id=run)
    made = [ask_json(port, "POST", "/api/dags", body, headers).value["dag_id"] for headers in (FINANCE, SHOP)]

    assert [answer.value["dag_id"] for answer in both(port, f"/api/dags/{name}")] == made
    assert [answer.value["dag_id"] for answer in both(port, f"/api/jobs/main?run={run}")] == made
    assert [answer.value["stages"][0]["dag_id"] for answer in both(port, f"/api/v1/runs/{run}")] == made
    assert [answer.status for answer in both(port, f"/api/dags/{made[0]}")] == [200, 404]
    assert [answer.value["dags"] for answer in both(port, f"/api/dags?ids={made[0]}")][1] == []
    assert ask_json(port, "POST", f"/api/v1/runs/{run}/cancel", None, SHOP).status == 200
    assert [answer.value["is_final"] for answer in both(port, f"/api/dags/{name}")] == [False, True]


def test_store_keys_sets_and_files_of_one_name_are_two(port: int) -> None:
    key = a_name("key")
    for headers, text in ((FINANCE, "f"), (SHOP, "s")):
        ask_json(port, "PUT", "/api/store", {"key": key, "value": text}, headers)
        ask_json(port, "POST", "/api/store/sets", {"key": f"{key}:set", "member": text}, headers)
        ask(port, "PUT", f"/api/files/{key}", text.encode(), headers)

    assert [answer.value["value"] for answer in both(port, f"/api/store?key={key}")] == ["f", "s"]
    assert [answer.value["members"] for answer in both(port, f"/api/store/sets?key={key}:set")] == [["f"], ["s"]]
    assert [answer.body for answer in both(port, f"/api/files/{key}")] == [b"f", b"s"]
    assert ask(port, "DELETE", f"/api/store?key={key}", headers=SHOP).status == 200
    assert [answer.value["value"] for answer in both(port, f"/api/store?key={key}")] == ["f", None]


def test_an_idempotency_key_counts_within_its_project(port: int) -> None:
    key, body = {"Idempotency-Key": a_name("once")}, {"key": a_name("n"), "by": 1}

    answers = [ask_json(port, "POST", "/api/store/incr", body, {**of, **key}) for of in (FINANCE, SHOP, FINANCE)]

    assert [answer.value["value"] for answer in answers] == [1, 1, 1]


def test_gates_and_the_queue_show_one_project(port: int) -> None:
    label = a_name("label").upper()
    ask_json(port, "POST", "/api/dags", a_dag_body([a_job_body("main", requirement=label)]), FINANCE)

    queues = both(port, "/api/queue")

    assert [any(group["requirement"] == label for group in queue.value["groups"]) for queue in queues] == [True, False]


def test_the_header_takes_precedence_over_the_query_and_both_follow_one_rule(port: int) -> None:
    run = a_name("run")
    ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [a_call("a")]}, FINANCE)

    assert ask(port, "GET", f"/api/v1/runs/{run}?project=shop", headers=FINANCE).status == 200
    for target in ("/api/jobs?project=", f"/api/jobs?project={'x' * 201}", "/api/jobs?project=a%09b"):
        assert ask(port, "GET", target).refusal == (400, "InvalidName")


def test_a_scores_run_is_of_the_project_of_its_request(port: int) -> None:
    trace = a_name("trace")
    score = {"name": "tone", "value": 0.5, "traceId": trace}

    assert ask_json(port, "POST", "/api/public/scores", score, FINANCE).status == 200

    assert [answer.status for answer in both(port, f"/api/v1/runs/{trace}/notes")] == [200, 404]


def test_live_events_are_those_of_a_project(port: int) -> None:
    message = b"GET /api/events?project=finance HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    with said(port, message) as connection:
        received_until(connection, ": connected")
        finance, shop, last = (
            ask_json(port, "POST", "/api/dags", a_dag_body(), of).value["dag_id"] for of in (FINANCE, SHOP, FINANCE)
        )
        heard = received_until(connection, last)

    assert finance in heard
    assert shop not in heard


def received_until(connection: socket, text: str) -> str:
    """Return what an event stream says up to this text."""
    heard = b""
    while text.encode() not in heard:
        more = connection.recv(65536)
        assert more, "the stream has ended"
        assert b"still here" not in more, "nothing happened for a while"
        heard += more
    return heard.decode()


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server with a worker."""
    with running_titan(tmp_path_factory.mktemp("projects") / "home") as running:
        yield running


def test_a_worker_runs_jobs_of_each_project_in_workspaces_of_their_own(working: RunningTitan) -> None:
    run, port = a_name("run"), working.sdk_port
    look = "import os, pathlib; print(os.environ.get('TITAN_PROJECT'), os.path.exists('mine')); open('mine', 'w')"
    made = []
    for headers in ({}, FINANCE, SHOP):
        body = script_dag(look, agent_run_id=run)
        made.append((headers, ask_json(port, "POST", "/api/dags", body, headers).value["dag_id"]))

    for headers, dag_id in made:
        done = ask(port, "GET", f"/api/dags/{dag_id}?wait_seconds=30", headers=headers).value
        assert done["status"] == "COMPLETED", json.dumps(done)
        assert ask(port, "GET", f"/api/jobs/main/log?dag={dag_id}", headers=headers).body.split() == [b"None", b"False"]


def test_a_job_stays_in_its_project_through_its_sdk_and_records_there(working: RunningTitan) -> None:
    port, key = working.sdk_port, a_name("key")
    code = f"""
import titan_sdk
from titan_sdk import TitanClient, TitanJob, action
client = TitanClient()
client.store_put({key!r}, "mine")
with action("look"):
    pass
client.submit_dag("child", [TitanJob("inner", "inner.py", script_content="print(1)")])
try:
    TitanClient(project="shop").store_get({key!r})
except titan_sdk.errors.TitanError as error:
    print(type(error).__name__)
"""
    dag_id = ask_json(port, "POST", "/api/dags", script_dag(code), FINANCE).value["dag_id"]

    done = ask(port, "GET", f"/api/dags/{dag_id}?wait_seconds=30", headers=FINANCE).value

    log = ask(port, "GET", f"/api/jobs/main/log?dag={dag_id}", headers=FINANCE).body.decode()
    assert (done["status"], log.split()[-1]) == ("COMPLETED", "Forbidden"), log
    assert [answer.value["value"] for answer in both(port, f"/api/store?key={key}")] == ["mine", None]
    assert [answer.status for answer in both(port, "/api/dags/child")] == [200, 404]
    wait_until(lambda: [answer.status for answer in both(port, f"/api/v1/runs/{dag_id}")] == [200, 404], "its run")


def script_dag(code: str, **fields: object) -> dict[str, object]:
    """Return a submission of one job that runs `code`."""
    script = code.encode()
    digest = hashlib.sha256(script).hexdigest()
    job = a_job_body("main") | {"filename": "main.py", "script": digest, "requirement": "GENERAL"}
    return a_dag_body([job], **fields) | {"scripts": {digest: base64.b64encode(script).decode()}}  # type: ignore[arg-type]


def test_the_projects_are_those_with_a_run_a_dag_or_a_token(port: int) -> None:
    names = [a_name("of-a-run"), a_name("of-a-dag"), a_name("of-a-token")]
    headers = [{"X-Titan-Project": name} for name in names]
    ask_json(port, "POST", "/api/v1/actions", {"run_id": "r", "entries": [a_call("a")]}, headers[0])
    ask_json(port, "POST", "/api/dags", a_dag_body(), headers[1])
    ask_json(port, "POST", "/api/tokens", {"name": "x", "project": names[2]})

    listed = [each["name"] for each in given(port, "/api/v1/projects")["data"]]

    assert {*names, "default"} <= set(listed)
    assert listed == sorted(listed)
