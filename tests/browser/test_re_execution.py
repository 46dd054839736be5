"""A program that was executed again: the tab Simulation shows what differs, why, and at which statement."""

from __future__ import annotations

import json
import os
import re
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
    subprocess.run([sys.executable, "agent.py"], cwd=tmp_path, env=environment, check=True, timeout=120)
    words = ["replay", "re-executed-1", "--json", "--", sys.executable, "agent.py"]
    replay = [sys.executable, "-m", "titan.cli", *words]
    done = subprocess.run(replay, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["re_execution"]["cause"]["source"] == "uuid", done.stderr

    page = pages.open(console, "/runs/re-executed-1?tab=simulation")

    expect(page.get_by_role("heading", name="Re-execute", exact=True)).to_be_visible()
    facts = page.locator(".simulation-facts")
    expect(page.locator(".simulation-verdict")).to_contain_text("diverged at generate_id (output_mismatch)")
    expect(facts).to_contain_text("New UUIDs.")
    expect(facts).to_contain_text("agent.py:11 in generate_id")
    expect(facts.locator("pre")).to_have_text("made = str(uuid.uuid4())")
    expect(page.get_by_role("table", name="Comparison").get_by_role("row")).to_have_count(4)
    expect(page.get_by_text("titan replay re-executed-1 -- python agent.py")).to_be_visible()


STORED = """
import titan_sdk

@titan_sdk.action(kind="model", cost="0.25")
def call_llm(prompt):
    return "Hi there!"

with titan_sdk.run("re-executed", "re-executed-stored"):
    call_llm("Hello")
"""


def test_the_key_r_has_a_worker_execute_the_stored_code_of_a_run(
    pages: Pages, console: Console, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(STORED)
    environment = {**os.environ, **console.titan.environment, "TITAN_HOME": str(console.titan.home)}
    subprocess.run([sys.executable, "agent.py"], cwd=tmp_path, env=environment, check=True, timeout=120)
    (tmp_path / "agent.py").unlink()
    page = pages.open(console, "/runs/re-executed-stored?tab=simulation")
    expect(page.get_by_role("heading", name="This run has not been replayed")).to_be_visible()
    expect(page.get_by_label("against")).to_have_value("")

    page.keyboard.press("r")

    expect(page.get_by_role("heading", name="Re-execute", exact=True)).to_be_visible()
    expect(page.locator(".simulation-facts")).to_contain_text("100 of 100", timeout=120_000)
    expect(page.locator(".simulation-metrics")).to_contain_text("$0.25")
    expect(page.get_by_role("table", name="Comparison")).to_contain_text("✅ Match")
    page.get_by_label("against").select_option("self_check")
    page.get_by_role("button", name="Simulate Replay").click()
    expect(page.get_by_text("The recording can be replayed")).to_be_visible()
    expect(page.locator(".simulation-history").get_by_role("button")).to_have_count(2)


DECIDING = """
import titan_sdk

@titan_sdk.action
def decide(query):
    return "SYNTHESIZE"

@titan_sdk.action
def deepen(query):
    return f"more of {query}"

with titan_sdk.run("forked", "forked-here"):
    if decide("x") == "DEEPEN":
        deepen("x")
"""


def test_fork_from_here_edits_an_output_and_leads_to_the_fork_which_is_compared(
    pages: Pages, console: Console, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(DECIDING)
    environment = {**os.environ, **console.titan.environment, "TITAN_HOME": str(console.titan.home)}
    subprocess.run([sys.executable, "agent.py"], cwd=tmp_path, env=environment, check=True, timeout=120)
    page = pages.open(console, "/runs/forked-here?tab=telemetry")
    page.get_by_text("decide", exact=True).first.click()

    page.get_by_role("button", name="Fork from here").click()
    dialog = page.get_by_role("dialog", name="Fork from decide")
    expect(dialog.get_by_label("JSON")).to_have_value('"SYNTHESIZE"')
    dialog.get_by_label("JSON").fill('"DEEPEN"')
    dialog.get_by_label("Other actions to run live").fill("deepen")
    expect(dialog.get_by_role("button", name="Fork", exact=True)).to_be_disabled()
    dialog.get_by_label("At most US$").fill("0.10")
    dialog.get_by_label("At most calls").fill("1")
    dialog.get_by_role("button", name="Fork", exact=True).click()

    expect(page).not_to_have_url(re.compile("forked-here"))
    expect(page.locator("body")).to_contain_text("forked-here")
    page.keyboard.press("s")
    expect(page.locator(".simulation-verdict")).to_contain_text("diverged", timeout=120_000)
    expect(page.get_by_role("table", name="Comparison")).to_contain_text("deepen")
