"""The loop of seed 001, word for word: plan, research in parallel, evaluate, go deeper, write the report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.as_job import run_as_job
from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan
from titan_sdk import TitanClient

REPORT = '1.0: latency & cost\n1.1: it\'s "fresh"\n1.2: größe\n2.0: the gap\nwritten in titan_workspace/shared\n'


@pytest.fixture
def client(titan: RunningTitan) -> Iterator[TitanClient]:
    with TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None) as connected:
        yield connected


@pytest.mark.parametrize("is_a_job", [False, True])
def test_the_loop_goes_deeper_once_and_writes_its_report(
    titan: RunningTitan, client: TitanClient, programs: Path, is_a_job: bool
) -> None:
    run_id = f"RESEARCH_{os.urandom(3).hex()}"
    program = programs / "research_loop.py"
    report = Path(f"/tmp/research_{run_id}_report.md")

    if is_a_job:
        run_as_job(client, program, {"RUN_ID": run_id})
    else:
        done = run_program(program, cwd=programs, env={**titan.environment, "RUN_ID": run_id})
        assert (done.returncode, done.stderr) == (0, "")

    text = report.read_text("utf-8")
    report.unlink()
    client.wait(client.get_run(run_id)["stages"][-1]["dag_id"], timeout=60)  # a job signals before it ends
    run = client.get_run(run_id)
    stages = [(stage["name"], stage["status"]) for stage in run["stages"]]
    assert text == REPORT
    assert stages == [(name, "COMPLETED") for name in ("PLAN", "ITER1", "EVAL1", "ITER2", "EVAL2", "SYNTH")]
    assert (run["status"], run["agent_id"], run["job_count"]) == ("completed", "RESEARCH", 8)
