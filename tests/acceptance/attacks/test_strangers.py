"""Thousands of connections on which nothing is said change nothing for those who work."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.certificates import Certificate, a_certificate
from tests.support.raw_http import Answer, a_key, ask, read_answer, request, said
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import blob_files
from tests.support.token_holder import Holder
from tests.support.waiting import let_pass, wait_until
from titan_sdk import TitanClient, TitanJob

SOON_SECONDS = 5.0  # on a machine that is busy with other tests
JOBS = 6
JOB = "import time\ntime.sleep(0.2)\nprint('done')\n"
HALF = b"GET /api/health HT"


def a_titan(home: Path, *, descriptors: int | None = None, options: tuple[str, ...] = ()) -> RunningTitan:
    """Return a server with a worker, which may have so many files open."""
    launcher = () if descriptors is None else ("sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh")
    return RunningTitan(home, offers=("GENERAL:2",), launcher=launcher, options=options)


@contextlib.contextmanager
def silent(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Open so many connections: on every second one nothing is said, on the others half a line."""
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(said(port, HALF if number % 2 else b"")) for number in range(count)]


@contextlib.contextmanager
def allowed_descriptors(count: int) -> Iterator[int]:
    """Let this process have so many files open, or as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    try:
        yield allowed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def submitted(titan: RunningTitan, folder: Path, name: str, *, token: str | None = None) -> TitanClient:
    """Submit a DAG of a few jobs."""
    script = folder / "job.py"
    script.write_text(JOB)
    client = TitanClient("127.0.0.1", titan.sdk_port, token, announce=lambda _line: None)
    client.submit_dag(name, [TitanJob(f"{name}-{number}", str(script)) for number in range(JOBS)])
    return client


def slowest_answer(port: int) -> float:
    """Ask twenty times, on connections of their own; return how long the slowest answer took."""
    taken = []
    for _ in range(20):
        began = time.monotonic()
        assert ask(port, "GET", "/api/health").status == 200
        taken.append(time.monotonic() - began)
    return max(taken)


def assert_nothing_was_lost(titan: RunningTitan) -> None:
    (worker,) = ask(titan.sdk_port, "GET", "/api/workers").value["workers"]
    assert worker["state"] == "connected"
    assert "was lost" not in titan.log
    assert " ERROR " not in titan.log


def test_600_silent_connections_at_400_descriptors_change_nothing_for_others(tmp_path: Path) -> None:
    titan = a_titan(tmp_path / "home", descriptors=400)
    try:
        client = submitted(titan, tmp_path, "before")
        with silent(titan.sdk_port, 600):
            slowest = slowest_answer(titan.sdk_port)
            submitted(titan, tmp_path, "during")
            ended = [client.wait(name, timeout=60) for name in ("before", "during")]
            uploaded = ask(titan.sdk_port, "PUT", "/api/files/a.bin", b"content", a_key()).status

        assert ended == ["COMPLETED", "COMPLETED"]
        assert uploaded == 201
        assert slowest < SOON_SECONDS
        assert_nothing_was_lost(titan)
        lines = [line for line in titan.log.splitlines() if "connections are at their limit of 136" in line]
        assert len(lines) == 1
    finally:
        titan.stop()


@pytest.mark.slow
def test_10000_silent_connections_change_nothing_for_others_and_are_closed(tmp_path: Path) -> None:
    with allowed_descriptors(10_500) as allowed:
        titan = a_titan(tmp_path / "home")
        try:
            server = psutil.Process(titan.pid)
            client = submitted(titan, tmp_path, "before")
            with silent(titan.sdk_port, allowed - 500):
                submitted(titan, tmp_path, "during")
                ended = [client.wait(name, timeout=120) for name in ("before", "during")]
                slowest = slowest_answer(titan.sdk_port)
                wait_until(lambda: server.num_fds() < 100, "every silent connection is closed", seconds=60)

            assert ended == ["COMPLETED", "COMPLETED"]
            assert slowest < SOON_SECONDS
            assert_nothing_was_lost(titan)
        finally:
            titan.stop()


@pytest.mark.slow
@pytest.mark.needs("openssl")
def test_silent_connections_on_a_tls_port_keep_nobody_out_who_may_ask(tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path)
    tls = ("--tls-cert", str(certificate.file), "--tls-key", str(certificate.key), "--require-token")
    titan = a_titan(tmp_path / "home", descriptors=400, options=tls)
    try:
        kept = (
            b"GET /api/dags HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\n\r\n" % titan.home_token.encode()
        )
        with encrypted(titan.sdk_port, certificate) as known:
            assert said_encrypted(known, kept).status == 200
            with silent(titan.sdk_port, 600) as strangers:
                assert said_encrypted(known, kept).status == 200
                for _ in range(20):
                    with encrypted(titan.sdk_port, certificate) as new:
                        assert said_encrypted(new, kept).status == 200
                for stranger in strangers:  # each is closed in its time
                    with contextlib.suppress(ConnectionResetError):
                        stranger.recv(100)
            assert said_encrypted(known, kept).status == 200
        assert "was lost" not in titan.log
        assert " ERROR " not in titan.log
    finally:
        titan.stop()


@contextlib.contextmanager
def encrypted(port: int, certificate: Certificate) -> Iterator[socket.socket]:
    """Connect by TLS for a `with` block."""
    with said(port, b"") as plain, certificate.trusted().wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
        yield wrapped


def said_encrypted(connection: socket.socket, message: bytes) -> Answer:
    """Ask on a connection and return the answer."""
    connection.sendall(message)
    return read_answer(connection)


@pytest.mark.slow
def test_stalled_uploads_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    titan = a_titan(tmp_path / "home")
    try:
        before, server = blob_files(titan.home), psutil.Process(titan.pid)
        announced = {"Content-Length": str(10 * 1024 * 1024), **a_key()}
        with contextlib.ExitStack() as opened:
            stalled = [
                opened.enter_context(
                    said(titan.sdk_port, request("PUT", f"/api/files/{number}.bin", bytes(2 * 1024 * 1024), announced))
                )
                for number in range(50)
            ]
            wait_until(lambda: len(blob_files(titan.home)) >= len(before) + 50, "the uploads begin")
            refusals = {read_answer(connection).refusal for connection in stalled}

            assert refusals == {(408, "RequestTimeout")}
            wait_until(lambda: blob_files(titan.home) == before, "what had come is deleted")
            wait_until(lambda: server.num_fds() < 60, "the connections are closed")
        assert " ERROR " not in titan.log
    finally:
        titan.stop()


@pytest.mark.slow
def test_headers_that_come_byte_by_byte_end_after_15_seconds(tmp_path: Path) -> None:
    titan = a_titan(tmp_path / "home")
    try:
        began = time.monotonic()
        with said(titan.sdk_port, b"GET / HTTP/1.1\r\nX: ") as connection:
            connection.settimeout(0.01)
            come = b""
            while not come:
                let_pass(0.1)
                connection.sendall(b"a")
                with contextlib.suppress(TimeoutError):
                    come = connection.recv(65536)
        taken = time.monotonic() - began

        assert come.startswith(b"HTTP/1.1 408 ")
        assert 14 < taken < 25
    finally:
        titan.stop()


def test_the_holder_of_one_token_who_fills_all_connections_keeps_nobody_else_out(tmp_path: Path) -> None:
    titan = a_titan(tmp_path / "home", descriptors=400, options=("--require-token",))
    try:
        admin = Holder(titan.sdk_port, titan.home_token)
        greedy = admin.make("worker", labels=["SANDBOX"])
        client = submitted(titan, tmp_path, "before", token=titan.home_token)
        with contextlib.ExitStack() as opened:
            for number in range(200):
                path = f"/api/workers/greedy-{number}"
                registration = {"name": "w", "host": "x", "pid": 1, "offers": {"SANDBOX": 1}, "version": "0"}
                assert greedy.ask_json("PUT", path, registration).status == 200
                claim = json.dumps({"holding": [], "wait_seconds": 30}).encode()
                headers = {**greedy.header, "Content-Type": "application/json"}
                opened.enter_context(said(titan.sdk_port, request("POST", f"{path}/claim", claim, headers)))
            answers = [admin.ask("GET", "/api/v1/runs").status for _ in range(5)]
            submitted(titan, tmp_path, "during", token=titan.home_token).close()
            ended = [client.wait(name, timeout=60) for name in ("before", "during")]
        client.close()
    finally:
        titan.stop()

    assert answers == [200] * 5
    assert ended == ["COMPLETED"] * 2
