"""What is counted of recorded runs has one word, wherever it is counted."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.recorded import a_call, record
from tests.browser.recorded_run import ReportedRun


def test_counts_of_a_run_have_one_name_on_every_page(page: Page, console: Console) -> None:
    turn = a_call("turn 1", kind="turn")
    record(console, "worded-1", [turn, a_call("plan"), a_call("search")], agent="worded")
    record(console, "worded-2", [a_call("plan")], agent="worded")

    page.goto("/runs?agent_id=worded")
    expect(page.get_by_role("columnheader", name="Actions")).to_be_visible()
    expect(page.locator(".runs-actions [data-unit=actions]")).to_have_text("2")
    expect(page.locator(".runs-actions [data-unit=action]")).to_have_text("1")
    page.goto("/runs/worded-1?tab=telemetry")
    expect(page.locator(".run-facts > div").filter(has=page.get_by_text("Actions", exact=True))).to_have_text(
        "Actions2"
    )
    expect(page.locator(".run-telemetry .run-count")).to_have_text("2 actions")
    page.get_by_role("tab", name="Trace").click()
    expect(page.locator(".run-trace .run-count")).to_have_text("2 actions in 3 rows")
    page.goto("/ledger?agent_id=worded")
    expect(page.get_by_text("1–3 of 3 actions")).to_be_visible()
    page.goto("/runs/compare?a=worded-1&b=worded-2")
    expect(page.get_by_role("heading", name="1 difference in 2 actions")).to_be_visible()


def test_replayed_actions_are_counted_apart_on_every_page(page: Page, console: Console) -> None:
    again = a_call("plan", outcome="idempotent_replay")
    record(console, "worded-again", [a_call("plan"), again, a_call("search")], agent="worded-again")

    page.goto("/runs/worded-again?tab=telemetry")
    expect(page.locator(".run-facts > div").filter(has=page.get_by_text("Actions", exact=True))).to_contain_text(
        "2 + 1 replayed"
    )
    expect(page.locator(".run-telemetry .run-count")).to_have_text("2 actions + 1 replayed")
    page.get_by_role("tab", name="Trace").click()
    expect(page.locator(".run-trace .run-count")).to_have_text("2 actions + 1 replayed")


def test_a_length_of_time_is_written_alike_on_every_page(page: Page, console: Console) -> None:
    run = ReportedRun(console, "worded-long")
    run.action("think", "think", took_ms=11_091)
    run.end()

    page.goto(f"/runs/{run.id}?tab=telemetry&action=think")
    expect(page.locator(".run-telemetry .rowlist-row .run-duration")).to_have_text("11.1 s")
    expect(page.get_by_label("Metadata")).to_contain_text("Duration11.1 s")
    expect(page.get_by_title("11,091 ms").first).to_be_visible()
    page.get_by_role("tab", name="Trace").click()
    expect(page.locator(".trace-row .trace-duration")).to_have_text("11.1 s")
    page.goto(f"/ledger?run_id={run.id}")
    expect(page.locator(".rowlist-row .ledger-duration")).to_have_text("11.1 s")
