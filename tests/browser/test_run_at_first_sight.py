"""What somebody sees who opens a recorded run for the first time, and looks for nothing in particular."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ToldRun


def test_a_run_of_steps_alone_leads_to_its_trace(pages: Pages, console: Console) -> None:
    run = ToldRun(console, "first-steps")
    run.action("load", "load", kind="step")
    run.action("train", "train", kind="step")
    run.end()
    page = pages.open(console, f"/runs/{run.id}")

    expect(page.get_by_role("heading", name="No call was recorded")).to_be_visible()
    expect(page.get_by_role("button", name="Expand all")).to_have_count(0)
    expect(page.get_by_label("Name or content")).to_have_count(0)
    page.get_by_role("button", name="Show 2 steps in the Trace").click()

    expect(page.get_by_role("treeitem")).to_have_count(2)
