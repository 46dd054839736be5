"""A worker executes a stored run's code again, in a sandbox, with its calls answered from the recording."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until

AGENT = """
import sys
import titan_sdk
from names import greeting

@titan_sdk.action(kind="model", cost="0.25")
def call_llm(prompt):
    open(sys.argv[1], "a").write(prompt)
    return greeting()

with titan_sdk.run("EXECUTED", "executed-1"):
    call_llm("Hello")
    call_llm("Bye")
"""


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("executed") / "home") as running:
        yield running


def environment(titan: RunningTitan) -> dict[str, str]:
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home)}


def record(titan: RunningTitan, folder: Path, source: str, *arguments: str, **modules: str) -> None:
    """Run a program that records."""
    (folder / "agent.py").write_text(source)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    subprocess.run(
        [sys.executable, "agent.py", *arguments], cwd=folder, env=environment(titan), check=False, timeout=120
    )


def replayed(titan: RunningTitan, run: str, **body: object) -> Any:
    """Start a replay on a worker, and return it when it has ended."""
    path = f"/api/v1/runs/{run}/replays"
    started = ask_json(titan.sdk_port, "POST", path, {"level": "re_execute", **body})
    assert started.status == 202, started.value
    assert started.value["state"] == "running"
    while (found := ask_json(titan.sdk_port, "GET", f"{path}/{started.value['id']}?wait_seconds=30").value)[
        "state"
    ] == "running":
        pass
    return found


def test_a_run_is_executed_again_on_a_worker_and_none_of_its_calls_is_made(titan: RunningTitan, tmp_path: Path) -> None:
    called = tmp_path / "called"
    record(titan, tmp_path, AGENT, str(called), names='def greeting():\n    return "Hi there!"\n')
    for file in ("agent.py", "names.py"):
        (tmp_path / file).unlink()  # the stored code is what is executed

    found = replayed(titan, "executed-1")

    assert found["state"] == "completed", found["error"]
    metrics = found["metrics"]
    assert (metrics["match_rate"], metrics["replay_cost_usd"], metrics["savings_usd"]) == (1.0, "0", "0.50")
    assert found["result"]["re_execution"]["executions"] == 3
    assert called.read_text() == "HelloBye"


def test_a_replay_is_no_run_and_is_in_no_list_of_dags_or_jobs(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, AGENT.replace("executed-1", "executed-2"), "x", names="greeting = lambda: 1\n")

    found = replayed(titan, "executed-2", runs=1)

    assert found["state"] == "completed", found["error"]
    ids = [run["run_id"] for run in ask_json(titan.sdk_port, "GET", "/api/v1/runs?window=all").value["data"]]
    assert not [run for run in ids if "replay" in run]
    assert ask_json(titan.sdk_port, "GET", "/api/dags").value["dags"] == []
    assert ask_json(titan.sdk_port, "GET", "/api/jobs").value["jobs"] == []
    dag = ask_json(titan.sdk_port, "GET", f"/api/dags/{found['dag_id']}?wait_seconds=30").value
    assert dag["status"] == "COMPLETED"
    assert ask_json(titan.sdk_port, "GET", f"/api/jobs/{dag['jobs'][0]['job_id']}/files").value["files"] == []


FAILING = """
import titan_sdk

class QuotaExceeded(RuntimeError):
    pass

@titan_sdk.action
def search(query):
    raise QuotaExceeded(f"no more of {query}")

with titan_sdk.run("FAILED", "executed-failed"):
    search("x")
"""


def test_a_failed_run_replays_to_the_same_exception(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, FAILING)

    found = replayed(titan, "executed-failed", runs=1)

    assert found["state"] == "completed", found["error"]
    comparison = found["result"]["comparison"]
    assert (comparison["verdict"], found["metrics"]["match_rate"]) == ("the failure is reproduced", 1.0)
    [error] = [row["replay"] for row in comparison["rows"] if row["part"] == "error"]
    assert "QuotaExceeded: no more of x" in error


PROBING = """
import json, os, socket, sys
import titan_sdk

def probe():
    port, home = int(sys.argv[1]), sys.argv[2]
    found = {}
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        found["connected"] = True
    except OSError:
        found["connected"] = False
    try:
        found["home"] = sorted(os.listdir(home))
        found["token"] = open(os.path.join(home, "secret")).read()
    except OSError as error:
        found["home"] = type(error).__name__
    try:
        open(os.path.join(home, "written"), "w")
        found["wrote"] = True
    except OSError:
        found["wrote"] = False
    open("inside", "w").close()
    found["wrote_inside"] = os.path.exists("inside")
    found["environment"] = sorted({"TITAN_TOKEN", "TITAN_HOST", "TITAN_PORT"} & os.environ.keys())
    return found

@titan_sdk.action(effect="local")
def look():
    return probe()

with titan_sdk.run("PROBE", "executed-probe"):
    look()
"""


def test_code_in_a_replay_reaches_no_network_no_token_and_no_file_of_others(
    titan: RunningTitan, tmp_path: Path
) -> None:
    (titan.home / "secret").write_text("a token")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        record(titan, tmp_path, PROBING, str(listener.getsockname()[1]), str(titan.home))
        (titan.home / "written").unlink()

        found = replayed(titan, "executed-probe", runs=1)

    assert found["state"] == "completed", found["error"]
    [output] = [row for row in found["result"]["comparison"]["rows"] if row["part"] == "output"]
    assert '"connected": true' in output["original"]
    said = output["replay"]
    assert '"connected": false' in said
    assert '"home": "FileNotFoundError"' in said or '"home": []' in said
    assert not (titan.home / "written").exists()
    assert '"wrote_inside": true' in said
    assert '"environment": []' in said
    assert "a token" not in said


def test_a_run_whose_code_is_not_stored_says_so(titan: RunningTitan, tmp_path: Path) -> None:
    source = "import os\nos.environ['TITAN_RECORD_CODE'] = '0'\n" + AGENT.replace("executed-1", "executed-none")
    record(titan, tmp_path, source, "x", names="greeting = lambda: 1\n")

    refused = ask_json(titan.sdk_port, "POST", "/api/v1/runs/executed-none/replays", {"level": "re_execute"})

    assert refused.status == 409, refused.value
    assert refused.value["error"]["found"] == "code_missing: none"
    assert "titan replay executed-none -- python agent.py" in refused.value["error"]["message"]


WAITING = """
import time
import titan_sdk

@titan_sdk.action(effect="local")
def wait():
    if open("/proc/self/status").read().count("1000\\t1000"):
        time.sleep(600)

with titan_sdk.run("WAITING", "executed-waiting"):
    wait()
"""


def test_a_replay_can_be_cancelled(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, WAITING)
    path = "/api/v1/runs/executed-waiting/replays"
    replay = ask_json(titan.sdk_port, "POST", path, {"level": "re_execute"}).value
    while not (ask_json(titan.sdk_port, "GET", f"{path}/{replay['id']}").value["step"] or "").startswith("execution"):
        pass

    cancelled = ask_json(titan.sdk_port, "POST", f"{path}/{replay['id']}/cancel")

    assert cancelled.value["state"] == "cancelled"
    dag = ask_json(titan.sdk_port, "GET", f"/api/dags/{replay['dag_id']}?wait_seconds=30").value
    assert dag["jobs"][0]["status"] == "CANCELLED"
    assert ask_json(titan.sdk_port, "GET", f"{path}/{replay['id']}").value["state"] == "cancelled"


SIDE_BY_SIDE = """
import asyncio, random
import titan_sdk

@titan_sdk.action
async def fetch(number):
    await asyncio.sleep(random.random() / 20)
    return number * 10

@titan_sdk.action(effect="local")
def together(found):
    return found

async def main():
    together(await asyncio.gather(*(fetch(number) for number in range(5))))

with titan_sdk.run("BESIDE", "executed-beside"):
    asyncio.run(main())
"""


def test_five_concurrent_calls_of_one_name_get_their_own_recorded_results(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, SIDE_BY_SIDE)

    found = replayed(titan, "executed-beside", runs=3)

    assert found["state"] == "completed", found["error"]
    assert (found["metrics"]["match_rate"], found["result"]["re_execution"]["score"]) == (1.0, 100)
    [together] = [row for row in found["result"]["comparison"]["rows"] if row["action"] == "together"][1:]
    assert together["replay"] == "[0, 10, 20, 30, 40]"


SECRET = "sk-proj-" + "Zx9q" * 12
ASKING = """
import titan_sdk

@titan_sdk.action
def ask(prompt, api_key):
    return "Hi"

with titan_sdk.run("ASKING", "executed-asking"):
    ask("Hello", "sk-proj-" + "Zx9q" * 12)
"""


def test_a_secret_argument_neither_diverges_nor_is_in_any_stored_byte(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, ASKING)

    found = replayed(titan, "executed-asking", runs=2)

    assert found["state"] == "completed", found["error"]
    assert (found["metrics"]["match_rate"], found["metrics"]["divergences"]) == (1.0, 0)
    assert SECRET not in str(found)
    holding = [path for path in titan.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == []


def test_determinism_is_measured_on_a_worker_and_stored_as_a_replay(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, AGENT.replace("executed-1", "executed-measured"), "x", names="greeting = lambda: 1\n")

    started = ask_json(titan.sdk_port, "POST", "/api/v1/runs/executed-measured/determinism", {"runs": 4})

    assert started.status == 202, started.value
    path = f"/api/v1/runs/executed-measured/replays/{started.value['id']}?wait_seconds=30"
    while (found := ask_json(titan.sdk_port, "GET", path).value)["state"] == "running":
        pass
    measured = found["result"]["re_execution"]
    assert (found["level"], measured["executions"], measured["score"]) == ("re_execute", 4, 100)


STAGE = """
import titan_sdk

@titan_sdk.action(cost="0.10")
def research(topic):
    return f"found {topic}"

@titan_sdk.action
def store(key, value):
    titan_sdk.TitanClient().store_put(key, value)

store("topic:a", research("a"))
"""
ORCHESTRATOR = """
import titan_sdk
from titan_sdk import TitanClient, TitanJob

client = TitanClient()
run_id = titan_sdk.new_run_id("STAGED")
for stage in ("ONE", "TWO"):
    dag = client.submit_dag(f"{run_id}_{stage}", [TitanJob("worker", "stage.py")], agent_run_id=run_id)
    client.wait(dag)
print(client.store_get("topic:a"))
"""


def test_a_run_of_stages_is_executed_with_a_store_of_its_own(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, ORCHESTRATOR, stage=STAGE)
    wait_until(lambda: bool(ended(titan, "STAGED")), "the end of the run")
    [run] = ended(titan, "STAGED")
    ask_json(titan.sdk_port, "PUT", "/api/store", {"key": "topic:a", "value": "as it was left"})

    found = replayed(titan, run["run_id"], runs=1)

    assert found["state"] == "completed", found["error"]
    assert (found["metrics"]["match_rate"], found["metrics"]["savings_usd"]) == (1.0, "0.2")
    assert found["result"]["re_execution"]["command"] == "python agent.py"
    stored = ask_json(titan.sdk_port, "GET", "/api/store?key=topic:a").value
    assert stored["value"] == "as it was left"


REVIEWED = """
import titan_sdk
from titan_sdk import TitanClient, TitanGate, TitanJob

client = TitanClient()
run_id = titan_sdk.new_run_id("REVIEWED")
jobs = [TitanGate("review", "Go on?"), TitanJob("worker", "stage.py", parents=["review"])]
client.wait(client.submit_dag(run_id + "_ONE", jobs, agent_run_id=run_id))
"""


def test_a_gate_is_decided_in_a_replay_as_it_was(titan: RunningTitan, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        recording = threads.submit(record, titan, tmp_path, REVIEWED, stage=STAGE)
        gates = "/api/gates?status=open"
        wait_until(lambda: bool(ask_json(titan.sdk_port, "GET", gates).value["gates"]), "an open gate")
        approved = ask_json(titan.sdk_port, "POST", "/api/gates/review/approve", {"comment": "go on"})
        recording.result()
    assert approved.status == 200, approved.value
    wait_until(lambda: bool(ended(titan, "REVIEWED")), "the end of the run")

    found = replayed(titan, ended(titan, "REVIEWED")[0]["run_id"], runs=1)

    assert found["state"] == "completed", found["error"]
    assert (found["metrics"]["match_rate"], found["metrics"]["calls"]) == (1.0, 2)


def ended(titan: RunningTitan, agent: str) -> list[Any]:
    path = f"/api/v1/runs?window=all&agent_id={agent}&status=completed"
    found: list[Any] = ask_json(titan.sdk_port, "GET", path).value["data"]
    return found


def test_a_key_of_the_scope_has_runs_executed_and_a_viewer_has_not(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", environment={"TITAN_REQUIRE_TOKEN": "1"}) as titan:

        def ask(path: str, body: object, token: str) -> Any:
            return ask_json(titan.sdk_port, "POST", path, body, headers={"Authorization": f"Bearer {token}"})

        record(titan, tmp_path, AGENT, "x", names="greeting = lambda: 1\n")
        key = {"name": "ci", "role": "key", "scopes": ["runs:execute"]}
        key_text = ask("/api/tokens", key, titan.home_token).value["token"]
        viewer_text = ask("/api/tokens", {"name": "v", "role": "viewer"}, titan.home_token).value["token"]
        path, body = "/api/v1/runs/executed-1/replays", {"level": "re_execute", "runs": 1}

        by_key, by_viewer = ask(path, body, key_text), ask(path, body, viewer_text)
        without_sandbox = ask(path, {**body, "no_sandbox": True}, key_text)

        assert (by_key.status, by_viewer.status, without_sandbox.status) == (202, 403, 403), by_key.value
        headers = {"Authorization": f"Bearer {titan.home_token}"}
        found = by_key.value
        while found["state"] == "running":
            shown = f"{path}/{by_key.value['id']}?wait_seconds=30"
            found = ask_json(titan.sdk_port, "GET", shown, headers=headers).value
        assert (found["state"], found["metrics"]["match_rate"]) == ("completed", 1.0), found["error"]
