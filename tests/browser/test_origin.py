"""Pages show production, and evaluations where the switch asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages, running_console
from tests.browser.recorded import a_failed_call, record
from tests.support.evaluations import python_agent, tried

FAILS = "raise ValueError(call('get_order', order_id='O1')['status'])"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of these tests alone: what others leave would be on its pages too."""
    with running_console(tmp_path_factory.mktemp("origin")) as running:
        yield running


@pytest.fixture(scope="module")
def evaluated(console: Console) -> str:
    """The run of an evaluation, which failed, beside one of production."""
    record(console, "live-1", [a_failed_call("look", "Oops", "no")])
    run_id: str = tried(console.titan.sdk_port, "tried", python_agent(FAILS))["run_id"]
    return run_id


@pytest.mark.parametrize("path", ["/", "/runs", "/ledger"])
def test_a_page_shows_production_until_the_switch_says_evaluation(
    pages: Pages, console: Console, evaluated: str, path: str
) -> None:
    page = pages.open(console, path)
    main = page.get_by_role("main")

    expect(main.get_by_text("live-1").first).to_be_visible()
    expect(main.get_by_text(evaluated)).to_have_count(0)

    origin(page, "Evaluation")

    expect(main.get_by_text(evaluated).first).to_be_visible()
    expect(main.get_by_text("live-1")).to_have_count(0)
    assert "origin=evaluation" in page.url

    page.reload()
    expect(main.get_by_text(evaluated).first).to_be_visible()

    origin(page, "All")
    expect(main.get_by_text("live-1").first).to_be_visible()
    expect(main.get_by_text(evaluated).first).to_be_visible()


@pytest.mark.parametrize("path", ["/agents", "/dags"])
def test_stages_and_dags_of_evaluations_are_shown_where_asked_for(
    pages: Pages, console: Console, evaluated: str, path: str
) -> None:
    page = pages.open(console, path)

    expect(page.get_by_role("group", name="Origin")).to_be_visible()
    expect(page.get_by_role("main").get_by_text(evaluated)).to_have_count(0)

    origin(page, "Evaluation")

    expect(page.get_by_role("main").get_by_text(evaluated).first).to_be_visible()


def test_the_page_of_an_agent_counts_its_runs(pages: Pages, console: Console, evaluated: str) -> None:
    assert evaluated
    page = pages.open(console, "/registry/tried")
    expect(page.get_by_role("main")).to_contain_text("Runs0")

    origin(page, "Evaluation")

    expect(page.get_by_role("main")).to_contain_text("Completed0 of 1")
    expect(page.get_by_role("main")).to_contain_text("Failed1")


def origin(page: Page, word: str) -> None:
    page.get_by_role("group", name="Origin").get_by_role("button", name=word).click()
