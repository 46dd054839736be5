"""The research agent's whole run is replayed from its page: Simulate Replay, at no cost, with every call the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import research_agent
from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.support.recorded_runs import environment, runs
from tests.support.research_script import write_script
from tests.support.sources import ROOT
from tests.support.waiting import wait_until

AGENT = ROOT / "examples" / "research_agent" / "research_agent.py"


def test_the_research_agents_run_is_replayed_from_its_page_at_cost_0(
    pages: Pages, new_console: Callable[..., Console], tmp_path: Path
) -> None:
    script = tmp_path / "answers.json"
    write_script(script, complete=[research_agent.DEFAULT_QUERY], deepen_once=[])
    console = new_console(offers=("GENERAL:4",), model=f"scripted:{script}")
    there = environment(console.titan, tmp_path)
    command = [sys.executable, str(AGENT), "--quote"]
    subprocess.run(command, cwd=tmp_path, env=there, check=True, capture_output=True, timeout=120)

    wait_until(lambda: runs(console.titan, status="completed") != [], "the end of the run")
    [run] = runs(console.titan)
    page = pages.open(console, f"/runs/{run['run_id']}")
    expect(page.get_by_role("tab", name="Simulation")).to_be_visible()

    page.keyboard.press("r")

    expect(page.get_by_role("heading", name="Re-execute")).to_be_visible()
    metrics = page.locator(".simulation-metrics")
    expect(metrics).to_contain_text("100 %", timeout=180_000)
    expect(metrics).to_contain_text("Replay cost$0")
    expect(page.locator(".simulation-verdict")).to_contain_text("the same as recorded")
