"""No server, another program on its port, a server that goes away: one clear line and exit code 4."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM, CommandLine, run_titan
from tests.support.forked import run_forked
from tests.support.ports import held_ports
from tests.support.running_titan import running_titan
from tests.support.terminal import on_a_terminal


@pytest.fixture
def closed_port() -> Iterator[int]:
    with held_ports(1) as [port]:
        yield port


class _AnotherProgram(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def another_program() -> Iterator[int]:
    """Run a web server that is no Titan, and yield its port."""
    program = ThreadingHTTPServer(("127.0.0.1", 0), _AnotherProgram)
    thread = threading.Thread(target=program.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield program.server_address[1]
    finally:
        program.shutdown()
        thread.join()
        program.server_close()


@pytest.mark.parametrize("words", [["dags"], ["submit", __file__, "--wait"], ["store", "put", "k", "v"], ["logs", "x"]])
def test_a_missing_server_is_reported_at_once_with_the_way_to_start_it(closed_port: int, words: list[str]) -> None:
    done = CommandLine(f"127.0.0.1:{closed_port}")(*words)

    assert (done.exit_code, done.stdout) == (4, b"")
    assert done.stderr == (
        f"titan: Titan server 127.0.0.1:{closed_port}: expected an answer; found Connection refused. "
        "Start it with `titan up`, or name its home with TITAN_HOME, or its address with --server http://HOST:PORT.\n"
    )


def test_a_missing_server_with_json_is_a_document(closed_port: int) -> None:
    done = CommandLine(f"127.0.0.1:{closed_port}")("jobs", "--json")

    error = done.document["error"]
    assert isinstance(error, dict)
    assert (done.exit_code, error["type"], error["found"]) == (4, "ServerUnavailable", "Connection refused")


def test_another_program_on_the_port_is_reported() -> None:
    with another_program() as port:
        done = CommandLine(f"127.0.0.1:{port}")("dags")

    assert done.exit_code == 4
    assert "expected JSON; found '<html>'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_server_on_other_ports_is_found_by_its_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home):
        environment = {**os.environ, "TITAN_HOME": str(home)}
        environment.pop("TITAN_PORT", None)
        environment.pop("TITAN_HOST", None)

        done = run_forked("dags", env=environment, cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout == ("No DAGs yet: whatever is submitted appears here. Submit a script: titan submit hello.py\n")


def test_following_continues_through_a_kill_of_the_server(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text("import time\nfor n in range(40):\n    print('line', n, flush=True)\n    time.sleep(0.1)\n")
    with running_titan(tmp_path / "home") as server:
        url = f"http://127.0.0.1:{server.sdk_port}"
        run_titan("submit", "--server", url, str(script))

        with on_a_terminal([*PROGRAM, "logs", "slow", "--follow", "--server", url]) as following:
            following.read_until("line 3\n")
            server.kill()
            server.start_again()
            exit_code = following.finish()

    assert exit_code == 0
    assert [line for line in following.text.splitlines() if line.startswith("line")] == [
        f"line {number}" for number in range(40)
    ]


def test_waiting_continues_through_a_kill_of_the_server(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text("import time\ntime.sleep(3)\n")
    with running_titan(tmp_path / "home") as server:
        url = f"http://127.0.0.1:{server.sdk_port}"

        with on_a_terminal([*PROGRAM, "submit", str(script), "--wait", "--server", url]) as waiting:
            waiting.read_until("RUNNING")
            server.kill()
            server.start_again()
            exit_code = waiting.finish()

    assert exit_code == 0
    assert "DAG slow  COMPLETED" in waiting.text


def test_a_server_and_its_empty_lists(tmp_path: Path) -> None:
    words = ["up", "--no-worker", "--home", str(tmp_path / "home"), "--port", "0", "--sdk-port", "0", "--model", "none"]
    with on_a_terminal([*PROGRAM, *words]) as server:
        server.read_until("Ctrl-C stops it")
        url = next(line.split()[-1] for line in server.text.splitlines() if "SDKs" in line)
        titan = CommandLine(url)

        empty = {command: titan(command).text for command in ("jobs", "runs", "workers")}
        server.interrupt()
        exit_code = server.finish()

    assert exit_code == 0
    assert empty == {
        "jobs": "No jobs yet: the scripts that are submitted appear here. Submit one: titan submit hello.py\n",
        "runs": "No runs yet: every model and tool call that is recorded appears here, by its run.\n"
        "Make one: a job that calls the model endpoint, or any program with titan_sdk.action.\n",
        "workers": f"No workers: jobs wait until one joins.\nAdd one: titan workers join {url} --offer GENERAL:4\n",
    }


def test_a_worker_joins_works_and_leaves(tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text("print('hello')\n")
    with running_titan(tmp_path / "home") as server:
        titan = CommandLine(f"http://127.0.0.1:{server.sdk_port}")
        words = ["workers", "join", titan.server, "--offer", "GPU:1", "--name", "gpu box", "--home", str(tmp_path)]
        worker = subprocess.Popen([*PROGRAM, *words], stderr=subprocess.DEVNULL)
        try:
            done = titan("submit", str(script), "--requires", "GPU", "--wait", "--json")
        finally:
            worker.send_signal(signal.SIGINT)
            exit_code = worker.wait(60)

        jobs = done.document["jobs"]
        assert isinstance(jobs, list)
        assert jobs[0]["worker"] == "gpu box"
        assert exit_code == 0
