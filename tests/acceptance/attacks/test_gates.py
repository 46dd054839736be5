"""What stands behind a gate does not run before somebody approves it, whoever asks and by whichever route."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_name
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until

GATE = "hitl-gate-build"
KEY = f"titan:hitl:status:{GATE}"

#: A job that asks as its token lets it, and prints the status of each answer.
ASKS = """
import json, os, sys, urllib.error, urllib.request

url = f"http://{os.environ['TITAN_HOST']}:{os.environ['TITAN_PORT']}"
headers = {"Authorization": f"Bearer {os.environ['TITAN_TOKEN']}", "Content-Type": "application/json"}
for number, (method, path, body) in enumerate(json.loads(sys.argv[1])):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, headers | {"Idempotency-Key": f"k{number}"}, method=method)
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as refusal:
        print(refusal.code)
"""


@pytest.fixture(scope="module")
def open_titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("open") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def locked_titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("locked") / "home", options=("--require-token",)) as running:
        yield running


@pytest.fixture(params=["without a token", "as the administrator"])
def somebody(request: pytest.FixtureRequest) -> Holder:
    """Somebody who may change all work of a server."""
    if request.param == "without a token":
        return Holder(request.getfixturevalue("open_titan").sdk_port, None)
    running: RunningTitan = request.getfixturevalue("locked_titan")
    return Holder(running.sdk_port, running.home_token)


class Deployment:
    """build, its gate, and behind it deploy, which leaves a mark when it runs."""

    def __init__(self, holder: Holder, folder: Path, *, run_id: str) -> None:
        self.holder = holder
        self.run_id = run_id
        self.mark = folder / "deployed"
        build = a_job("build", "pass", hitl_message="Deploy it?")
        deploy = a_job("deploy", f"open({str(self.mark)!r}, 'a').write('DEPLOYED ')", parents=["build"])
        self.dag_id = submit(holder, "deployment", build, deploy, run_id=run_id)
        wait_until(lambda: self.gate()["state"] == "open", "the gate is open")

    def gate(self) -> Any:
        """Return the gate as it stands."""
        return self.holder.ask("GET", f"/api/gates/{self.dag_id}.00001").value

    def decide(self, word: str) -> None:
        """Approve or reject the gate."""
        assert self.holder.ask_json("POST", f"/api/gates/{self.dag_id}.00001/{word}", {}).status == 200

    def wait_until_ended(self) -> None:
        """Return when nothing of the run can go on by itself."""
        wait_until(
            lambda: not {"READY", "RUNNING"} & {job["status"] for job in jobs_of_run(self)}, "all else has ended"
        )


def jobs_of_run(deployment: Deployment) -> list[Any]:
    return list(deployment.holder.ask("GET", f"/api/jobs?run={deployment.run_id}").value["jobs"])


def a_job(name: str, script: str, **fields: object) -> tuple[dict[str, Any], str]:
    digest = hashlib.sha256(script.encode()).hexdigest()
    return {"id": name, "filename": f"{name}.py", "script": digest, **fields}, script


def submit(holder: Holder, name: str, *jobs: tuple[dict[str, Any], str], run_id: str) -> str:
    scripts = {job["script"]: base64.b64encode(script.encode()).decode() for job, script in jobs}
    body = {"name": name, "jobs": [job for job, _ in jobs], "scripts": scripts, "agent_run_id": run_id}
    answer = holder.ask_json("POST", "/api/dags", body)
    assert answer.status == 201, answer.body
    dag_id: str = answer.value["dag_id"]
    return dag_id


def rerun_refusal(deployment: Deployment) -> tuple[str, str]:
    """Ask for a rerun of `deploy`, which is refused; return what was found, and what to do."""
    answer = deployment.holder.ask_json("POST", f"/api/jobs/{deployment.dag_id}.00002/rerun")
    assert answer.refusal == (409, "Conflict"), answer.body
    error = answer.value["error"]
    return error["found"], error["next_step"]


def test_rerunning_a_job_held_by_a_gate_is_refused_until_the_gate_is_approved(somebody: Holder, tmp_path: Path) -> None:
    deployment = Deployment(somebody, tmp_path, run_id=a_name("GATE"))

    waiting = rerun_refusal(deployment)
    deployment.decide("reject")
    rejected = rerun_refusal(deployment)
    assert somebody.ask_json("POST", f"/api/jobs/{deployment.dag_id}.00001/retry").status == 200
    retried = rerun_refusal(deployment)
    deployment.wait_until_ended()

    assert not deployment.mark.exists()
    assert waiting[0] == retried[0] == f"gate '{GATE}' of dag {deployment.dag_id}, which is WAITING_APPROVAL"
    assert rejected[0] == f"gate '{GATE}' of dag {deployment.dag_id}, which is rejected"
    assert waiting[1].startswith("It starts by itself once the gate is approved")
    assert rejected[1].startswith("Retry it once the gate is approved")
    deployment.decide("approve")
    wait_until(deployment.mark.exists, "it is deployed")
    assert somebody.ask_json("POST", f"/api/jobs/{deployment.dag_id}.00002/rerun").status == 201
    wait_until(lambda: deployment.mark.read_text() == "DEPLOYED DEPLOYED ", "it is deployed twice")


def test_a_job_gets_past_a_gate_of_its_run_by_no_route(locked_titan: RunningTitan, tmp_path: Path) -> None:
    admin = Holder(locked_titan.sdk_port, locked_titan.home_token)
    deployment = Deployment(admin, tmp_path, run_id=a_name("GATE"))
    deploy, gate = f"/api/jobs/{deployment.dag_id}.00002", f"{deployment.dag_id}.00001"
    asked: list[tuple[str, str, object, int]] = [
        ("POST", f"{deploy}/rerun", {}, 409),
        ("POST", f"{deploy}/retry", {}, 409),
        ("POST", f"/api/jobs/{gate}/rerun", {}, 409),
        ("POST", f"/api/gates/{gate}/approve", {}, 403),
        ("PUT", "/api/store", {"key": KEY, "value": "APPROVED"}, 403),
        ("PUT", "/api/store", {"key": KEY, "value": "CLEARED"}, 403),
        ("POST", "/api/store/cas", {"key": KEY, "expected": "WAITING", "value": "APPROVED"}, 403),
        ("POST", "/api/store/cas", {"key": KEY, "expected": "WAITING", "value": None}, 403),
        ("POST", "/api/store/incr", {"key": KEY, "by": 1}, 403),
        ("POST", "/api/store/sets", {"key": KEY, "member": "APPROVED"}, 403),
        ("DELETE", f"/api/store?key={KEY}", None, 403),
        ("DELETE", "/api/store?key=titan:hitl:queue", None, 403),
    ]
    questions = json.dumps([one[:3] for one in asked])

    intruder = submit(admin, "intruder", a_job("intruder", ASKS, args=[questions]), run_id=deployment.run_id)
    deployment.wait_until_ended()

    statuses = admin.ask("GET", f"/api/jobs/{intruder}.00000/log").body.decode().split()
    assert list(map(int, statuses)) == [status for *_, status in asked]
    assert deployment.gate()["state"] == "open"
    assert admin.ask("GET", f"/api/store?key={KEY}").value["value"] == "WAITING"
    assert not deployment.mark.exists()


def test_the_command_line_says_which_gate_holds_a_job(open_titan: RunningTitan, tmp_path: Path) -> None:
    deployment = Deployment(Holder(open_titan.sdk_port, None), tmp_path, run_id=a_name("GATE"))
    titan = CommandLine(f"http://127.0.0.1:{open_titan.sdk_port}")

    done = titan("rerun", "deploy", "--run", deployment.run_id)

    assert (done.exit_code, done.text) == (5, "")
    said = " ".join(done.stderr.split())
    assert f"found gate '{GATE}' of dag {deployment.dag_id}, which is WAITING_APPROVAL" in said
    assert f"It starts by itself once the gate is approved: `titan approve {deployment.dag_id}.00001`." in said
