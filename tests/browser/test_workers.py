"""Workers: who does the work, what waits for it and why, starting and draining one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from titan_sdk import TitanGate, TitanJob

Script = Callable[..., str]

WAIT_FOR_FILE = """
    import sys, time
    from pathlib import Path
    while not Path(sys.argv[1]).exists():
        time.sleep(0.02)
"""


def test_a_running_job_holds_a_slot_until_it_ends(
    new_console: Callable[..., Console], pages: Pages, script: Script, tmp_path: Path
) -> None:
    console = new_console(offers=("GENERAL:2",))
    page = pages.open(console, "/workers")
    expect(_nodes(page)).to_contain_text("Idle")
    expect(page.get_by_text("0 of 2 busy")).to_be_visible()

    go = tmp_path / "go"
    console.client.submit_dag("hold", [TitanJob("holder", script("hold.py", WAIT_FOR_FILE), args=[str(go)])])
    expect(_nodes(page).get_by_role("link", name="holder")).to_be_visible()
    expect(page.get_by_text("1 of 2 busy")).to_be_visible()

    go.touch()
    expect(_nodes(page)).to_contain_text("Idle")
    page.get_by_role("button", name="Details of").click()
    last = page.get_by_role("table", name="Last jobs")
    expect(last).to_contain_text("Succeeded")
    last.get_by_role("link", name="Log of holder").click()
    expect(page).to_have_url(re.compile("/logs/"))


def test_the_queue_says_why_each_job_waits_and_lists_jobs_without_a_worker_first(
    new_console: Callable[..., Console], pages: Pages, script: Script, tmp_path: Path
) -> None:
    console = new_console(offers=("GENERAL:1",))
    hold = script("hold.py", WAIT_FOR_FILE)
    holder = TitanJob("holder", hold, args=[str(tmp_path / "go")])
    console.client.submit_dag("first", [holder, TitanJob("child", hold, parents=["holder"])])
    page = pages.open(console, "/workers")
    expect(_nodes(page).get_by_role("link", name="holder")).to_be_visible()

    console.client.submit_dag("second", [TitanJob("late", hold), TitanJob("train", hold, requirement="GPU")])
    console.client.submit_dag("third", [TitanGate("ask", "Go on?")])

    groups = _queue(page).get_by_role("button").filter(has=page.locator("strong"))
    expect(groups).to_have_text(
        [
            re.compile("No worker offers GPU.*1"),
            re.compile("Waiting for approval.*1"),
            re.compile("All GENERAL slots are busy.*1"),
            re.compile("Waiting for parents.*1"),
        ]
    )
    expect(_queue(page)).to_contain_text("no worker offers GPU")
    expect(_queue(page).get_by_role("link", name="child")).to_have_count(0)
    groups.last.click()
    expect(_queue(page).get_by_role("link", name="child")).to_be_visible()
    _queue(page).get_by_role("button", name="Copy command").click()
    expect(_queue(page).get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"titan workers join {console.url} --offer GPU:1"

    (tmp_path / "go").touch()
    expect(groups.filter(has_text="slots are busy")).to_have_count(0)


def test_a_large_group_unfolds_page_by_page_in_the_order_of_turn(
    new_console: Callable[..., Console], pages: Pages, script: Script
) -> None:
    console = new_console(offers=("GENERAL:1",))
    train = script("train.py")
    jobs = [TitanJob(f"train-{n:03}", train, requirement="GPU", priority=n) for n in range(300)]
    console.client.submit_dag("large", [*jobs, TitanJob("after", train, parents=["train-000"])])
    page = pages.open(console, "/workers")
    queue = _queue(page)
    expect(page.get_by_role("heading", name="Queue")).to_have_text("Queue 301")
    expect(queue.get_by_role("link", name="train-299")).to_have_count(0)

    queue.get_by_role("button", name="No worker offers GPU").click()
    expect(queue.get_by_role("link", name="train-")).to_have_text([f"train-{n}" for n in range(299, 291, -1)])
    queue.get_by_role("button", name="292 more of: No worker offers GPU").click()

    expect(queue).to_have_attribute("aria-rowcount", str(1 + 108 + 1 + 1))
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("link", name="1 worker")).to_contain_text("301 jobs queued")


def test_a_folded_group_is_not_read_at_length_any_more(
    new_console: Callable[..., Console], pages: Pages, script: Script
) -> None:
    console = new_console(offers=("GENERAL:1",))
    train = script("train.py")
    jobs = [TitanJob(f"train-{n:02}", train, requirement="GPU") for n in range(20)]
    console.client.submit_dag("folded", jobs)
    page = pages.open(console, "/workers")
    queue = _queue(page)
    turn = queue.get_by_role("button", name="No worker offers GPU", exact=False).first
    turn.click()
    queue.get_by_role("button", name="12 more of: No worker offers GPU").click()
    expect(queue).to_have_attribute("aria-rowcount", str(1 + 20))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/queue" in request.url else None)

    turn.click()
    expect(queue).to_have_attribute("aria-rowcount", "1")
    asked.clear()  # of the reading that was due before
    console.client.submit_dag("folded_too", [TitanJob("one_more", train, requirement="GPU")])

    expect(page.get_by_role("heading", name="Queue")).to_have_text("Queue 21")
    assert asked
    assert [url for url in asked if "group=" in url] == []


def test_a_worker_started_here_takes_the_job_that_nobody_could(
    new_console: Callable[..., Console], pages: Pages, script: Script
) -> None:
    console = new_console(offers=("GENERAL:1",))
    console.client.submit_dag("train", [TitanJob("train", script("train.py"), requirement="GPU")])
    page = pages.open(console, "/workers")

    _queue(page).get_by_role("button", name="Add a worker that offers GPU").click()
    dialog = page.get_by_role("dialog", name="Add a worker")
    expect(dialog.get_by_text(f"titan workers join {console.url} --offer GPU:1")).to_be_visible()
    dialog.get_by_label("Name").fill("gpu-box")
    dialog.get_by_role("button", name="Start worker").click()

    expect(dialog).to_have_count(0)
    expect(_nodes(page).get_by_role("row").filter(has_text="gpu-box")).to_be_visible()
    expect(page.get_by_text("The queue is empty")).to_be_visible()
    console.client.wait("train")


def test_wrong_offers_are_not_sent(page: Page) -> None:
    page.goto("/workers")
    page.get_by_role("button", name="Add a worker", exact=True).click()
    dialog = page.get_by_role("dialog", name="Add a worker")

    dialog.get_by_role("button", name="Another label").click()
    dialog.get_by_label("Label 2").fill("no label!")

    expect(dialog.get_by_role("alert")).to_contain_text("is not a label")
    expect(dialog.get_by_role("button", name="Start worker")).to_be_disabled()


def test_a_drained_worker_is_taken_back_or_leaves(
    new_console: Callable[..., Console], pages: Pages, script: Script, tmp_path: Path
) -> None:
    console = new_console(offers=("GENERAL:1",))
    go = tmp_path / "go"
    console.client.submit_dag("hold", [TitanJob("holder", script("hold.py", WAIT_FOR_FILE), args=[str(go)])])
    page = pages.open(console, "/workers")
    expect(_nodes(page).get_by_role("link", name="holder")).to_be_visible()

    _drain(page)
    expect(_nodes(page)).to_contain_text("Draining")
    page.get_by_role("button", name="Resume").click()
    expect(_nodes(page)).to_contain_text("Connected")

    _drain(page)
    expect(_nodes(page)).to_contain_text("Draining")
    go.touch()
    expect(page.get_by_text("No worker is connected")).to_be_visible()
    page.get_by_role("button", name="that left or were lost").click()
    expect(page.get_by_role("table", name="Workers that are gone")).to_contain_text("Left")


def test_where_no_worker_is_the_page_gives_the_command(new_console: Callable[..., Console], pages: Pages) -> None:
    console = new_console(offers=())

    page = pages.open(console, "/workers")

    expect(page.get_by_text("No worker is connected")).to_be_visible()
    expect(page.get_by_text(f"titan workers join {console.url} --offer GENERAL:4")).to_be_visible()


def test_everybody_can_use_it(
    console: Console,
    pages: Pages,
    script: Script,
    assert_accessible_in_any_width: Callable[[Page], None],
) -> None:
    job = TitanJob("workers-access", script("workers_access.py"), requirement="NOBODY_WORKERS")
    console.client.submit_dag("workers-access", [job])
    page = pages.open(console, "/workers")

    page.get_by_role("button", name="Details of").first.click()
    expect(page.get_by_role("button", name="No worker offers NOBODY_WORKERS")).to_be_visible()

    assert_accessible_in_any_width(page)


def _nodes(page: Page) -> Locator:
    return page.get_by_role("table", name="Connected workers")


def _queue(page: Page) -> Locator:
    return page.get_by_role("table", name="Queue")


def _drain(page: Page) -> None:
    page.get_by_role("button", name="Drain").click()
    page.get_by_role("dialog").get_by_role("button", name="Drain").click()
