"""Workflows, tasks and agent runs over HTTP, for tests."""

from typing import Any

from tests.support.raw_http import ask_json, given
from tests.support.waiting import wait_until
from tests.unit.world.a_shop import DEFINITION

PROJECT = "/api/projects/default"
CANCELLED = {"type": "flag_set", "flag": "order_cancelled:O1"}

AGENT = """
import json
import urllib.request


def run(task, *, proxy_url, run_token):
    def call(tool, **args):
        headers = {"Authorization": f"Bearer {run_token}"}
        request = urllib.request.Request(f"{proxy_url}/tools/{tool}", json.dumps(args).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["response"]

    BODY
"""


def python_agent(body: str) -> dict[str, Any]:
    """Return an agent whose function has this body; `call` calls a tool, `task` is what it is asked."""
    return {"kind": "python", "source": AGENT.replace("BODY", body)}


def http_agent(url: str) -> dict[str, Any]:
    """Return an agent on this machine."""
    return {"kind": "http", "url": url, "allow_loopback": True}


def a_workflow(port: int, name: str, agent: dict[str, Any], *, tasks: int = 1, **fields: Any) -> str:
    """Register an agent and a workflow of that name with tasks `t0`, `t1`, …; return the workflow's path."""
    path = f"{PROJECT}/workflows/{name}"
    settings: dict[str, Any] = {key: fields.pop(key) for key in ("run_timeout_s", "concurrency_cap") if key in fields}
    seed: dict[str, Any] = {"user_instruction": "Cancel my order O1.", **fields.pop("seed", {})}
    definition = {"world": DEFINITION, "fields": [{"name": "agent", "agent": name, **settings}], **fields}
    _ok(port, "PUT", f"{PROJECT}/agents/{name}", {"definition": agent})
    _ok(port, "PUT", path, {"definition": definition})
    rows = [{"id": f"t{number}", "odyssey_seed": seed, "scorers": [CANCELLED]} for number in range(tasks)]
    _ok(port, "POST", f"{path}/tasks", {"tasks": rows, "reseed": True})
    return path


def dispatched(port: int, path: str, **body: Any) -> list[str]:
    """Have the tasks of a workflow tried; return the runs."""
    run_ids: list[str] = _ok(port, "POST", f"{path}/agent-runs", body)["run_ids"]
    return run_ids


def ended(port: int, path: str, run_id: str, task: str = "t0") -> dict[str, Any]:
    """Return an agent run when it has ended."""
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(given(port, f"{path}/tasks/{task}/agent-runs/{run_id}?wait_seconds=10"))
        return found["ended_at"] is not None

    wait_until(is_over, f"the end of {run_id}", seconds=60)
    return found


def tried(port: int, name: str, agent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the one agent run of a workflow with one task, when it has ended."""
    path = a_workflow(port, name, agent, auto_redispatch=False, **fields)
    return ended(port, path, dispatched(port, path)[0])


def _ok(port: int, method: str, path: str, body: Any) -> Any:
    answer = ask_json(port, method, path, body)
    assert answer.status in (200, 202), answer.body
    return answer.value
