"""The help that other pages link to."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages


def test_every_topic_is_reached_from_the_contents(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/help")

    for topic in ("Keys", "Troubleshooting", "Gates", "Retry and resume", "Network"):
        page.get_by_role("navigation", name="Topics").get_by_role("link", name=topic).click()
        expect(page.get_by_role("heading", name=f"Help: {topic}")).to_be_visible()


@pytest.mark.parametrize("address", ["/help/troubleshooting#no-worker", "/help/network#proxy"])
def test_a_link_to_a_question_shows_its_answer(pages: Pages, console: Console, address: str) -> None:
    page = pages.open(console, address)

    expect(page.locator(f"#{address.split('#')[1]}")).to_be_in_viewport()


def test_a_question_is_shown_from_another_page_too(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/runs?q=nothing-is-called-so")

    page.get_by_role("link", name="Can't find my run").click()

    expect(page.locator("#find-run")).to_be_in_viewport()


def test_an_unknown_help_topic_says_so(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/help/weather")

    expect(page.get_by_text("No help on weather")).to_be_visible()


def test_no_link_of_the_help_leads_nowhere(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/help")

    for topic in ("keys", "troubleshooting", "gates", "resume", "network"):
        page.goto(f"/help/{topic}")
        expect(page.locator("article")).to_be_visible()
        for target in links_of(page):
            page.goto(target)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_text("Page not found")).to_have_count(0)
            if "#" in target:
                expect(page.locator("#" + target.split("#")[1])).to_be_attached()


def links_of(page: Page) -> list[str]:
    links = page.locator("article a").evaluate_all(
        "links => [...new Set(links.map(link => link.href.slice(location.origin.length)))]"
    )
    return [str(link) for link in links]
