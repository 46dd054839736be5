"""`titan run --world`: an ordinary recorded program, its tools simulated and its run graded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.evaluations import PROJECT, a_workflow, ended, python_agent
from tests.support.forked import run_forked
from tests.support.raw_http import given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES
from tests.unit.world.a_shop import DEFINITION

AGENT = """
import asyncio
import json
import os
import sys

import titan_sdk
from titan_sdk.errors import ToolFailed


@titan_sdk.action(kind="tool")
def get_order(order_id):
    raise SystemExit("the real shop was asked")


@titan_sdk.action(kind="tool")
async def cancel_order(order_id):
    raise SystemExit("the real shop was changed")


@titan_sdk.action(kind="tool")
def search_products(text):
    return ["my own", text]


@titan_sdk.action(kind="tool")
def remember(fact):
    return fact


@titan_sdk.action
def main():
    asked = json.loads(os.environ["WORLD_TASK"])["user_instruction"]
    remember(asked)
    try:
        get_order("O1")
    except ToolFailed as failed:
        print("failed:", failed)
    order = get_order(order_id="O1")
    print("mine:", search_products("lamp"))
    if order["status"] == "placed" and "hasty" not in sys.argv:
        print(asyncio.run(cancel_order("O1"))["message"])


if "waits" in sys.argv:
    client = titan_sdk.TitanClient(announce=len)
    child = titan_sdk.TitanJob("child", "child.py", script_content="print('helped')")
    print("child:", client.wait(client.submit_dag("child", [child])))
    print("parked:", client.get_job(os.environ["TITAN_JOB_ID"])["parked_ns"] > 0)
main()
if "TITAN_JOB_ID" in os.environ:
    titan_sdk.set_result("I did it.")
"""
RULE = {"trigger": "tool_call", "tool": "get_order", "match": {"nth": 1}, "action": {"type": "error", "status": 503}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop_agent.py").write_text(AGENT, "utf-8")
    return tmp_path


def typed(titan: RunningTitan, folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), "PYTHONPATH": PACKAGES, **more}
    return run_forked(*words, cwd=folder, env=environment)


def a_world(port: int, name: str) -> str:
    """Make a workflow whose tool search_products is the program's own; return its path."""
    return a_workflow(port, name, python_agent("pass"), seed={"failure_rules": [RULE]}, world=_world())


def _world() -> dict[str, Any]:
    tools = [
        {**tool, "mode": "passthrough"} if tool["name"] == "search_products" else tool for tool in DEFINITION["tools"]
    ]
    return {**DEFINITION, "tools": tools}


def test_a_recorded_program_runs_in_a_world_and_is_graded(titan: RunningTitan, folder: Path) -> None:
    port = titan.sdk_port
    path = a_world(port, "into")

    done = typed(titan, folder, "run", "--world", "into", "--task", "t0", "shop_agent.py")

    assert done.returncode == 0, done.stderr
    assert "failed: The service answered 503." in done.stdout
    assert "Cancelled O1." in done.stdout
    assert "mine: ['my own', 'lamp']" in done.stdout
    assert "PASS" in done.stderr
    [run] = given(port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    assert (run["agent_id"], run["status"], run["verdict"]) == ("shop_agent", "completed", "PASS")
    assert run["sources"] == {"injected": 1, "odyssey": 2}
    detail = given(port, f"{path}/tasks/t0/agent-runs/{run['run_id']}")
    assert detail["final_response"] == "I did it."
    rows = given(port, f"/api/v1/runs/{run['run_id']}/skeleton")
    names = [rows["names"][place] if "names" in rows else place for place in rows["name"]]
    assert sorted(names) == ["cancel_order", "get_order", "get_order", "main", "remember", "search_products"]
    calls = given(port, f"{path}/tasks/t0/agent-runs/{run['run_id']}/tool-calls")["tool_calls"]
    action = given(port, f"/api/v1/runs/{run['run_id']}/actions/{calls[0]['action_id']}")["action"]
    assert action["outcome"] == "error"
    assert action["parent_id"] is not None  # as the program recorded it
    assert calls[-1]["arguments"] == {"order_id": "O1"}


def test_one_that_waits_for_a_job_of_its_own_is_parked_and_graded(folder: Path) -> None:
    with running_titan(folder / "home", offers=("GENERAL:1",)) as titan:
        a_world(titan.sdk_port, "waiting")

        done = typed(titan, folder, "run", "--world", "waiting", "--task", "t0", "shop_agent.py", "waits")

    assert done.returncode == 0, done.stderr
    assert "child: COMPLETED\nparked: True\n" in done.stdout
    assert "PASS" in done.stderr


def test_its_run_is_replayed_like_any_other(titan: RunningTitan, folder: Path) -> None:
    path = a_world(titan.sdk_port, "again-and-again")
    typed(titan, folder, "run", "--world", "again-and-again", "--task", "t0", "shop_agent.py")
    [run] = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    task = json.dumps({"user_instruction": "Cancel my order O1."})

    done = typed(titan, folder, "replay", run["run_id"], "--", sys.executable, "shop_agent.py", WORLD_TASK=task)

    assert "Divergences    0" in done.stdout + done.stderr
    assert "Match rate     100 %" in done.stdout + done.stderr


def test_its_run_is_forked_like_any_other(titan: RunningTitan, folder: Path) -> None:
    path = a_world(titan.sdk_port, "forked")
    typed(titan, folder, "run", "--world", "forked", "--task", "t0", "shop_agent.py")
    [run] = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    calls = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs/{run['run_id']}/tool-calls")["tool_calls"]
    found = next(call["action_id"] for call in calls if call["tool"] == "get_order" and call["source"] == "odyssey")
    task = json.dumps({"user_instruction": "Cancel my order O1."})

    edit = ("--at", found, "--output", json.dumps({"order_id": "O1", "status": "shipped"}))
    done = typed(titan, folder, "fork", run["run_id"], *edit, "--", sys.executable, "shop_agent.py", WORLD_TASK=task)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed: The service answered 503." in done.stderr, "recorded calls are answered"
    assert "Cancelled O1." not in done.stderr, "it saw an order that has left, and did not cancel it"
    [fork] = given(titan.sdk_port, f"/api/v1/runs?window=all&parent_run_id={run['run_id']}")["data"]
    assert (fork["status"], fork["forked_at_action_id"]) == ("completed", found)
    assert [one["run_id"] for one in given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]] == [
        run["run_id"]
    ], "a fork is graded by nobody"


def test_a_program_that_leaves_the_task_undone_ends_with_1(titan: RunningTitan, folder: Path) -> None:
    path = a_world(titan.sdk_port, "hasty")

    done = typed(titan, folder, "run", "--world", "hasty", "--task", "t0", "shop_agent.py", "hasty")
    submitted = typed(titan, folder, "submit", "shop_agent.py", "--world", "hasty", "--task", "t0", "--json")

    assert (done.returncode, "FAIL" in done.stderr) == (1, True), done.stderr
    run_id = json.loads(submitted.stdout)["agent_run_id"]
    assert ended(titan.sdk_port, path, run_id)["verdict"] == "PASS"
    assert len(given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]) == 2


def test_a_program_that_fails_has_failed_and_a_world_that_is_not_there_is_named(
    titan: RunningTitan, folder: Path
) -> None:
    (folder / "bad.py").write_text("raise SystemExit(3)")
    path = a_world(titan.sdk_port, "bad")

    done = typed(titan, folder, "run", "--world", "bad", "--task", "t0", "bad.py")

    assert done.returncode == 3
    [run] = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    assert (run["status"], run["error_class"]) == ("failed", "agent_5xx")
    assert given(titan.sdk_port, f"/api/v1/runs/{run['run_id']}")["status"] == "failed"
    for words, expected in (
        (("--world", "nowhere", "--task", "t0"), "'nowhere'"),
        (("--world", "bad", "--task", "t9"), "'t9'"),
        (("--world", "bad"), "--task"),
    ):
        refused = typed(titan, folder, "run", *words, "bad.py")
        assert refused.returncode != 0
        assert expected in refused.stderr
    assert PROJECT in path


STAGED = '''
import titan_sdk
from titan_sdk import TitanClient, TitanJob

STAGE = """
import titan_sdk

@titan_sdk.action(kind="tool")
def cancel_order(order_id):
    raise SystemExit("the real shop was changed")

print(cancel_order(order_id="O1"))
"""
client = TitanClient()
print(client.wait(client.submit_dag("stage", [TitanJob("stage", "stage.py", script_content=STAGE)])))
'''


def test_the_stages_that_a_program_submits_are_in_its_world(titan: RunningTitan, folder: Path) -> None:
    (folder / "staged.py").write_text(STAGED)
    path = a_workflow(titan.sdk_port, "staged", python_agent("pass"))

    done = typed(titan, folder, "run", "--world", "staged", "--task", "t0", "staged.py")

    assert (done.returncode, "COMPLETED" in done.stdout) == (0, True), done.stdout + done.stderr
    [run] = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    assert (run["verdict"], run["sources"]) == ("PASS", {"odyssey": 1})
