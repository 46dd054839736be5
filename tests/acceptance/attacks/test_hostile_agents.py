"""Agents that mean harm: each gets its class, and the server and honest agents go on as before."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from tests.support.agent_server import Asked, Raw, agent_server
from tests.support.evaluations import a_workflow, dispatched, ended, http_agent, python_agent, tried
from tests.support.raw_http import Answer, ask, ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until

MB = 1024 * 1024
ROOM_BYTES = 200 * MB  # that the server may grow by: the most that several answers of 10 MB take for a moment
AGENT_SECONDS = 2


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("hostile") / "home") as running:
        yield running


@pytest.fixture
def port(titan: RunningTitan) -> Iterator[int]:
    """The server's port; whatever a test did, honest agents are tried as before, and the server has not grown."""
    before = memory_of(titan)
    yield titan.sdk_port
    with agent_server(cancels) as url:
        assert tried(titan.sdk_port, "honest", http_agent(url))["verdict"] == "PASS"
    assert memory_of(titan) < before + ROOM_BYTES


def memory_of(titan: RunningTitan) -> int:
    rss: int = psutil.Process(titan.pid).memory_info().rss
    return rss


def cancels(asked: Asked) -> object:
    return asked.call("cancel_order", order_id="O1")["response"]["message"]


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Give the address of a server that does with each connection what it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=safely, args=(talk, connection), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/agent"
    finally:
        listener.close()
        for connection in connections:
            connection.close()


def safely(talk: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            read_request(connection)
            talk(connection)
        except OSError:
            pass  # the server has had enough


def read_request(connection: socket.socket) -> None:
    """Read a request to its end: closing before would reset the connection, whatever was sent."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    headers, _, body = read.partition(b"\r\n\r\n")
    [length] = [int(line[15:]) for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < length:
        body += connection.recv(65536)


def head(status: str = "200 OK", length: int = 1000, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def floods(connection: socket.socket) -> None:
    connection.sendall(head(length=50 * MB))
    for _ in range(50):
        connection.sendall(b"x" * MB)


def floods_with_an_error(connection: socket.socket) -> None:
    connection.sendall(head("500 Oops", length=50 * MB))
    for _ in range(50):
        connection.sendall(b"x" * MB)


#: Made before anybody waits for it.
BOMB = gzip.compress(b'{"final_response": "' + b"x" * (64 * MB) + b'"}', compresslevel=1)


def explodes(connection: socket.socket) -> None:
    connection.sendall(head(length=len(BOMB), more="Content-Encoding: gzip\r\n") + BOMB)


def has_endless_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(10_000_000):
        connection.sendall(f"X-{number}: {'y' * 1000}\r\n".encode())


def drips(connection: socket.socket) -> None:
    connection.sendall(head())
    while True:
        connection.sendall(b" ")
        threading.Event().wait(0.1)


def drips_its_headers(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"H")
        threading.Event().wait(0.1)


def breaks_off(connection: socket.socket) -> None:
    connection.sendall(head() + b'{"final_')


def says_nothing(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("talk", "error_class"),
    [
        (floods, "contract_error"),
        (floods_with_an_error, "agent_5xx"),
        (explodes, "agent_bad_response"),
        (has_endless_headers, "transport_error"),
        (drips, "agent_timeout"),
        (drips_its_headers, "agent_timeout"),
        (breaks_off, "transport_error"),
        (says_nothing, "agent_timeout"),
    ],
)
def test_an_answer_that_does_not_end_as_it_should(
    port: int, talk: Callable[[socket.socket], None], error_class: str
) -> None:
    with talking(talk) as url:
        found = tried(port, f"hostile-{talk.__name__}", http_agent(url), run_timeout_s=AGENT_SECONDS)

    assert (found["status"], found["error_class"]) == ("failed", error_class), found["error"]
    assert found["verdict"] == "PENDING"
    assert len(found["error"]["detail"]) <= 500


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(port: int, status: int) -> None:
    asked: list[str] = []

    class Secret(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

        def do_POST(self) -> None:
            asked.append(self.path)

    secret = HTTPServer(("127.0.0.1", 0), Secret)
    threading.Thread(target=secret.serve_forever, args=(0.02,), daemon=True).start()
    to = f"http://127.0.0.1:{secret.server_port}/secret"
    with agent_server(lambda _: Raw(status=status, headers={"Location": to})) as url:
        found = tried(port, f"redirects-{status}", http_agent(url))
    secret.shutdown()
    secret.server_close()

    assert (found["error_class"], asked) == ("transport_error", [])


def test_tokens_of_others_and_of_runs_that_are_over_open_nothing(port: int) -> None:
    tokens: dict[str, str] = {}
    refused: list[tuple[str, int, str]] = []
    all_here = threading.Barrier(2)

    def tries_the_others_world(asked: Asked) -> object:
        own = asked.body["run_id"]
        tokens[own] = asked.headers["X-Titan-Run-Token"]
        all_here.wait(20)
        [other] = set(tokens) - {own}
        for name, run, token in (
            ("another run's token", own, tokens[other]),
            ("one's own token", other, tokens[own]),
            ("no token", other, None),
            ("a made-up one", other, "titan_run_" + "x" * 43),
        ):
            answer = call(port, run, token)
            refused.append((name, answer.status, answer.value["detail"]["error_class"]))
        all_here.wait(20)
        return "I tried."

    with agent_server(tries_the_others_world) as url:
        path = a_workflow(port, "spies", http_agent(url), tasks=2, concurrency_cap=2)
        runs = dispatched(port, path)
        found = [ended(port, path, run_id, task=f"t{place}") for place, run_id in enumerate(runs)]
    late = [call(port, run_id, token) for run_id, token in tokens.items()]

    assert {status for _, status, _ in refused} == {401}
    assert {(name, error_class) for name, _, error_class in refused} == {
        ("another run's token", "run_token_rejected"),
        ("one's own token", "run_token_rejected"),
        ("no token", "run_token_missing"),
        ("a made-up one", "run_token_rejected"),
    }
    assert [answer.status for answer in late] == [401, 401]
    assert [(one["tool_calls"], one["verdict"]) for one in found] == [(0, "FAIL")] * 2
    assert [given(port, f"/api/v1/runs/{run_id}")["tally"]["calls"] for run_id in runs] == [0, 0]


def call(port: int, run_id: str, token: str | None) -> Answer:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    target = f"/api/world/runs/{run_id}/tools/cancel_order"
    return ask_json(port, "POST", target, {"order_id": "O1"}, headers)


def test_the_token_of_a_run_is_no_token_of_the_server(tmp_path: Path) -> None:
    answers: list[int] = []
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        admin = {"Authorization": f"Bearer {titan.home_token}"}

        def asks_the_server(asked: Asked) -> object:
            own = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}
            for target in ("/api/v1/runs", "/api/tokens", "/api/projects/default/workflows"):
                answers.append(ask_json(titan.sdk_port, "GET", target, None, own).status)
            return "I tried."

        with agent_server(asks_the_server) as url:
            path = "/api/projects/default"
            definition = {"world": {"name": "w"}, "fields": [{"name": "agent", "agent": "a"}]}
            for method, target, body in (
                ("PUT", f"{path}/agents/a", {"definition": http_agent(url)}),
                ("PUT", f"{path}/workflows/w", {"definition": definition}),
                (
                    "POST",
                    f"{path}/workflows/w/tasks",
                    {"tasks": [{"id": "t", "odyssey_seed": {"user_instruction": "Go."}}]},
                ),
                ("POST", f"{path}/workflows/w/agent-runs", {}),
            ):
                assert ask_json(titan.sdk_port, method, target, body, admin).status < 300
            wait_until(lambda: len(answers) == 3, "the agent's three requests")

    assert answers == [401, 401, 401]


def test_an_agent_that_calls_on_while_its_run_ends_changes_nothing_afterwards(port: int) -> None:
    """What it had asked when it answered still counts, and is graded; what comes later is refused."""
    late: list[int] = []
    go_on = threading.Event()
    over = threading.Event()

    def leaves_a_thread(asked: Asked) -> object:
        def refunds() -> None:
            go_on.wait(20)
            late.append(call(port, asked.body["run_id"], asked.headers["X-Titan-Run-Token"]).status)
            over.set()

        threading.Thread(target=refunds, daemon=True).start()
        return "done"

    with agent_server(leaves_a_thread) as url:
        path = a_workflow(port, "leaves", http_agent(url))
        [run_id] = dispatched(port, path)
        found = ended(port, path, run_id)
        go_on.set()
        assert over.wait(20)

    assert (late, found["tool_calls"]) == ([401], 0)
    assert given(port, f"{path}/tasks/t0/agent-runs/{run_id}/tool-calls")["tool_calls"] == []


def test_arguments_and_events_without_measure_are_refused(port: int) -> None:
    statuses: list[int] = []

    def pours(asked: Asked) -> object:
        token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}
        run = f"/api/world/runs/{asked.body['run_id']}"
        for target, body in (
            ("/tools/get_order", b'{"order_id": "%s"}' % (b"x" * (2 * MB))),
            ("/traces/thinking", b'{"text": "%s"}' % (b"x" * (2 * MB))),
            ("/tools/get_order", b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
        ):
            statuses.append(ask(port, "POST", run + target, body, token).status)
        return cancels(asked)

    with agent_server(pours) as url:
        found = tried(port, "pours", http_agent(url))

    assert statuses[:2] == [413, 413]
    assert statuses[2] in (200, 400)
    assert found["verdict"] == "PASS"


def test_an_agent_in_a_loop_is_stopped(port: int) -> None:
    counted: list[int] = []

    def loops(asked: Asked) -> object:
        token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}"}
        target = f"/api/world/runs/{asked.body['run_id']}/tools/get_order"
        status = 200
        while status == 200:
            status = ask_json(port, "POST", target, {"order_id": "O1"}, token).status
            counted.append(status)
        return cancels(asked)

    with agent_server(loops) as url:
        found = tried(port, "loops", http_agent(url))

    assert (len(counted), counted[-1]) == (1_001, 429)
    assert found["status"] == "failed"  # its last call was refused, so it raised


@pytest.mark.parametrize("metadata", [{"cost_usd": "NaN"}, {"cost_usd": -5}, {"cost_usd": 1e300}, [1], "free"])
def test_metadata_that_lies_harms_no_sum(port: int, metadata: object) -> None:
    with agent_server(lambda _: {"final_response": "done", "metadata": metadata}) as url:
        found = tried(port, "lies", http_agent(url))

    assert found["status"] == "completed"
    json.dumps(found, allow_nan=False)
    assert given(port, "/api/projects/default/workflows/lies/agent-runs")["agent_runs"]


def test_code_that_never_ends_is_stopped_at_its_time(port: int) -> None:
    found = tried(port, "spins", python_agent("while True: pass"), run_timeout_s=AGENT_SECONDS)

    assert found["error_class"] == "agent_timeout"
