"""Hostile code on a worker of another user, whose token is not trusted, gets nowhere beyond that worker."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.another_user import AS_NOBODY, NEED, NOBODY, python_of_everybody
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT
from tests.support.token_holder import Holder
from titan_sdk import TitanClient, TitanJob

WORKER = """
import os, sys
from pathlib import Path
from titan.worker.main import run
token = os.environ.pop("TITAN_TOKEN")
sys.exit(run(urls=[sys.argv[1]], offers={"SANDBOX": 1}, home=Path(sys.argv[2]), token=token))
"""

HOSTILE = """
import base64, hashlib, http.client, json, os, socket, sys

server_home = sys.argv[1]
told = {"uid": os.getuid()}


def ask(method, path, body=None, token=os.environ["TITAN_TOKEN"]):
    connection = http.client.HTTPConnection(os.environ["TITAN_HOST"], int(os.environ["TITAN_PORT"]), timeout=10)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": os.urandom(8).hex()}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


def tried(action):
    try:
        return str(action())
    except OSError as error:
        return type(error).__name__


def connected():
    with socket.socket(socket.AF_UNIX) as way:
        way.connect(server_home + "/server.sock")


files = ("token", "worker-token", "control.db")
told["files"] = [tried(lambda: open(f"{server_home}/{name}").read()) for name in files]
told["socket"] = tried(connected)

spy = b"import os\\nprint('RAN AS', os.getuid())\\n"
digest = hashlib.sha256(spy).hexdigest()
jobs = [{"id": "spy", "filename": "spy.py", "script": digest, "requirement": "GENERAL"}]
scripts = {digest: base64.b64encode(spy).decode()}
told["submitted"], made = ask("POST", "/api/dags", {"name": "spy", "jobs": jobs, "scripts": scripts})
told["rerun"] = ask("POST", f"/api/dags/{made.get('dag_id')}/redeploy")[0]

found = set()
for name in filter(str.isdigit, os.listdir("/proc")):
    try:
        environment = open(f"/proc/{name}/environ", "rb").read().split(b"\\0")
    except OSError:
        continue
    found |= {part[12:].decode() for part in environment if part.startswith(b"TITAN_TOKEN=titan_")}
told["tokens"] = len(found)
(stolen,) = found
others = [w["worker_id"] for w in ask("GET", "/api/workers", token=stolen)[1]["workers"] if "GENERAL" in w["offers"]]
told["others"] = len(others)
told["refused"] = [
    ask("POST", f"/api/workers/{others[0]}/claim", {"holding": []}, stolen)[0],
    ask("POST", f"/api/workers/{others[0]}/leave", {}, stolen)[0],
    ask(
        "PUT",
        "/api/workers/evil",
        {"name": "evil", "host": "x", "pid": 1, "offers": {"GENERAL": 9}, "version": "0"},
        stolen,
    )[0],
    ask("GET", "/api/tokens", None, stolen)[0],
    ask("POST", "/api/dags", {"name": "x", "jobs": jobs, "scripts": scripts}, stolen)[0],
]
print(json.dumps(told))
"""


@contextmanager
def a_worker_of_another_user(url: str, token: str) -> Iterator[None]:
    """Run a worker that offers SANDBOX:1 as a user who can read nothing of this clone, for a `with` block."""
    msgspec = importlib.util.find_spec("msgspec")
    assert msgspec is not None
    assert msgspec.origin is not None
    with tempfile.TemporaryDirectory() as folder:
        library, home = Path(folder) / "library", Path(folder) / "home"
        for package in (ROOT / "src" / "titan", ROOT / "sdk" / "src" / "titan_sdk", Path(msgspec.origin).parent):
            ignored = shutil.ignore_patterns("web", "__pycache__")
            shutil.copytree(package, library / package.name, ignore=ignored)
        home.mkdir()
        shutil.chown(home, int(NOBODY), int(NOBODY))
        Path(folder).chmod(0o755)
        process = subprocess.Popen(
            [*AS_NOBODY, str(python_of_everybody()), "-c", WORKER, url, str(home)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(library), "TITAN_TOKEN": token},
            cwd="/",
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.needs(NEED)
def test_a_hostile_job_of_another_user_gets_nowhere_beyond_its_own_workers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "hostile.py").write_text(HOSTILE)
    with running_titan(home, offers=("GENERAL:1",), options=("--require-token",)) as titan:
        admin = Holder(titan.sdk_port, titan.home_token)
        sandbox = admin.make("worker", labels=["SANDBOX"])
        with a_worker_of_another_user(f"http://127.0.0.1:{titan.sdk_port}", sandbox.token or ""):
            client = TitanClient("127.0.0.1", titan.sdk_port, titan.home_token)
            hostile = TitanJob(
                job_id="hostile",
                filename=str(tmp_path / "hostile.py"),
                args=[str(home)],
                requirement="SANDBOX",
            )
            client.submit_dag("hostile", [hostile])
            outcome, log = client.wait("hostile", timeout=60), client.fetch_logs("hostile")
            client.submit_dag("honest", [TitanJob(job_id="honest", filename=_honest(tmp_path))])
            after = client.wait("honest", timeout=60)
            client.close()
            spies = [job for job in admin.ask("GET", "/api/jobs").value["jobs"] if job["name"] == "spy"]

    assert outcome == "COMPLETED", log
    assert json.loads(log.strip().splitlines()[-1]) == {
        "uid": int(NOBODY),
        "files": ["PermissionError"] * 3,
        "socket": "PermissionError",
        "submitted": 201,
        "rerun": 201,
        "tokens": 1,
        "others": 1,
        "refused": [403] * 5,
    }
    assert after == "COMPLETED"
    assert len(spies) == 2
    assert {(spy["status"], spy["waits_for"]) for spy in spies} == {("READY", "unroutable")}


def _honest(folder: Path) -> str:
    (folder / "honest.py").write_text("print('done')\n")
    return str(folder / "honest.py")
