"""A backup of a live home, put back and started: what was acknowledged is there, and what was running runs again."""

import base64
import hashlib
from pathlib import Path

import pytest

from tests.support.command_line import run_titan
from tests.support.raw_http import a_key, ask, ask_json
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_dag_body, a_job_body, submit
from tests.support.waiting import wait_until

WAITING_SCRIPT = """
import pathlib, sys, time
print("began", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""


def submit_waiting_job(titan: RunningTitan, flag: Path) -> str:
    """Submit a job that ends once `flag` is there; return its DAG."""
    script = WAITING_SCRIPT.encode()
    digest = hashlib.sha256(script).hexdigest()
    job = a_job_body(script=digest, requirement="GENERAL", args=[str(flag)])
    return submit(titan.sdk_port, a_dag_body([job], scripts={digest: base64.b64encode(script).decode()}))


def status(titan: RunningTitan, dag_id: str) -> str:
    found: str = ask(titan.sdk_port, "GET", f"/api/dags/{dag_id}").value["status"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["copy", "copy.tar.gz"])
def test_a_restored_home_holds_acknowledged_values_and_reruns_interrupted_attempts(tmp_path: Path, name: str) -> None:
    flag = tmp_path / "flag"
    with running_titan(tmp_path / "home") as titan:
        keys = [f"key{number}" for number in range(20)]
        for key in keys:
            assert ask_json(titan.sdk_port, "PUT", "/api/store", {"key": key, "value": "x"}, a_key()).status == 200
        uploaded = ask(titan.sdk_port, "PUT", "/api/files/data.csv", b"1,2,3", a_key())
        dag_id = submit_waiting_job(titan, flag)
        wait_until(lambda: status(titan, dag_id) == "RUNNING", "the job to run")

        done = run_titan("backup", str(tmp_path / name), "--home", str(titan.home))
        refused = run_titan("restore", str(tmp_path / name), "--home", str(titan.home), "--force")

    restored = run_titan("restore", str(tmp_path / name), "--home", str(tmp_path / "again"), "--json")
    flag.touch()
    with running_titan(tmp_path / "again") as again:
        wait_until(lambda: status(again, dag_id) == "COMPLETED", "the job to run again", seconds=60)
        values = [ask(again.sdk_port, "GET", f"/api/store?key={key}").value["value"] for key in keys]
        file = ask(again.sdk_port, "GET", "/api/files/data.csv").body
        attempts = ask(again.sdk_port, "GET", f"/api/jobs/{dag_id}.00000").value["attempts"]

    assert (uploaded.status, done.exit_code, restored.exit_code) == (201, 0, 0), done.stderr + restored.stderr
    assert (refused.exit_code, "is locked" in refused.stderr) == (5, True)
    assert values == ["x"] * len(keys)
    assert file == b"1,2,3"
    assert [attempt["outcome"] for attempt in attempts] == ["lost", "succeeded"]
