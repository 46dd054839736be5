"""Why a run failed, and what was searched for in it, wherever a page speaks of it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console
from tests.browser.recorded import a_call, a_failed_call, finish, record

CAUGHT = a_failed_call("fetch", "ConnectionError", "cannot reach it")


def a_failed_run(console: Console, run: str, agent: str) -> None:
    """Record a run that got over an error, and failed for another reason."""
    record(console, run, [CAUGHT, a_call("fetch")], agent=agent, end=None, name="LoRA, briefly")
    finish(console, run, "failed", "ValueError: no number")


def row_of(page: Page, run: str) -> Locator:
    return page.get_by_role("table", name="Runs").get_by_role("row").filter(has=page.get_by_title(run, exact=True))


def test_a_failed_run_is_named_and_says_why_it_ended(page: Page, console: Console) -> None:
    a_failed_run(console, "failed-why", "fails-why")

    page.goto("/runs?agent_id=fails-why")

    expect(row_of(page, "failed-why")).to_contain_text("LoRA, briefly")
    expect(row_of(page, "failed-why")).to_contain_text("ValueError: no number")
    expect(row_of(page, "failed-why")).not_to_contain_text("ConnectionError")
    expect(page.get_by_role("region", name="Critical intercepts")).to_contain_text("ValueError: no number")


def test_runs_that_only_ended_otherwise_differ_by_that(page: Page, console: Console) -> None:
    a_failed_run(console, "failed-ends", "fails-ends")
    record(console, "went-well", [CAUGHT, a_call("fetch")], agent="fails-ends")

    page.goto("/runs/compare?a=failed-ends&b=went-well")

    expect(page.get_by_role("heading", name="No difference in 2 actions")).to_be_visible()
    expect(page.get_by_text("different outcome")).to_be_visible()
    reason = page.locator(".compare-figures tr").filter(has=page.get_by_role("rowheader", name="Reason"))
    expect(reason.locator("td")).to_have_text(["ValueError: no number", "–", ""])


def test_the_cause_of_a_failure_is_first_among_names_called_more_often(page: Page, console: Console) -> None:
    steps = [a_call(f"step {number}") for number in range(8)]
    record(console, "more-1", [*steps, a_call("fetch"), a_call("fetch"), a_call("end")], agent="more")
    failing = [a_call("end"), a_failed_call("parse", "ValueError", "no")]
    record(console, "more-2", failing, agent="more", end="failed")

    page.goto("/runs/compare?a=more-1&b=more-2")

    counts = page.locator(".compare-count")
    expect(page.get_by_role("heading", name="11 differences in 12 actions")).to_be_visible()
    expect(counts).to_have_text(
        ["different outcome", "parse 0 → 1", "fetch 2 → 0", *(f"step {number} 1 → 0" for number in range(4))]
    )
    page.get_by_role("button", name="and 4 more").click()
    expect(counts.last).to_have_text("step 7 1 → 0")


def test_a_run_found_by_a_search_opens_at_the_match(page: Page, console: Console) -> None:
    calls = [a_call("plan"), a_call("search", inputs={"for": "okapi"}), a_call("write")]
    record(console, "found-within", calls, agent="zoo")
    page.goto("/runs?q=okapi")

    row_of(page, "found-within").get_by_role("link", name="found-within").click()

    page.wait_for_url("**/runs/found-within?*q=okapi*")
    expect(page.get_by_role("table", name="Actions").locator(".rowlist-row")).to_have_count(1)
    expect(page.get_by_role("table", name="Actions").locator("mark")).to_have_text("okapi")


def test_a_run_that_was_found_by_its_own_name_opens_whole(page: Page, console: Console) -> None:
    record(console, "found-by-name", [a_call("plan"), a_call("write")], agent="zoo")
    page.goto("/runs?q=found-by-name")

    row_of(page, "found-by-name").get_by_role("link", name="found-by-name").click()

    expect(page.get_by_role("table", name="Actions").locator(".rowlist-row")).to_have_count(2)


def test_only_actions_in_the_ledger_link_to_it(page: Page, console: Console) -> None:
    record(console, "no-ledger", [a_call("hand", kind="handoff"), a_call("plan")], agent="zoo")

    page.goto("/runs/no-ledger?tab=trace&action=no-ledger-2")
    expect(page.get_by_role("link", name="View in Activity Ledger")).to_be_visible()
    page.goto("/runs/no-ledger?tab=trace&action=no-ledger-1")

    expect(page.get_by_role("complementary", name="Operation hand")).to_contain_text("Source")
    expect(page.get_by_role("link", name="View in Activity Ledger")).to_have_count(0)


def test_an_agents_statuses_add_up_to_its_runs(page: Page, console: Console) -> None:
    for end in ("completed", "failed", "cancelled"):
        record(console, f"adds-{end}", [a_call("plan")], agent="adds-up", end=end)

    page.goto("/registry/adds-up")

    expect(page.locator(".registry-figures > div").filter(has_text="Cancelled")).to_have_text("Cancelled1")
