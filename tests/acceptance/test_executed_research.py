"""The whole run of the research agent is executed again on a worker: orchestrator and all stages, at no cost."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import research_agent

from tests.support.raw_http import ask_json
from tests.support.recorded_runs import environment, runs
from tests.support.research_script import write_script
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT
from tests.support.waiting import wait_until

AGENT = ROOT / "examples" / "research_agent" / "research_agent.py"


@pytest.mark.parametrize("has_corpus", [False, True])
def test_the_research_agents_whole_run_replays_at_cost_0_and_matches(tmp_path: Path, has_corpus: bool) -> None:
    script = tmp_path / "answers.json"
    write_script(script, complete=[research_agent.DEFAULT_QUERY], deepen_once=[])
    handbook = tmp_path / "handbook"  # which the sandbox of the replay does not show
    handbook.mkdir()
    (handbook / "indexes.md").write_text("# Vector databases\n\nVector databases keep their indexes in memory.\n")
    with running_titan(tmp_path / "home", model=f"scripted:{script}") as titan:
        there = environment(titan, tmp_path)
        options = ["--quote", *(["--corpus", str(handbook)] if has_corpus else [])]
        command = [sys.executable, str(AGENT), *options]
        subprocess.run(command, cwd=tmp_path, env=there, check=True, capture_output=True, timeout=120)
        wait_until(lambda: runs(titan)[0]["status"] == "completed", "the end of the run")
        [run] = runs(titan)
        path = f"/api/v1/runs/{run['run_id']}/replays"

        replay = ask_json(titan.sdk_port, "POST", path, {"level": "re_execute", "runs": 1}).value

        while replay["state"] == "running":
            replay = ask_json(titan.sdk_port, "GET", f"{path}/{replay['id']}?wait_seconds=30").value
        assert replay["state"] == "completed", replay["error"]
        assert replay["result"]["comparison"]["divergences"] == []
        assert replay["result"]["re_execution"]["command"] == shlex.join(["python", "research_agent.py", *options])
        assert replay["result"]["re_execution"]["cause"] is None
        assert (replay["metrics"]["match_rate"], replay["metrics"]["replay_cost_usd"]) == (1.0, "0")
        assert replay["metrics"]["calls"] > 30
        assert len(runs(titan)) == 1
        assert len(ask_json(titan.sdk_port, "GET", "/api/dags").value["dags"]) == 4
