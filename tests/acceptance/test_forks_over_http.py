"""A run is forked over HTTP: a worker executes its stored code with one action edited."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import research_agent

from tests.support.raw_http import ask_json
from tests.support.recorded_runs import environment, exported, runs
from tests.support.research_script import GAP, write_script
from tests.support.running_titan import RunningTitan, running_titan
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


def forked(titan: RunningTitan, run: str, **body: object) -> tuple[Any, Any]:
    """Fork a run; return the fork's run and its comparison with the parent when that has ended."""
    started = ask_json(titan.sdk_port, "POST", f"/api/v1/runs/{run}/forks", body)
    assert started.status == 202, started.value
    fork = started.value
    path = f"/api/v1/runs/{run}/replays/{fork['replay_id']}?wait_seconds=30"
    while (compared := ask_json(titan.sdk_port, "GET", path).value)["state"] == "running":
        pass
    return ask_json(titan.sdk_port, "GET", f"/api/v1/runs/{fork['run_id']}").value, compared


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

    edit = {"at": "decide", "output": "DEEPEN", "live": ["deepen", "write"], "max_usd": "0.10", "max_calls": 2}
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


SUBMITTING = """
import base64, hashlib, json, os, urllib.request
import titan_sdk

@titan_sdk.action(kind="model")
def decide(query):
    return query

with titan_sdk.run("SUBMITTING", "forked-2"):
    decide("x")
script = b"import pathlib; pathlib.Path(%r).touch()"
digest = hashlib.sha256(script).hexdigest()
job = {"id": "a", "filename": "a.py", "script": digest}
body = {"name": "out", "scripts": {digest: base64.b64encode(script).decode()}, "jobs": [job]}
server = f"http://{os.environ['TITAN_HOST']}:{os.environ['TITAN_PORT']}/api/dags"
headers = {"Authorization": f"Bearer {os.environ.get('TITAN_TOKEN')}", "Content-Type": "application/json"}
if "_TITAN_FORK" in os.environ:
    urllib.request.urlopen(urllib.request.Request(server, json.dumps(body).encode(), headers))
"""


def test_the_program_of_a_fork_does_not_leave_its_sandbox_by_a_stage_with_code_of_its_own(
    titan: RunningTitan, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(SUBMITTING % str(tmp_path / "outside"))
    record(titan, tmp_path, "agent.py")

    forked(titan, "forked-2", at="decide", output="y")

    names = [one["name"] for one in ask_json(titan.sdk_port, "GET", "/api/dags").value["dags"]]
    assert "out" not in names
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"at": "decide"}, "output or input"),
        ({"at": "nothing", "output": 1}, "the id or the name of an action"),
        ({"at": "decide", "output": 1, "live": ["deepen"]}, "max_usd and max_calls"),
    ],
)
def test_what_cannot_be_forked_is_refused(titan: RunningTitan, tmp_path: Path, body: object, words: str) -> None:
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

    edit = {"at": decision["id"], "input": {"key": "eval:1", "value": deepened}, "max_usd": "1", "max_calls": 40}
    fork, compared = forked(titan, parent["run_id"], **edit)

    assert compared["state"] == "completed", compared["error"]
    assert (fork["status"], fork["forked_at_action_id"]) == ("completed", decision["id"])
    agents = [one["name"] for one in exported(titan, fork["run_id"]) if one["kind"] == "agent"]
    assert {"evaluator-1", "researcher-2-0", "evaluator-2"} <= set(agents)
