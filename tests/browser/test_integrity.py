"""The tape of a run on its page: verified when asked, and what was changed leads to the action."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ReportedRun
from tests.support.tampering import change_calls


def told(console: Console, run_id: str) -> ReportedRun:
    run = ReportedRun(console, run_id)
    run.actions([run.entry(f"a{number}", f"step {number}", at_ms=number, outputs=run_id) for number in range(3)])
    run.end()
    return run


def verify(page: Page) -> None:
    page.get_by_role("button", name="Verify").click()


def test_a_run_is_verified_on_request_and_again_after_new_entries(pages: Pages, console: Console) -> None:
    run = told(console, "tape-whole")
    page = pages.open(console, "/runs/tape-whole?tab=telemetry")

    expect(page.get_by_text("verified ·")).to_have_count(0)
    verify(page)
    expect(page.get_by_text("verified · 5 entries")).to_be_visible()
    run.action("late", "late")
    page.get_by_role("button", name="Verify again").click()

    expect(page.get_by_text("verified · 6 entries")).to_be_visible()


def test_a_changed_entry_is_said_in_red_and_leads_to_its_action(pages: Pages, console: Console) -> None:
    told(console, "tape-changed")
    sql = "update bodies set outputs = '1' where outputs = '\"tape-changed\"' and facts like '%a1%'"
    assert change_calls(console.titan.home, sql) == 1
    page = pages.open(console, "/runs/tape-changed?tab=telemetry")

    verify(page)
    expect(page.get_by_text("broken at entry 3: it is not what was recorded")).to_be_visible()
    page.get_by_role("button", name="entry 3").click()

    expect(page.get_by_label("Metadata")).to_contain_text("a1")
