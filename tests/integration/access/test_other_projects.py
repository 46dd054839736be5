"""No route shows or changes what another project or organisation has: by id all is unknown, and no list names it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.support.agent_server import Asked, agent_server
from tests.support.evaluations import http_agent
from tests.support.raw_http import request as said_request
from tests.support.raw_http import said
from tests.support.replayed import a_call
from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder, an_owner
from titan.rules.access import OF_ALL_PROJECTS, Permission
from titan.server.http.route import Route
from titan.server.http.table import ROUTES

#: Routes with a part in their path that is no thing of a project, or that make a thing in the caller's own.
_MAKES_OR_NAMES_NOTHING: Final = {
    "PUT /api/files/{name}",
    "POST /api/v1/runs/{run}/replays/{replay}/report",  # the job of the replay alone, for nobody else
    "POST /api/v1/replay/{run}/results",
    *(f"{asked} /api/v1/approvals/{{approval}}/{verb}" for asked, verb in [("GET", "poll"), ("POST", "cancel")]),
    "POST /api/v1/approvals/{approval}/respond",
}
BY_ID: Final = [
    route
    for route in ROUTES
    if "{" in route.path
    and route.permission not in OF_ALL_PROJECTS | {Permission.FETCH, Permission.ACT}
    and f"{route.method} {route.path}" not in _MAKES_OR_NAMES_NOTHING
]
LISTS: Final = [
    route
    for route in ROUTES
    if route.method == "GET" and "{" not in route.path and route.permission not in OF_ALL_PROJECTS and not route.frames
]
#: Routes of a project that there is once anybody names it: its lists, and what makes something in it.
_LISTS_OF_A_PROJECT: Final = {f"/api/projects/{{project}}/{things}" for things in ("workflows", "agents", "endpoints")}
_OF_ANY_PROJECT: Final = {
    "POST /api/projects/{project}/apply",
    *(f"GET {path}" for path in _LISTS_OF_A_PROJECT),
    *(
        f"PUT /api/projects/{{project}}/{thing}"
        for thing in ("workflows/{workflow}", "agents/{agent}", "endpoints/{endpoint}")
    ),
}
BODIES: Final[dict[str, object]] = {
    "POST /api/v1/runs/{run}/end": {"status": "completed"},
    "POST /api/v1/runs/{run}/notes": {"text": "seen"},
    "PUT /api/v1/runs/{run}/determinism/accepted/{issue}": {"reason": "It does not matter."},
    "POST /api/v1/runs/{run}/replays": {"level": "self_check"},
    "POST /api/v1/runs/{run}/forks": {"at": "", "output": 1},
    "PUT /api/projects/{project}/workflows/{workflow}": {"definition": {"world": {"name": "empty"}}},
    "POST /api/projects/{project}/workflows/{workflow}/tasks": {"tasks": []},
    "POST /api/projects/{project}/workflows/{workflow}/import-tasks": [
        {"id": "t2", "odyssey_seed": {"user_instruction": "Ring."}}
    ],
    "POST /api/projects/{project}/apply": {"workflow": "applied", "definition": {"world": {"name": "empty"}}},
    "PUT /api/projects/{project}/agents/{agent}": {"definition": {"kind": "python", "source": ""}},
    "PUT /api/projects/{project}/endpoints/{endpoint}": {"definition": {"kind": "http", "url": "https://a.example"}},
}
QUERIES: Final = {
    "GET /api/v1/runs": "?window=all",
    "GET /api/v1/agents": "?q={agent}",
    "GET /api/v1/intercepts": "?window=all",
    "GET /api/v1/runs/export": "?format=jsonl&window=all",
    "GET /api/v1/ledger/export": "?format=jsonl",
    "GET /api/store": "?key=shared",
    "GET /api/store/sets": "?key=shared",
    "GET /api/v1/runs/{run}/bodies": "?ids={action}",
    "GET /api/v1/runs/{run}/find": "?q=look",
}


@pytest.fixture(scope="module")
def project() -> str:
    return a_name("project")


@pytest.fixture(scope="module", params=["a project", "an organisation"])
def inside(request: pytest.FixtureRequest, admin: Holder, project: str) -> Holder:
    """Somebody with every right in a project: of the server's own organisation, or of one that others have."""
    owner = admin if request.param == "a project" else an_owner(admin)
    return owner.make("owner", project=project)


@pytest.fixture(scope="module")
def outside(admin: Holder) -> list[Holder]:
    """Whoever has every right: in another project, in another organisation."""
    return [admin.make(project=a_name("elsewhere")), an_owner(admin).make("owner", project=a_name("elsewhere"))]


@pytest.fixture(scope="module")
def namesakes(admin: Holder, inside: Holder, project: str) -> list[Holder]:
    """Whoever has a project of the same name, in other organisations."""
    organisations = [an_owner(admin), admin]
    of_inside = inside.ask("GET", "/api/session").value["organisation"]
    others = [one for one in organisations if one.ask("GET", "/api/session").value["organisation"] != of_inside]
    return [one.make("owner", project=project) for one in others]


@pytest.fixture
def things(inside: Holder, project: str, agent_url: str) -> dict[str, str]:
    """One of each kind of thing of the project; all their names hold the one of the run."""
    run = a_name("run")
    jobs = [a_job_body(f"j-{run}"), {"id": f"g-{run}", "kind": "gate", "hitl_message": "Go on?"}]
    submitted = a_dag_body(jobs, name=f"dag-{run}", agent_run_id=run, agent_id=f"agent-{run}")
    dag_id = _made(inside, "POST", "/api/dags", submitted)["dag_id"]
    now_ns = time.time_ns()
    times = {"started_at_ns": now_ns, "ended_at_ns": now_ns + 1000}
    call = a_call(f"a-{run}", name=f"look {run}", **times, inputs=1, outputs=str(uuid.uuid4()))
    failing = {**call, "id": f"b-{run}", "outcome": "error"}
    _made(inside, "POST", "/api/v1/actions", {"run_id": run, "entries": [call, failing]})
    note = _made(inside, "POST", f"/api/v1/runs/{run}/notes", {"text": run})
    replay = _made(inside, "POST", f"/api/v1/runs/{run}/replays", {"level": "self_check"})
    issue = quote(inside.ask("GET", f"/api/v1/runs/{run}/determinism").value["issues"][0]["key"], safe="")
    _made(inside, "PUT", f"/api/v1/runs/{run}/determinism/accepted/{issue}", {"reason": "known"})
    assert inside.ask("PUT", f"/api/files/f-{run}", b"content").status == 201
    _made(inside, "PUT", "/api/store", {"key": "shared", "value": run})
    _made(inside, "POST", "/api/store/sets", {"key": "shared", "member": run})
    return {
        "run": run,
        "dag": dag_id,
        "job": f"j-{run}",
        "gate": f"g-{run}",
        "action": f"a-{run}",
        "agent": f"agent-{run}",
        "note": note["id"],
        "replay": replay["id"],
        "issue": issue,
        "name": f"f-{run}",
        "token": inside.make("viewer").token_id,
        **_tried(inside, project, run, agent_url),
    }


def _tried(inside: Holder, project: str, run: str, agent_url: str) -> dict[str, str]:
    """Return a workflow, a task and an agent run with a call, which has ended."""
    made = f"/api/projects/{project}"
    workflow = f"{made}/workflows/w-{run}"
    field = {"name": "agent", "agent": f"agent-{run}"}
    world = {"name": "w", "tools": [{"name": "ring", "response": "rang"}]}
    is_local = inside.ask("GET", "/api/session").value["organisation"] == "local"
    # Other organisations may not have this machine asked; their agent is not reached.
    agent = http_agent(agent_url) if is_local else {"kind": "http", "url": "https://agent.invalid"}
    _made(inside, "PUT", f"{made}/agents/agent-{run}", {"definition": agent})
    definition = {"world": world, "fields": [field], "auto_redispatch": False}
    _made(inside, "PUT", workflow, {"definition": definition})
    _made(inside, "POST", f"{workflow}/tasks", {"tasks": [{"id": "t", "odyssey_seed": {"user_instruction": "Ring."}}]})
    endpoint = {"kind": "http", "url": "https://crm.example", "headers": {"Authorization": "secret"}}
    _made(inside, "PUT", f"{made}/endpoints/e-{run}", {"definition": endpoint})
    [agent_run] = _made(inside, "POST", f"{workflow}/agent-runs", {})["run_ids"]
    answer = inside.ask("GET", f"{workflow}/tasks/t/agent-runs/{agent_run}?wait_seconds=20")
    assert answer.value["status"] == ("completed" if is_local else "failed"), answer.body
    ran = {"agent_run": agent_run, "sequence": "0"}
    return {"project": project, "workflow": f"w-{run}", "task": "t", "endpoint": f"e-{run}", **ran}


@pytest.fixture(scope="module")
def agent_url() -> Iterator[str]:
    def ring(asked: Asked) -> str:
        asked.call("ring")
        return "It rang."

    with agent_server(ring) as url:
        yield url


def _made(holder: Holder, method: str, target: str, body: object) -> Any:
    answer = holder.ask_json(method, target, body)
    assert answer.status < 300, answer.body
    return answer.value


@pytest.mark.parametrize("route", BY_ID, ids=lambda route: f"{route.method} {route.path}")
def test_objects_of_another_project_are_unknown_on_every_route(
    inside: Holder, outside: list[Holder], namesakes: list[Holder], things: dict[str, str], route: Route
) -> None:
    refused = {_status(holder, route, things) for holder in outside}
    of_the_name = {_status(holder, route, things) for holder in namesakes}
    allowed = _status(inside, route, things)

    assert refused == {404}
    assert of_the_name == ({200} if f"{route.method} {route.path}" in _OF_ANY_PROJECT else {404})
    may_be_gone = "{issue}" in route.path or "{sequence}" in route.path  # an agent that was not reached called no tool
    needs_owner = route.path.endswith("/trust")  # no token is enough: the key of the home is
    assert allowed not in {400, 401, *(() if needs_owner else (403,)), *(() if may_be_gone else (404,))}


def test_no_list_names_objects_of_another_project(
    inside: Holder, outside: list[Holder], namesakes: list[Holder], admin: Holder, things: dict[str, str]
) -> None:
    def naming(holder: Holder) -> set[str]:
        lists = [*LISTS, *(route for route in BY_ID if route.method == "GET" and route.path in _LISTS_OF_A_PROJECT)]
        answers = {route.path: holder.ask("GET", _target(route, things)) for route in lists}
        return {
            path for path, answer in answers.items() if answer.status == 200 and things["run"].encode() in answer.body
        }

    assert [naming(holder) for holder in (*outside, *namesakes)] == [set()] * len([*outside, *namesakes])
    assert not naming(admin) & {"/api/v1/runs", "/api/dags"}  # it asks for its own default project
    assert naming(inside) >= {
        *_LISTS_OF_A_PROJECT,
        *("/api/dags", "/api/gates", "/api/jobs", "/api/store", "/api/store/sets"),
        *("/api/v1/agents", "/api/v1/intercepts", "/api/v1/ledger", "/api/v1/ledger/export"),
        *("/api/v1/runs", "/api/v1/runs/export"),
    }


def _target(route: Route, things: dict[str, str]) -> str:
    if route.path.startswith("/api/projects/"):
        things = things | {"run": things["agent_run"]}
    return (route.path + QUERIES.get(f"{route.method} {route.path}", "")).format_map(things)


def _status(holder: Holder, route: Route, things: dict[str, str]) -> int:
    """Return the status alone: what is streamed may have no end."""
    body = BODIES.get(f"{route.method} {route.path}")
    if isinstance(body, dict) and "at" in body:
        body = body | {"at": things["action"]}
    if body is not None or route.method != "GET":
        return holder.ask_json(route.method, _target(route, things), body or {}).status
    with said(holder.port, said_request("GET", _target(route, things), headers=holder.header)) as connection:
        return int(connection.recv(16).split()[1])
