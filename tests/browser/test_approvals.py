"""Deciding gates: what a person sees, what a click or a key does, and what others' decisions change at once."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from titan_sdk import DagAccepted, TitanClient, TitanGate, TitanJob

Script = Callable[..., str]


def test_a_gate_that_opens_appears_on_an_open_page(pages: Pages, console: Console) -> None:
    page = pages.open(console, "/approvals")
    expect(page.get_by_role("heading", name="Approvals")).to_be_visible()

    submit_gate(console.client, "appears", "May it appear?")

    expect(card(page, "May it appear?")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(\d+\) Approvals"))
    expect(page.get_by_role("link", name="Approvals")).to_contain_text("to decide")


def test_approving_a_gate_starts_the_jobs_behind_it(pages: Pages, console: Console, script: Script) -> None:
    receipt = console.client.submit_dag(
        "approved-here",
        [TitanGate("ok", "Start the work?", parents=[]), TitanJob("work", script("work.py"), parents=["ok"])],
    )
    page = pages.open(console, "/approvals")
    asked = card(page, "Start the work?")
    expect(asked).to_contain_text("1 job: work")

    asked.get_by_label("Comment").fill("looked at it twice")
    asked.get_by_role("button", name="Approve").click()

    expect(asked).to_contain_text("Approved")
    expect(asked).to_contain_text("looked at it twice")
    expect(asked.get_by_role("button", name="Approve")).to_have_count(0)
    assert console.client.wait(receipt) == "COMPLETED"


def test_a_gate_is_approved_from_a_phone(pages: Pages, console: Console) -> None:
    receipt = submit_gate(console.client, "phone", "From the train?")
    page = pages.open(console, "/approvals", width=390)
    asked = card(page, "From the train?")

    button = asked.get_by_role("button", name="Approve")
    expect(button).to_be_visible()
    size = button.bounding_box()
    button.click()

    expect(asked).to_contain_text("Approved")
    assert size is not None
    assert size["height"] >= 44, "a finger needs 44 pixels"
    assert page.evaluate("document.documentElement.scrollWidth") == 390, "nothing stands beside the window"
    assert console.client.dag_status(receipt) == "COMPLETED"


def test_somebody_elses_decision_takes_the_buttons_away(pages: Pages, console: Console) -> None:
    submit_gate(console.client, "elsewhere", "Who is faster?")
    page = pages.open(console, "/approvals")
    asked = card(page, "Who is faster?")
    expect(asked.get_by_role("button", name="Approve")).to_be_visible()

    console.client.reject("ok-elsewhere", "too late", by="Ada")

    expect(asked).to_contain_text("Rejected")
    expect(asked).to_contain_text("by Ada")
    expect(asked.get_by_role("button")).to_have_count(0)


def test_rejecting_asks_once_and_keeps_the_reason(pages: Pages, console: Console) -> None:
    receipt = submit_gate(console.client, "refused", "Send the bill?")
    page = pages.open(console, "/approvals")
    asked = card(page, "Send the bill?")

    asked.get_by_role("button", name="Reject").click()
    question = page.get_by_role("dialog", name="Reject this gate?")
    question.get_by_role("button", name="Back").click()
    expect(asked.get_by_role("button", name="Approve")).to_be_visible()
    asked.get_by_role("button", name="Reject").click()
    question.get_by_label("Reason").fill("the sum is wrong")
    question.get_by_role("button", name="Reject").click()

    expect(asked).to_contain_text("Rejected")
    expect(asked).to_contain_text("the sum is wrong")
    assert console.client.dag_status(receipt) == "FAILED"


def test_the_keys_choose_a_gate_and_decide_it_after_a_question(pages: Pages, console: Console) -> None:
    submit_gate(console.client, "keys", "By the keys alone?")
    page = pages.open(console, "/approvals?q=keys")
    asked = card(page, "By the keys alone?")
    expect(asked).to_be_visible()

    choose(page, asked)
    page.keyboard.press("r")
    expect(page.get_by_role("dialog", name="Reject this gate?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(asked).to_be_focused()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Approve this gate?").get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")

    expect(asked).to_contain_text("Approved")


def test_the_files_before_a_gate_are_there_to_review(pages: Pages, console: Console, script: Script) -> None:
    draft = script("draft.py", "open('letter.md', 'w').write('# Dear <b>reader</b>')")
    console.client.submit_dag("review", [TitanJob("draft-it", draft, hitl_message="Is the letter good?")])
    page = pages.open(console, "/approvals")
    asked = card(page, "Is the letter good?")

    asked.get_by_role("button", name="letter.md").click()

    expect(asked.get_by_role("heading", name="Dear <b>reader</b>")).to_be_visible()
    with page.expect_download() as download:
        asked.get_by_role("link", name="Download letter.md").click()
    assert download.value.path().read_text() == "# Dear <b>reader</b>"


def test_decided_gates_are_filtered_by_the_address(pages: Pages, console: Console) -> None:
    submit_gate(console.client, "kept", "Was it kept?")
    console.client.approve("ok-kept", "yes, it was", by="Grace")
    submit_gate(console.client, "kept-not", "Was it not kept?")
    console.client.reject("ok-kept-not", by="Grace")

    page = pages.open(console, "/approvals?q=kept%3F&state=approved")

    rows = page.get_by_role("row").filter(has_text="kept?")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Grace")
    expect(rows).to_contain_text("yes, it was")
    page.get_by_role("button", name="Approved").click()
    expect(rows).to_have_count(2)
    page.go_back()
    expect(rows).to_have_count(1)


def submit_gate(client: TitanClient, name: str, question: str) -> DagAccepted:
    return client.submit_dag(name, [TitanGate(f"ok-{name}", question, parents=[])])


def card(page: Page, question: str) -> Locator:
    return page.get_by_role("article", name=question)


def choose(page: Page, wanted: Locator) -> None:
    """Press `j` until the gate is chosen; gates of other tests may stand before it."""
    for _ in range(page.get_by_role("article").count()):
        page.keyboard.press("j")
        if wanted.evaluate("gate => gate === document.activeElement"):
            return
    raise AssertionError("j never came to the gate")
