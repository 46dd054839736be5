"""What somebody sees who opens a recorded run for the first time, and looks for nothing in particular."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import say
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


@pytest.mark.parametrize("width", [1440, 390])
def test_scores_stand_in_the_header_and_notes_are_counted(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], width: int
) -> None:
    run = ToldRun(console, f"first-scored-{width}")
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


def test_a_run_that_nobody_spoke_of_has_no_count_and_no_scores(pages: Pages, console: Console) -> None:
    run = ToldRun(console, "first-unspoken")
    run.action("find", "find_order")
    page = pages.open(console, f"/runs/{run.id}")

    with page.expect_response(lambda answer: answer.url.endswith("/notes")):
        page.reload()

    expect(page.get_by_role("button", name="Notes", exact=True)).to_be_visible()
    expect(page.get_by_text("Scores")).to_have_count(0)
