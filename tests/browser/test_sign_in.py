"""Signing in where a server needs a token: once, clearly, and without losing the page when it ends in the middle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.support.token_holder import Holder

NewConsole = Callable[..., Console]


@pytest.fixture
def locked(new_console: NewConsole) -> Console:
    """A console that nobody sees without a token."""
    return new_console(options=("--require-token",), offers=())


@pytest.fixture
def admin(locked: Console) -> Holder:
    """Whoever holds a token of the role admin."""
    return Holder(locked.titan.sdk_port, locked.titan.home_token).make("admin")


def test_a_token_lets_in_to_the_page_that_was_asked_for(pages: Pages, locked: Console, admin: Holder) -> None:
    page = pages.open(locked, "/store?prefix=a")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    sign_in(page, admin.token)

    expect(page.get_by_role("heading", name="Store")).to_be_visible()
    expect(page.get_by_text("No matching keys")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_a_wrong_token_is_refused_in_clear_words(pages: Pages, locked: Console) -> None:
    page = pages.open(locked, "/settings")

    sign_in(page, "titan_0123456789ab_" + "x" * 43)

    expect(page.get_by_role("alert")).to_contain_text("Token not accepted")
    expect(page.get_by_label("Token")).to_have_value("")


def test_nothing_of_the_token_stays_where_a_script_could_read_it(pages: Pages, locked: Console, admin: Holder) -> None:
    page = pages.open(locked, "/settings")

    sign_in(page, admin.token)

    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert admin.token is not None
    secret = admin.token.split("_")[-1]
    readable = page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href])")
    assert secret not in readable
    assert secret not in page.content()
    cookies = page.context.cookies()
    assert [cookie["httpOnly"] for cookie in cookies] == [True]
    assert all(secret not in cookie["value"] for cookie in cookies)


def test_a_token_that_ends_in_the_middle_loses_nothing_of_the_page(
    pages: Pages, locked: Console, admin: Holder
) -> None:
    short_lived = admin.make("admin")
    page = pages.open(locked, "/store")
    sign_in(page, short_lived.token)
    page.get_by_role("button", name="Set a key …").click()
    page.get_by_role("textbox", name="Value").fill("long thought about")

    admin.ask("POST", f"/api/tokens/{short_lived.token_id}/revoke")

    again = page.get_by_role("dialog", name="Sign in again")
    expect(again).to_be_visible()
    expect(page.get_by_role("textbox", name="Value")).to_have_count(0)
    sign_in(page, admin.token)
    expect(again).to_have_count(0)
    expect(page.get_by_role("textbox", name="Value")).to_have_value("long thought about")


def test_signing_out_shows_nothing_any_more(pages: Pages, locked: Console, admin: Holder) -> None:
    page = pages.open(locked, "/settings")
    sign_in(page, admin.token)

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("heading", name="Settings")).to_have_count(0)


def test_a_viewer_sees_which_actions_its_role_may_not_do(pages: Pages, locked: Console, admin: Holder) -> None:
    page = pages.open(locked, "/settings")
    sign_in(page, admin.make("viewer").token)

    expect(page.get_by_text("Tokens are visible to the roles admin and owner.")).to_be_visible()
    expect(page.get_by_role("button", name="Create a token …")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("link", name="Store").click()
    expect(page.get_by_text("The store is empty")).to_be_visible()
    expect(page.get_by_role("button", name="Set a key …")).to_have_count(0)


def test_a_session_that_cannot_be_read_holds_up_no_page(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/help")
    page.route("**/api/session", lambda route: route.fulfill(status=502, body="no such server"))

    page.goto("/settings")

    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    expect(page.get_by_text("HTTP 502")).to_be_visible()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def sign_in(page: Page, token: str | None) -> None:
    assert token is not None
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Sign in").click()
