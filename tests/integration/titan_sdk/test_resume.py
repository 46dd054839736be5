"""A run whose program broke off is taken up again: by the same command, with finished stages from the record."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan
from titan_sdk import TitanClient

AGENT = """
import json, sys
import titan_sdk
from titan_sdk import TitanClient, TitanJob

client = TitanClient(announce=lambda _: None)
run_id = titan_sdk.new_run_id("DIGEST")
count = "from titan_sdk import TitanClient; TitanClient().store_incr('%s:%s')"
told = {"run": run_id, "other": titan_sdk.new_run_id("OTHER"), "next": titan_sdk.new_run_id("DIGEST"), "stages": []}

def stage(name, script):
    receipt = client.submit_dag(f"{run_id}_{name}", [TitanJob("work", "work.py", script_content=script)], run_id)
    told["stages"].append([name, client.wait(receipt), receipt.from_record])
    return told["stages"][-1][1] == "COMPLETED"

stage("PLAN", count % (run_id, "plan"))
stage("STEP", count % (run_id, "step"))
stage("STEP", count % (run_id, "step"))          # the same name and content once more: a stage of its own
good = stage("LAST", f"from titan_sdk import TitanClient; assert TitanClient().store_get('{run_id}:fixed')")
print(json.dumps(told))
sys.exit(0 if good else 3)
"""
OWN_ID = """
import uuid
from titan_sdk import TitanClient, TitanJob
run_id = f"DIGEST_{uuid.uuid4().hex[:6]}"
TitanClient().submit_dag(f"{run_id}_PLAN", [TitanJob("work", "work.py", script_content="")], agent_run_id=run_id)
"""


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    script = tmp_path / "agent.py"
    script.write_text(AGENT)
    return script


def test_a_resumed_run_repeats_nothing_that_was_done(titan: RunningTitan, client: TitanClient, agent: Path) -> None:
    first = run_program(agent, cwd=agent.parent, env=titan.environment)
    began = json.loads(first.stdout)
    run_id = began["run"]
    failed = client.get_run(run_id)
    client.store_put(f"{run_id}:fixed", "1")
    resumed = client.resume_run(run_id)
    second = run_program(agent, cwd=agent.parent, env={**titan.environment, "TITAN_RESUME_RUN_ID": run_id})
    went_on = json.loads(second.stdout)

    assert (first.returncode, failed["status"], failed["reason"]) == (3, "failed", "exit status 3")
    assert began["stages"] == [
        ["PLAN", "COMPLETED", False],
        ["STEP", "COMPLETED", False],
        ["STEP", "COMPLETED", False],
        ["LAST", "FAILED", False],
    ]
    assert resumed["orchestrator"] is not None
    assert resumed["orchestrator"]["command"] == [sys.executable, str(agent)]
    assert resumed["orchestrator"]["directory"] == str(agent.parent)
    assert went_on["run"] == run_id
    assert (went_on["other"].startswith("OTHER_"), went_on["next"].startswith("DIGEST_")) == (True, True)
    assert went_on["next"] != run_id
    assert went_on["stages"] == [
        ["PLAN", "COMPLETED", True],
        ["STEP", "COMPLETED", True],
        ["STEP", "COMPLETED", True],
        ["LAST", "COMPLETED", True],
    ]
    assert (client.store_get(f"{run_id}:plan"), client.store_get(f"{run_id}:step")) == ("1", "2")
    assert client.get_run(run_id)["status"] == "completed"


def test_a_program_that_makes_its_own_run_id_is_refused_with_the_way_to_make_it_resumable(
    titan: RunningTitan, tmp_path: Path
) -> None:
    script = tmp_path / "agent.py"
    script.write_text(OWN_ID)
    before = len(TitanClient("127.0.0.1", titan.sdk_port).jobs(limit=10_000))

    done = run_program(script, cwd=tmp_path, env={**titan.environment, "TITAN_RESUME_RUN_ID": "DIGEST_aa11bb"})

    assert done.returncode == 1
    assert "DIGEST_aa11bb" in done.stderr
    assert "Use titan_sdk.new_run_id('DIGEST') for the id, or take it from an argument. Nothing was" in done.stderr
    assert len(TitanClient("127.0.0.1", titan.sdk_port).jobs(limit=10_000)) == before


def test_a_run_id_is_the_agent_and_six_digits(tmp_path: Path) -> None:
    script = tmp_path / "ids.py"
    script.write_text("import titan_sdk\nprint(titan_sdk.new_run_id('RESEARCH'))\ntitan_sdk.new_run_id('')")

    done = run_program(script, cwd=tmp_path)

    agent, _, token = done.stdout.strip().rpartition("_")
    assert (agent, len(bytes.fromhex(token))) == ("RESEARCH", 3)
    assert "expected the agent's name" in done.stderr


def test_only_a_restartable_program_is_reported(tmp_path: Path) -> None:
    tell = "from titan_sdk import stages\nprint(stages.this_program())\n"
    script = tmp_path / "tell.py"
    script.write_text(tell)

    as_program = run_program(script, "a b", cwd=tmp_path).stdout
    as_job = run_program(script, cwd=tmp_path, env={"TITAN_JOB_ID": "d1.0"}).stdout

    command = [sys.executable, str(script), "a b"]
    told = {"command": command, "directory": str(tmp_path), "host": os.uname().nodename}
    assert (as_program, as_job) == (f"{told}\n", "None\n")
