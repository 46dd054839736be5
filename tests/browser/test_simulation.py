"""The Simulation tab of a run: a replay started, what it found, and those before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages, Scheme
from tests.browser.recorded import a_call, record

ORIGINAL, REPLAY, RUNNING = "simulated-original", "simulated-replay", "simulated-running"


@pytest.fixture(scope="module", autouse=True)
def runs(console: Console) -> None:
    """The run of the seed's example, another one of it, and one that goes on."""
    for run, made, end in (
        (ORIGINAL, "uuid-123", "completed"),
        (REPLAY, "uuid-456", "completed"),
        (RUNNING, "x", None),
    ):
        calls = [
            a_call("call_llm", inputs={"prompt": "Hello"}, outputs="Hi there!", cost_usd="0.25"),
            a_call("generate_id", inputs={}, outputs=made),
            a_call("save", inputs={"id": made, "to": "db"}, outputs=None if run == RUNNING else {"saved": made}),
        ]
        record(console, run, calls, agent="simulated", end=end)


def table(page: Page) -> list[str]:
    rows = page.get_by_role("table", name="Comparison").get_by_role("row").all()
    return [" | ".join(cell.inner_text() for cell in row.get_by_role("cell").all()) for row in rows[1:]]


def tile(page: Page, name: str) -> str:
    return page.locator(".simulation-metrics > div", has=page.get_by_text(name, exact=True)).locator("dd").inner_text()


def test_a_comparison_shows_the_seeds_table_the_root_and_its_consequences(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{ORIGINAL}?tab=simulation&against={REPLAY}")
    expect(page.get_by_role("heading", name="This run has not been replayed")).to_be_visible()

    page.get_by_role("button", name="Simulate Replay").click()

    expect(page.get_by_role("heading", name="2 divergences")).to_be_visible()
    assert table(page) == [
        'call_llm | input: "Hello" | input: "Hello" | ✅ Match',
        'call_llm | output: "Hi there!" | output: "Hi there!" | ✅ Match',
        'generate_id | output: "uuid-123" | output: "uuid-456" | ❌ Diverged',
        'save | input: {"id": "uuid-123", "to": "db"} | input: {"id": "uuid-456", "to": "db"} | ❌ Diverged',
        'save | output: {"saved": "uuid-123"} | output: {"saved": "uuid-456"} | ❌ Diverged',
    ]
    first, second = page.locator(".simulation-divergences li").all()
    expect(first).to_contain_text("Output mismatch")
    expect(first).to_contain_text("root: the first divergence")
    expect(second).to_contain_text("consequence of divergence 1")
    assert [tile(page, name) for name in ("Original cost", "Replay cost", "Divergences")] == ["$0.25", "$0.25", "2"]
    assert tile(page, "Match rate").startswith("33")


def test_a_row_opens_both_sides_with_the_lines_that_differ(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{ORIGINAL}?tab=simulation&against={REPLAY}")
    expect(page.get_by_role("button", name="Simulate Replay")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_role("table", name="Comparison")).to_be_visible()

    page.get_by_role("table", name="Comparison").get_by_text('input: {"id": "uuid-123"').click()

    dialog = page.get_by_role("dialog", name="save")
    expect(dialog.locator("[data-differs]").first).to_contain_text("uuid-123")
    expect(dialog.locator("[data-differs]").first).to_contain_text("uuid-456")


def test_the_keys_open_the_tab_and_check_the_run_by_itself(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{RUNNING}")
    expect(page.get_by_role("tab", selected=True)).to_have_text("Telemetry")

    page.keyboard.press("s")
    expect(page.get_by_role("tab", selected=True)).to_have_text("Simulation")
    page.keyboard.press("r")

    expect(page.get_by_role("heading", name="Replay not available")).to_be_visible()
    findings = page.locator(".simulation-findings")
    expect(findings).to_contain_text("run_incomplete")
    expect(page.get_by_role("heading", name="Self-check")).to_be_visible()


def test_earlier_replays_stay_and_are_shown_again(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{REPLAY}?tab=simulation")
    page.get_by_role("button", name="Simulate Replay").click()
    expect(page.get_by_text("The recording can be replayed")).to_be_visible()
    assert tile(page, "Savings") == "$0.25"
    page.get_by_label("against").select_option(ORIGINAL)
    page.get_by_role("button", name="Simulate Replay").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()

    page.locator(".simulation-history").get_by_role("button").last.click()

    expect(page.get_by_text("The recording can be replayed")).to_be_visible()
    expect(page.locator(".simulation-history").get_by_role("button")).to_have_count(2)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_it_is_accessible(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], width: int, scheme: Scheme
) -> None:
    page = pages.open(console, f"/runs/{ORIGINAL}?tab=simulation&against={REPLAY}", width=width, scheme=scheme)
    expect(page.get_by_role("button", name="Simulate Replay")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_role("table", name="Comparison")).to_be_visible()

    assert_accessible(page)


def test_help_explains_levels_divergences_and_reasons(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/help/replay")

    expect(page.get_by_role("heading", name="Replay not available")).to_be_visible()
    expect(page.locator("body")).to_contain_text("outputs_missing")
