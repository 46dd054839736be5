"""Tokens, appearance and maintenance, as whoever administers a server does them."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.support.token_holder import Holder


def test_a_token_is_shown_once_and_stays_nowhere(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/settings")

    page.get_by_role("button", name="Create a token …").click()
    page.get_by_label("Name").fill("laptop of Ada")
    page.get_by_role("radio", name="viewer").check()
    page.get_by_label("Expires after").select_option("7 days")
    page.get_by_role("button", name="Create", exact=True).click()
    once = page.get_by_role("dialog", name="The token laptop of Ada")
    token = once.locator("code").first.inner_text()
    once.get_by_role("button", name="Copy", exact=True).click()
    expect(once.get_by_role("button", name="Copied", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(once).to_be_visible()
    once.get_by_role("button", name="I have copied it").click()
    expect(once).to_have_count(0)

    row = page.get_by_role("row").filter(has_text="laptop of Ada")
    expect(row).to_contain_text("viewer")
    expect(row).to_contain_text("in 7 d")
    assert page.evaluate("navigator.clipboard.readText()") == token
    assert token not in page.content()
    assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])").find(token) < 0
    assert Holder(console.titan.sdk_port, token).ask("GET", "/api/dags").status == 200


def test_a_revoked_token_lets_nobody_in(pages: Pages, console: Console) -> None:
    holder = Holder(console.titan.sdk_port, None).make("viewer")
    page = pages.open(console, "/settings#tokens")
    row = page.get_by_role("row").filter(has_text=holder.token_id)

    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    expect(row).to_have_count(0)
    assert holder.ask("GET", "/api/dags").status == 401
    page.get_by_role("button", name="ended token").click()
    expect(row).to_contain_text("revoked")


def test_the_theme_is_chosen_and_kept(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/settings")

    page.get_by_role("radio", name="Dark").check()
    page.reload()

    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_maintenance_previews_a_deletion(pages: Pages, new_console: Callable[..., Console]) -> None:
    page = pages.open(new_console(), "/settings#maintenance")

    page.get_by_role("button", name="Show what would be deleted").click()

    expect(page.get_by_text("Nothing has expired.")).to_be_visible()
    expect(page.get_by_role("button", name="Delete now")).to_have_count(0)


def test_without_tokens_it_says_who_may_come_in(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/settings")

    expect(page.get_by_text("This server requires no token from programs on its machine")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_each_retention_period_is_shown_with_its_setting(pages: Pages, new_console: Callable[..., Console]) -> None:
    console = new_console(offers=(), environment={"TITAN_KEEP_LOGS_DAYS": "3"})

    page = pages.open(console, "/settings#retention")

    rule = page.get_by_role("row").filter(has_text="TITAN_KEEP_LOGS_DAYS")
    expect(rule.get_by_role("cell", name="3 days", exact=True)).to_be_visible()
    for_ever = page.get_by_role("row").filter(has_text="TITAN_KEEP_FILES_DAYS")
    expect(for_ever.get_by_role("cell", name="forever", exact=True)).to_be_visible()


def test_addresses_of_notifications_are_shown_without_their_secrets(
    pages: Pages, new_console: Callable[..., Console]
) -> None:
    console = new_console(offers=(), environment={"TITAN_NOTIFY": "http://127.0.0.1:9/hooks/secret-part"})

    page = pages.open(console, "/settings#notifications")

    section = page.get_by_role("region", name="Notifications")
    expect(section.get_by_role("listitem")).to_contain_text("127.0.0.1")
    assert "secret-part" not in page.content()


def test_the_server_says_where_it_lives(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/settings#server")

    server = page.get_by_role("region", name="Server")
    expect(server).to_contain_text(str(console.titan.home))
    expect(server).to_contain_text("SQLite")
    expect(server).to_contain_text("TITAN_MAX_FILE_BYTES")
