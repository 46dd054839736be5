"""The Activity Ledger: every call of all runs, filtered, sorted, page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import a_call, a_failed_call, record

# Between two clicks only what promises do: what was chosen stands in the URL then, and is not drawn.
CLICKED_AT_ONCE = """async words => {
    for (const word of words) {
        [...document.querySelectorAll("search button")].find(button => button.textContent.endsWith(word)).click();
        for (let turn = 0; turn < 20; turn += 1) await null;
    }
}"""


def rows_of(page: Page) -> Locator:
    """Return the rows of calls."""
    return page.get_by_role("table", name="Actions").locator(".rowlist-row")


def test_an_empty_ledger_says_that_there_are_no_actions_yet(
    new_console: Callable[..., Console], pages: Pages, assert_accessible: Callable[[Page], None]
) -> None:
    page = pages.open(new_console(offers=()), "/ledger")

    expect(page.get_by_text("No actions yet")).to_be_visible()
    assert_accessible(page)


def test_calls_of_a_run_are_filtered_by_how_they_ended(page: Page, console: Console) -> None:
    calls = [a_call("plan"), a_failed_call("search", "ValueError", "nope"), a_call("search", outcome="blocked")]
    record(console, "ledger-1", calls)
    page.goto("/ledger?run_id=ledger-1")
    expect(rows_of(page)).to_have_count(3)

    page.get_by_role("button", name="Error").click()

    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page)).to_contain_text("ValueError: nope")


def test_calls_of_several_outcomes_and_kinds_are_shown_together(page: Page, console: Console) -> None:
    calls = [
        a_call("plan"),
        a_failed_call("search", "ValueError", "nope"),
        a_call("search", outcome="blocked"),
        a_failed_call("chat", "Overloaded", "later", kind="model"),
    ]
    record(console, "ledger-many", calls)
    page.goto("/ledger?run_id=ledger-many")

    page.get_by_role("button", name="Error").click()
    page.get_by_role("button", name="Blocked").click()
    expect(rows_of(page)).to_have_count(3)
    page.get_by_role("button", name="Tool", exact=True).click()
    expect(rows_of(page)).to_have_count(2)
    page.get_by_role("button", name="Error").click()

    expect(rows_of(page)).to_have_count(1)
    expect(page).to_have_url(re.compile("outcome=blocked&kind=tool"))


def test_filters_that_are_chosen_faster_than_the_page_is_drawn_all_count(page: Page, console: Console) -> None:
    calls = [a_call("plan"), a_failed_call("search", "ValueError", "nope"), a_call("search", outcome="blocked")]
    record(console, "ledger-fast", calls)
    page.goto("/ledger?run_id=ledger-fast")
    expect(rows_of(page)).to_have_count(3)

    page.evaluate(CLICKED_AT_ONCE, ["Error", "Blocked", "Model", "Tool"])

    expect(page).to_have_url(re.compile("outcome=error%2Cblocked&kind=model%2Ctool$"))
    expect(rows_of(page)).to_have_count(2)


def test_a_link_to_the_calls_of_one_name_shows_those_alone(page: Page, console: Console) -> None:
    record(console, "ledger-2", [a_call("plan"), a_call("search"), a_call("search")])

    page.goto("/ledger?run_id=ledger-2&action_name=search")

    expect(rows_of(page)).to_have_count(2)
    expect(page.get_by_label("Action", exact=True)).to_have_value("search")


def test_calls_are_found_by_their_content(page: Page, console: Console) -> None:
    record(console, "ledger-3", [a_call("ask", inputs={"question": "wherefrom zebrafinch"}), a_call("ask")])
    page.goto("/ledger?run_id=ledger-3")
    expect(rows_of(page)).to_have_count(2)

    page.keyboard.press("/")
    page.keyboard.type("zebrafinch")

    expect(rows_of(page)).to_have_count(1)


def test_the_dearest_call_comes_first_and_enter_opens_it_in_its_run(page: Page, console: Console) -> None:
    record(console, "ledger-4", [a_call("a", cost_usd="0.1"), a_call("b", cost_usd="2"), a_call("c", cost_usd="1")])
    page.goto("/ledger?run_id=ledger-4")

    page.get_by_role("button", name="Cost").click()
    expect(rows_of(page).first).to_contain_text("$2.00")
    page.keyboard.press("j")
    page.keyboard.press("Enter")

    page.wait_for_url("**/runs/ledger-4?*")
    assert parse_qs(urlsplit(page.url).query) == {"tab": ["telemetry"], "action": ["ledger-4-2"]}


def test_a_maximum_typed_right_after_a_minimum_leaves_that_one(page: Page, console: Console) -> None:
    record(console, "ledger-limits", [a_call("a", cost_usd="0.001"), a_call("b", cost_usd="0.5")])
    page.goto("/ledger?run_id=ledger-limits")
    expect(rows_of(page)).to_have_count(2)

    page.get_by_label("Min cost").click()
    page.keyboard.type("0.01", delay=60)
    page.keyboard.press("Tab")
    page.keyboard.type("1", delay=60)

    expect(rows_of(page)).to_have_count(1)
    expect(page).to_have_url(re.compile("max_cost=1"))
    asked = {"run_id": ["ledger-limits"], "min_cost": ["0.01"], "max_cost": ["1"]}
    assert parse_qs(urlsplit(page.url).query) == asked
    expect(page.get_by_label("Min cost")).to_have_value("0.01")


def test_an_amount_that_is_typed_slowly_keeps_its_point(page: Page, console: Console) -> None:
    record(console, "ledger-slowly", [a_call("a", cost_usd="0.001"), a_call("b", cost_usd="0.5")])
    page.goto("/ledger?run_id=ledger-slowly")

    page.get_by_label("Min cost").click()
    page.keyboard.type("0.")
    expect(page).to_have_url(re.compile("min_cost=0"))
    page.keyboard.type("01")

    expect(page.get_by_label("Min cost")).to_have_value("0.01")
    expect(rows_of(page)).to_have_count(1)


def test_a_further_page_has_an_address_and_back_leads_from_it(page: Page, console: Console) -> None:
    record(console, "ledger-5", [a_call(f"call {number}") for number in range(120)])
    page.goto("/ledger?run_id=ledger-5")
    expect(page.get_by_text("1–100 of 120 actions")).to_be_visible()

    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("101–120 of 120 actions")).to_be_visible()
    page.go_back()

    expect(page.get_by_text("1–100 of 120 actions")).to_be_visible()


def test_a_page_behind_the_last_leads_back_to_it(page: Page, console: Console) -> None:
    record(console, "ledger-behind", [a_call(f"call {number}") for number in range(120)])
    page.goto("/ledger?run_id=ledger-behind&page=9999")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()

    page.get_by_role("button", name="Show the last page").click()

    expect(page.get_by_text("101–120 of 120 actions")).to_be_visible()


def test_a_new_call_appears_without_a_reload(page: Page, console: Console) -> None:
    record(console, "ledger-6", [a_call("plan")], agent="ledger-lively", end=None)
    page.goto("/ledger?agent_id=ledger-lively")
    expect(rows_of(page)).to_have_count(1)

    record(console, "ledger-7", [a_call("plan")], agent="ledger-lively")

    expect(rows_of(page)).to_have_count(2)


def test_the_export_holds_the_filtered_actions(page: Page, console: Console) -> None:
    record(console, "ledger-out", [a_call("plan"), a_failed_call("search", "ValueError", "nope")])
    page.goto("/ledger?run_id=ledger-out&outcome=error")

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="JSONL").click()

    [line] = download.value.path().read_text().splitlines()
    assert json.loads(line)["error_message"] == "nope"
