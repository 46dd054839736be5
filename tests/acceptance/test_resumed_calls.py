"""A run whose program was killed goes on at the call that had not ended; what had is not called again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan, running_titan

ORCHESTRATOR = """
import os, signal
from pathlib import Path
import titan_sdk

@titan_sdk.action(kind="model", cost="0.25")
def plan(query):
    Path("called").open("a").write("plan ")
    return ("latency", "cost")

@titan_sdk.action(cost="0.10")
def research(topic):
    Path("called").open("a").write(f"research:{topic} ")
    if topic == "cost" and not Path("resumed").exists():
        titan_sdk.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"found {topic}"

with titan_sdk.run("PAPERS", name="Papers"):
    with titan_sdk.action("stage", kind="step"):
        topics = plan("what costs?")
    with titan_sdk.action("reading", kind="step"):
        found = [research(topic) for topic in topics]
    print(found, flush=True)
"""


def environment(titan: RunningTitan) -> dict[str, str]:
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home)}


def test_an_orchestrator_killed_between_two_calls_resumes_at_the_second(tmp_path: Path) -> None:
    (tmp_path / "papers.py").write_text(ORCHESTRATOR)
    with running_titan(tmp_path / "home", offers=()) as titan:
        command = [sys.executable, "papers.py"]
        killed = subprocess.run(command, cwd=tmp_path, env=environment(titan), timeout=120)
        [run] = ask_json(titan.sdk_port, "GET", "/api/v1/runs").value["data"]
        (tmp_path / "resumed").touch()

        words = [sys.executable, "-m", "titan.cli", "runs", "resume", run["run_id"], "--", *command]
        done = subprocess.run(words, cwd=tmp_path, env=environment(titan), capture_output=True, text=True, timeout=120)

        assert (killed.returncode, done.returncode) == (-signal.SIGKILL, 0), done.stderr
        assert done.stdout == "['found latency', 'found cost']\n"
        assert (tmp_path / "called").read_text().split() == [
            "plan",
            "research:latency",
            "research:cost",  # when it was killed
            "research:cost",
        ]
        [after] = ask_json(titan.sdk_port, "GET", "/api/v1/runs").value["data"]
        assert (after["run_id"], after["status"]) == (run["run_id"], "completed")
        counts = {name: after["tally"][name] for name in ("calls", "success", "cost_usd")}
        assert counts == {"calls": 4, "success": 3, "cost_usd": "0.45"}
        export = ask_json(titan.sdk_port, "GET", f"/api/v1/runs/export?format=json&run_id={run['run_id']}").value
        steps = [(one["name"], one["outcome"]) for one in export["runs"][0]["actions"] if one["kind"] == "step"]
        assert steps == [("stage", "success"), ("reading", "success")]
