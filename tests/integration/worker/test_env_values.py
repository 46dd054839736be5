"""Values of `env=` reach their job and nothing else: no log, view, store, archive or backup."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.command_line import PROGRAM
from tests.support.postgres import a_database
from tests.support.raw_http import ask, ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.secrets import made
from tests.support.submissions import a_name, submit
from tests.support.waiting import wait_until
from titan.env_cipher import KEY_FILE
from titan.model.jobs import NO_KEY

PRINTING = b"""
import hashlib, os, sys, time
value = os.environ["GIVEN"]
print("mode", os.environ["MODE"], "digest", hashlib.sha256(value.encode()).hexdigest())
for piece in (value[:5], value[5:]):
    print(piece, end="", flush=True)
    time.sleep(0.3)
print("; again", value * 2, file=sys.stderr)
"""


def a_body(env: dict[str, str], **fields: Any) -> dict[str, Any]:
    digest = hashlib.sha256(PRINTING).hexdigest()
    job = {"id": a_name("job"), "filename": "a.py", "script": digest, "env": env}
    return {"name": a_name("dag"), "jobs": [job], "scripts": {digest: base64.b64encode(PRINTING).decode()}, **fields}


def ended(titan: RunningTitan, dag_id: str) -> dict[str, Any]:
    found: dict[str, Any] = given(titan.sdk_port, f"/api/dags/{dag_id}?wait_seconds=30&attempts=true")
    assert found["status"] == "COMPLETED", found
    return found


def log_of(titan: RunningTitan, dag_id: str) -> str:
    [job] = ended(titan, dag_id)["jobs"]
    return ask(titan.sdk_port, "GET", f"/api/jobs/{job['job_id']}/log").body.decode()


def held(home: Path, secret: str) -> list[str]:
    paths = [path for path in [*home.rglob("*"), home.with_name(f"{home.name}.log")] if path.is_file()]
    return [str(path) for path in paths if secret.encode() in path.read_bytes()]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
    else:
        with a_database() as url:
            yield url


def test_a_job_gets_the_value_and_nobody_else_sees_it(tmp_path: Path, store: str | None) -> None:
    secret = made("zQ8-", 24)
    digest = hashlib.sha256(secret.encode()).hexdigest()

    with running_titan(tmp_path / "home", store=store) as titan:
        first = submit(titan.sdk_port, a_body({"GIVEN": secret, "MODE": "production"}, agent_run_id=a_name("run")))
        [job] = ended(titan, first)["jobs"]
        logs = [log_of(titan, first)]
        for path in (f"/api/jobs/{job['job_id']}/rerun", f"/api/dags/{first}/redeploy"):
            answer = ask_json(titan.sdk_port, "POST", path)
            assert answer.status == 201, answer.body
            logs.append(log_of(titan, answer.value["dag_id"]))
        shown = [given(titan.sdk_port, f"/api/{path}") for path in (f"jobs/{job['job_id']}", f"dags/{first}", "dags")]
        stored = []
        if store is not None:
            with psycopg.connect(store) as connection:
                stored = connection.execute("select spec::text from jobs").fetchall()
        # A worker's own file of an output is the job's, until the server has acknowledged it.
        wait_until(lambda: not held(titan.home, secret), "no file with the value")

    for log in logs:
        assert f"mode production digest {digest}" in log, "the job had the value, and words stay readable"
        assert ("*" * len(secret) + "; again " + "*" * 2 * len(secret)) in log.replace("\n", "")
        assert secret[:12] not in log
    assert job["env"] == ["GIVEN", "MODE"]
    assert secret not in str((shown, stored))
    assert held(tmp_path / "home", secret) == []


def test_a_server_without_the_key_says_so_and_starts_no_such_job(tmp_path: Path, store: str | None) -> None:
    home, secret = tmp_path / "home", made("zQ8-", 24)
    right, wrong = ({"TITAN_SECRET_KEY": letter * 32} for letter in "rw")
    with running_titan(home, offers=(), store=store, environment=right) as titan:
        waiting = [submit(titan.sdk_port, a_body({"GIVEN": secret, "MODE": "m"})) for _ in range(6)]

    with running_titan(home, offers=("GENERAL:1",), store=store, environment=wrong) as titan:
        other = submit(titan.sdk_port, a_body({"GIVEN": secret, "MODE": "m"}))
        ended(titan, other)  # though six that cannot start stand before it
        reasons = [given(titan.sdk_port, f"/api/dags/{dag_id}")["jobs"][0]["reason"] for dag_id in waiting]
        doctor = subprocess.run(
            [*PROGRAM, "doctor", "--home", str(home), "--server", f"http://127.0.0.1:{titan.sdk_port}"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        log = titan.log
    with running_titan(home, offers=("GENERAL:2",), store=store, environment=right) as titan:
        jobs = [ended(titan, dag_id)["jobs"][0] for dag_id in waiting]

    assert reasons == [NO_KEY] * 6
    assert "the server lacks the key" in doctor.stdout + doctor.stderr
    assert NO_KEY in log
    assert [job["reason"] for job in jobs] == [None] * 6


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_backup_leaves_the_key_out_and_a_restore_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=()) as titan:
        submit(titan.sdk_port, a_body({"GIVEN": made("zQ8-", 24), "MODE": "m"}))
        key = (home / KEY_FILE).read_text().strip()

    run("backup", tmp_path / "backup", "--home", home)
    elsewhere = run("restore", tmp_path / "backup", "--home", tmp_path / "other")
    here = run("restore", tmp_path / "backup", "--home", home, "--force")

    assert held(tmp_path / "backup", key) == []
    assert KEY_FILE in elsewhere.stdout
    assert not (tmp_path / "other" / KEY_FILE).exists()
    assert KEY_FILE not in here.stdout
    assert (home / KEY_FILE).read_text().strip() == key, "on the same machine the key goes on"
