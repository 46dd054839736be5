"""No page has anything that axe finds wrong: light and dark, with and without data; and the frame needs no mouse.

What a page holds is judged in the light; in the dark, where the same has other colours, the colours are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Console, Pages, running_console
from tests.browser.recorded import a_call, a_failed_call, record
from tests.support.waiting import wait_until
from titan_sdk import TitanGate, TitanJob

Check = Callable[..., None]

OF_DATA = (
    "/",
    "/agents",
    "/dags",
    "/runs",
    "/runs/compare",
    "/ledger",
    "/registry",
    "/workers",
    "/approvals",
    "/store",
    "/settings",
)
WITH_DATA = (
    *OF_DATA,
    "/help",
    "/help/keys",
    "/help/troubleshooting",
    "/help/gates",
    "/help/resume",
    "/help/network",
    "/there-is-no-such-page",
    "/dags/DAG-full",
    "/dags/DAG-full?job=good",
    "/logs/good",
    "/approvals?state=approved",
    "/store?prefix=full%3A&key=full%3Aplan",
    "/store?key=members",
    "/runs/compare?a=full-1&b=full-2",
    "/registry/full",
)
ON_A_PHONE = (
    "/approvals",
    "/runs",
    "/ledger",
    "/registry",
    "/store",
    "/store?key=members",
    "/settings",
    "/help",
    "/help/network",
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with nothing in it."""
    with running_console(tmp_path_factory.mktemp("empty"), offers=()) as running:
        yield running


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with something of everything in it."""
    folder = tmp_path_factory.mktemp("full")
    with running_console(folder) as running:
        _fill(running, folder)
        yield running


def test_a_console_with_nothing_in_it_is_accessible(
    pages: Pages, empty: Console, assert_accessible_light_and_dark: Check
) -> None:
    page = pages.open(empty)

    for route in OF_DATA:
        go(page, route)
        assert_accessible_light_and_dark(page)


def test_a_console_with_data_is_accessible(
    pages: Pages, full: Console, assert_accessible_light_and_dark: Check
) -> None:
    page = pages.open(full)

    for route in WITH_DATA:
        go(page, route)
        assert_accessible_light_and_dark(page)


def test_a_console_on_a_phone_is_accessible_and_no_wider_than_it(
    pages: Pages, full: Console, assert_accessible: Check
) -> None:
    page = pages.open(full, width=390)

    for route in ON_A_PHONE:
        go(page, route)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, route


def test_the_palette_is_accessible(pages: Pages, full: Console, assert_accessible_light_and_dark: Check) -> None:
    page = opened(pages, full, "/help")

    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="A page, run, agent, DAG or job")).to_be_focused()
    page.keyboard.type("full")
    expect(page.get_by_role("option").filter(has_text="full").first).to_be_visible()

    assert_accessible_light_and_dark(page)


def test_the_keys_are_accessible(pages: Pages, full: Console, assert_accessible_light_and_dark: Check) -> None:
    page = opened(pages, full, "/help")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()

    assert_accessible_light_and_dark(page)


def test_the_questions_are_accessible(pages: Pages, full: Console, assert_accessible_light_and_dark: Check) -> None:
    page = opened(pages, full, "/approvals")
    page.get_by_role("article").first.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible_light_and_dark(page)

    page.goto("/settings")
    page.get_by_role("button", name="Create a token …").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible_light_and_dark(page)

    page.goto("/store")
    page.get_by_role("button", name="Set a key …").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible_light_and_dark(page)

    page.goto("/runs")
    for name in ("Import", "Export"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_accessible_light_and_dark(page)
        page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Agent").fill("fu")
    expect(page.get_by_role("option").first).to_be_visible()
    assert_accessible_light_and_dark(page)


def test_the_banner_is_accessible(
    pages: Pages, new_console: Callable[..., Console], assert_accessible_light_and_dark: Check
) -> None:
    console = new_console(offers=())
    page = opened(pages, console, "/help")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    console.titan.terminate()

    expect(page.get_by_text("The server does not respond.")).to_be_visible()
    assert_accessible_light_and_dark(page)


def test_the_sign_in_is_accessible(
    pages: Pages, new_console: Callable[..., Console], assert_accessible_light_and_dark: Check
) -> None:
    page = pages.open(new_console(offers=(), options=("--require-token",)))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    assert_accessible_light_and_dark(page)


def test_the_palette_needs_no_mouse(pages: Pages, full: Console) -> None:
    page = opened(pages, full, "/help")

    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="A page, run, agent, DAG or job")
    expect(field).to_be_focused()
    page.keyboard.type("sto")
    first = page.get_by_role("option").first
    expect(first).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == first.get_attribute("id")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Store")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_enter_in_the_palette_waits_for_the_results_of_the_typed_text(pages: Pages, full: Console) -> None:
    """Enter right behind a letter goes to what that letter left, and not to what was found without it."""
    for run in ("waited-abc", "waited-abd"):
        record(full, run, [a_call("x")], agent="waiter")
    page = opened(pages, full, "/help")
    held: list[Route] = []
    page.route(re.compile(r"/api/v1/runs\?.*q=waited-abc"), lambda route: held.append(route))
    page.keyboard.press("Control+k")
    page.keyboard.type("waited-ab")
    expect(page.get_by_role("option").first).to_contain_text("waited-abd")

    with page.expect_request(re.compile("q=waited-abc")):
        page.keyboard.type("c")
        page.keyboard.press("Enter")
    expect(page.get_by_role("listbox", name="Found")).to_have_attribute("aria-busy", "true")
    wait_until(lambda: bool(page.evaluate("true") and len(held) == 2), "it is looked for by name and by words")
    assert page.url.endswith("/help")
    for route in held:
        route.continue_()

    page.wait_for_url("**/runs/waited-abc")


def test_the_palette_shows_matching_names_before_matching_content(pages: Pages, full: Console) -> None:
    record(full, "okapi-named", [a_call("x")], agent="keeper")
    record(full, "visit-1", [a_call("x")], agent="okapi-agent")
    for place in range(7):  # newer than these, and more than are shown of a kind
        record(full, f"zoo-{place}", [a_call("x", inputs={"seen": "an okapi"})], agent="zoo")
    page = opened(pages, full, "/help")

    page.keyboard.press("Control+k")
    page.keyboard.type("okapi")

    found = page.get_by_role("option")
    expect(found).to_have_count(9)
    expect(found.filter(has_text="text in a run of zoo")).to_have_count(6)
    for place, name in enumerate(("visit-1", "okapi-named", "okapi-agent")):
        expect(found.nth(place)).to_contain_text(name)
    page.keyboard.press("ArrowUp")
    expect(found.last).to_have_attribute("aria-selected", "true")


def test_the_palette_goes_round_and_closes_by_escape(pages: Pages, full: Console) -> None:
    page = opened(pages, full, "/help")
    page.get_by_role("link", name="Titan, home").focus()

    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="A page, run, agent, DAG or job")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option").last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Titan, home")).to_be_focused()


def test_letters_go_to_pages_and_rest_in_fields(pages: Pages, full: Console) -> None:
    page = opened(pages, full, "/help")

    page.keyboard.press("g")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="Store")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("gs?")

    expect(page.get_by_role("searchbox")).to_have_value("gs?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_first_tab_skips_the_bar(pages: Pages, full: Console) -> None:
    page = opened(pages, full, "/help")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#main")).to_be_focused()


def opened(pages: Pages, console: Console, route: str) -> Page:
    """Return the page when it has read what it shows."""
    page = pages.open(console, route)
    is_read(page)
    return page


def go(page: Page, route: str) -> None:
    """Open another page in the same window."""
    page.goto(route)
    is_read(page)


def is_read(page: Page) -> None:
    """Wait for what the page asks first; live events are no request, so it comes to rest."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")


def _fill(console: Console, folder: Path) -> None:
    good, bad = folder / "good.py", folder / "bad.py"
    good.write_text("open('left.md', 'w').write('# left')\nprint('\\x1b[31mred\\x1b[0m')\n")
    bad.write_text("raise SystemExit(3)\n")
    client = console.client
    jobs = [TitanJob("good", str(good)), TitanJob("bad", str(bad)), TitanJob("never", str(good), parents=["bad"])]
    client.wait(client.submit_dag("full", jobs, agent_run_id="FULL_1a9ac3"))
    client.submit_dag("asks", [TitanJob("before", str(good), hitl_message="May it go on?")])
    client.submit_dag("asked", [TitanGate("asked-ok", "Was it good?", parents=[])])
    client.approve("asked-ok", "it was")
    client.submit_dag("nowhere", [TitanJob("gpu", str(good), requirement="GPU")])
    client.store_put("full:plan", '{"a": 1}')
    client.store_put("full:report", "text")
    client.store_sadd("members", "one")
    record(
        console,
        "full-1",
        [a_call("plan", cost_usd="0.1"), a_call("pay", outcome="blocked", cost_usd="2")],
        agent="full",
    )
    record(console, "full-2", [a_failed_call("search", "ValueError", "nope")], agent="full", end="failed")
    record(console, "full-3", [a_call("plan")], agent="full", end=None, done=1, total=3)
