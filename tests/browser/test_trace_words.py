"""What stands in a row of the trace: what turns and thoughts say, who hands over to whom, how long it took."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ReportedRun

ASKED = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "And the price?"}]}


@pytest.fixture(scope="module")
def run(console: Console) -> ReportedRun:
    """An agent that takes two turns, and hands over in the first."""
    run = ReportedRun(console, "trace-words")
    run.actions(
        [
            run.entry("agent", "Triage", took_ms=900, kind="agent"),
            run.entry(
                "turn-1",
                "turn 1",
                took_ms=400,
                kind="turn",
                parent_id="agent",
                inputs="Where is\nmy order?",
                outputs="It is on its way.",
            ),
            run.entry("why", "thinking", took_ms=0, kind="thought", parent_id="turn-1", outputs="The carrier knows."),
            run.entry("find", "find_order", took_ms=0.007, kind="tool", parent_id="turn-1"),
            run.entry(
                "hand",
                "Pricing",
                took_ms=0.03,
                kind="handoff",
                parent_id="turn-1",
                inputs={"to": "Pricing", "reason": "what is it worth?"},
            ),
            run.entry("turn-2", "turn 2", at_ms=400, took_ms=400, kind="turn", parent_id="agent", inputs=ASKED),
        ]
    )
    run.end()
    return run


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("treeitem").filter(has_text=text)


def test_a_turn_shows_the_beginning_of_its_question_and_answer(
    pages: Pages, console: Console, run: ReportedRun
) -> None:
    page = pages.open(console, f"/runs/{run.id}?tab=trace")

    expect(row(page, "turn 1")).to_contain_text("Where is my order?→It is on its way.")
    expect(row(page, "turn 2")).to_contain_text("And the price?")
    expect(row(page, "turn 2")).not_to_contain_text("Be brief.")


def test_a_thought_says_its_words_once(pages: Pages, console: Console, run: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{run.id}?tab=trace")
    expect(row(page, "thinking")).to_contain_text("The carrier knows.")
    expect(row(page, "thinking")).not_to_contain_text("0 ms")

    row(page, "thinking").locator("button").click()

    expect(page.get_by_role("tree").get_by_text("The carrier knows.")).to_have_count(1)
    expect(row(page, "thinking")).not_to_contain_text("The carrier knows.")


def test_a_handoff_says_from_whom_to_whom_and_why(pages: Pages, console: Console, run: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{run.id}?tab=trace")

    expect(row(page, "→ Pricing")).to_contain_text("Triage → Pricing what is it worth?")


def test_durations_below_a_millisecond_are_in_microseconds(pages: Pages, console: Console, run: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{run.id}?tab=trace")

    expect(row(page, "find_order")).to_contain_text("7 µs")
    page.get_by_role("tab", name="Telemetry").click()
    expect(page.get_by_role("table", name="Actions")).to_contain_text("7 µs")
