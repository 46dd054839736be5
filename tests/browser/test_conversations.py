"""What went into a model and came out of it, as the conversation that it was."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ReportedRun

CALL = {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"order": 1077}'}}
ASKED = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is\nmy order?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "on its way"},
    ],
}
ANSWERED = {"role": "assistant", "content": [{"type": "text", "text": "It is on its way."}], "usage": {"out": 9}}
LONG = {"messages": [{"role": "user", "content": f"question {number}"} for number in range(1, 101)]}


@pytest.fixture(scope="module")
def run(console: Console) -> ReportedRun:
    """A model that is asked and answers, one with a long history, and a turn by the SDK."""
    run = ReportedRun(console, "conversations")
    run.actions(
        [
            run.entry("turn", "turn", took_ms=400, kind="turn", inputs={"args": ["What is LoRA?"], "kwargs": {}}),
            run.entry("chat", "chat", took_ms=400, kind="model", parent_id="turn", inputs=ASKED, outputs=ANSWERED),
            run.entry("long", "long_chat", at_ms=400, took_ms=1, kind="model", inputs=LONG, outputs="Yes."),
            run.entry("read", "read_corpus", at_ms=500, took_ms=1, inputs={"args": ["corpus"], "kwargs": {"limit": 5}}),
        ]
    )
    run.end()
    return run


def at(run: ReportedRun, action: str) -> str:
    return f"/runs/{run.id}?tab=telemetry&action={action}"


def inputs(page: Page) -> Locator:
    return page.get_by_role("region", name="Inputs", exact=True)


def test_inputs_and_outputs_of_a_model_call_read_as_a_conversation(
    pages: Pages, console: Console, run: ReportedRun
) -> None:
    page = pages.open(console, at(run, "chat"))

    expect(inputs(page)).to_contain_text("Where is\nmy order?", use_inner_text=True)
    expect(inputs(page).locator("section")).to_have_count(4)
    expect(inputs(page).locator("section").nth(2)).to_contain_text("calls find_order")
    expect(inputs(page).locator("section").nth(2)).to_contain_text("order: 1077")
    expect(inputs(page).locator("section").nth(3)).to_contain_text("result of find_order")
    expect(inputs(page)).not_to_contain_text("tool_calls")
    answer = page.get_by_role("region", name="Outputs", exact=True)
    expect(answer.locator("section")).to_contain_text("It is on its way.")
    expect(answer).to_contain_text("With usage")


def test_the_values_behind_a_conversation_are_one_click_away_and_stay_chosen(
    pages: Pages, console: Console, run: ReportedRun
) -> None:
    page = pages.open(console, at(run, "chat"))

    page.get_by_role("button", name="JSON of inputs", exact=True).click()

    expect(inputs(page)).to_contain_text('tool_call_id: "c1"')
    page.reload()
    expect(inputs(page)).to_contain_text('tool_call_id: "c1"')
    page.get_by_role("button", name="JSON of inputs", exact=True).click()
    expect(inputs(page).locator("section")).to_have_count(4)


def test_a_long_history_shows_its_last_messages_and_the_earlier_ones_when_asked(
    pages: Pages, console: Console, run: ReportedRun
) -> None:
    page = pages.open(console, at(run, "long"))
    expect(inputs(page).locator("section")).to_have_count(12)
    expect(inputs(page).locator("section").last).to_contain_text("question 100")

    inputs(page).get_by_role("button", name="88 earlier messages").click()

    expect(inputs(page).locator("section")).to_have_count(62)
    expect(inputs(page).get_by_role("button", name="38 earlier messages")).to_be_visible()


def test_a_turn_shows_the_question_and_not_how_it_was_passed(pages: Pages, console: Console, run: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{run.id}?tab=trace")

    turn = page.get_by_role("treeitem").filter(has_text="turn")
    expect(turn).to_contain_text("What is LoRA?")
    expect(turn).not_to_contain_text("args")


def test_the_list_of_calls_shows_their_inputs(pages: Pages, console: Console, run: ReportedRun) -> None:
    page = pages.open(console, f"/runs/{run.id}?tab=telemetry")

    expect(page.get_by_role("row").filter(has_text="read_corpus")).to_contain_text("“corpus”, limit: 5")
    chat = page.get_by_role("row").filter(has_text="Where is my order?")
    expect(chat).to_contain_text("It is on its way.")
