"""What somebody sees who comes to the pages of recorded runs for the first time, and looks for nothing special."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import a_call, a_failed_call, forget, record, say
from tests.browser.recorded_run import ReportedRun

FIGURES_THAT_OVERFLOW = """[...document.querySelectorAll(".registry-figures > div")]
    .filter(figure => figure.scrollWidth > figure.clientWidth).map(figure => figure.innerText)"""

#: How many rows the lower edge of the list goes through; half a pixel of rounding is none.
CUT_INTERCEPTS = """(() => {
    const list = document.querySelector(".intercepts-list"), edge = list.getBoundingClientRect().bottom - 2;
    const rows = [...list.children].map(row => row.getBoundingClientRect());
    return rows.filter(({top, bottom}) => top < edge && bottom > edge + 2).length;
})()"""


def test_a_run_of_steps_alone_leads_to_its_trace(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "first-steps")
    run.action("load", "load", kind="step")
    run.action("train", "train", kind="step")
    run.end()
    page = pages.open(console, f"/runs/{run.id}")

    expect(page.get_by_role("heading", name="No actions recorded")).to_be_visible()
    expect(page.get_by_role("button", name="Expand all")).to_have_count(0)
    expect(page.get_by_label("Name or content")).to_have_count(0)
    page.get_by_role("button", name="Show 2 steps in the Trace").click()

    expect(page.get_by_role("treeitem")).to_have_count(2)


@pytest.mark.parametrize("width", [1440, 390])
def test_scores_are_in_the_header_and_notes_are_counted(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], width: int
) -> None:
    run = ReportedRun(console, f"first-scored-{width}")
    run.action("find", "find_order")
    run.end()
    say(console, run.id, name="quality", score=0.25, author="ada", text="It guessed.")
    say(console, run.id, name="quality", score=0.75, author="ada")
    say(console, run.id, text="Look at the second call.", author="bob")
    page = pages.open(console, f"/runs/{run.id}", width=width)

    expect(page.get_by_role("button", name="Notes 3")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="quality 0.75, by ada: show the notes").click()

    expect(page.get_by_role("dialog")).to_contain_text("It guessed.")
    expect(page.get_by_label("Note", exact=True)).to_be_focused()


def test_a_run_that_nobody_spoke_of_has_no_count_and_no_scores(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "first-unspoken")
    run.action("find", "find_order")
    page = pages.open(console, f"/runs/{run.id}")

    with page.expect_response(lambda answer: answer.url.endswith("/notes")):
        page.reload()

    expect(page.get_by_role("button", name="Notes", exact=True)).to_be_visible()
    expect(page.get_by_text("Scores")).to_have_count(0)


def test_an_agents_latest_runs_show_names_and_its_figures_do_not_overflow(pages: Pages, console: Console) -> None:
    unpriced = [a_call("chat", kind="model", use={"model": "no-such-model"})] * 8
    record(console, "first-named", [a_call("find", cost_usd="0.0612"), *unpriced], agent="wide", name="Where is it?")
    record(console, "first-nameless", [a_call("find")], agent="wide")
    page = pages.open(console, "/registry/wide", width=1400)

    latest = page.get_by_role("region", name="Latest runs")
    expect(latest.get_by_role("link")).to_have_text(["first-nameless", "Where is it?"])
    expect(latest).to_contain_text("first-named")
    expect(page.get_by_text("+ 8 unpriced").first).to_be_visible()
    assert page.evaluate(FIGURES_THAT_OVERFLOW) == []


def test_no_critical_intercept_is_cut(pages: Pages, console: Console) -> None:
    for number in range(8):
        record(console, f"first-bad-{number}", [a_failed_call("find", "ValueError", "no")], agent="bad", end="failed")
    page = pages.open(console, "/runs?agent_id=bad")

    expect(page.get_by_role("region", name="Critical intercepts").get_by_role("listitem")).to_have_count(8)

    assert page.evaluate(CUT_INTERCEPTS) == 0


@pytest.mark.parametrize("width", [1440, 390])
def test_a_run_whose_program_is_gone_is_ended_by_hand(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], width: int
) -> None:
    run = ReportedRun(console, f"first-killed-{width}")
    run.action("find", "find_order")
    page = pages.open(console, f"/runs/{run.id}", width=width)

    expect(page.get_by_role("button", name="Archive")).to_be_disabled()
    expect(page.get_by_role("button", name="Archive")).to_have_attribute("title", re.compile("press “Mark as ended…”"))
    page.get_by_role("button", name="Mark as ended…").click()
    assert_accessible(page)
    page.get_by_label("Cancelled: somebody stopped the program").check()
    page.get_by_label("Reason (visible to others)").fill("killed by hand")
    page.get_by_role("button", name="Mark as ended", exact=True).click()

    expect(page.locator(".run-title").get_by_text("Cancelled")).to_be_visible()
    expect(page.get_by_title("killed by hand", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Mark as ended…")).to_have_count(0)
    expect(page.get_by_role("button", name="Archive")).to_be_enabled()


def test_the_open_page_of_a_deleted_run_is_empty_until_the_run_is_reported_again(
    pages: Pages, console: Console
) -> None:
    record(console, "first-deleted", [a_call("plan"), a_call("search")])
    page = pages.open(console, "/runs/first-deleted")
    expect(page.get_by_role("table", name="Actions").locator(".rowlist-row")).to_have_count(2)

    forget(console, "first-deleted")

    expect(page.get_by_role("heading", name="Run not found")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    record(console, "first-deleted", [a_call("anew")])
    expect(page.get_by_role("table", name="Actions").locator(".rowlist-row")).to_have_count(1)
