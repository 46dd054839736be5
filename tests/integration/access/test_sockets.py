"""Live events over a WebSocket: the same as server-sent ones, resumed over a restart, closed politely, and cheap."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.event_stream import events
from tests.support.raw_http import request, said
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT
from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until
from tests.support.wire_jobs import a_running_job

COMES_WITHIN_SECONDS = 20.0
PING_WITHIN_SECONDS = 25.0
SLOW: Final[Mapping[str, Any]] = {"max_queue": 1, "ping_interval": None, "close_timeout": 0.1}  # stops when unread


@contextmanager
def listening(holder: Holder, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    """Listen on a socket for a `with` block."""
    url = f"ws://127.0.0.1:{holder.port}/api/events/ws{query}"
    with connect(url, additional_headers=holder.header, proxy=None, **options) as socket:
        yield socket


def received(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=COMES_WITHIN_SECONDS))
    return frame


def take(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [received(socket) for _ in range(count)]


def submit(holder: Holder, *names: str, run: str | None = None) -> str:
    body = a_dag_body([a_job_body(name) for name in names or ("a",)], agent_run_id=run)
    answer = holder.ask_json("POST", "/api/dags", body)
    assert answer.status == 201, answer.body
    dag_id: str = answer.value["dag_id"]
    return dag_id


def present_cursor(holder: Holder) -> int:
    with listening(holder, "?after=unknown") as socket:
        return int(received(socket)["resync"])


def refusal(holder: Holder, query: str = "", **options: Any) -> tuple[int, str]:
    """Return the status and the error's type that a handshake is refused with."""
    with pytest.raises(InvalidStatus) as refused, listening(holder, query, **options):
        pass
    response = refused.value.response
    return response.status_code, json.loads(response.body)["error"]["type"]


def test_it_sends_the_same_as_server_sent_events(quiet: Holder) -> None:
    start = present_cursor(quiet)
    submit(quiet)

    with listening(quiet, f"?after={start}") as socket, events(quiet.port, f"?after={start}", quiet.header) as stream:
        frames, sent = take(socket, 2), stream.take(2)

    assert frames == [event.data for event in sent]
    assert [frame["kind"] for frame in frames] == ["DagSubmitted", "JobReady"]
    assert [frame["cursor"] for frame in frames] == [str(start + 1), str(start + 2)]


def test_without_a_cursor_it_begins_now(quiet: Holder) -> None:
    with listening(quiet, "?run=" + (run := a_name("run"))) as socket:
        submit(quiet, run=run)

        assert received(socket)["kind"] == "RunStarted"


@pytest.mark.parametrize("cursor", [str(10**15), "9" * 400, "-1", "yesterday", "", "%C2%B2"])
def test_a_socket_with_a_cursor_unknown_to_this_journal_gets_a_resync_and_then_new_events(
    quiet: Holder, cursor: str
) -> None:
    before = present_cursor(quiet)

    with listening(quiet, f"?after={cursor}") as socket:
        first = received(socket)
        submit(quiet)
        news = take(socket, 2)

    assert first == {"resync": str(before)}
    assert [frame["cursor"] for frame in news] == [str(before + 1), str(before + 2)]


def test_a_client_that_comes_back_after_a_restart_misses_nothing(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        holder = Holder(titan.sdk_port, titan.home_token)
        start = present_cursor(holder)
        submit(holder)
        with listening(holder, f"?after={start}") as socket:
            seen = take(socket, 1)
            titan.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                seen += take(socket, 10)
        titan.start_again()
        submit(holder)
        end = present_cursor(holder)

        cursor = int(seen[-1]["cursor"]) if seen else start
        with listening(holder, f"?after={cursor}") as socket:
            seen += take(socket, end - cursor)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert [int(frame["cursor"]) for frame in seen] == list(range(start + 1, end + 1))


def test_a_killed_server_is_found_again_by_the_cursor(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        holder = Holder(titan.sdk_port, titan.home_token)
        start = present_cursor(holder)
        with listening(holder, f"?after={start}") as socket:
            submit(holder)
            seen = take(socket, 1)
            titan.kill()
            with pytest.raises(ConnectionClosed):
                take(socket, 10)
        titan.start_again()

        with listening(holder, f"?after={seen[-1]['cursor']}") as socket:
            assert [frame["kind"] for frame in (*seen, received(socket))] == ["DagSubmitted", "JobReady"]


def test_only_holders_of_tokens_are_let_in(admin: Holder, nobody: Holder) -> None:
    assert refusal(nobody) == (401, "Unauthorized")
    assert refusal(Holder(nobody.port, "titan_000000000000_" + "0" * 64)) == (401, "Unauthorized")
    assert refusal(admin.make("worker")) == (403, "Forbidden")
    with listening(admin.make("viewer"), "?after=unknown") as socket:
        assert "resync" in received(socket)


def test_a_refused_handshake_is_no_error_of_the_server(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        holder = Holder(titan.sdk_port, titan.home_token)

        assert refusal(Holder(titan.sdk_port, None)) == (401, "Unauthorized")
        assert refusal(holder.make("worker")) == (403, "Forbidden")
        assert refusal(holder, "?unknown=1") == (400, "InvalidInput")
        titan.terminate()

        (line,) = (line for line in titan.log.splitlines() if " INFO " not in line)
        assert "turned away: 127.0.0.1 asked WEBSOCKET '/api/events/ws' with none" in line


def test_a_page_of_another_host_is_refused_even_with_a_token(quiet: Holder) -> None:
    assert refusal(quiet, origin="https://evil.example") == (403, "Forbidden")
    with listening(quiet, "?after=unknown", origin=f"http://127.0.0.1:{quiet.port}") as socket:
        assert "resync" in received(socket)


def test_a_query_that_makes_no_sense_is_refused_before_the_handshake(quiet: Holder) -> None:
    assert refusal(quiet, "?unknown=1") == (400, "InvalidInput")
    assert refusal(quiet, "?run=%00") == (400, "InvalidInput")
    assert refusal(quiet, "?after=1&after=2") == (400, "InvalidInput")


def test_there_is_no_other_socket(quiet: Holder) -> None:
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://127.0.0.1:{quiet.port}/api/jobs", additional_headers=quiet.header, proxy=None),
    ):
        pass
    assert quiet.ask("GET", "/api/events/ws").status == 404 or quiet.ask("GET", "/api/events/ws").status == 405


def test_a_job_receives_events_of_its_own_run_alone(admin: Holder) -> None:
    run = a_name("run")
    job = a_running_job(admin.make("worker"), admin, run=run)

    with listening(job.holder, f"?run={run}&after=0") as socket:
        assert received(socket)["kind"] == "RunStarted"
    assert refusal(job.holder, "?run=another") == (403, "Forbidden")
    assert refusal(job.holder) == (403, "Forbidden")


def test_revoking_a_token_closes_its_event_sockets(quiet: Holder) -> None:
    holder = quiet.make("viewer")
    with listening(holder, "?after=unknown") as socket:
        received(socket)
        quiet.ask("POST", f"/api/tokens/{holder.token_id}/revoke")

        with pytest.raises(ConnectionClosed) as closed:
            take(socket, 2)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_messages_from_a_client_are_ignored(quiet: Holder) -> None:
    with listening(quiet, "?after=unknown") as socket:
        received(socket)
        socket.send("hello")
        socket.send(b"\0" * 1000)
        submit(quiet)

        assert received(socket)["kind"] == "DagSubmitted"


def test_clients_that_read_slowly_cost_the_server_no_memory(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        holder = Holder(titan.sdk_port, titan.home_token)
        names = [str(number) for number in range(5000)]
        for _ in range(3):
            submit(holder, *names)
        server = psutil.Process(titan.pid)
        before = server.memory_info().rss
        opened = [listening(holder, "?after=0", **SLOW) for _ in range(15)]
        firsts = [received(each.__enter__()) for each in opened]
        ask_until_idle(server)

        grown = server.memory_info().rss - before
        for each in opened:
            each.__exit__(None, None, None)
        # A new one, for a client that reads nothing for half a minute is sent away, and all this may take as long.
        with listening(holder, "?after=0", **SLOW) as socket:
            firsts.append(received(socket))
            ask_until_idle(server)
            slowest = take(socket, 15_000)

    assert [frame["cursor"] for frame in firsts] == ["1"] * 16
    assert [int(frame["cursor"]) for frame in slowest] == list(range(2, 15_002))
    assert grown < 30 * 1024 * 1024  # 15 sockets with all their 5 MB each would be 75 MB


def ask_until_idle(process: psutil.Process) -> None:
    """Return once the process has nothing to do: every socket's buffers are full."""
    wait_until(lambda: process.cpu_percent(interval=0.3) < 20.0, "the server to be idle", seconds=60)


def test_the_guides_program_receives_events(quiet: Holder) -> None:
    guide = (ROOT / "docs/guide/http.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", guide, re.S)
    code = program.replace("127.0.0.1:5000", f"127.0.0.1:{quiet.port}")
    submit(quiet)

    environment = {**os.environ, "TITAN_TOKEN": quiet.token or "", "NO_PROXY": "*"}
    listener = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout is not None
        first = listener.stdout.readline().split()
    finally:
        listener.kill()
        listener.communicate(timeout=60)

    assert first[0] == "1"


@pytest.mark.slow
def test_a_quiet_socket_is_pinged(quiet: Holder) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
        "Content-Length": "",
        **quiet.header,
    }
    with said(quiet.port, request("GET", f"/api/events/ws?run={a_name('run')}", headers=headers)) as connection:
        connection.settimeout(PING_WITHIN_SECONDS)
        head = connection.recv(4096)
        frame = connection.recv(2)
        while frame[0] == 0x81:  # text: a sign of life for pages
            connection.recv(frame[1])
            frame = connection.recv(2)

    assert head.startswith(b"HTTP/1.1 101")
    assert frame == b"\x89\x04"  # RFC 6455, 5.2: final, opcode 9, four bytes


@pytest.mark.slow
def test_a_quiet_socket_sends_its_cursor_as_a_heartbeat(quiet: Holder) -> None:
    submit(quiet, run=(run := a_name("run")))
    start = present_cursor(quiet)

    with listening(quiet, f"?after={start}&run={run}") as socket:
        submit(quiet, run=a_name("run"))  # the journal is not quiet, what this client asked for is

        assert received(socket) == {"cursor": str(present_cursor(quiet))}  # what concerns others is not read again
