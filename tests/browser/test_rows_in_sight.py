"""A row that is linked to, chosen or gone to by keys lies whole between the head of its list and its lower edge."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import a_call, a_failed_call, record
from tests.support.waiting import wait_until

RUN = "sight-long"
FAILED = f"{RUN}-41"
WIDTHS = [800, 1280, 1920]

#: How far the chosen or else the focused row is out of sight in each of the next frames, above and below; null
#: while none is drawn.
OUT_OF_SIGHT = """async () => {
    const found = [];
    for (let frame = 0; frame < 12; frame += 1) {
        await new Promise(requestAnimationFrame);
        const row = document.querySelector(":is(.rowlist-row, .trace-row)[data-chosen]") ?? document.activeElement;
        const list = row?.matches(".rowlist-row, .trace-row") ? row.closest(".rowlist, .trace") : null;
        if (!list) return [null];
        const head = list.querySelector(".rowlist-head, .trace-axis").getBoundingClientRect();
        const {top, bottom} = row.getBoundingClientRect();
        const edge = Math.min(list.getBoundingClientRect().top + list.clientTop + list.clientHeight, innerHeight);
        found.push([Math.max(0, head.bottom - top), Math.max(0, bottom - edge)].map(Math.round).join(" and "));
    }
    return [...new Set(found)];
}"""


@pytest.fixture(scope="module")
def long_run(console: Console) -> str:
    """A run of 120 actions, of which the 41st failed."""
    before = [a_call(f"step {number}", inputs={"number": number}) for number in range(40)]
    after = [a_call(f"after {number}", outputs="word " * 60) for number in range(79)]
    calls = [*before, a_failed_call("parse", "ValueError", "no number"), *after]
    record(console, RUN, calls, end="failed")
    return RUN


def wait_until_in_sight(page: Page) -> None:
    """Wait until the chosen or focused row lies whole in its list, and stays there."""
    found: list[str | None] = []

    def is_in_sight() -> bool:
        found[:] = page.evaluate(OUT_OF_SIGHT)
        return found == ["0 and 0"]

    try:
        wait_until(is_in_sight, "the row to lie in sight")
    except AssertionError as error:
        raise AssertionError(f"pixels out of sight, above and below: {found}") from error


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("tab", ["telemetry", "trace"])
def test_the_action_that_a_link_names_is_in_sight(
    pages: Pages, console: Console, long_run: str, tab: str, width: int
) -> None:
    page = pages.open(console, "/help/keys", width=width)

    for number in (1, 41, 120):
        page.goto(f"/runs/{long_run}?tab={tab}&action={long_run}-{number}")
        expect(page.locator("[data-chosen]")).to_be_visible()

        wait_until_in_sight(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_failed_action_is_shown_in_sight(pages: Pages, console: Console, long_run: str, width: int) -> None:
    page = pages.open(console, f"/runs/{long_run}", width=width)

    page.get_by_role("button", name="Show first failed action").click()

    expect(page.locator(".rowlist-row[data-chosen]")).to_contain_text("parse")
    wait_until_in_sight(page)


@pytest.mark.parametrize("tab", ["telemetry", "trace"])
def test_the_row_that_keys_go_to_is_in_sight(pages: Pages, console: Console, long_run: str, tab: str) -> None:
    page = pages.open(console, f"/runs/{long_run}?tab={tab}", width=1280)
    expect(page.locator(".rowlist-row, .trace-row").first).to_be_visible()

    for key, times in (("j", 35), ("k", 30), ("j", 2)):
        for _ in range(times):
            page.keyboard.press(key)
        wait_until_in_sight(page)


@pytest.mark.parametrize("tab", ["telemetry", "trace"])
def test_the_chosen_row_stays_in_sight_when_the_list_gets_smaller(
    pages: Pages, console: Console, long_run: str, tab: str
) -> None:
    page = pages.open(console, f"/runs/{long_run}?tab={tab}&action={FAILED}", width=1440)
    wait_until_in_sight(page)

    page.set_viewport_size({"width": 900, "height": 600})

    wait_until_in_sight(page)


def test_a_reader_who_scrolled_on_is_not_taken_back_when_the_list_gets_smaller(
    pages: Pages, console: Console, long_run: str
) -> None:
    page = pages.open(console, f"/runs/{long_run}?tab=telemetry&action={FAILED}", width=1440)
    wait_until_in_sight(page)
    page.get_by_role("table", name="Actions").hover()
    page.mouse.wheel(0, 2000)
    expect(page.locator("[data-chosen]")).not_to_be_in_viewport()

    page.set_viewport_size({"width": 1440, "height": 700})

    expect(page.locator("[data-chosen]")).not_to_be_in_viewport()
    assert page.evaluate(OUT_OF_SIGHT) != ["0 and 0"]
