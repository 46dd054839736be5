"""DAG Pipelines: every submission with its status and how far it is, with real jobs under it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from titan_sdk import TitanGate, TitanJob

Script = Callable[..., str]


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_where_nothing_was_submitted_the_page_gives_the_command(
    new_console: Callable[..., Console], pages: Pages, assert_accessible: Callable[[Page], None]
) -> None:
    page = pages.open(new_console(offers=()), "/dags")

    expect(page.get_by_text("titan submit extract.py train.py --chain --name nightly")).to_be_visible()
    assert_accessible(page)


def test_a_submission_appears_and_its_jobs_are_counted_as_they_end(
    page: Page, console: Console, script: Script
) -> None:
    page.goto("/dags")

    console.client.submit_dag(
        "counted",
        [
            TitanJob("first", script("ok.py")),
            TitanGate("counted-gate", "Go on?", parents=["first"]),
            TitanJob("last", script("ok.py"), parents=["counted-gate"]),
        ],
    )
    expect(row_of(page, "counted")).to_contain_text("1/3")
    expect(row_of(page, "counted")).to_contain_text("Running")
    console.client.approve("counted-gate")

    expect(row_of(page, "counted")).to_contain_text("3/3")
    expect(row_of(page, "counted")).to_contain_text("Completed")


def test_enter_opens_the_submission_that_is_marked(page: Page, console: Console, script: Script) -> None:
    older, newer = (console.client.submit_dag("opened", [TitanJob("a", script("ok.py"))]).dag_id for _ in range(2))
    page.goto("/dags?q=opened")
    expect(row_of(page, "opened")).to_have_count(2)

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dags/DAG-opened?*")

    assert parse_qs(urlsplit(page.url).query)["id"] == [older]
    assert older != newer


def test_the_list_is_searched_by_name_run_and_status_and_the_address_keeps_it(
    page: Page, console: Console, script: Script
) -> None:
    bad = script("bad.py", "raise SystemExit(3)")
    console.client.wait(console.client.submit_dag("sought_good", [TitanJob("a", script("ok.py"))]))
    console.client.wait(console.client.submit_dag("sought_bad", [TitanJob("a", bad)], agent_run_id="SEEKER_1"))
    page.goto("/dags")
    expect(row_of(page, "sought_good")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("SOUGHT")
    expect(page).to_have_url(re.compile("q=SOUGHT"))
    page.get_by_role("button", name="Failed").click()
    expect(row_of(page, "sought_bad")).to_be_visible()
    expect(row_of(page, "sought_good")).to_have_count(0)
    page.reload()
    expect(row_of(page, "sought_bad")).to_be_visible()
    page.get_by_label("Name or run").fill("seeker_1")
    expect(row_of(page, "sought_bad")).to_be_visible()
    page.get_by_role("link", name="SEEKER_1", exact=True).click()

    expect(page.get_by_role("heading", name="Agent Runs")).to_be_visible()
    expect(page.get_by_role("list", name="Stages of SEEKER_1")).to_be_visible()


def test_a_retried_dag_leaves_the_filter_it_no_longer_matches(page: Page, console: Console, script: Script) -> None:
    program = """
    import os
    raise SystemExit(0 if os.environ["TITAN_ATTEMPT"] == "2" else 1)
    """
    receipt = console.client.submit_dag("mended", [TitanJob("a", script("second.py", program))])
    assert console.client.wait(receipt) == "FAILED"
    page.goto("/dags?q=mended&status=FAILED")
    expect(row_of(page, "mended")).to_be_visible()

    console.client.retry(receipt)

    expect(page.get_by_role("heading", name="No matching DAGs")).to_be_visible()


def test_changes_while_another_page_is_open_are_shown_on_return(pages: Pages, console: Console) -> None:
    receipt = console.client.submit_dag("left-and-back", [TitanGate("left-ok", "Go on?", parents=[])])
    page = pages.open(console, "/dags?q=left-and-back")
    row = row_of(page, "left-and-back")
    expect(row).to_contain_text("0/1")
    row.get_by_role("link", name="left-and-back", exact=True).click()
    expect(page.get_by_role("button", name="✓ Approve")).to_be_visible()
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()

    console.client.approve("left-ok")
    console.client.wait(receipt)
    page.go_back()
    expect(page.get_by_role("button", name="✓ Approve")).to_have_count(0)
    page.go_back()

    expect(row).to_contain_text("1/1")


def test_the_page_is_accessible_in_any_width_and_scrolls_one_way_only(
    pages: Pages,
    console: Console,
    script: Script,
    assert_accessible_in_any_width: Callable[[Page], None],
) -> None:
    name = "a-name-" * 20 + "end"
    console.client.wait(console.client.submit_dag(name, [TitanJob("a", script("ok.py"))]))

    page = pages.open(console, "/dags")

    expect(row_of(page, name).first).to_be_visible()
    assert_accessible_in_any_width(page)
