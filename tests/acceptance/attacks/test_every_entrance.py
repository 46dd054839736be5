"""Each route that stores what others send is sent every kind of secret; then home, exports and backups are searched.

`ENTRANCES` and `LEFT_OUT` name every route that takes something to store: a new one fails until somebody decides.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from tests.acceptance.attacks.test_secrets import (
    a_card,
    by_actions,
    by_agentsentinel,
    by_otlp,
    by_otlp_json,
    new_id,
)
from tests.integration.evaluate.test_tool_endpoints import a_world, registered
from tests.support.agent_server import Asked, Raw, agent_server
from tests.support.evaluations import a_workflow, dispatched, ended, http_agent
from tests.support.postgres import a_database
from tests.support.raw_http import Answer, ask, ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.secrets import made
from tests.support.submissions import WireWorker, a_name
from tests.support.telemetry import STARTED_NS
from tests.support.waiting import wait_until
from titan.server.http.table import ROUTES

HEX: Final = "0123456789abcdef"
#: Every kind that has a form of its own, our own tokens of each kind, and one that only its name tells.
KINDS: Final[list[Callable[[], str]]] = [
    lambda: made("pk_" + "live_", 40, HEX),
    lambda: made("titan_" + "job_", 32, HEX),
    lambda: made("titan_" + "run_", 43),
    lambda: made("titan_", 12, HEX) + made("_", 64, HEX),
    lambda: made("sk-ant-api03-", 93),
    lambda: made("sk-proj-", 60),
    lambda: made("ghp_", 36),
    lambda: made("AKIA", 16, "ABCDEFGHJKMNPQRSTVWXYZ234567").replace("a1", "A2"),
    a_card,
]


class Planter:
    """Makes secrets, and knows which entrance each was sent by."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}
        self.entrance = ""

    def text(self) -> str:
        """Return prose with a new secret of every kind."""
        secrets = [make() for make in KINDS]
        named = made("zQ8-", 24)
        self.planted |= dict.fromkeys([*secrets, named], self.entrance)
        return "It said " + " and ".join(secrets) + f" with password={named} in it."

    def id(self) -> str:
        """Return an id with a secret in it."""
        secret = made("pk_" + "live_", 40, HEX)
        self.planted[secret] = f"{self.entrance}, as an id"
        return f"user-{secret}"


Sender = Callable[[RunningTitan, Planter], None]


def post(titan: RunningTitan, path: str, body: Any) -> Answer:
    answer = ask_json(titan.sdk_port, "POST", path, body, {"Content-Type": "application/json"})
    assert answer.status < 300, (path, answer.body)
    return answer


def actions(titan: RunningTitan, planter: Planter) -> None:
    assert by_actions(titan.sdk_port, planter.text()).status < 300
    times = {"started_at_ns": STARTED_NS, "ended_at_ns": STARTED_NS + 5}
    action = {"type": "action", "id": planter.id(), "name": planter.id(), "actor": planter.id(), **times}
    run = {"type": "run", "at_ns": STARTED_NS, "session_id": planter.id(), "agent_id": planter.id()}
    run |= {"name": planter.id(), "tags": [planter.id()]}
    post(titan, "/api/v1/actions", {"run_id": planter.id(), "entries": [action, run]})


def agentsentinel(titan: RunningTitan, planter: Planter) -> None:
    assert by_agentsentinel(titan.sdk_port, planter.text()).status < 300


def interventions(titan: RunningTitan, planter: Planter) -> None:
    body = {"run_id": planter.id(), "agent_id": planter.id(), "action_name": planter.id(), "reason": planter.text()}
    more = {"intervention_type": "hard_block", "outcome": "blocked", "timestamp": "2026-03-01T12:00:01+00:00"}
    post(titan, "/api/v1/interventions", {**body, **more, "description": planter.text()})


def not_stored(titan: RunningTitan, planter: Planter) -> None:
    approval = post(titan, "/api/v1/approvals", {"action_name": planter.id(), "run_id": planter.id()}).value["id"]
    post(titan, f"/api/v1/approvals/{approval}/respond", {"response": planter.text()})
    post(titan, "/api/v1/budgets/reserve", {"action_name": planter.id(), "estimated_cost_usd": 0.5})
    post(titan, "/api/v1/actions/register", {"agent_id": planter.id(), "sdk_version": planter.id(), "actions": []})
    results = {"status": "success", "actions_replayed": 1, "actions_total": 1, "divergences_detected": 1}
    body = {**results, "divergences": [{"said": planter.text()}], "cost_savings": 0.01}
    post(titan, f"/api/v1/replay/{new_id(8)}/results", body)


def otlp(titan: RunningTitan, planter: Planter) -> None:
    assert by_otlp(titan.sdk_port, planter.text()).status < 300
    assert by_otlp_json(titan.sdk_port, planter.text()).status < 300


def a_span(planter: Planter) -> dict[str, Any]:
    said = [{"key": "input.value", "value": {"stringValue": planter.text()}}]
    said += [
        {"key": name, "value": {"stringValue": planter.id()}} for name in ("session.id", "user.id", "gen_ai.tool.name")
    ]
    ids = {"traceId": new_id(16), "spanId": new_id(8), "name": planter.text()}
    times = {"startTimeUnixNano": str(STARTED_NS), "endTimeUnixNano": str(STARTED_NS + 5)}
    return {**ids, **times, "attributes": said, "status": {"code": 2, "message": planter.text()}}


def langfuse_otlp(titan: RunningTitan, planter: Planter) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": planter.id()}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [a_span(planter)]}]}]}
    post(titan, "/api/public/otel/v1/traces", body)


def otlp_logs(titan: RunningTitan, planter: Planter) -> None:
    said = {"stringValue": planter.text()}
    ids = {"traceId": new_id(16), "spanId": new_id(8)}
    record: dict[str, Any] = {"timeUnixNano": str(STARTED_NS), **ids, "body": said}
    record |= {"eventName": "gen_ai.choice", "attributes": [{"key": "note", "value": said}]}
    post(titan, "/v1/logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    post(titan, "/v1/metrics", {"resourceMetrics": []})


def openai_agents(titan: RunningTitan, planter: Planter) -> None:
    trace = {"object": "trace", "id": f"trace_{new_id(16)}", "workflow_name": planter.text(), "group_id": planter.id()}
    data = {"type": "function", "name": planter.id(), "input": planter.text(), "output": planter.text()}
    times = {"started_at": "2026-03-01T12:00:00+00:00", "ended_at": "2026-03-01T12:00:01+00:00"}
    error = {"message": planter.text(), "data": {"why": planter.text()}}
    span = {"object": "trace.span", "id": f"span_{new_id(12)}", "trace_id": trace["id"], "span_data": data, **times}
    post(titan, "/v1/traces/ingest", {"data": [{**trace, "metadata": {"a": planter.text()}}, {**span, "error": error}]})


def scores(titan: RunningTitan, planter: Planter) -> None:
    score = {"traceId": planter.id(), "name": planter.id(), "value": 0.9, "comment": planter.text()}
    post(titan, "/api/public/scores", score)
    score = {"traceId": new_id(16), "name": "tone", "value": planter.text(), "dataType": "CATEGORICAL"}
    post(titan, "/api/public/scores", score)
    post(titan, "/api/public/ingestion", {"batch": [{"id": "e1", "type": "score-create", "body": score}]})


def notes(titan: RunningTitan, planter: Planter) -> None:
    run = new_id(8)
    times = {"started_at_ns": STARTED_NS, "ended_at_ns": STARTED_NS + 5}
    post(titan, "/api/v1/actions", {"run_id": run, "entries": [{"type": "action", "id": "a", "name": "w", **times}]})
    body = {"text": planter.text(), "name": planter.id(), "author": planter.id(), "score": 0.2}
    post(titan, f"/api/v1/runs/{run}/notes", body)
    post(titan, f"/api/v1/runs/{run}/end", {"status": "failed", "error": planter.text()})


def imports(titan: RunningTitan, planter: Planter) -> None:
    word = made("plain", 12)
    body = {"text": f"plain {word}", "name": "n", "score": 0.2}
    run = new_id(8)
    times = {"started_at_ns": STARTED_NS, "ended_at_ns": STARTED_NS + 5}
    action = {"type": "action", "id": "a", "name": word, **times, "inputs": {"q": word}, "outputs": [word]}
    post(titan, "/api/v1/actions", {"run_id": run, "entries": [action]})
    post(titan, f"/api/v1/runs/{run}/notes", body)
    lines = ask(titan.sdk_port, "GET", f"/api/v1/runs/export?format=jsonl&run_id={run}").body
    planted = lines.replace(run.encode(), new_id(8).encode()).replace(word.encode(), planter.text().encode())
    said, manifest = planted.rstrip(b"\n").rsplit(b"\n", 1)
    known = {**json.loads(manifest), "sha256": hashlib.sha256(said + b"\n").hexdigest()}
    planted = said + b"\n" + json.dumps(known).encode() + b"\n"
    headers = {"Content-Type": "application/jsonl"}
    answer = ask(titan.sdk_port, "POST", "/api/v1/import", planted, headers)
    assert answer.status < 300, answer.body


def chat(titan: RunningTitan, planter: Planter) -> None:
    messages = [{"role": "user", "content": f"sky: {planter.text()}"}]
    post(titan, "/v1/chat/completions", {"messages": messages, "user": planter.id()})
    post(titan, "/v1/chat/completions", {"messages": [{"role": "user", "content": "which model answer?"}]})


def stages(titan: RunningTitan, planter: Planter) -> None:
    """The reasons of jobs and runs of stages, the comments of decisions, and values of env=."""
    worker = WireWorker(titan.sdk_port)
    env = {"SOME_API_KEY": planter.text(), "PLAIN": planter.id()}
    _, lease = worker.a_running_job(env=env)
    worker.report(lease, outcome="failed", exit_code=1, error=planter.text())
    run = a_name("staged")
    gate = {"id": a_name("gate"), "kind": "gate", "hitl_message": "Go on?"}
    post(titan, "/api/dags", {"name": a_name("dag"), "agent_run_id": run, "jobs": [gate]})
    body = {"by": planter.id(), "comment": planter.text()}
    post(titan, f"/api/gates/{gate['id']}/approve", body)
    wait_until(lambda: ask(titan.sdk_port, "GET", f"/api/v1/runs/{run}").status == 200, "the run of stages")
    post(titan, f"/api/v1/runs/{run}/end", {"status": "failed", "error": planter.text()})
    gate = {"id": a_name("gate"), "kind": "gate", "hitl_message": "Go on?"}
    post(titan, "/api/dags", {"name": a_name("dag"), "jobs": [gate]})
    post(titan, f"/api/gates/{gate['id']}/reject", {**body, "comment": planter.text()})


def agents(titan: RunningTitan, planter: Planter) -> None:
    """What agents, tool endpoints and their errors say; `header` is registered, known to be secret, and has no form."""
    port, header = titan.sdk_port, made("plainlooking", 20)
    headers = {"Authorization": f"Bearer {header}"}

    def tool(_: Asked) -> Any:
        return {"found": planter.text(), "headers": f"you sent Bearer {header}"}

    def broken_tool(_: Asked) -> Any:
        return Raw(status=500, body=f"no: {planter.text()} {header}".encode())

    def agent(asked: Asked) -> Any:
        asked.call("lookup", q=planter.text())
        asked.call("broken", q=planter.text())
        world = asked.body["proxy_url"].partition("/api/")[2]
        token = {"Authorization": f"Bearer {asked.headers['X-Titan-Run-Token']}", "Content-Type": "application/json"}

        def sent(path: str, body: Any, **more: str) -> None:
            answer = ask(port, "POST", f"/api/{world}/{path}", json.dumps(body).encode(), {**token, **more})
            assert answer.status < 300, answer.body

        sent("traces/thinking", {"text": planter.text()})
        sent("begin", {"id": planter.id(), "tool": "lookup", "arguments": {"q": planter.text()}})
        sent("v1/chat/completions", {"messages": [{"role": "user", "content": f"sky {planter.text()}"}]})
        call = {"name": "lookup", "arguments": {"q": planter.text()}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        sent("mcp", body, Accept="application/json, text/event-stream")
        sent("response", {"answer": planter.text()})
        return {
            "final_response": f"{planter.text()} {header} {asked.headers['X-Titan-Run-Token']}",
            "messages": [{"role": "assistant", "content": planter.text(), "tool_calls": [{"a": planter.text()}]}],
            "metadata": {"note": planter.text(), "password": "tr0ubador-and-3"},
        }

    with ExitStack() as stack:
        for name, behaviour in (("crm", tool), ("crm-broken", broken_tool)):
            url = stack.enter_context(agent_server(behaviour))
            definition = {"kind": "http", "url": url, "allow_loopback": True, "headers": headers}
            registered(port, name, definition)
        world = a_world("crm", "lookup")
        world["tools"].append({"name": "broken", "mode": "passthrough", "endpoint": "crm-broken"})
        answering = {**http_agent(stack.enter_context(agent_server(agent))), "headers": headers}
        path = a_workflow(port, "answering", answering, world=world)
        run = ended(port, path, dispatched(port, path)[0])
        assert run["status"] == "completed", run
        calls = given(port, f"{path}/tasks/t0/agent-runs/{run['run_id']}/tool-calls")
        for shown in (run, calls, given(port, f"/api/v1/runs/{run['run_id']}/skeleton")):
            assert header not in json.dumps(shown), "a header that Titan sent, and was told again"
        assert "[redacted:" in run["final_response"]

        def refusing(_: Asked) -> Any:
            long = "x" * 480  # so that what is stored of the body ends within a secret
            return Raw(status=422, body=f"{long} {planter.id()} {header} {planter.text()}".encode())

        path = a_workflow(
            port, "refusing", {**http_agent(stack.enter_context(agent_server(refusing))), "headers": headers}
        )
        run = ended(port, path, dispatched(port, path)[0])
        assert (run["status"], header in json.dumps(run)) == ("failed", False)

        def talking(_: Asked) -> Any:
            return {"final_response": "", "messages": [{"role": planter.id()}], "error": planter.text()}

        path = a_workflow(port, "talking", http_agent(stack.enter_context(agent_server(talking))))
        assert ended(port, path, dispatched(port, path)[0])["status"] == "failed"


#: These are not sent anything that is stored; what is behind the dash is why.
NOTHING: Final = "stores nothing of a body but ids that exist, words of a list, numbers"
OWN: Final = "the user's own bytes, left whole (docs/guide/access.md)"
ENTRANCES: Final[dict[str, tuple[Sender, tuple[str, ...]]]] = {
    "actions": (actions, ("POST /api/v1/actions",)),
    "agentsentinel": (agentsentinel, ("POST /api/v1/ingest",)),
    "interventions": (interventions, ("POST /api/v1/interventions",)),
    "not stored": (
        not_stored,
        (
            *("POST /api/v1/approvals", "POST /api/v1/approvals/{approval}/respond", "POST /api/v1/budgets/reserve"),
            *("POST /api/v1/actions/register", "POST /api/v1/replay/{run}/results"),
        ),
    ),
    "otlp": (otlp, ("POST /v1/traces",)),
    "langfuse otlp": (langfuse_otlp, ("POST /api/public/otel/v1/traces",)),
    "otlp logs": (otlp_logs, ("POST /v1/logs", "POST /v1/metrics")),
    "openai-agents": (openai_agents, ("POST /v1/traces/ingest",)),
    "scores": (scores, ("POST /api/public/scores", "POST /api/public/ingestion")),
    "notes": (notes, ("POST /api/v1/runs/{run}/notes", "POST /api/v1/runs/{run}/end")),
    "import": (imports, ("POST /api/v1/import",)),
    "chat": (chat, ("POST /v1/chat/completions",)),
    "stages": (
        stages,
        (
            *("POST /api/dags", "POST /api/workers/{worker}/complete"),
            *("POST /api/gates/{gate}/approve", "POST /api/gates/{gate}/reject"),
        ),
    ),
    "agents": (
        agents,
        tuple(
            f"POST /api/world/runs/{{run}}/{path}"
            for path in ("tools/{tool}", "begin", "mcp", "v1/chat/completions", "traces/{type}", "response")
        ),
    ),
}
LEFT_OUT: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *("POST /api/clean", "POST /api/session", "DELETE /api/session", "POST /api/tokens/{token}/revoke"),
            *("POST /api/dags/{dag}/cancel", "POST /api/dags/{dag}/retry", "POST /api/dags/{dag}/redeploy"),
            *("POST /api/jobs/{job}/cancel", "POST /api/jobs/{job}/retry", "POST /api/jobs/{job}/rerun"),
            *("POST /api/v1/runs/{run}/cancel", "POST /api/v1/runs/{run}/pin", "POST /api/v1/runs/{run}/unpin"),
            *("POST /api/v1/runs/{run}/restore", "POST /api/v1/runs/{run}/archive", "DELETE /api/v1/runs/{run}"),
            *("POST /api/v1/runs/{run}/retry", "POST /api/v1/runs/{run}/resume", "POST /api/v1/runs/{run}/unmute"),
            *("POST /api/v1/runs/{run}/replays", "POST /api/v1/runs/{run}/determinism"),
            *("POST /api/v1/runs/{run}/replays/{replay}/cancel", "DELETE /api/v1/runs/{run}/notes/{note}"),
            "DELETE /api/v1/runs/{run}/determinism/accepted/{issue}",
            *("POST /api/v1/approvals/{approval}/cancel", "POST /api/v1/approvals/check"),
            *("POST /api/workers/{worker}/claim", "POST /api/workers/{worker}/heartbeat"),
            *("POST /api/workers/{worker}/workspaces", "POST /api/workers/{worker}/leave"),
            *("POST /api/workers/{worker}/drain", "POST /api/workers/{worker}/resume", "POST /api/workers/local"),
            "POST /api/projects/{project}/agents/{agent}/test-connection",
            "POST /api/projects/{project}/workflows/{workflow}/agent-runs",
            "POST /api/projects/{project}/workflows/{workflow}/tasks/{task}/agent-runs/{run}/re-run",
            "POST /api/projects/{project}/workflows/{workflow}/tasks/{task}/agent-runs/{run}/cancel",
            "POST /api/projects/{project}/workflows/{workflow}/tasks/{task}/re-seed",
            *(
                f"DELETE /api/projects/{{project}}/{what}"
                for what in ("workflows/{workflow}", "endpoints/{endpoint}", "workflows/{workflow}/tasks/{task}")
            ),
        ),
        NOTHING,
    ),
    **dict.fromkeys(
        (
            *("PUT /api/files/{name}", "PUT /api/result", "PUT /api/workers/{worker}/files/{lease}"),
            *("PUT /api/workers/{worker}/files/{lease}/{digest}", "PUT /api/workers/{worker}/log/{lease}"),
            *("PUT /api/store", "DELETE /api/store", "POST /api/store/incr", "POST /api/store/cas"),
            *("POST /api/store/sets", "POST /api/store/wait"),
        ),
        OWN,
    ),
    **dict.fromkeys(
        (
            *("PUT /api/projects/{project}/workflows/{workflow}", "PUT /api/projects/{project}/agents/{agent}"),
            *("PUT /api/projects/{project}/endpoints/{endpoint}", "POST /api/projects/{project}/apply"),
            *("POST /api/projects/{project}/workflows/{workflow}/tasks",),
            *("POST /api/projects/{project}/workflows/{workflow}/import-tasks",),
        ),
        f"definitions: {OWN}",
    ),
    **dict.fromkeys(
        ("POST /api/tokens", "POST /api/v1/organisations", "PUT /api/workers/{worker}"),
        f"names that an administrator or a machine gives: {OWN}",
    ),
    **dict.fromkeys(
        ("POST /api/v1/runs/{run}/replays/{replay}/report", "POST /api/v1/runs/{run}/forks"),
        "only a replay's job may report; tests/integration/replay has its server",
    ),
    "PUT /api/v1/runs/{run}/determinism/accepted/{issue}": "tests/integration/http/test_determinism.py has an issue",
}


def test_every_route_that_stores_is_sent_secrets_or_says_why_not() -> None:
    covered = [path for _, paths in ENTRANCES.values() for path in paths] + [*LEFT_OUT]

    storing = {f"{route.method} {route.path}" for route in ROUTES if route.method != "GET"}

    assert sorted(covered) == sorted(set(covered))
    assert set(covered) == storing


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    with a_database() as url:
        yield url


def contents(home: Path) -> Iterator[bytes]:
    for path in [*home.rglob("*"), home.with_name(f"{home.name}.log")]:
        if path.is_file():
            yield path.read_bytes()


def rows_of(url: str) -> Iterator[bytes]:
    with psycopg.connect(url) as connection:
        tables = connection.execute("select schemaname, tablename from pg_tables where schemaname !~ '^(pg_|inform)'")
        for schema, table in tables.fetchall():
            for (row,) in connection.execute(f'select t::text from "{schema}"."{table}" t'.encode()):
                yield row.encode()


def exports_of(port: int) -> Iterator[bytes]:
    for form in ("jsonl", "json", "csv"):
        yield ask(port, "GET", f"/api/v1/runs/export?format={form}&window=all").body
    yield ask(port, "GET", "/api/v1/ledger/export?format=csv").body
    for row in given(port, "/api/v1/runs?window=all&limit=200")["data"]:
        yield ask(port, "GET", f"/api/v1/runs/{row['run_id']}/notes").body


def backed_up(home: Path, target: Path) -> Iterator[bytes]:
    command = [sys.executable, "-m", "titan.cli", "backup", str(target), "--home", str(home)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with tarfile.open(target) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None:
                yield file.read()


def test_no_secret_that_any_entrance_takes_is_stored(tmp_path: Path, store: str | None) -> None:
    planter, innocent = Planter(), "The weather in Graz"
    answers = tmp_path / "answers.json"
    planter.entrance = "the model's answer"
    said = [{"contains": "sky", "answer": "It is blue.", "repeat": True}]
    said.append({"contains": "which model answer", "answer": planter.text(), "repeat": True})
    answers.write_text(json.dumps(said))

    home = tmp_path / "home"
    with running_titan(home, offers=(), model=f"scripted:{answers}", store=store) as titan:
        assert by_actions(titan.sdk_port, innocent).status < 300
        for name, (send, _) in ENTRANCES.items():
            planter.entrance = name
            send(titan, planter)
        found = [*exports_of(titan.sdk_port), *contents(home)]
        if store is None:
            found += backed_up(home, tmp_path / "backup.tar.gz")
        else:
            found += rows_of(store)
    found += contents(home)

    leaks = {
        f"{planter.planted[value]}: {value}" for value in planter.planted for each in found if value.encode() in each
    }
    assert leaks == set()
    assert any(innocent.encode() in each for each in found), "else this would find nothing at all"
    assert len(planter.planted) > 100
