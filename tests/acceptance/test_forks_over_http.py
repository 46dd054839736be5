"""A run is forked over HTTP: a worker executes its stored code with one action edited."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import research_agent

from tests.support.raw_http import ask, ask_json
from tests.support.recorded_runs import environment, exported, runs
from tests.support.research_script import GAP, write_script
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.running_worker import running_worker
from tests.support.sources import ROOT
from tests.support.waiting import wait_until

AGENT = ROOT / "examples" / "research_agent" / "research_agent.py"
DECIDING = """
import titan_sdk

@titan_sdk.action(kind="model", cost="0.25")
def decide(query):
    return "SYNTHESIZE"

@titan_sdk.action
def deepen(query):
    return f"more of {query}"

@titan_sdk.action
def write(found):
    return f"report on {found}"

with titan_sdk.run("DECIDING", "forked-1"):
    write(deepen("x") if decide("x") == "DEEPEN" else "x")
"""


def forked(titan: RunningTitan, run: str, headers: Mapping[str, str] | None = None, **body: object) -> tuple[Any, Any]:
    """Fork a run; return the fork's run and its comparison with the parent when that has ended."""
    started = ask_json(titan.sdk_port, "POST", f"/api/v1/runs/{run}/forks", body, headers)
    assert started.status == 202, started.value
    fork = started.value
    path = f"/api/v1/runs/{run}/replays/{fork['replay_id']}?wait_seconds=30"
    while (compared := ask_json(titan.sdk_port, "GET", path, headers=headers).value)["state"] == "running":
        pass
    return ask_json(titan.sdk_port, "GET", f"/api/v1/runs/{fork['run_id']}", headers=headers).value, compared


def record(titan: RunningTitan, folder: Path, *command: str) -> None:
    there = environment(titan, folder)
    subprocess.run([sys.executable, *command], cwd=folder, env=there, check=True, capture_output=True, timeout=120)


@pytest.fixture
def titan(tmp_path: Path) -> Any:
    script = tmp_path / "answers.json"
    write_script(script, complete=[research_agent.DEFAULT_QUERY], deepen_once=[])
    with running_titan(tmp_path / "home", model=f"scripted:{script}") as running:
        yield running


def test_an_edited_decision_takes_the_program_another_way_and_live_calls_run_within_limits(
    titan: RunningTitan, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(DECIDING)
    record(titan, tmp_path, "agent.py")
    (tmp_path / "agent.py").unlink()

    edit: dict[str, Any] = {
        "at": "decide",
        "output": "DEEPEN",
        "live": ["deepen", "write"],
        "max_usd": "0.10",
        "max_calls": 2,
    }
    fork, compared = forked(titan, "forked-1", **edit)

    assert (fork["status"], fork["parent_run_id"]) == ("completed", "forked-1")
    outcomes = [(one["name"], one["outcome"], one["outputs"]) for one in exported(titan, fork["run_id"])]
    assert outcomes == [
        ("decide", "replayed", "DEEPEN"),
        ("deepen", "success", "more of x"),
        ("write", "success", "report on more of x"),
    ]
    assert compared["state"] == "completed", compared["error"]
    assert "diverged at decide" in compared["result"]["comparison"]["verdict"]
    [listed] = ask_json(titan.sdk_port, "GET", f"/api/v1/runs/{fork['run_id']}/replays").value["data"]
    assert listed["id"] == compared["id"]


def test_a_call_that_is_not_named_live_ends_the_fork(titan: RunningTitan, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(DECIDING)
    record(titan, tmp_path, "agent.py")

    fork, compared = forked(titan, "forked-1", at="decide", output="DEEPEN")

    assert fork["status"] == "failed"
    assert "deepen" not in [one["name"] for one in exported(titan, fork["run_id"]) if one["outcome"] == "success"]
    assert compared["state"] == "completed", compared["error"]


ESCAPING = """
import base64, hashlib, http.client, json, os
import titan_sdk

@titan_sdk.action
def decide(query):
    return query

def ask(method, path, body=None, **headers):
    server = http.client.HTTPConnection(os.environ["TITAN_HOST"], int(os.environ["TITAN_PORT"]), timeout=30)
    content = None if body is None else json.dumps(body)
    server.request(method, path, content, {"Content-Type": "application/json", **headers})
    return server.getresponse().status

def bearer(name):
    return {"Authorization": f"Bearer {os.environ[name]}"}

@titan_sdk.action
def attack(marker):
    script = f"import pathlib; pathlib.Path({marker!r}).touch()".encode()
    digest = hashlib.sha256(script).hexdigest()
    job = {"id": "a", "filename": "a.py", "script": digest}
    other = {"name": "out", "scripts": {digest: base64.b64encode(script).decode()}, "jobs": [job]}
    question = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    fork = {"at": "decide", "output": 1, "no_sandbox": True}
    return {
        "other code, no token": ask("POST", "/api/dags", other),
        "other code, a foreign key": ask("POST", "/api/dags", other, Authorization="Bearer sk-foreign"),
        "other code, another host": ask("POST", "/api/dags", other, Host="localhost", Origin="http://localhost"),
        "other code, a cookie": ask("POST", "/api/dags", other, Cookie="titan_session=x"),
        "other code, the job's token": ask("POST", "/api/dags", other, **bearer("TITAN_TOKEN")),
        "runs, no token": ask("GET", "/api/v1/runs"),
        "all runs, the job's token": ask("GET", "/api/v1/runs", **bearer("TITAN_TOKEN")),
        "a token, no token": ask("POST", "/api/tokens", {"name": "mine"}),
        "a token, the job's token": ask("POST", "/api/tokens", {"name": "mine"}, **bearer("TITAN_TOKEN")),
        "a fork, no token": ask("POST", "/api/v1/runs/forked-2/forks", fork),
        "a fork, the job's token": ask("POST", "/api/v1/runs/forked-2/forks", fork, **bearer("TITAN_TOKEN")),
        "trust, the job's token": ask("POST", "/api/v1/runs/forked-2/trust", {"key": "x"}, **bearer("TITAN_TOKEN")),
        "work, no token": ask("POST", "/api/workers", {}),
        "the model, no token": ask("POST", "/v1/chat/completions", question),
        "the model, its key": ask("POST", "/v1/chat/completions", question, **bearer("OPENAI_API_KEY")),
    }

with titan_sdk.run("ESCAPING", "forked-2"):
    if decide("x") == "y":
        attack("MARKER")
"""
REFUSED = {
    "other code, no token": 401,
    "other code, a foreign key": 401,
    "other code, another host": 401,
    "other code, a cookie": 401,
    "other code, the job's token": 403,
    "runs, no token": 401,
    "all runs, the job's token": 403,
    "a token, no token": 401,
    "a token, the job's token": 403,
    "a fork, no token": 401,
    "a fork, the job's token": 403,
    "trust, the job's token": 403,
    "work, no token": 401,
    "the model, no token": 401,
    "the model, its key": 200,
}


def record_escaping(titan: RunningTitan, folder: Path) -> Path:
    """Record a run whose program attacks the server when it is forked; return the file that its code would write."""
    outside = folder / "outside"
    (folder / "agent.py").write_text(ESCAPING.replace("MARKER", str(outside)))
    record(titan, folder, "agent.py")
    return outside


def check_that_it_did_not_escape(titan: RunningTitan, outside: Path, headers: Mapping[str, str] | None = None) -> None:
    edit: dict[str, Any] = {"at": "decide", "output": "y", "live": ["attack"], "max_usd": "1", "max_calls": 9}
    fork, compared = forked(titan, "forked-2", headers, **edit)

    assert (fork["status"], compared["state"]) == ("completed", "completed"), compared["error"]
    path = f"/api/v1/runs/export?format=json&run_id={fork['run_id']}"
    [exported_run] = ask_json(titan.sdk_port, "GET", path, headers=headers).value["runs"]
    [attack] = [one for one in exported_run["actions"] if one["name"] == "attack"]
    assert attack["outputs"] == REFUSED
    dags = ask_json(titan.sdk_port, "GET", "/api/dags", headers=headers).value["dags"]
    assert "out" not in [one["name"] for one in dags]
    assert not outside.exists()


@pytest.fixture
def answering(tmp_path: Path) -> str:
    """Return the address of a model that answers."""
    path = tmp_path / "four.json"
    path.write_text(json.dumps(["4"] * 9))
    return f"scripted:{path}"


def test_the_program_of_a_fork_asks_the_server_with_its_jobs_rights_only(answering: str, tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", model=answering) as titan:
        outside = record_escaping(titan, tmp_path)

        check_that_it_did_not_escape(titan, outside)


def test_the_code_of_an_imported_run_is_executed_once_it_is_trusted_and_does_not_escape(
    answering: str, tmp_path: Path
) -> None:
    with running_titan(tmp_path / "home", model=answering) as titan:
        outside = record_escaping(titan, tmp_path)
        export = ask(titan.sdk_port, "GET", "/api/v1/runs/export?run_id=forked-2").body
        assert ask_json(titan.sdk_port, "DELETE", "/api/v1/runs/forked-2").status == 200
        assert ask(titan.sdk_port, "POST", "/api/v1/import", export).status == 200
        command = [sys.executable, "-m", "titan.cli", "runs", "trust", "forked-2"]
        there = environment(titan, tmp_path)

        ways = [("replays", {"level": "re_execute"}), ("determinism", {}), ("forks", {"at": "decide", "output": 1})]
        for way, body in ways:
            refused = ask_json(titan.sdk_port, "POST", f"/api/v1/runs/forked-2/{way}", body)
            assert (refused.status, refused.value["error"]["found"][:14]) == (409, "code_untrusted")
            assert "titan runs trust forked-2" in refused.value["error"]["message"]
        listed = ask_json(titan.sdk_port, "GET", "/api/v1/runs/forked-2/replays").value
        assert listed["execution_reason"] == "code_untrusted"
        for key in ("", "guessed", "ä"):
            forbidden = ask_json(titan.sdk_port, "POST", "/api/v1/runs/forked-2/trust", {"key": key})
            assert (forbidden.status, "titan runs trust" in forbidden.value["error"]["message"]) == (403, True)
        elsewhere = {**there, "TITAN_HOME": str(tmp_path)}
        assert subprocess.run(command, env=elsewhere, capture_output=True, timeout=120).returncode != 0
        subprocess.run(command, env=there, check=True, capture_output=True, timeout=120)

        check_that_it_did_not_escape(titan, outside)
        subprocess.run([*command, "--undo"], env=there, check=True, capture_output=True, timeout=120)
        again = ask_json(titan.sdk_port, "POST", "/api/v1/runs/forked-2/replays", {"level": "re_execute"})
        assert again.status == 409


@pytest.mark.parametrize("needs_token", [False, True], ids=["no token is needed", "a token is needed"])
def test_a_worker_without_the_home_forks_only_where_every_request_needs_a_token(
    needs_token: bool, answering: str, tmp_path: Path
) -> None:
    options = ("--require-token",) if needs_token else ()
    with running_titan(tmp_path / "home", offers=(), options=options, model=answering) as titan:
        headers = {"Authorization": f"Bearer {titan.home_token}"} if needs_token else {}
        outside = record_escaping(titan, tmp_path)
        bridge = titan.home / "bridge.sock"
        bridge.rename(titan.home / "elsewhere")  # as on another machine
        own = {"TITAN_TOKEN": titan.home_token} if needs_token else {}
        with running_worker(f"http://127.0.0.1:{titan.sdk_port}", tmp_path / "worker", environment=own):
            if needs_token:
                check_that_it_did_not_escape(titan, outside, headers)
                return
            started = ask_json(titan.sdk_port, "POST", "/api/v1/runs/forked-2/forks", {"at": "decide", "output": 1})
            path = f"/api/v1/runs/forked-2/replays/{started.value['replay_id']}?wait_seconds=30"
            wait_until(lambda: ask_json(titan.sdk_port, "GET", path).value["state"] != "running", "the end")
            assert "answers without a token (200)" in ask_json(titan.sdk_port, "GET", path).value["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"at": "decide"}, "output or input"),
        ({"at": "nothing", "output": 1}, "the id or the name of an action"),
        ({"at": "decide", "output": 1, "live": ["deepen"]}, "max_usd and max_calls"),
    ],
)
def test_an_impossible_fork_is_refused(titan: RunningTitan, tmp_path: Path, body: object, words: str) -> None:
    (tmp_path / "agent.py").write_text(DECIDING)
    record(titan, tmp_path, "agent.py")

    refused = ask_json(titan.sdk_port, "POST", "/api/v1/runs/forked-1/forks", body)

    assert refused.status == 400, refused.value
    assert words in refused.value["error"]["message"]


def test_the_evaluators_decision_is_edited_to_deepen_and_the_research_goes_one_more_iteration(
    titan: RunningTitan, tmp_path: Path
) -> None:
    record(titan, tmp_path, str(AGENT), "--quote")
    wait_until(lambda: runs(titan)[0]["status"] == "completed", "the end of the run")
    [parent] = runs(titan)
    [decision] = [
        one
        for one in exported(titan, parent["run_id"])
        if one["name"] == "store_put" and one["inputs"]["key"] == "eval:1"
    ]
    deepened = json.dumps({"decision": "DEEPEN", "gaps": [GAP], "reason": "not enough", "notes": []})

    edit: dict[str, Any] = {
        "at": decision["id"],
        "input": {"key": "eval:1", "value": deepened},
        "max_usd": "1",
        "max_calls": 40,
    }
    fork, compared = forked(titan, parent["run_id"], **edit)

    assert compared["state"] == "completed", compared["error"]
    assert (fork["status"], fork["forked_at_action_id"]) == ("completed", decision["id"])
    agents = [one["name"] for one in exported(titan, fork["run_id"]) if one["kind"] == "agent"]
    assert {"evaluator-1", "researcher-2-0", "evaluator-2"} <= set(agents)
