"""The link of a notification opens the console where one does what the notification asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.support.receiver import Receiver, a_receiver
from titan_sdk import TitanGate, TitanJob

Script = Callable[..., str]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as receiver:
        yield receiver


@pytest.fixture
def notifying(new_console: Callable[..., Console], receiver: Receiver) -> Console:
    """A console whose server notifies the receiver."""
    return new_console(environment={"TITAN_NOTIFY": receiver.url})


def page_of_link(receiver: Receiver, kind: str) -> str:
    """Return the path and query of the link of the first notification, which is of this kind."""
    (post,) = receiver.wait_for(1)
    assert post.value["kind"] == kind
    link = urlsplit(post.value["link"])
    return f"{link.path}?{link.query}"


@pytest.mark.parametrize("width", [390, 1440])
def test_a_gate_is_approved_where_the_link_leads(
    pages: Pages, notifying: Console, receiver: Receiver, width: int
) -> None:
    receipt = notifying.client.submit_dag("spend now", [TitanGate("ok", "Spend the money?", parents=[])])

    page = pages.open(notifying, page_of_link(receiver, "gate_opened"), width=width)
    asked = page.get_by_role("article", name="Gate ok")
    expect(asked).to_contain_text("Spend the money?")
    expect(asked.get_by_role("button", name="Approve")).to_be_in_viewport(ratio=1)
    asked.get_by_role("button", name="Approve").click()

    assert notifying.client.wait(receipt) == "COMPLETED"


def test_a_dag_that_failed_is_shown_where_the_link_leads(
    pages: Pages, notifying: Console, receiver: Receiver, script: Script
) -> None:
    notifying.client.submit_dag("nightly", [TitanJob("train", script("train.py", "raise SystemExit(3)"))])

    page = pages.open(notifying, page_of_link(receiver, "dag_failed"))

    expect(page.get_by_role("heading", name="nightly")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Failed")


def test_a_run_that_failed_is_shown_where_the_link_leads(
    pages: Pages, notifying: Console, receiver: Receiver, script: Script
) -> None:
    stage = notifying.client.submit_dag("plan", [TitanJob("think", script("think.py"))], agent_run_id="R_1")
    notifying.client.wait(stage)
    notifying.client.end_run("R_1", "failed", "nobody pays")

    page = pages.open(notifying, page_of_link(receiver, "run_failed"))

    expect(page.get_by_role("heading", name="R_1")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("nobody pays")
