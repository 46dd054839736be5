"""What stands around every page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages


def test_the_frame_says_that_updates_are_live(page: Page) -> None:
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Agent Runs")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_on_a_phone_the_pages_are_in_a_menu(console: Console, pages: Pages) -> None:
    page = pages.open(console, "/agents", width=390)
    menu = page.get_by_role("button", name="Pages, current: Agent Runs")
    workers = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Workers")
    expect(workers).to_be_hidden()

    menu.click()
    page.keyboard.press("Escape")
    expect(workers).to_be_hidden()

    menu.click()
    workers.click()
    expect(page.get_by_role("heading", name="Workers", level=1)).to_be_visible()
    expect(workers).to_be_hidden()


def test_a_computer_without_a_network_still_reaches_its_own_server(pages: Pages, console: Console) -> None:
    """What the operating system calls offline says nothing of a server on the same machine."""
    page = pages.open(console, "/store?prefix=offline")
    expect(page.get_by_text("No matching keys")).to_be_visible()

    page.evaluate("window.dispatchEvent(new Event('offline'))")
    page.get_by_role("button", name="Set a key …").click()
    page.get_by_label("Key", exact=True).fill("offline:first")
    page.get_by_role("textbox", name="Value").fill("one")
    page.get_by_role("button", name="Set", exact=True).click()

    expect(page.get_by_role("region", name="Value")).to_have_text("one")
