"""What programs and jobs record, as a real server has it afterwards: each call once, in the run that it belongs to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob
from titan_sdk.errors import NotFound

AGENT = """
import asyncio
import titan_sdk
from decimal import Decimal
from titan_sdk import action

@action(kind="tool", cost=Decimal("0.001"), tags=["web"])
async def search(query):
    if query == "none":
        raise LookupError("nothing found")
    return [query, (1, 2)]

async def main():
    with titan_sdk.turn("What is LoRA?"):
        await asyncio.gather(search("a"), search("b"), search("none"), return_exceptions=True)

with titan_sdk.run(agent_id="RESEARCH", run_id="RESEARCH_1", name="LoRA"):
    titan_sdk.progress(1, 2)
    asyncio.run(main())
titan_sdk.flush(60)  # an exit alone waits 2 s for the server, and keeps the rest for the next program
"""


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("titan") / "home") as running:
        yield running


def client_of(titan: RunningTitan) -> TitanClient:
    return TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None)


def ask(titan: RunningTitan, path: str) -> Any:
    with client_of(titan) as client:
        return client.transport.request_json("GET", path)


def environment(titan: RunningTitan, folder: Path) -> dict[str, str]:
    return {**titan.environment, "TITAN_HOME": str(folder / "home"), "HOME": str(folder)}


def names(skeleton: dict[str, Any]) -> list[str]:
    return [skeleton["names"][place] for place in skeleton["name"]]


def has_run(titan: RunningTitan, run_id: str, *, calls: int) -> bool:
    try:
        return bool(ask(titan, f"/api/v1/runs/{run_id}")["tally"]["calls"] == calls)
    except NotFound:
        return False


def test_a_program_s_run_is_whole(titan: RunningTitan, tmp_path: Path) -> None:
    script = tmp_path / "agent.py"
    script.write_text(AGENT)

    done = run_program(script, cwd=tmp_path, env=environment(titan, tmp_path))

    assert (done.returncode, done.stderr) == (0, "")
    run = ask(titan, "/api/v1/runs/RESEARCH_1")
    assert (run["agent_id"], run["name"], run["status"], run["status_source"]) == (
        *("RESEARCH", "LoRA", "completed", "explicit"),
    )
    assert {name: run["tally"][name] for name in ("calls", "success", "error", "running")} == {
        "calls": 3,
        "success": 2,
        "error": 1,
        "running": 0,
    }
    assert float(run["tally"]["cost_usd"]) == 0.003
    assert run["first_error"] == "LookupError: nothing found"
    skeleton = ask(titan, "/api/v1/runs/RESEARCH_1/skeleton")
    assert sorted(names(skeleton)) == ["search", "search", "search", "turn"]


def test_actions_of_jobs_belong_to_their_agent_run_and_those_of_others_to_their_submission(
    titan: RunningTitan,
) -> None:
    script = "from titan_sdk import action\nwith action('look', kind='tool') as act:\n    act.set_input('x')"
    job = TitanJob("look", "look.py", script_content=script)

    with client_of(titan) as client:
        client.submit_dag("D_1_LOOK", [job], agent_run_id="D_1", agent_id="D")
        alone = client.submit_dag("alone", [TitanJob("look", "look.py", script_content=script)])
        assert client.wait(["D_1_LOOK", alone.dag_id], 60) == {"D_1_LOOK": "COMPLETED", alone.dag_id: "COMPLETED"}

    for run_id, agent_id in (("D_1", "D"), (alone.dag_id, "alone")):
        wait_until(lambda run_id=run_id: has_run(titan, run_id, calls=1), f"the call of {run_id}")  # type: ignore[misc]
        assert ask(titan, f"/api/v1/runs/{run_id}")["agent_id"] == agent_id


def test_blocks_of_a_job_are_in_its_run_which_ends_as_the_job_does(titan: RunningTitan) -> None:
    script = (
        "import titan_sdk\nfrom titan_sdk import action, set_result\n"
        "with titan_sdk.run('FIRST') as run, action('one'):\n    pass\n"
        "try:\n    with titan_sdk.run('SECOND'), action('two'):\n        raise ValueError('caught')\n"
        "except ValueError:\n    set_result(run.id)\n"
    )

    with client_of(titan) as client:
        accepted = client.submit_dag("blocks", [TitanJob("look", "look.py", script_content=script)])
        assert client.wait([accepted.dag_id], 60) == {accepted.dag_id: "COMPLETED"}
        assert client.result("look") == accepted.dag_id

    def has_ended() -> bool:
        return bool(ask(titan, f"/api/v1/runs/{accepted.dag_id}")["status"] != "running")

    wait_until(lambda: has_run(titan, accepted.dag_id, calls=2), "its calls")
    wait_until(has_ended, "its end")
    run = ask(titan, f"/api/v1/runs/{accepted.dag_id}")
    assert (run["agent_id"], run["status"], run["status_source"]) == ("FIRST", "completed", "stages")


def test_a_program_that_outlives_its_server_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    script = tmp_path / "agent.py"
    script.write_text(
        "import sys, time, titan_sdk\nfrom titan_sdk import action\n"
        "with titan_sdk.run('LONG', 'LONG_1'):\n"
        "    for number in range(300):\n"
        "        with action('step'):\n            time.sleep(0.01)\n"
        "        if number == 50: print('up', flush=True)\n"
        "sys.stdin.readline()\n"  # an exit waits 2 s for the server, and keeps the rest for the next program
    )
    with running_titan(tmp_path / "titan", offers=()) as titan:
        program = subprocess.Popen(
            [sys.executable, script],
            env={"PYTHONPATH": PACKAGES, **environment(titan, tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with program:
            assert program.stdout is not None
            program.stdout.readline()
            titan.kill()
            titan.start_again()
            wait_until(lambda: has_run(titan, "LONG_1", calls=300), "every step")
            wait_until(lambda: bool(ask(titan, "/api/v1/runs/LONG_1")["status"] == "completed"), "the end")
            program.communicate("go on\n", 60)

        run = ask(titan, "/api/v1/runs/LONG_1")

    assert (run["status"], run["tally"]["calls"], run["tally"]["success"]) == ("completed", 300, 300)


def test_actions_of_a_job_killed_while_the_server_was_away_are_delivered_by_its_worker(tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"""
import os, signal, time, titan_sdk
print("up", flush=True)
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
with titan_sdk.action("last words", kind="tool"):
    pass
titan_sdk.flush(20)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with running_titan(tmp_path / "titan") as titan:
        with client_of(titan) as client:
            client.submit_dag(
                "K_1_DIE", [TitanJob("die", "die.py", script_content=script)], agent_run_id="K_1", agent_id="K"
            )
            wait_until(lambda: "up" in client.fetch_logs("die"), "the job runs")
        titan.kill()
        go.touch()
        spools = tmp_path / "titan" / "worker" / "spools"
        wait_until(lambda: any(spools.rglob("*.jsonl")), "what the job left")

        titan.start_again()

        wait_until(lambda: has_run(titan, "K_1", calls=1), "its action")
        wait_until(lambda: not list(spools.iterdir()), "nothing waits")
        assert names(ask(titan, "/api/v1/runs/K_1/skeleton")) == ["last words"]


def test_secrets_are_stored_nowhere_whether_the_server_was_there_or_not(titan: RunningTitan, tmp_path: Path) -> None:
    key = "sk-proj-" + "a1B2c3D4" * 6
    script = tmp_path / "agent.py"
    script.write_text(
        "import titan_sdk\nwith titan_sdk.run('S', 'S_1'), titan_sdk.action('leak') as act:\n"
        f"    act.set_input({key!r})\n"
        "titan_sdk.flush(60)"
    )
    away = {**environment(titan, tmp_path), "TITAN_PORT": "9", "TITAN_SPOOL": str(tmp_path / "spool")}

    run_program(script, cwd=tmp_path, env=environment(titan, tmp_path))
    run_program(script, cwd=tmp_path, env=away)

    [action_id] = ask(titan, "/api/v1/runs/S_1/skeleton")["id"]
    told = ask(titan, f"/api/v1/runs/S_1/actions/{action_id}")
    kept = "".join(path.read_text() for path in (tmp_path / "spool").iterdir())
    assert told["action"]["is_redacted"] is True
    assert key not in json.dumps(told)
    assert key not in kept
    assert "[redacted:" in kept
