"""Rows of recorded runs in any width: nothing runs into what stands beside it, and no figure is cut."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import a_call, record

# The texts of a list's rows that meet, as they are drawn: two and two.
MEETING = """() => {
    const texts = [];
    for (const row of document.querySelectorAll(".rowlist-row")) {
        const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            if (walker.currentNode.parentElement.closest(".sr-only")) continue;
            const range = document.createRange();
            range.selectNodeContents(walker.currentNode);
            const edge = row.getBoundingClientRect();
            for (const {left, right, top, bottom} of range.getClientRects())
                texts.push({said: walker.currentNode.data, left, right, top, bottom, isOut: right > edge.right});
        }
    }
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    return texts.flatMap((a, at) => [
        ...(a.isOut ? [`${a.said} leaves its row`] : []),
        ...texts.slice(at + 1).filter(b => meet(a, b)).map(b => `${a.said} meets ${b.said}`),
    ]);
}"""

#: The badges that their column cuts off.
CUT_BADGES = """[...document.querySelectorAll(".rowlist-row .status:not(.status-small)")]
    .filter(badge => badge.getBoundingClientRect().right > badge.parentElement.getBoundingClientRect().right + 1)
    .map(badge => badge.innerText)"""


#: The costs that do not fit their cells; one that is not shown in this width has no place at all.
CUT_COSTS = """[...document.querySelectorAll(".rowlist-row .cost, .trace-cost .cost")]
    .filter(cost => cost.getBoundingClientRect().width > cost.parentElement.getBoundingClientRect().width + 1)
    .map(cost => cost.innerText)"""


@pytest.fixture(scope="module")
def unpriced(console: Console) -> str:
    """Record runs whose sums say that they lack the cost of many calls; the agent's id."""
    unknown = [a_call("chat", kind="model", use={"model": "our-own"}) for _ in range(1300)]
    record(console, "spread-1", [a_call("chat", cost_usd="1234.5678"), *unknown], agent="spread")
    record(console, "spread-2", [a_call("chat", cost_usd="0.12"), unknown[0]], agent="spread")
    return "spread"


@pytest.mark.parametrize("width", [390, 768, 1024, 1440])
def test_the_figures_of_a_row_do_not_run_into_each_other(
    pages: Pages, console: Console, unpriced: str, width: int
) -> None:
    page = pages.open(console, f"/runs?agent_id={unpriced}&window=all", width=width)
    expect(page.locator(".runs-cost .costs").first).to_contain_text("+ 1 unpriced")
    assert page.evaluate(MEETING) == []

    page.goto(f"/registry?q={unpriced}")
    expect(page.locator(".spent")).to_have_text("$1,234.69 + 1,301 unpriced")
    assert page.evaluate(MEETING) == []


def test_the_cost_of_an_action_is_whole_on_a_phone(pages: Pages, console: Console) -> None:
    record(console, "whole-1", [a_call("ask", cost_usd="0.00000123")], agent="whole")
    page = pages.open(console, "/runs/whole-1?tab=telemetry", width=390)
    cost = page.locator(".rowlist-row .run-cost")
    expect(cost).to_have_text("$0.00000123")

    assert cost.evaluate("cell => cell.scrollWidth - cell.clientWidth") == 0


def test_the_palette_names_runs_in_full_on_a_phone(pages: Pages, console: Console) -> None:
    record(console, "RESEARCH_palette_cb5e13", [a_call("ask")], agent="palette-researcher")
    page = pages.open(console, "/runs/RESEARCH_palette_cb5e13", width=390)
    expect(page.get_by_role("heading", name="RESEARCH_palette_cb5e13")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="A page, run, agent, DAG or job")).to_be_focused()
    page.keyboard.type("palette_cb5")
    name = page.get_by_role("option").filter(has_text="run of palette-researcher").locator("span").first
    expect(name).to_have_text("RESEARCH_palette_cb5e13")

    assert name.evaluate("name => name.scrollWidth - name.clientWidth") == 0


#: What each list shows of a row, in any window that is no phone's.
KEPT = {
    "/runs?agent_id=kept": (".runs-ended", ".runs-started", ".runs-cost"),
    "/ledger?agent_id=kept": (".ledger-agent", ".ledger-run", ".ledger-time", ".ledger-cost", ".ledger-duration"),
    "/runs/kept-1?tab=telemetry": (".run-in", ".run-out", ".run-cost", ".run-at"),
    "/runs/kept-1?tab=trace": (".trace-cost", ".trace-duration"),
    "/runs/compare?a=kept-1&b=kept-2": (".compare-differences",),
}


@pytest.mark.parametrize("width", [768, 1024])
def test_a_narrow_window_drops_nothing_that_matters(pages: Pages, console: Console, width: int) -> None:
    repeat = a_call("look_up", outcome="idempotent_replay", inputs={"order": 7}, outputs={"at": "home"}, cost_usd="0.5")
    record(console, "kept-1", [repeat, a_call("ask", cost_usd="1234.5678")], agent="kept")
    record(console, "kept-2", [a_call("look_up", cost_usd="0.5")], agent="kept")
    page = pages.open(console, "/runs?agent_id=kept", width=width)
    expect(page.get_by_text("2 runs", exact=True)).to_be_visible()

    for address, cells in KEPT.items():
        page.goto(address)
        row = page.locator(".rowlist-row, .trace-row").first
        for cell in cells:
            expect(row.locator(cell)).to_be_visible()
        assert page.evaluate(MEETING) == []
        assert page.evaluate(CUT_BADGES) == []


def test_costs_of_the_ledger_are_in_one_column(pages: Pages, console: Console) -> None:
    calls = [a_call("ask", cost_usd="1234.5678"), a_call("ask"), a_call("ask", outcome="idempotent_replay")]
    record(console, "column-1", calls, agent="column")
    page = pages.open(console, "/ledger?agent_id=column", width=768)
    expect(page.locator(".rowlist-row")).to_have_count(3)

    edges = page.locator(".rowlist-row .ledger-cost").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().right)"
    )

    assert len(set(edges)) == 1


def test_differences_of_run_b_are_below_its_figures_in_a_narrow_window(pages: Pages, console: Console) -> None:
    record(console, "narrow-1", [a_call("ask", cost_usd="0.10")], agent="narrow")
    record(console, "narrow-2", [a_call("ask", cost_usd="0.50")], agent="narrow")
    page = pages.open(console, "/runs/compare?a=narrow-1&b=narrow-2", width=768)

    cost = page.locator(".compare-figures tr").filter(has=page.get_by_role("rowheader", name="Cost"))

    expect(cost.get_by_text("+$0.40")).to_be_visible()


@pytest.mark.parametrize("width", [390, 768, 1024, 1440])
def test_small_costs_fit_their_cells(pages: Pages, console: Console, width: int) -> None:
    computed = [("gpt-4o", 170, 10), ("gpt-4o-mini", 3, 1)]
    calls = [
        a_call(
            "ask", kind="model", use={"model": model, "provider": "openai", "input_tokens": given, "output_tokens": got}
        )
        for model, given, got in computed
    ]
    run = f"fitting-{width}"
    record(console, run, [a_call("ask", cost_usd="0.000000000001"), *calls], agent="fitting")
    page = pages.open(console, f"/ledger?run_id={run}&sort_by=cost", width=width)

    expect(page.locator(".rowlist-row .cost")).to_have_text(["≈ $0.000525", "≈ $0.00000105", "< $0.000001"])
    assert page.evaluate(CUT_COSTS) == []
    page.goto(f"/runs/{run}?tab=telemetry")
    expect(page.locator(".rowlist-row .cost")).to_have_count(3)
    assert page.evaluate(CUT_COSTS) == []
    page.goto(f"/runs/{run}?tab=trace")
    expect(page.get_by_role("treeitem")).to_have_count(3)
    assert page.evaluate(CUT_COSTS) == []


def test_compared_figures_are_whole_on_a_phone(pages: Pages, console: Console) -> None:
    unknown = a_call("chat", kind="model", use={"model": "our-own"})
    for run in ("beside-a", "beside-b"):
        record(console, run, [a_call("ask", cost_usd="12345.52"), unknown], agent="beside")
    page = pages.open(console, "/runs/compare?a=beside-a&b=beside-b", width=390)
    expect(page.locator(".compare-figures .spent")).to_have_text(["$12,345.52 + 1 unpriced"] * 2)

    cells = page.locator(".compare-figures td")
    assert cells.evaluate_all("cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).length") == 0


def test_a_name_of_several_lines_stays_on_one(pages: Pages, console: Console) -> None:
    record(console, "lines-1", [a_call("ask")], agent="liner", name="the first line\nand the second line")
    page = pages.open(console, "/registry/liner")

    name = page.locator(".registry-run .name")

    expect(name.locator(".name-head")).to_have_text("the first line and the sec")
    assert name.evaluate("name => name.getBoundingClientRect().height") < 30
