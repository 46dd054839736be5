"""A program that was executed again: the tab Simulation shows what differs, why, and at which statement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages

AGENT = """
import uuid
import titan_sdk

@titan_sdk.action(kind="model", cost="0.25")
def call_llm(prompt):
    return "Hi there!"

@titan_sdk.action(effect="local")
def generate_id():
    made = str(uuid.uuid4())
    return made

with titan_sdk.run("re-executed", "re-executed-1"):
    call_llm("Hello")
    generate_id()
"""


def test_the_cause_and_the_statement_of_a_divergence_are_shown(pages: Pages, console: Console, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    environment = {**os.environ, **console.titan.environment, "TITAN_HOME": str(console.titan.home)}
    subprocess.run([sys.executable, "agent.py"], cwd=tmp_path, env=environment, check=True)
    words = ["replay", "re-executed-1", "--json", "--", sys.executable, "agent.py"]
    replay = [sys.executable, "-m", "titan.cli", *words]
    done = subprocess.run(replay, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert json.loads(done.stdout)["re_execution"]["cause"]["source"] == "uuid", done.stderr

    page = pages.open(console, "/runs/re-executed-1?tab=simulation")

    expect(page.get_by_role("heading", name="Re-execute")).to_be_visible()
    facts = page.locator(".simulation-facts")
    expect(facts).to_contain_text("diverged at generate_id (output_mismatch)")
    expect(facts).to_contain_text("New UUIDs.")
    expect(facts).to_contain_text("agent.py:11 in generate_id")
    expect(facts.locator("pre")).to_have_text("made = str(uuid.uuid4())")
    expect(page.get_by_role("table", name="Comparison").get_by_role("row")).to_have_count(4)
    expect(page.get_by_text("titan replay re-executed-1 -- python agent.py")).to_be_visible()
