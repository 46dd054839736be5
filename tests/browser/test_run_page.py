"""One recorded run: its calls, what went in and came out, their tree and times, as a person walks through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from time import time_ns

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ReportedRun
from tests.support.raw_http import ask_json
from tests.support.waiting import wait_until

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080200000090775"
    "3de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)

# Between two keys only what promises do: what was chosen is known then, and not drawn.
PRESSED_AT_ONCE = """async keys => {
    for (const key of keys) {
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        for (let turn = 0; turn < 20; turn += 1) await null;
    }
}"""


AT_ITS_END = "list => list.scrollHeight - list.clientHeight - list.scrollTop < 1"


@pytest.fixture(scope="module")
def failed(console: Console) -> ReportedRun:
    """A run with one of everything, which failed."""
    run = ReportedRun(console, "runpage-failed")
    run.say(name="Where is my order?")
    run.actions(
        [
            run.entry("agent", "Triage", took_ms=9000, kind="agent", outcome="error"),
            run.entry("turn", "turn 1", at_ms=1, took_ms=4000, kind="turn", parent_id="agent"),
            run.entry(
                "thought", "thinking", at_ms=2, kind="thought", parent_id="turn", outputs="First look the order up."
            ),
            run.entry(
                "chat",
                "chat",
                at_ms=20,
                took_ms=1500,
                kind="model",
                parent_id="turn",
                inputs={"messages": [{"role": "user", "content": "Where is my zebra order?"}]},
                outputs={"content": "I look."},
                cost_usd="0.0123",
                use={"model": "gpt-4o", "provider": "openai", "input_tokens": 812, "output_tokens": 64},
            ),
            run.entry(
                "find",
                "find_order",
                at_ms=1600,
                took_ms=400,
                kind="tool",
                parent_id="turn",
                inputs={"order": 1077},
                outputs={"at": datetime(2024, 12, 28, 14, 30, tzinfo=UTC), "total": Decimal("39.90")},
                cost_usd="0.0002",
                impact="read",
                tags=["orders"],
            ),
            run.entry("refund", "refund", at_ms=2100, outcome="blocked", cost_usd="0.50", parent_id="turn"),
            run.entry("cached", "embed", at_ms=2200, outcome="replayed", cost_usd="0.01", parent_id="turn"),
            run.entry("hand", "Triage to Pricing", at_ms=4100, took_ms=0, kind="handoff", parent_id="agent"),
            run.entry(
                "parse",
                "parse_price",
                at_ms=4200,
                took_ms=2,
                kind="tool",
                parent_id="agent",
                inputs={"text": "nope"},
                outcome="error",
                failure={"type": "ValueError", "message": "no price: 'nope'", "traceback": "Traceback\n  line 41"},
            ),
        ]
    )
    run.end("failed", reason="ValueError: no price: 'nope'")
    return run


def calls(page: Page) -> Locator:
    return page.get_by_role("table", name="Actions")


def rows(page: Page) -> Locator:
    return calls(page).locator(".rowlist-row")


def test_a_failed_run_leads_to_the_action_that_failed_first(
    pages: Pages, console: Console, failed: ReportedRun
) -> None:
    page = pages.open(console, f"/runs/{failed.id}")

    expect(page.get_by_role("heading", level=1)).to_have_text("Where is my order?")
    expect(page.locator(".run-head")).to_contain_text("Failed")
    expect(page.locator(".run-facts")).to_contain_text("$0.51 attempted · $0.50 prevented · $0.01 saved")
    expect(page.locator(".run-facts")).to_contain_text("50.0 %")
    page.get_by_role("button", name="Show first failed action").click()

    panel = page.get_by_role("complementary", name="Operation parse_price")
    expect(panel).to_contain_text("ValueError")
    expect(panel).to_contain_text("line 41")
    expect(page).to_have_url(re.compile(r"tab=telemetry&action=parse|action=parse&tab=telemetry"))
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_calls_are_listed_with_inputs_and_outputs(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}")

    expect(rows(page)).to_have_count(5)
    expect(rows(page).nth(0)).to_contain_text("zebra order")
    expect(rows(page).nth(1)).to_contain_text("2024-12-28 14:30:00+00:00")
    expect(rows(page).nth(4)).to_contain_text("no price")
    page.get_by_role("button", name="Sort by cost").or_(page.get_by_title("Sort by cost")).click()
    expect(rows(page).nth(0)).to_contain_text("refund")
    page.get_by_title("Sort by duration").click()
    expect(rows(page).nth(0)).to_contain_text("chat")
    page.get_by_role("button", name="Blocked").click()
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(rows(page)).to_have_count(1)


def test_content_is_found_marked_and_walked_through(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}")
    expect(rows(page)).to_have_count(5)

    page.keyboard.press("/")
    page.keyboard.type("zebra")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator("mark")).to_have_text("zebra")
    page.get_by_role("button", name="In context").click()
    expect(rows(page)).to_have_count(5)
    page.get_by_role("searchbox").press("Enter")

    expect(page.get_by_role("complementary", name="Operation chat").locator("mark")).to_have_text("zebra")


def test_a_row_unfolds_by_key_and_all_of_them_by_a_button(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}")
    expect(rows(page)).to_have_count(5)

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Inputs of call 2")).to_contain_text("1077")
    page.get_by_role("button", name="Expand all").click()
    expect(page.get_by_role("region", name="Inputs of call 1")).to_contain_text("zebra")
    page.get_by_role("button", name="Copy inputs as JSON").first.click()
    expect(page.locator(".toasts")).to_contain_text("Inputs copied.")

    assert '"role": "user"' in page.evaluate("navigator.clipboard.readText()")


def test_the_inspector_shows_every_field_of_an_action(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}?action=find")

    panel = page.get_by_role("complementary", name="Operation find_order")
    expect(panel.locator(".json-chip").first).to_have_text("datetime 2024-12-28 14:30:00+00:00")
    expect(panel.locator(".run-metadata")).to_contain_text("orders")
    expect(panel.get_by_role("link", name="View in Activity Ledger")).to_have_attribute(
        "href", f"/ledger?run_id={failed.id}&action_name=find_order"
    )
    panel.get_by_label("Note").fill("Looked up the right one.")
    panel.get_by_label("Score", exact=True).fill("0.9")
    panel.get_by_role("button", name="Add").click()

    expect(panel.locator(".run-notes li")).to_contain_text("Looked up the right one.")
    expect(panel.locator(".run-score")).to_have_text("overall 0.9")
    panel.get_by_role("button", name="turn 1").click()
    expect(page.get_by_role("complementary", name="Operation turn 1")).to_be_visible()


def test_the_trace_is_a_tree_that_keys_fold(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}?tab=trace")
    items = page.get_by_role("treeitem")

    expect(items).to_have_count(9)
    expect(items.nth(2)).to_have_attribute("aria-level", "3")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(items).to_have_count(4)
    expect(items.nth(1)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(page.get_by_role("tree")).to_contain_text("First look the order up.")
    page.keyboard.press("Enter")

    expect(page.get_by_role("complementary", name="Operation thinking")).to_contain_text("Reasoning")


def test_keys_that_come_faster_than_the_trace_is_drawn_all_count(
    pages: Pages, console: Console, failed: ReportedRun
) -> None:
    page = pages.open(console, f"/runs/{failed.id}?tab=trace&fold=turn")
    expect(page.get_by_role("treeitem")).to_have_count(4)

    page.evaluate(PRESSED_AT_ONCE, ["j", "j", "ArrowRight", "ArrowRight", "x"])  # unfold the turn, to its first, say it

    expect(page.get_by_role("tree")).to_contain_text("First look the order up.")
    expect(page.get_by_role("treeitem").nth(2)).to_be_focused()


def test_the_search_finds_rows_of_the_trace_even_if_folded(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}?tab=trace&fold=agent")
    expect(page.get_by_role("treeitem")).to_have_count(1)

    page.get_by_role("searchbox").fill("find_order")
    expect(page.get_by_role("status").filter(has_text="1 found")).to_be_visible()
    page.get_by_role("searchbox").press("Enter")

    expect(page.get_by_role("treeitem")).to_have_count(9)
    expect(page.get_by_role("complementary", name="Operation find_order")).to_be_visible()


def test_a_match_in_no_call_is_shown_in_the_trace(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}?q=look+up+order")

    page.get_by_role("button", name="Show 1 row in the Trace").click()

    expect(page.get_by_role("tree")).to_be_visible()
    expect(page.get_by_title("Found by the search")).to_have_count(1)


def test_a_dialog_without_buttons_is_closed_by_one_of_its_own(
    pages: Pages, console: Console, failed: ReportedRun
) -> None:
    page = pages.open(console, f"/runs/{failed.id}", width=390)

    page.get_by_role("button", name="Notes").click()
    expect(page.get_by_label("Note", exact=True)).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()

    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_time_axis_shows_one_action_when_asked(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}?tab=trace&action=find")
    expect(page.get_by_role("treeitem")).to_have_count(9)

    page.get_by_role("button", name="This action").click()
    expect(page).to_have_url(re.compile("from=1560000&to=2040000"))
    page.get_by_role("button", name="Whole run").click()

    expect(page).not_to_have_url(re.compile("from="))


def test_actions_with_an_unreported_parent_are_separate_until_it_is_reported(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-orphans")
    run.action("child", "left alone", parent_id="mother")
    page = pages.open(console, f"/runs/{run.id}?tab=trace")
    expect(page.get_by_role("tree")).to_contain_text("1 action has an unreported parent")

    run.action("mother", "found again", kind="step", took_ms=100)

    expect(page.get_by_role("tree")).not_to_contain_text("has an unreported parent")
    expect(page.get_by_role("treeitem").nth(1)).to_have_attribute("aria-level", "2")


def test_the_row_being_read_in_the_trace_stays_in_place_while_rows_above_it_grow(
    pages: Pages, console: Console
) -> None:
    run = ReportedRun(console, "runpage-beside")
    run.action("first", "agent one", kind="agent", took_ms=None)
    run.actions([run.entry(f"b{at}", f"call {at}", at_ms=1000 + at) for at in range(60)])
    page = pages.open(console, f"/runs/{run.id}?tab=trace")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    tree = page.get_by_role("tree")
    tree.press("End")
    last = page.get_by_role("treeitem").filter(has_text="call 59")
    expect(last).to_be_focused()
    wait_until(lambda: bool(tree.evaluate(AT_ITS_END)), "the tree is scrolled to its end")
    was = last.bounding_box()

    run.actions([run.entry(f"a{at}", f"search {at}", at_ms=at + 1, parent_id="first") for at in range(5)])
    expect(page.locator(".run-trace")).to_contain_text("65 actions in 66 rows")

    expect(last).to_be_focused()
    wait_until(lambda: last.bounding_box() == was, "the action that is read stands where it stood")


def test_a_running_run_grows_and_says_when_it_ends(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-live")
    run.action("one", "first", took_ms=None)
    run.say(done=1, total=4)
    page = pages.open(console, f"/runs/{run.id}")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Running")
    expect(page.locator(".run-title")).to_contain_text("25 %")

    run.action("one", "first", took_ms=5)
    run.action("two", "second", at_ms=10)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(0)).to_contain_text("Success")
    run.end()

    expect(page.locator(".toasts")).to_contain_text("runpage-live completed.")  # first, for it goes by itself
    expect(page.locator(".run-title")).to_contain_text("Completed")


def test_a_run_that_continues_after_a_failure_shows_both(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-flushing")
    run.end("failed", reason="the agent gave up")
    page = pages.open(console, f"/runs/{run.id}")
    expect(page.locator(".run-title")).to_contain_text("Failed")

    run.say(name="flushing")

    expect(page.locator(".run-title")).to_contain_text("Running")
    expect(page.locator(".run-problem")).to_contain_text("It was said to have failed")
    expect(page.locator(".run-problem")).to_contain_text("the agent gave up")


def test_large_and_unusual_payloads_are_shown_by_their_type(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-odd")
    run.action("big", "download", outputs="x" * 1_500_000)
    run.action("odd", "render", at_ms=20, outputs={"png": PNG, "nan": float("nan"), "text": "a\u202eb\u0007"})
    run.end()

    page = pages.open(console, f"/runs/{run.id}?action=big")
    panel = page.get_by_role("complementary", name="Operation download")
    expect(panel).to_contain_text("of 1.4 MiB")
    with page.expect_download() as started:
        panel.get_by_role("link", name="Download all").click()
    assert started.value.path().stat().st_size == 1_500_002

    page.goto(f"/runs/{run.id}?action=odd")
    panel = page.get_by_role("complementary", name="Operation render")
    expect(panel.get_by_role("img", name="Recorded image/png")).to_be_visible()
    expect(panel).to_contain_text("float nan")
    expect(panel).to_contain_text("a\\u202eb\\u0007")


def test_ten_thousand_actions_are_only_drawn_where_somebody_looks(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-large")
    entries = [
        run.entry(
            f"a{at}",
            f"step {at}",
            at_ms=at,
            kind="step" if at % 3 else "tool",
            parent_id=f"a{at - 1}" if at % 60 else None,
        )
        for at in range(10_000)
    ]
    run.actions(entries)
    run.end()

    page = pages.open(console, f"/runs/{run.id}?tab=trace")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    expect(page.locator(".run-trace")).to_contain_text("3,334 actions in 10,000 rows")
    page.get_by_role("tree").press("End")
    expect(page.get_by_role("treeitem").filter(has_text="step 9999")).to_be_focused()

    assert page.get_by_role("treeitem").count() < 100


def test_stages_asked_of_a_run_without_any_are_said_to_be_none(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-stageless")
    run.action("one", "first")
    run.end()

    page = pages.open(console, f"/runs/{run.id}?tab=stages")

    expect(page.get_by_text("This run has no stages")).to_be_visible()
    expect(page.get_by_text("first", exact=True)).to_be_visible()


def test_an_archived_run_is_restored_by_the_same_button(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-archived")
    run.action("one", "first")
    run.end()
    page = pages.open(console, f"/runs/{run.id}")

    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("button", name="Archived")).to_be_visible()
    page.get_by_role("button", name="Archived").click()

    expect(page.get_by_role("button", name="Archive", exact=True)).to_be_visible()


def test_a_run_is_pinned_and_deleted_with_every_byte(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "runpage-deleted")
    run.action("one", "first")
    run.end()
    page = pages.open(console, f"/runs?q={run.id}")  # else runs of other tests may push it out of sight
    page.get_by_title(run.id, exact=True).first.click()

    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_role("button", name="Delete")).to_be_disabled()
    page.get_by_role("button", name="Pinned").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page).to_have_url(re.compile("/runs$"))
    expect(page.get_by_title(run.id, exact=True)).to_have_count(0)
    page.goto(f"/runs/{run.id}")

    expect(page.get_by_role("heading", name="Run not found")).to_be_visible()


def test_every_recorded_run_has_the_seeds_three_tabs_with_their_keys(
    pages: Pages, console: Console, failed: ReportedRun
) -> None:
    page = pages.open(console, f"/runs/{failed.id}")
    expect(rows(page)).to_have_count(5)

    expect(page.get_by_role("tab")).to_have_text(["Trace", "Telemetry", "Simulation", "Determinism"])
    for key, tab in (("d", "Determinism"), ("s", "Simulation"), ("t", "Telemetry")):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", selected=True)).to_have_text(tab)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Determinism")


def test_a_key_leads_from_the_trace_to_telemetry(pages: Pages, console: Console, failed: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{failed.id}?tab=trace")
    expect(page.get_by_role("treeitem").first).to_be_visible()

    page.keyboard.press("t")

    expect(rows(page)).to_have_count(5)


@pytest.mark.parametrize("query", ["", "?action=parse&all=1", "?tab=trace&open=thought&action=chat"])
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_it_is_accessible(
    pages: Pages,
    console: Console,
    failed: ReportedRun,
    assert_accessible: Callable[[Page], None],
    query: str,
    width: int,
    scheme: str,
) -> None:
    page = pages.open(console, f"/runs/{failed.id}{query}", width=width, scheme="dark" if scheme == "dark" else "light")
    expect(page.get_by_role("tabpanel")).to_be_visible()
    expect(page.get_by_text("Loading …")).to_have_count(0)

    assert_accessible(page)


def test_the_page_of_a_trace_is_that_of_the_run_that_it_is_of(pages: Pages, console: Console) -> None:
    trace = "c" * 32
    span = {
        "traceId": trace,
        "spanId": "d" * 16,
        "name": "look up",
        "startTimeUnixNano": str(time_ns()),
        "endTimeUnixNano": str(time_ns()),
    }
    for said in ({}, {"attributes": [{"key": "titan.agent_run_id", "value": {"stringValue": "runpage named."}}]}):
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [{**span, **said}]}]}]}
        json_type = {"Content-Type": "application/json"}
        assert ask_json(console.titan.sdk_port, "POST", "/v1/traces", body, json_type).status == 200
        span = {**span, "spanId": "e" * 16}
    page = pages.open(console, f"/runs/{trace}")

    expect(page.get_by_text("runpage named.").first).to_be_visible()


def test_the_page_of_a_run_nobody_knows_leads_to_those_that_are(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/runs/runpage-nobody")

    expect(page.get_by_role("heading", level=2)).to_have_text("Run not found")
    expect(page.get_by_role("link", name="All runs")).to_have_attribute("href", "/runs")
