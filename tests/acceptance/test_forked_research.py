"""The research agent of seed 001 goes into one more iteration when its evaluator's decision is edited."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import research_agent

from tests.support.recorded_runs import environment, exported, runs
from tests.support.research_script import GAP, write_script
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT

AGENT = ROOT / "examples" / "research_agent" / "research_agent.py"


def test_a_decision_that_is_edited_to_deepen_forks_the_run_into_one_more_iteration(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    write_script(script, complete=[research_agent.DEFAULT_QUERY], deepen_once=[])
    command = [sys.executable, str(AGENT), "--quote"]
    with running_titan(tmp_path / "home", model=f"scripted:{script}") as titan:
        there = environment(titan, tmp_path)
        subprocess.run(command, cwd=tmp_path, env=there, check=True, capture_output=True, timeout=120)
        [parent] = runs(titan)
        [decision] = [
            one
            for one in exported(titan, parent["run_id"])
            if one["name"] == "store_put" and one["inputs"]["key"] == "eval:1"
        ]
        deepened = json.dumps({"decision": "DEEPEN", "gaps": [GAP], "reason": "not enough", "notes": []})
        edit = ["--at", decision["id"], "--input", json.dumps({"key": "eval:1", "value": deepened})]

        words = [sys.executable, "-m", "titan.cli", "fork", parent["run_id"], *edit]
        words += ["--max-usd", "1", "--max-calls", "40", "--", *command]
        done = subprocess.run(words, cwd=tmp_path, env=there, capture_output=True, text=True, timeout=120)

        assert done.returncode == 0, done.stdout + done.stderr
        assert "Evaluator: DEEPEN — 1 gap(s)" in done.stderr
        assert "Iteration 2/3" in done.stderr
        [fork] = runs(titan, parent_run_id=parent["run_id"])
        assert (fork["status"], fork["forked_at_action_id"]) == ("completed", decision["id"])
        agents = [one["name"] for one in exported(titan, fork["run_id"]) if one["kind"] == "agent"]
        assert {"evaluator-1", "researcher-2-0", "evaluator-2"} <= set(agents)
        models = [one for one in exported(titan, fork["run_id"]) if one["kind"] == "model"]
        assert [one["outcome"] for one in models][:6] == ["replayed"] * 6  # planner, four researchers, evaluator
        assert models[-1]["outcome"] == "success"
