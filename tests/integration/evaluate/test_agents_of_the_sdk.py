"""Agents written with `titan_sdk.agent`: served by a process of their own, mounted in an ASGI server, run as a job."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.evaluations import PROJECT, http_agent, tried
from tests.support.raw_http import ask, ask_json, given
from tests.support.served_agent import SOURCE, served_agent

TOKEN = "agent-secret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def checked(port: int, name: str, definition: dict[str, Any]) -> Any:
    """Return what the test of an agent's connection says."""
    registered = ask_json(port, "PUT", f"{PROJECT}/agents/{name}", {"definition": definition})
    assert registered.status == 200, registered.body
    return ask_json(port, "POST", f"{PROJECT}/agents/{name}/test-connection", {}).value


def test_a_decorated_function_is_an_agent(port: int, tmp_path: Path) -> None:
    with served_agent(tmp_path, token=TOKEN) as url:
        definition = {**http_agent(f"{url}/run"), "headers": BEARER}
        connection = checked(port, "sdk", definition)
        strange = checked(port, "sdk-strange", {**definition, "headers": {"Authorization": "Bearer wrong"}})
        run = tried(port, "sdk", definition)

    assert (connection["ok"], connection["outbound"]["reachable"], connection["outbound"]["status_code"]) == (
        True,
        True,
        401,
    )
    assert (strange["ok"], strange["error_class"]) == (False, "auth_failed")
    assert (run["status"], run["verdict"], run["final_response"]) == ("completed", "PASS", "Cancelled O1.")
    assert (run["cost_usd"], run["sources"]) == ("0.01", {"odyssey": 2})
    events = [given(port, f"/api/v1/runs/{run['run_id']}/actions/event-{number}")["action"] for number in (0, 1)]
    assert [(one["name"], one["actor"]) for one in events] == [
        ("thinking", None),
        ("subagent_message", "desk/cancel"),
    ]
    call = given(port, f"/api/v1/runs/{run['run_id']}/actions/call-1")["action"]
    assert call["actor"] == "desk/cancel"


@pytest.mark.parametrize(
    ("name", "status", "error_class"),
    [("later", "completed", None), ("broken", "failed", "agent_5xx"), ("silent", "failed", "contract_error")],
)
def test_coroutines_exceptions_and_empty_answers_keep_the_contract(
    port: int, tmp_path: Path, name: str, status: str, error_class: str | None
) -> None:
    with served_agent(tmp_path) as url:
        run = tried(port, f"sdk-{name}", http_agent(f"{url}/{name}"))

    assert (run["status"], run["error_class"]) == (status, error_class)
    if name == "broken":
        assert "no idea" in run["error"]["detail"]


def test_requests_that_are_not_from_titan_are_refused_by_status(tmp_path: Path) -> None:
    with served_agent(tmp_path, token=TOKEN) as url:
        port = int(url.rpartition(":")[2])
        found = [
            ask(port, "POST", target, body, headers).status
            for target, body, headers in (
                ("/run", b'{"ping": true}', {}),
                ("/run", b'{"ping": true}', BEARER),
                ("/nobody", b"{}", BEARER),
                ("/run", b"[]", BEARER),
                ("/run", b"{}", BEARER),
                ("/run", b'{"proxy_url": "http://127.0.0.1:1"}', BEARER),
                ("/run", b"", {**BEARER, "Content-Length": "20000000"}),
            )
        ]

    assert found == [401, 200, 404, 400, 400, 400, 413]


def test_an_agent_is_mounted_in_an_asgi_server(port: int, tmp_path: Path) -> None:
    program = (
        "import socket, uvicorn, titan_sdk, agent; listener = socket.create_server(('127.0.0.1', 0));"
        "print(f'http://127.0.0.1:{listener.getsockname()[1]}', flush=True);"
        "uvicorn.Server(uvicorn.Config(titan_sdk.agent.app, log_level='warning')).run([listener])"
    )
    with served_agent(tmp_path, command=("-c", program)) as url:
        assert checked(port, "asgi", http_agent(f"{url}/run"))["outbound"]["reachable"]
        run = tried(port, "asgi", http_agent(f"{url}/run"))
        later = tried(port, "asgi-later", http_agent(f"{url}/later"))

    assert (run["verdict"], run["tool_calls"]) == ("PASS", 2)
    assert later["verdict"] == "PASS"


def test_the_same_file_runs_as_a_job(port: int) -> None:
    run = tried(port, "sdk-job", {"kind": "python", "source": SOURCE})

    assert (run["status"], run["verdict"], run["tool_calls"]) == ("completed", "PASS", 2), run["error"]
