"""Home: what needs somebody, what runs, and the cluster in one line, with real jobs under it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages, running_console
from tests.browser.recorded import a_call, finish, record
from titan_sdk import TitanGate, TitanJob

Script = Callable[..., str]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of these tests alone: what others leave would need attention here."""
    with running_console(tmp_path_factory.mktemp("home")) as running:
        yield running


#: From the narrowest phone to a wide screen, a step wherever a column comes or goes.
WIDTHS = (360, 390, 480, 640, 768, 900, 960, 1024, 1180, 1280, 1366, 1440, 1600, 1760, 1920)

#: The texts that leave their card or box, the cards that others cover, and whether the page is wider than its window.
OUT_OF_PLACE = """() => {
    const cards = [...document.querySelectorAll("main li.card")];
    const boxes = cards.map(card => card.getBoundingClientRect());
    const within = (inner, outer) =>
        inner.left >= outer.left && inner.right <= outer.right && inner.bottom <= outer.bottom;
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    const faults = document.documentElement.scrollWidth > innerWidth ? ["the page is wider than its window"] : [];
    cards.forEach((card, at) => {
        for (const box of card.querySelectorAll("h3, p, pre")) {
            const range = document.createRange();
            range.selectNodeContents(box);
            const isOut = [...range.getClientRects()].some(rect => !within(rect, boxes[at]));
            if (isOut || box.scrollWidth > box.clientWidth) faults.push(`leaves its box: ${box.textContent}`);
        }
        if (boxes.slice(at + 1).some(other => meet(boxes[at], other))) faults.push(`card ${at + 1} is covered`);
    });
    return [cards.length, faults];
}"""


def concern(page: Page, text: str) -> Locator:
    return page.get_by_role("region", name="Needs attention").get_by_role("listitem").filter(has_text=text).first


def test_an_empty_titan_says_how_to_begin(
    new_console: Callable[..., Console], pages: Pages, script: Script, assert_accessible: Callable[[Page], None]
) -> None:
    console = new_console()
    page = pages.open(console)

    steps = page.get_by_role("region", name="Get started").get_by_role("heading", level=3)
    expect(steps).to_have_text(["1Run a job", "2Run an agent", "3Record a call", "4Write your own"])
    expect(page.get_by_text("hello.py --follow")).to_be_visible()
    assert_accessible(page)
    console.client.submit_dag("first", [TitanJob("hello", script("hello.py"))])

    expect(page.get_by_role("region", name="Get started")).to_have_count(0)
    expect(page.get_by_text("Nothing needs attention.")).to_be_visible()


@pytest.mark.parametrize(("path", "cards"), [("/", 4), ("/runs", 3)])
def test_the_first_steps_stay_in_their_boxes_in_every_width(
    new_console: Callable[..., Console], pages: Pages, path: str, cards: int
) -> None:
    page = pages.open(new_console(offers=()), path)
    expect(page.get_by_text("OPENAI_API_KEY=none")).to_be_visible()

    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = page.evaluate(OUT_OF_PLACE)

    assert found == {width: [cards, []] for width in WIDTHS}


def test_the_record_a_call_example_of_home_records_one(
    new_console: Callable[..., Console], pages: Pages, tmp_path: Path
) -> None:
    page = pages.open(new_console())
    step = page.get_by_role("region", name="Get started").get_by_role("listitem").filter(has_text="Record a call")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    subprocess.run(
        ["bash", "-euc", step.locator("pre").first.inner_text()],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        check=True,
        timeout=120,
    )

    expect(page.get_by_role("region", name="Get started")).to_have_count(0)
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="agent-").first.click()
    expect(page.get_by_role("table", name="Actions")).to_contain_text("about LoRA")


def test_a_gate_needs_somebody_until_it_is_decided(page: Page, console: Console) -> None:
    console.client.submit_dag("letter", [TitanGate("send", "هل نرسلها؟")])
    gate = concern(page, "هل نرسلها؟")
    expect(gate).to_contain_text("Gate send of letter")
    expect(gate.get_by_role("link", name="Decide")).to_have_attribute("href", "/approvals")

    console.client.approve("send")

    expect(page.get_by_text("هل نرسلها؟")).to_have_count(0)


def test_a_run_and_a_dag_that_failed_need_somebody(page: Page, console: Console, script: Script) -> None:
    bad = script("bad.py", "raise SystemExit(3)")
    console.client.wait(console.client.submit_dag("FAILING_1_WORK", [TitanJob("a", bad)], agent_run_id="FAILING_1"))
    console.client.end_run("FAILING_1", "failed", reason="the evaluator found nothing")
    for _ in range(2):
        console.client.wait(console.client.submit_dag("nightly", [TitanJob("a", bad)]))

    expect(concern(page, "Run FAILING_1 failed")).to_contain_text("the evaluator found nothing")
    expect(concern(page, "DAG nightly failed")).to_contain_text("2 times today")
    expect(concern(page, "FAILING_1_WORK")).to_have_count(0)
    concern(page, "Run FAILING_1 failed").get_by_role("link", name="Open").click()

    expect(page.get_by_role("region", name="FAILING_1_WORK")).to_be_visible()


def test_jobs_that_no_worker_can_run_name_the_missing_offer(page: Page, console: Console, script: Script) -> None:
    jobs = [TitanJob(name, script("ok.py"), requirement="GPU") for name in ("train", "test")]
    training = console.client.submit_dag("training", jobs)

    expect(concern(page, "No worker offers GPU")).to_contain_text("2 jobs wait for it")
    expect(concern(page, "No worker offers GPU")).to_contain_text("--offer GPU:1")
    console.client.cancel(training)

    expect(page.get_by_text("No worker offers GPU")).to_have_count(0)


def test_a_recorded_run_at_work_lives_here_until_it_ends(
    new_console: Callable[..., Console], pages: Pages, assert_accessible: Callable[[Page], None]
) -> None:
    console = new_console(offers=())
    page = pages.open(console)
    expect(page.get_by_role("region", name="Get started")).to_be_visible()

    record(console, "crawl-1", [a_call("fetch")], agent="crawler", end=None, name="Crawl the handbook")
    run = page.get_by_role("region", name="Live runs").get_by_role("listitem")
    expect(run).to_contain_text("Crawl the handbook")
    expect(run.get_by_role("link", name="crawl-1")).to_have_attribute("href", "/runs/crawl-1")
    expect(run.get_by_role("link", name="crawler")).to_have_attribute("href", "/registry/crawler")
    assert_accessible(page)
    finish(console, "crawl-1", "completed")

    expect(page.get_by_text("No live runs.")).to_be_visible()


def test_a_titan_without_a_worker_says_so(new_console: Callable[..., Console], pages: Pages, script: Script) -> None:
    console = new_console(offers=())
    console.client.submit_dag("waits", [TitanJob("a", script("ok.py"))])

    page = pages.open(console)

    expect(concern(page, "No worker accepts jobs")).to_contain_text(f"titan workers join {console.url}")
    expect(page.get_by_role("link", name="0 workers")).to_contain_text("1 job queued")


def test_live_runs_and_busy_slots_are_shown_while_they_are(page: Page, console: Console, script: Script) -> None:
    flag = Path(script("flag"))
    flag.unlink()
    program = f"import os, time\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.05)"
    run = "LIVELY_1"
    cluster = page.get_by_role("link", name="1 worker")
    expect(cluster).to_contain_text("0 of 4 slots busy")

    receipt = console.client.submit_dag(f"{run}_WORK", [TitanJob("a", script("wait.py", program))], agent_run_id=run)
    expect(page.get_by_role("list", name=f"Stages of {run}")).to_contain_text("WORK, Running")
    expect(cluster).to_contain_text("1 of 4 slots busy")
    flag.touch()
    console.client.wait(receipt)
    console.client.end_run(run, "completed")

    expect(page.get_by_text("No live runs.")).to_be_visible()
    expect(cluster).to_contain_text("0 of 4 slots busy")


def test_the_page_is_accessible_in_any_width_and_scrolls_one_way_only(
    pages: Pages, console: Console, assert_accessible_in_any_width: Callable[[Page], None]
) -> None:
    name = "looks"
    console.client.submit_dag(name, [TitanGate(name, f"Shall we go on with {name}? " * 8)])

    page = pages.open(console)

    expect(concern(page, name)).to_be_visible()
    assert_accessible_in_any_width(page)
    console.client.approve(name)
