"""A worker takes jobs of its organisation only: the server's own worker can read the server's tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running_titan import running_titan
from tests.support.running_worker import running_worker
from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder, an_owner
from tests.support.waiting import wait_until
from tests.support.wire_jobs import a_running_job

LOOK = "import pathlib, sys\nprint(pathlib.Path(sys.argv[1]).exists())\n"


def a_worker_of(holder: Holder, label: str) -> str:
    """Register a worker with somebody's token; return its path."""
    path = f"/api/workers/{a_name('worker')}"
    registration = {"name": "w", "host": "here", "pid": 1, "offers": {label: 4}, "version": "0"}
    assert holder.ask_json("PUT", path, registration).status == 200
    return path


def claimed(holder: Holder, path: str) -> list[str]:
    """Return the ids of the jobs that a claim brings."""
    answer = holder.ask_json("POST", f"{path}/claim", {"holding": [], "wait_seconds": 0})
    assert answer.status == 200, answer.body
    return [assignment["job_id"] for assignment in answer.value["assignments"]]


def submitted(holder: Holder, label: str, project: str = "default") -> str:
    """Return the id of a job that somebody submits."""
    body = json.dumps(a_dag_body([a_job_body("main", requirement=label)])).encode()
    answer = holder.ask("POST", "/api/dags", body, {"Content-Type": "application/json", "X-Titan-Project": project})
    assert answer.status == 201, answer.body
    return f"{answer.value['dag_id']}.00000"


def is_completed(holder: Holder, job_id: str) -> bool:
    return bool(holder.ask("GET", f"/api/jobs/{job_id}").value["status"] == "COMPLETED")


def organisation_of(holder: Holder) -> str:
    return str(holder.ask("GET", "/api/session").value["organisation"])


@pytest.fixture
def label() -> str:
    return a_name("label").upper()


@pytest.fixture(scope="module")
def acme(admin: Holder) -> Holder:
    return an_owner(admin)


@pytest.fixture(scope="module")
def zeta(admin: Holder) -> Holder:
    return an_owner(admin)


@pytest.mark.parametrize("trusted", [True, False])
def test_each_worker_takes_the_jobs_of_its_own_organisation(
    admin: Holder, acme: Holder, zeta: Holder, label: str, *, trusted: bool
) -> None:
    holders = [admin, admin.make("worker", trusted=trusted), acme.make("worker", trusted=trusted), zeta.make("worker")]
    paths = [a_worker_of(holder, label) for holder in holders]
    of_acme = [submitted(acme, label), submitted(acme, label, "finance")]
    of_local = submitted(admin, label)

    found = [claimed(holder, path) for holder, path in zip(holders, paths, strict=True)]

    assert found == [[of_local], [], of_acme, []]


def test_a_job_without_a_worker_of_its_organisation_says_how_to_start_one(
    admin: Holder, acme: Holder, label: str
) -> None:
    name = organisation_of(acme)
    path = a_worker_of(admin, label)
    job = submitted(acme, label)

    assert claimed(admin, path) == []
    waiting = acme.ask("GET", f"/api/jobs/{job}").value
    queue = acme.ask("GET", "/api/queue").value["groups"]

    assert waiting["status"] == "READY"
    assert waiting["waits_for"] == "unroutable"
    assert waiting["reason"] == (
        f"no worker offers {label}; it waits for a worker of organisation {name}: make its token with"
        f" `titan tokens create NAME --role worker --org {name}`, and start it with `titan workers join`"
    )
    assert f"unroutable:{label}" in [group["name"] for group in queue]


def test_an_owner_makes_tokens_for_workers_of_its_organisation_only(admin: Holder, acme: Holder) -> None:
    asked: list[dict[str, str]] = [{}, {"organisation": "local"}]
    by_owner = [acme.ask_json("POST", "/api/tokens", {"name": "w", "role": "worker", **more}) for more in asked]
    by_manager = acme.make("manager").ask_json("POST", "/api/tokens", {"name": "w", "role": "worker"})
    of_local = admin.make("owner").ask_json("POST", "/api/tokens", {"name": "w", "role": "worker"})

    assert [answer.status for answer in (*by_owner, by_manager, of_local)] == [201, 403, 403, 403]


def test_a_worker_token_of_an_organisation_operates_no_server(admin: Holder, acme: Holder) -> None:
    worker = acme.make("worker", trusted=True)
    own = a_worker_of(worker, "GENERAL")

    answers = [
        worker.ask("GET", "/api/metrics"),
        worker.ask_json("POST", f"{own}/drain", {}),
        worker.ask("GET", "/api/tokens"),
        worker.ask("GET", "/api/v1/runs"),
        worker.ask("GET", "/api/settings"),
    ]

    assert {answer.status for answer in answers} <= {403, 404}
    assert admin.ask("GET", "/api/workers").status == 200


def test_a_trusted_token_takes_over_no_worker_of_another_organisation(admin: Holder, acme: Holder, label: str) -> None:
    bound = admin.make("worker")
    path = a_worker_of(bound, label)
    assert admin.ask_json("POST", f"/api/tokens/{bound.token_id}/revoke", {}).status == 200

    by_acme = acme.make("worker", trusted=True).ask_json("POST", f"{path}/claim", {"holding": []})
    by_local = admin.make("worker", trusted=True).ask_json("POST", f"{path}/heartbeat", {"holding": []})

    assert (by_acme.status, by_local.status) == (403, 200)


def test_a_worker_of_another_organisation_reaches_no_attempt(admin: Holder, acme: Holder) -> None:
    job = a_running_job(admin.make("worker"), admin)
    worker = acme.make("worker", trusted=True)
    path = a_worker_of(worker, "GENERAL")

    answers = [
        worker.ask("PUT", f"{path}/log/{job.lease_id}?offset=0", b"x"),
        worker.ask_json("PUT", f"{path}/files/{job.lease_id}", {"files": [], "node": "n"}),
        worker.ask("PUT", f"{path}/files/{job.lease_id}/{'0' * 64}", b"x"),
        worker.ask("POST", f"/api/v1/actions?lease={job.lease_id}", b"{}", {"Content-Type": "application/json"}),
        worker.ask("GET", f"/api/jobs/{job.job_id}"),
    ]
    report = {"lease_id": job.lease_id, "outcome": "succeeded", "duration_ns": 1, "started_at": "2026-01-01T00:00:00Z"}
    ended = worker.ask_json("POST", f"{path}/complete", {"reports": [report]})

    assert [answer.status for answer in answers] == [409, 409, 409, 403, 403]
    assert ended.value["accepted"] == []
    assert admin.ask("GET", f"/api/jobs/{job.job_id}").value["status"] == "RUNNING"
    job.end()


def test_members_see_workers_of_their_own_organisation(admin: Holder, acme: Holder, zeta: Holder, label: str) -> None:
    a_worker_of(acme.make("worker"), label)

    def sees(holder: Holder) -> bool:
        return any(label in worker["offers"] for worker in holder.ask("GET", "/api/workers").value["workers"])

    assert [sees(holder) for holder in (admin, acme, acme.make("viewer"), zeta)] == [True, True, True, False]


def test_jobs_submitted_by_jobs_of_a_trusted_worker_stay_in_their_organisation(
    admin: Holder, acme: Holder, label: str
) -> None:
    job = a_running_job(acme.make("worker", trusted=True), acme)
    own, other = acme.make("worker"), admin.make("worker", trusted=True)
    paths = a_worker_of(own, label), a_worker_of(other, label)

    child = submitted(job.holder, label)

    assert claimed(other, paths[1]) == []
    assert claimed(own, paths[0]) == [child]
    job.end()


def test_the_worker_of_titan_up_runs_no_job_that_could_read_the_servers_token(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=("GENERAL:2",), options=("--require-token",)) as titan:
        admin = Holder(titan.sdk_port, titan.home_token)
        acme = an_owner(admin)
        script = tmp_path / "look.py"
        script.write_text(LOOK)
        environment = {**titan.environment, "TITAN_TOKEN": acme.token or ""}

        def titan_says(*words: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "titan.cli", *words, "--server", f"http://127.0.0.1:{titan.sdk_port}"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            return done.stdout + done.stderr

        own = submitted(admin, "GENERAL")
        titan_says("submit", str(script), "--", str(home / "token"))
        (job,) = acme.ask("GET", "/api/jobs").value["jobs"]
        wait_until(lambda: is_completed(admin, own), "the server's own worker ran a job of local")
        waiting = acme.ask("GET", f"/api/jobs/{job['job_id']}").value
        told, doctor = titan_says("jobs", "show", job["job_id"]), titan_says("doctor")

        token = {"TITAN_TOKEN": acme.make("worker").token or ""}
        with running_worker(f"http://127.0.0.1:{titan.sdk_port}", tmp_path / "worker", environment=token):
            wait_until(lambda: is_completed(acme, job["job_id"]), "acme's worker ran its job")

    assert waiting["status"] == "READY"
    assert "waits for a worker of organisation" in " ".join(told.split())
    assert "waits for a worker of organisation" in " ".join(doctor.split())
