"""`titan doctor` finds what is wrong, says what to do, and is content where nothing is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.integration.access.test_starting import titan as run
from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_dag_body, a_job_body
from tests.support.tampering import change_calls
from tests.support.token_holder import Holder


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, list[tuple[str, str, str]]]:
    """Return (level, text, next step) by check."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for each in json.loads(done.stdout)["findings"]:
        found.setdefault(each["check"], []).append((each["level"], each["text"], each["next_step"]))
    return found


def doctor(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(home, "doctor", "--json", *words, **{"TITAN_MODEL": "none", **environment})


def levels(found: dict[str, list[tuple[str, str, str]]], check: str) -> list[str]:
    return [level for level, _, _ in found[check]]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that asks for tokens, with its worker."""
    home = tmp_path_factory.mktemp("healthy") / "home"
    with running_titan(home, options=("--require-token",)) as running:
        run(home, "submit", str(a_script(home.parent)), "--wait")  # the worker is there
        yield running


def a_script(folder: Path) -> Path:
    script = folder / "hello.py"
    script.write_text("print('hello')\n")
    return script


def test_a_healthy_titan_has_nothing_broken(healthy: RunningTitan) -> None:
    done = doctor(healthy.home)

    found = findings(done)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["is_well"] is True
    for check in (
        "home",
        "database",
        "server",
        "token",
        "version",
        "clock",
        "workers",
        "queue",
        "tapes",
        "jobs",
        "kill",
    ):
        assert levels(found, check) == ["ok"], (check, found[check])
    assert "while the server has it open" in found["database"][0][1]
    assert "offers GENERAL:4" in found["workers"][0][1]


def test_jobs_that_no_worker_can_run_are_reported_with_the_missing_offer(healthy: RunningTitan) -> None:
    holder = Holder(healthy.sdk_port, healthy.home_token)
    dag = holder.ask_json("POST", "/api/dags", a_dag_body([a_job_body("train", requirement="GPU")])).value["dag_id"]

    found = findings(doctor(healthy.home))
    holder.ask("POST", f"/api/dags/{dag}/cancel")

    assert found["queue"] == [
        (
            "warn",
            "no worker offers GPU, and 1 job cannot start without: train",
            "Start a worker with --offer GPU:1, or cancel the jobs.",
        )
    ]


def test_a_recorded_run_that_somebody_changed_is_broken(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=()) as running:
        before = findings(doctor(running.home))["tapes"]
        a_recorded_run(running.sdk_port, "untouched")
        a_recorded_run(running.sdk_port, "touched")
        intact = findings(doctor(running.home))["tapes"]
        change_calls(running.home, "update bodies set outputs = '2' where number = (select max(number) from bodies)")
        done = doctor(running.home)

    assert before == [("ok", "no runs recorded yet", "")]
    assert intact == [("ok", "the recordings of the 2 newest runs are unchanged (2 entries)", "")]
    assert done.returncode == 1
    assert findings(done)["tapes"] == [
        (
            "fail",
            "run touched was changed outside the server: at entry 1 (action a), it is not what was recorded",
            "Find out who changed the database, and restore a backup.",
        )
    ]


def a_recorded_run(port: int, run_id: str) -> None:
    call = {"type": "action", "id": "a", "name": "n", "started_at_ns": 10**18, "ended_at_ns": 10**18, "outputs": 1}
    assert ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "entries": [call]}).status == 200


def test_a_token_that_is_not_accepted_is_broken(healthy: RunningTitan, tmp_path: Path) -> None:
    holder = Holder(healthy.sdk_port, healthy.home_token).make("viewer")
    Holder(healthy.sdk_port, healthy.home_token).ask("POST", f"/api/tokens/{holder.token_id}/revoke")
    url = f"http://127.0.0.1:{healthy.sdk_port}"

    none = doctor(tmp_path / "home", "--server", url)
    revoked = doctor(tmp_path / "home", "--server", url, TITAN_TOKEN=holder.token or "")

    assert (none.returncode, revoked.returncode) == (1, 1)
    assert findings(none)["token"][0][0] == "fail"
    assert "titan tokens create" in findings(none)["token"][0][2]
    assert "revoked at" in findings(revoked)["token"][0][1]


def test_it_works_without_a_server_and_says_so(tmp_path: Path) -> None:
    done = doctor(tmp_path / "home")

    found = findings(done)
    assert done.returncode == 0, done.stdout
    assert levels(found, "home") == ["warn"]
    assert levels(found, "server") == ["warn"]
    assert "titan up" in found["server"][0][2]
    assert levels(found, "jobs") == ["ok"]
    assert not (tmp_path / "home").exists()


def test_a_server_that_is_named_and_does_not_answer_is_broken(tmp_path: Path) -> None:
    done = doctor(tmp_path / "home", "--server", "http://127.0.0.1:1")

    assert done.returncode == 1
    assert levels(findings(done), "server") == ["fail"]


def test_a_home_that_is_open_to_others_is_worth_a_word(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)

    assert findings(doctor(home))["home"] == [
        ("warn", f"{home} is open to others (mode 755)", f"chmod 700 {home}, or start Titan once.")
    ]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_database_is_broken_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "control.db").write_bytes(content)

    done = doctor(home)

    assert done.returncode == 1
    assert levels(findings(done), "database") == ["fail"]
    assert (home / "control.db").read_bytes() == content


def test_people_read_lines_and_a_sum(tmp_path: Path) -> None:
    lines = run(tmp_path / "home", "doctor", TITAN_MODEL="none").stdout.splitlines()

    assert lines[0].startswith("warn  home ")
    assert " → " in lines[0]
    assert lines[-1].endswith("warnings, 0 errors")


class _Endpoint(BaseHTTPRequestHandler):
    answer: tuple[int, dict[str, Any]] = (200, {})

    def do_GET(self) -> None:
        status, body = self.answer
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def an_endpoint(status: int, body: dict[str, Any]) -> Iterator[str]:
    """Serve a list of models, and yield the address of the model `small` there."""
    handler = type("Handler", (_Endpoint,), {"answer": (status, body)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1#small"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "level"),
    [
        (200, {"object": "list", "data": [{"id": "small", "object": "model"}]}, "ok"),
        (200, {"object": "list", "data": []}, "warn"),
        (404, {"error": {"message": "no such page"}}, "warn"),
        (401, {"error": {"message": "wrong key"}}, "fail"),
        (200, {"hello": "I am another program"}, "warn"),
    ],
)
def test_a_models_endpoint_is_asked_for_its_list_alone(
    tmp_path: Path, status: int, body: dict[str, Any], level: str
) -> None:
    with an_endpoint(status, body) as address:
        found = findings(doctor(tmp_path / "home", TITAN_MODEL=address))

    assert levels(found, "model") == [level], found["model"]


def test_a_model_that_lacks_its_key_is_broken(tmp_path: Path) -> None:
    done = doctor(tmp_path / "home", TITAN_MODEL="openai/gpt-4o-mini", OPENAI_API_KEY="")

    assert done.returncode == 1
    assert "OPENAI_API_KEY" in findings(done)["model"][0][1]
