"""What a run's page says of the run as a whole: what it lacks, whose it is, what cannot be done with it yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import a_call, record
from tests.browser.recorded_run import ReportedRun
from tests.support.raw_http import ask_json
from titan_sdk import TitanJob

STEPS = """
    import titan_sdk

    @titan_sdk.action
    def step(number): return 2 * number

    for number in range(3): step(number)
"""
LOST = "titan.entries_lost"


def losing(run: ReportedRun, id: str, count: int) -> None:
    """Tell of a loss, as the SDK does."""
    run.action(id, LOST, took_ms=0, kind="event", outcome="error", details={"attributes": {"count": count}})


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (768, "light")])
def test_a_run_says_how_many_of_its_entries_were_lost(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    run = ReportedRun(console, f"said-lossy-{width}")
    run.action("find", "find_order")
    losing(run, "lost-1", 38_000)
    losing(run, "lost-2", 1)
    run.end()
    page = pages.open(console, f"/runs/{run.id}", width=width, scheme=scheme)  # type: ignore[arg-type]

    expect(page.get_by_role("status").filter(has_text="38,001 entries were lost on their way here")).to_be_visible()
    expect(page.get_by_text("An action failed")).to_have_count(0)
    assert_accessible(page)
    page.get_by_role("button", name="Show when").click()

    expect(page.get_by_role("complementary", name=f"Operation {LOST}")).to_be_visible()
    expect(page.get_by_role("treeitem", selected=True)).to_contain_text(LOST)


def test_a_run_that_lost_one_entry_and_failed_says_both(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "said-lossy-failed")
    losing(run, "lost", 1)
    run.action("find", "find_order", outcome="error", failure={"type": "KeyError", "message": "7"})
    run.end("failed")
    page = pages.open(console, f"/runs/{run.id}")

    expect(page.get_by_text("1 entry was lost on its way here")).to_be_visible()
    page.get_by_role("button", name="Show first failed action").click()

    expect(page.get_by_role("complementary", name="Operation find_order")).to_be_visible()


def test_the_run_of_a_plain_job_leads_to_the_job_its_submission_and_its_log(
    pages: Pages, console: Console, script: Callable[..., str]
) -> None:
    dag = console.client.submit_dag("said-report", [TitanJob("count", script("count.py", STEPS))])
    console.client.wait(dag)
    page = pages.open(console, f"/runs/{dag.dag_id}?tab=stages", width=768)

    card = page.get_by_role("region", name="said-report")
    expect(card.get_by_role("link", name="count", exact=True)).to_be_visible()
    expect(page.get_by_text("Recorded by one job")).to_be_visible()
    expect(page.locator(".run-facts").get_by_role("link", name="said-report").last).to_be_visible()
    page.get_by_role("tab", name="Telemetry").click()
    expect(page.locator(".run-telemetry .run-count")).to_have_text("3 actions")
    page.get_by_role("tab", name="Stages").click()
    card.get_by_role("link", name="Log of count").click()
    page.wait_for_url("**/logs/**")
    page.go_back()
    page.get_by_role("link", name="Graph, timeline and files").click()

    page.wait_for_url("**/dags/DAG-said-report?*")


def test_a_title_is_whole_beside_the_buttons_in_a_narrow_window(pages: Pages, console: Console) -> None:
    title = "LoRA: where is my order, and when does it come?"
    record(console, "said-long-title", [a_call("find")], name=title)
    page = pages.open(console, "/runs/said-long-title", width=768)

    heading = page.get_by_role("heading", name=title)

    expect(heading).to_be_visible()
    assert heading.evaluate("title => title.scrollWidth - title.clientWidth") <= 0


def test_an_outcome_without_a_message_shows_no_empty_message(pages: Pages, console: Console) -> None:
    entries: list[dict[str, object]] = [
        {"id": outcome, "action": "ask", "outcome": outcome, "payload": {"inputs": {}, "outputs": None}}
        for outcome in ("error", "blocked", "rejected")
    ]
    body = {"run_id": "said-wordless", "agent_id": "guarded", "entries": entries}
    assert ask_json(console.titan.sdk_port, "POST", "/api/v1/ingest", body).status == 202
    page = pages.open(console, "/runs/said-wordless?tab=telemetry")

    expect(page.get_by_role("row").filter(has_text="ask")).to_have_count(3)
    expect(page.get_by_role("cell").filter(has_text=":")).to_have_count(3)  # the times alone
    expect(page.get_by_text("First error error, without a message")).to_be_visible()


def test_cached_tokens_are_shown(pages: Pages, console: Console) -> None:
    use = {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100}
    cached = {"cache_read_tokens": 400, "cache_write_tokens": 50}
    record(console, "said-cached", [a_call("chat", kind="model", use=use | cached), a_call("ask", use=use)])
    page = pages.open(console, "/runs/said-cached?tab=telemetry&action=said-cached-1")

    metadata = page.get_by_label("Metadata")
    expect(metadata).to_contain_text("1,000 input, 400 of them from cache, 50 written to cache · 100 output")
    page.goto("/runs/said-cached?tab=telemetry&action=said-cached-2")

    expect(metadata).to_contain_text("Tokens1,000 input, 100 output")
