"""What stands around every page."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_the_frame_says_that_it_hears_of_what_happens(page: Page) -> None:
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Agent Runs")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
