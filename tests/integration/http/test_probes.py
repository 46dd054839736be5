"""`/healthz` and `/readyz`: what probes of containers and balancers learn of a server, and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import a_database
from tests.support.raw_http import Answer, ask, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob

STORES = pytest.mark.parametrize("is_postgres", [False, True], ids=["sqlite", "postgres"])
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HEADERS: list[dict[str, str]] = [
    {},
    {"Accept": "*/*"},
    BROWSER,
    {"Accept": "application/json"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Bearer titan_0000_wrong"},
    {"Cookie": "titan_session=wrong"},
]


@contextmanager
def server(folder: Path, *, is_postgres: bool, **environment: str) -> Iterator[RunningTitan]:
    with ExitStack() as opened:
        url = opened.enter_context(a_database()) if is_postgres else None
        offers = ("GENERAL:1",)
        yield opened.enter_context(running_titan(folder / "home", offers=offers, store=url, environment=environment))


def probed(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    answer = ask(port, "GET", path, headers=headers)
    return answer.status, answer.body


def headed(port: int, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return the status of a HEAD and its body, which has to be empty."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("HEAD", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


@STORES
@pytest.mark.parametrize("needs_token", ["0", "1"])
def test_a_ready_server_answers_probes_whatever_they_accept_and_whoever_they_are(
    tmp_path: Path, is_postgres: bool, needs_token: str
) -> None:
    with server(tmp_path, is_postgres=is_postgres, TITAN_REQUIRE_TOKEN=needs_token) as titan:
        port = titan.sdk_port
        answers = {path: [ask(port, "GET", path, headers=sent) for sent in HEADERS] for path in ("/healthz", "/readyz")}
        heads = [headed(port, path, sent) for path in answers for sent in HEADERS]
        posted = [ask(port, "POST", path).status for path in answers]

    assert {(one.status, one.body) for one in answers["/healthz"]} == {(200, b"ok\n")}
    assert {(one.status, one.body) for one in answers["/readyz"]} == {(200, b"ready\n")}
    assert set(heads) == {(200, b"")}
    assert {media_type(one) for each in answers.values() for one in each} == {"text/plain; charset=utf-8"}
    assert posted == [405, 405]


def media_type(answer: Answer) -> str | None:
    return answer.headers.get("content-type")


@STORES
def test_a_server_that_drains_is_alive_but_not_ready(tmp_path: Path, is_postgres: bool) -> None:
    go = tmp_path / "go"
    script = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.01)\n"
    with server(tmp_path, is_postgres=is_postgres, TITAN_DRAIN_SECONDS="120") as titan:
        port = titan.sdk_port
        client = TitanClient("127.0.0.1", port)
        client.submit_job(TitanJob("slow", "slow.py", script_content=script))
        wait_until(lambda: given(port, "/api/jobs/slow")["status"] == "RUNNING", "the job runs", seconds=60)
        assert probed(port, "/readyz") == (200, b"ready\n")

        os.kill(titan.pid, signal.SIGTERM)
        wait_until(lambda: "may go on for 120 s" in titan.log, "it drains", seconds=60)

        answers = [probed(port, "/readyz", BROWSER), headed(port, "/readyz", BROWSER), probed(port, "/healthz")]
        go.touch()
        wait_until(lambda: not titan.is_alive, "it has ended", seconds=60)
        titan.start_again()
        client.submit_job(TitanJob("next", "next.py", script_content="pass"))
        assert client.wait("next", timeout=60) == "COMPLETED"

    assert answers == [(503, b"not ready: the server is ending\n"), (503, b""), (200, b"ok\n")]


@pytest.mark.parametrize("table", ["calls.runs", "meta"])
def test_a_server_whose_database_does_not_answer_is_not_ready_until_it_does(tmp_path: Path, table: str) -> None:
    with a_database() as url, running_titan(tmp_path / "home", offers=(), store=url) as titan:
        with psycopg.connect(url) as connection:  # one transaction, at whose end the lock is released
            connection.execute(f"lock table {table} in access exclusive mode".encode())
            locked = probed(titan.sdk_port, "/readyz"), probed(titan.sdk_port, "/healthz")

        assert locked == ((503, b"not ready: the store does not answer\n"), (200, b"ok\n"))
        wait_until(lambda: probed(titan.sdk_port, "/readyz") == (200, b"ready\n"), "it is ready again", seconds=60)
