"""Somebody else takes the port of a server that is away: the home's worker tells it nothing, and obeys nobody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import held_ports
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES
from tests.support.submissions import a_dag_body
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until, wait_until_gone
from titan.worker.adoption import local_folder, read_surviving_worker
from titan_sdk import TitanClient, TitanJob


class Squatter(ThreadingHTTPServer):
    """Listens where a server was, answers whatever is asked with `{}`, and keeps what it was told."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        self.told: list[str] = []
        super().__init__(("127.0.0.1", port), _Listening)


class _Listening(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Squatter

    def _answer(self) -> None:
        self.server.told.append(f"{self.command} {self.path} {self.headers}")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PUT = do_POST = _answer  # noqa: N815  # the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def squatting(port: int) -> Iterator[Squatter]:
    with Squatter(port) as squatter:
        threading.Thread(target=squatter.serve_forever, args=(0.02,), daemon=True).start()
        yield squatter
        squatter.shutdown()


def worker_pid(home: Path) -> int:
    survivor = read_surviving_worker(local_folder(home, None))
    assert survivor is not None
    return survivor.pid


def workers_of(titan: RunningTitan, *states: str) -> list[int]:
    """Return the process ids of the workers in one of these states."""
    listed = Holder(titan.sdk_port, titan.home_token).ask("GET", "/api/workers").value["workers"]
    return [worker["pid"] for worker in listed if worker["state"] in (states or ("connected",))]


def test_a_process_on_the_port_of_a_killed_server_receives_nothing_from_its_worker(tmp_path: Path) -> None:
    home = tmp_path / "home"
    options = ("--require-token",)
    with held_ports(1) as (another,), running_titan(home, offers=("GENERAL:1",), options=options) as titan:
        wait_until(lambda: len(workers_of(titan)) == 1, "the worker is connected")
        pid = worker_pid(home)
        titan.kill()
        with squatting(titan.sdk_port) as squatter:
            wait_until(lambda: "no answer" in (home / "worker" / "worker.log").read_text(), "the server is missed")
            titan.sdk_port = another
            titan.start_again()
            wait_until(lambda: workers_of(titan) == [pid], "its worker has found the server on its new port")
            (tmp_path / "port.py").write_text("import os\nprint(os.environ['TITAN_PORT'])\n")
            client = TitanClient("127.0.0.1", another, titan.home_token)
            client.submit_dag("port", [TitanJob(job_id="port", filename=str(tmp_path / "port.py"))])
            outcome, shown = client.wait("port"), client.fetch_logs("port").strip()
            client.close()
            told = list(squatter.told)

    assert told == []
    assert (outcome, shown) == ("COMPLETED", str(another))


def test_a_command_shows_no_token_to_whoever_takes_the_port_of_a_killed_server(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=(), options=("--require-token",)) as titan:
        public = json.loads((home / "server.json").read_text())["urls"]
        titan.kill()
        with squatting(urlsplit(public[0]).port or 0) as squatter:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
            subprocess.run(
                [sys.executable, "-m", "titan.cli", "jobs"],
                env={**environment, "TITAN_HOME": str(home), "PYTHONPATH": PACKAGES},
                capture_output=True,
                check=False,
                timeout=120,
            )
            told = list(squatter.told)

    assert told != []
    assert [one for one in told if "authorization" in one.lower()] == []


def test_a_local_worker_shows_a_token_that_may_work_and_no_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=("GENERAL:1",), options=("--require-token",)) as titan:
        wait_until(lambda: len(workers_of(titan)) == 1, "the worker is connected")
        holder = Holder(titan.sdk_port, (home / "worker-token").read_text().strip())
        token = next(
            token
            for token in Holder(titan.sdk_port, titan.home_token).ask("GET", "/api/tokens").value["tokens"]
            if token["token_id"] == holder.token_id
        )
        refused = [holder.ask("GET", "/api/tokens").status, holder.ask_json("POST", "/api/dags", a_dag_body()).status]

    assert (token["role"], token["trusted"]) == ("worker", True)
    assert token["last_used_at"] is not None
    assert refused == [403, 403]
    assert (home / "worker-token").stat().st_mode & 0o777 == 0o600


def test_a_worker_of_the_home_continues_when_its_token_is_revoked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "late.py").write_text("print('done')\n")
    with running_titan(home, offers=("GENERAL:1",), options=("--require-token",)) as titan:
        wait_until(lambda: len(workers_of(titan)) == 1, "the worker is connected")
        pid, revoked = worker_pid(home), (home / "worker-token").read_text()
        token_id = revoked.split("_")[1]
        admin = Holder(titan.sdk_port, titan.home_token)

        assert admin.ask("POST", f"/api/tokens/{token_id}/revoke").status == 200

        client = TitanClient("127.0.0.1", titan.sdk_port, titan.home_token)
        client.submit_dag("late", [TitanJob(job_id="late", filename=str(tmp_path / "late.py"))])
        outcome = client.wait("late", timeout=60)
        attempts = admin.ask("GET", "/api/jobs/late").value["attempts"]
        client.close()
        after = workers_of(titan)

    assert (home / "worker-token").read_text() != revoked
    assert (outcome, len(attempts), after) == ("COMPLETED", 1, [pid])


def test_a_worker_ends_with_its_home_and_joins_no_later_one_in_the_same_place(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=("GENERAL:1",), options=("--require-token",)) as titan:
        wait_until(lambda: len(workers_of(titan)) == 1, "the worker is connected")
        old = worker_pid(home)
        titan.kill()
        shutil.rmtree(home)
        titan.start_again()

        wait_until_gone(old)
        wait_until(lambda: len(workers_of(titan)) == 1, "the new home's own worker is connected")
        new, ever = worker_pid(home), workers_of(titan, "connected", "lost", "left")

    assert ever == [new] != [old]
