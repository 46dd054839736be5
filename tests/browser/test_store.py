"""Browsing what jobs share: folders, values, sets, artifacts, and changing them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages

NewConsole = Callable[..., Console]


def test_an_empty_store_says_how_to_fill_it(pages: Pages, new_console: NewConsole) -> None:
    page = pages.open(new_console(offers=()), "/store")

    expect(page.get_by_role("heading", name="The store is empty")).to_be_visible()
    expect(page.get_by_text('client.store_put("city", "Graz")')).to_be_visible()


def test_keys_are_folded_at_colons_and_unfold_to_their_values(pages: Pages, console: Console) -> None:
    for run in ("A", "B"):
        for what in ("plan", "report"):
            console.client.store_put(f"folded:{run}:{what}", json.dumps({"of": run, "what": what}))
    page = pages.open(console, "/store")

    page.get_by_role("button", name="folded:").click()
    page.get_by_role("button", name="B:").click()
    page.get_by_role("button", name="report").click()

    expect(value(page)).to_have_text('{\n  "of": "B",\n  "what": "report"\n}')
    page.get_by_role("button", name="As stored").click()
    expect(value(page)).to_have_text('{"of": "B", "what": "report"}')
    page.get_by_role("navigation", name="Folders").get_by_role("link", name="folded:").click()
    expect(page.get_by_role("button", name="A:")).to_be_visible()


def test_a_link_leads_to_a_key_and_markup_in_it_is_text(pages: Pages, console: Console) -> None:
    console.client.store_put("<img src=x onerror=alert(1)>", "<script>alert(2)</script>")

    page = pages.open(console, "/store?key=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E")

    expect(page.get_by_role("heading", name="<img src=x onerror=alert(1)>")).to_be_visible()
    expect(value(page)).to_have_text("<script>alert(2)</script>")


def test_a_key_is_put_changed_and_deleted(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/store?prefix=mine")

    page.get_by_role("button", name="Set a key …").click()
    page.get_by_label("Key", exact=True).fill("mine:first")
    page.get_by_role("textbox", name="Value").fill("one")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(value(page)).to_have_text("one")

    page.get_by_role("button", name="Change …").click()
    page.get_by_role("textbox", name="Value").fill("two")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(value(page)).to_have_text("two")
    assert console.client.store_get("mine:first") == "two"

    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No matching keys")).to_be_visible()
    assert console.client.store_get("mine:first") is None


def test_a_change_keeps_the_expiry_of_the_key_unless_another_is_chosen(pages: Pages, console: Console) -> None:
    console.client.store_put("short", "old", ttl=5 * 3600)
    page = pages.open(console, "/store?key=short")
    expect(page.get_by_text("Expires in 5 h")).to_be_visible()

    page.get_by_role("button", name="Change …").click()
    page.get_by_role("textbox", name="Value").fill("new")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(value(page)).to_have_text("new")
    expect(page.get_by_text("Expires in 5 h")).to_be_visible()

    page.get_by_role("button", name="Change …").click()
    page.get_by_role("combobox", name="The key").select_option("expires after a time")
    page.get_by_label("Seconds until it expires").fill("86400")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_text("Expires in 24 h")).to_be_visible()

    page.get_by_role("button", name="Change …").click()
    page.get_by_role("combobox", name="The key").select_option("does not expire")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_text("Expires in")).to_have_count(0)
    assert console.client.store_get("short") == "new"


def test_line_ends_that_a_text_field_would_lose_are_kept(pages: Pages, console: Console) -> None:
    console.client.store_put("windows", "one\r\ntwo\r\n")
    console.client.store_put("bar", "10 %\r100 %\n")

    page = pages.open(console, "/store?key=windows")
    page.get_by_role("button", name="Change …").click()
    expect(page.get_by_text("Lines end with CR LF")).to_be_visible()
    page.get_by_role("textbox", name="Value").fill("one\n2\n")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert console.client.store_get("windows") == "one\r\n2\r\n"

    page.goto("/store?key=bar")
    page.get_by_role("button", name="Change …").click()
    field = page.get_by_role("textbox", name="Value")
    expect(field).to_have_value('"10 %\\r100 %\\n"')
    field.fill("no string")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    field.fill('"20 %\\r100 %\\n"')
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert console.client.store_get("bar") == "20 %\r100 %\n"


def test_a_value_changed_meanwhile_is_not_overwritten(pages: Pages, console: Console) -> None:
    console.client.store_put("contested", "old")
    page = pages.open(console, "/store?key=contested")
    page.get_by_role("button", name="Change …").click()
    expect(page.get_by_role("dialog").get_by_label("Value")).to_have_value("old")
    console.client.store_put("contested", "theirs")

    page.get_by_role("dialog").get_by_label("Value").fill("mine")
    page.get_by_role("button", name="Change", exact=True).click()

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Somebody else changed this key")
    expect(alert).to_contain_text("theirs")
    with page.expect_response("**/api/store/cas") as again:
        page.get_by_role("button", name="Change", exact=True).click()
    assert again.value.json()["swapped"] is False
    assert console.client.store_get("contested") == "theirs"


def test_a_set_shows_its_members_and_takes_another(pages: Pages, console: Console) -> None:
    console.client.store_sadd("cities", "Graz")
    console.client.store_sadd("cities", "Linz, upper Austria")
    page = pages.open(console, "/store?key=cities")

    page.get_by_label("New member").fill("Wels")
    page.get_by_role("button", name="Add").click()

    expect(page.get_by_role("listitem")).to_have_text(["Graz", "Linz, upper Austria", "Wels"])


def test_an_artifact_is_previewed_and_downloaded(pages: Pages, console: Console, tmp_path: Path) -> None:
    file = tmp_path / "findings.md"
    file.write_text("# Findings\n")
    console.client.publish_artifact("findings", str(file))
    page = pages.open(console, "/store?key=findings")

    content = page.get_by_role("region", name="Content of findings.md")
    expect(content.get_by_role("heading", name="Findings", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "findings.md"


def test_over_a_megabyte_is_a_preview_with_its_size(pages: Pages, console: Console) -> None:
    console.client.store_put("large", "x" * 3_000_000)

    page = pages.open(console, "/store?key=large")

    expect(page.get_by_text("The first 64.0 KiB of 2.9 MiB.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().stat().st_size == 3_000_000


def test_a_refresh_shows_new_keys(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/store?prefix=later")
    expect(page.get_by_text("No matching keys")).to_be_visible()
    console.client.store_put("later", "now")

    page.get_by_role("button", name="Refresh").click()

    expect(page.get_by_role("button", name="later")).to_be_visible()


def value(page: Page) -> Locator:
    return page.get_by_role("region", name="Value")
