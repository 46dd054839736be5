"""The guide's way through a run that people hold: start, fail, mend, resume, approve (docs/guide/gates.md)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import PROGRAM, CommandLine
from tests.support.research_script import write_script
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES, ROOT
from tests.support.waiting import wait_until

QUESTION = "How does LoRA work for LLM fine-tuning?"


@pytest.fixture
def titan(tmp_path: Path) -> Iterator[RunningTitan]:
    script = tmp_path / "answers.py"
    write_script(script, complete=[QUESTION], deepen_once=[])
    with running_titan(tmp_path / "home", model=f"scripted:{script}") as running:
        yield running


def test_a_run_is_held_approved_failed_mended_and_resumed(titan: RunningTitan, tmp_path: Path) -> None:
    command = CommandLine(f"http://127.0.0.1:{titan.sdk_port}")
    environment = {**os.environ, **titan.environment, "PYTHONPATH": PACKAGES, "TMPDIR": str(tmp_path)}
    agent = tmp_path / "agent"
    shutil.copytree(ROOT / "examples" / "research_agent", agent)
    worker = agent / "research_worker.py"
    sound = worker.read_text("utf-8")
    worker.write_text("raise SystemExit('a mistake')\n", "utf-8")

    failed = subprocess.run(
        [sys.executable, "research_agent.py", QUESTION, "--review", "--max-iter", "1"],
        cwd=agent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    run_id = next(line.split()[2].rstrip(":") for line in failed.stdout.splitlines() if line.startswith("[AGENT] Run "))
    status_then = str(_run(command, run_id)["status"])
    worker.write_text(sound, "utf-8")
    resumed = subprocess.Popen(
        [*PROGRAM, "runs", "resume", run_id, "--server", command.server],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: "review" in command("gates").text, "the agent asks for a review", seconds=120)
        approved = command("approve", "review", "--by", "ada", "--comment", "go on")
        output, _ = resumed.communicate(timeout=120)
    finally:
        if resumed.poll() is None:
            resumed.kill()
            resumed.communicate(timeout=60)

    # The agent ends with its last job's signal, which the job sends before its process ends.
    wait_until(lambda: "RUNNING" not in str(_run(command, run_id)["stages"]), "the last job ends")
    stages = _run(command, run_id)["stages"]
    assert isinstance(stages, list)
    assert (failed.returncode, status_then) == (1, "failed")
    assert approved.exit_code == 0
    assert resumed.returncode == 0, output
    assert (tmp_path / f"research_{run_id}_report.md").exists()
    assert [(stage["name"].removeprefix(f"{run_id}_"), stage["status"]) for stage in stages] == [
        ("PLAN", "COMPLETED"),
        ("ITER1", "FAILED"),
        ("ITER1", "COMPLETED"),
        ("EVAL1", "COMPLETED"),
        ("SYNTH", "COMPLETED"),
    ]
    assert _run(command, run_id)["status"] == "completed"


def _run(command: CommandLine, run_id: str) -> Mapping[str, Any]:
    run = command("runs", "show", run_id, "--json").document["run"]
    assert isinstance(run, Mapping)
    return run
