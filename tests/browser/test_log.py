"""The log of a job: read, searched, followed, linked to, taken away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Console, Pages
from titan_sdk import TitanJob

Script = Callable[..., str]


def test_a_log_has_its_colours_and_everything_else_is_text(console: Console, pages: Pages, script: Script) -> None:
    program = r"""
        import sys
        print("all \x1b[31mred\x1b[0m again")
        print("<b>bold</b><script>alert(1)</script>")
        print("\r 10 %\r100 %")
        sys.stdout.flush()
        sys.stdout.buffer.write(b"bad \xff byte\n")
    """
    _run(console, "log-colours", script("log_colours.py", program))

    page = pages.open(console, "/logs/log-colours")

    expect(_rows(page)).to_have_text(
        ["1all red again", "2<b>bold</b><script>alert(1)</script>", "3100 %", "4bad \ufffd byte"]
    )
    red = page.locator(".log-text span").get_by_text("red")
    expect(red).to_have_attribute("style", re.compile("color: var\\(--red\\)"))
    expect(page.get_by_text("4 lines")).to_be_visible()


def _early_then_late(more: Path) -> str:
    """Return a program that writes 300 lines, and 50 others once `more` is there."""
    return f"""
        import time
        from pathlib import Path
        print(*(f"early {{n}}" for n in range(300)), sep="\\n", flush=True)
        while not Path({str(more)!r}).exists():
            time.sleep(0.02)
        print(*(f"late {{n}}" for n in range(50)), sep="\\n", flush=True)
    """


def test_a_running_log_is_followed_let_go_and_taken_up_again(
    console: Console, pages: Pages, script: Script, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    program = f"""{_early_then_late(more)}
        while Path({str(more)!r}).exists():
            time.sleep(0.02)
        print("the end")
    """
    console.client.submit_dag("log-follow", [TitanJob("log-follow", script("log_follow.py", program))])
    page = pages.open(console, "/logs/log-follow")
    expect(page.get_by_text("early 299")).to_be_visible()

    page.mouse.move(700, 500)
    page.mouse.wheel(0, -400)
    expect(page.get_by_text("early 299")).to_have_count(0)
    more.touch()
    new_lines = page.get_by_role("button", name="50 new lines")
    expect(new_lines).to_be_visible()
    new_lines.click()

    expect(page.get_by_text("late 49")).to_be_visible()
    more.unlink()
    expect(page.get_by_text("the end")).to_be_visible()
    expect(page.get_by_role("button", name="Follow")).to_have_count(0)
    expect(page.get_by_text("Completed")).to_be_visible()


def test_a_followed_log_stays_at_its_end_when_the_page_around_it_gets_smaller(
    console: Console, pages: Pages, script: Script, tmp_path: Path
) -> None:
    """As when the banner goes that the server was away: the scroll bar is moved before a busy page knows its room."""
    more = tmp_path / "more"
    program = f"""{_early_then_late(more)}
        print("the end")
    """
    console.client.submit_dag("log-resized", [TitanJob("log-resized", script("log_resized.py", program))])
    page = pages.open(console, "/help")
    page.add_init_script(
        "ResizeObserver = class extends ResizeObserver {"
        " constructor(told) { super((...told_of) => setTimeout(() => told(...told_of), 200)) } }"
    )
    page.goto("/logs/log-resized")
    expect(page.get_by_text("early 299")).to_be_visible()

    page.set_viewport_size({"width": 1440, "height": 960})
    more.touch()

    expect(page.get_by_text("the end")).to_be_visible()


def test_a_search_goes_from_match_to_match(console: Console, pages: Pages, script: Script) -> None:
    program = """print(*("needle %d" % n if n % 400 == 7 else "straw" for n in range(1000)), sep="\\n")"""
    _run(console, "log-search", script("log_search.py", program))
    page = pages.open(console, "/logs/log-search")
    expect(page.get_by_text("1,000 lines")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("NEEDLE")
    expect(page.get_by_text("1 of 3 lines")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 of 3 lines")).to_be_visible()
    expect(page.locator(".log-row[data-hit]")).to_have_text("408needle 407")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("3 of 3 lines")).to_be_visible()
    expect(page.locator(".log-row[data-hit] mark")).to_have_text("needle")

    page.get_by_role("button", name="Match case").click()
    expect(page.get_by_text("No matches")).to_be_visible()
    page.get_by_role("button", name="Match case").click()
    page.get_by_role("button", name="Regular expression").click()
    field = page.get_by_role("searchbox", name="Search the log")
    field.fill("need(")
    expect(page.get_by_text("Unterminated group")).to_be_visible()
    field.fill("^needle \\d$")
    expect(page.get_by_text("1 of 1 line")).to_be_visible()
    expect(page).to_have_url(re.compile("re=1"))


def test_searching_and_choosing_lines_do_not_load_the_log_anew(console: Console, pages: Pages, script: Script) -> None:
    program = """print(*("needle" if n == 7 else "straw" for n in range(1000)), sep="\\n")"""
    _run(console, "log-once", script("log_once.py", program))
    page = pages.open(console, "/logs/log-once")
    expect(page.get_by_text("1,000 lines")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/log?" in request.url else None)

    page.get_by_role("searchbox", name="Search the log").fill("needle")
    expect(page.get_by_text("1 of 1 line")).to_be_visible()
    page.get_by_role("link", name="Line 10", exact=True).click()
    expect(page.locator(".log-row[data-chosen]")).to_have_count(1)

    assert asked == []


def test_an_expression_without_end_is_given_up(console: Console, pages: Pages, script: Script) -> None:
    _run(console, "log-hang", script("log_hang.py", "print('a' * 60 + 'b')"))
    page = pages.open(console, "/logs/log-hang?re=1&q=%28a%2B%29%2B%24")

    expect(page.get_by_text("takes too long")).to_be_visible()

    expect(_rows(page)).to_have_text(["1" + "a" * 60 + "b"])


def test_a_link_leads_to_lines_that_can_be_copied(console: Console, pages: Pages, script: Script) -> None:
    _run(console, "log-lines", script("log_lines.py", "print(*range(1, 2001), sep='\\n')"))
    page = pages.open(console, "/logs/log-lines?line=1500-1502")
    chosen = page.locator(".log-row[data-chosen]")
    expect(chosen).to_have_text(["15001500", "15011501", "15021502"])

    page.get_by_role("button", name="Copy lines").click()
    expect(page.get_by_text("3 lines copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "1500\n1501\n1502"

    page.get_by_role("link", name="Line 1504", exact=True).click(modifiers=["Shift"])
    expect(chosen).to_have_count(5)
    page.get_by_label("Line or range").fill("7")
    page.keyboard.press("Enter")
    expect(chosen).to_have_text(["77"])
    expect(page).to_have_url(re.compile("line=7$"))


def test_each_attempt_can_be_read_alone(console: Console, pages: Pages, script: Script) -> None:
    program = """
        import os
        print("try", os.environ["TITAN_ATTEMPT"])
        raise SystemExit(os.environ["TITAN_ATTEMPT"] != "2")
    """
    job = TitanJob("log-attempts", script("log_attempts.py", program), retries=1)
    console.client.submit_dag("log-attempts", [job])
    console.client.wait("log-attempts")
    page = pages.open(console, "/logs/log-attempts")
    expect(_rows(page)).to_have_text(["1try 1", "2try 2"])

    page.get_by_label("Attempt").select_option("2")

    expect(_rows(page)).to_have_text(["1try 2"])
    expect(page).to_have_url(re.compile("attempt=2"))


def test_a_line_of_a_megabyte_is_cut_and_can_be_seen_whole(console: Console, pages: Pages, script: Script) -> None:
    _run(console, "log-long", script("log_long.py", "print('x' * 1_000_000 + 'END'); print('next')"))
    page = pages.open(console, "/logs/log-long")
    expect(page.get_by_text("next")).to_be_visible()
    expect(page.get_by_text("END")).to_have_count(0)

    page.get_by_role("button", name="show all").click()

    expect(page.get_by_role("dialog", name="Line 1")).to_contain_text("END")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_long_lines_wrap_when_wrap_is_on(console: Console, pages: Pages, script: Script) -> None:
    _run(console, "log-wrap", script("log_wrap.py", "print('word ' * 500); print('last')"))
    page = pages.open(console, "/logs/log-wrap")
    first = page.locator(".log-row").first
    expect(first).to_have_css("height", "20px")

    page.get_by_role("button", name="Wrap").click()

    expect(first).not_to_have_css("height", "20px")
    expect(page).to_have_url(re.compile("wrap=1"))


def test_the_whole_log_can_be_taken_away(console: Console, pages: Pages, script: Script) -> None:
    _run(console, "log-download", script("log_download.py", "print('\\x1b[31mred\\x1b[0m')"))
    page = pages.open(console, "/logs/log-download")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()

    assert download.value.suggested_filename == "log-download.log"
    assert Path(download.value.path()).read_bytes() == b"\x1b[31mred\x1b[0m\n"


def test_a_waiting_job_says_why_it_waits(console: Console, pages: Pages, script: Script) -> None:
    job = TitanJob("log-waits", script("log_waits.py"), requirement="NOBODY_LOG")
    console.client.submit_dag("log-waits", [job])

    page = pages.open(console, "/logs/log-waits")

    expect(page.get_by_text("The job has not started")).to_be_visible()
    expect(page.get_by_text("no worker offers NOBODY_LOG")).to_be_visible()


def test_a_job_that_is_not_there_says_so(console: Console, pages: Pages) -> None:
    page = pages.open(console, "/logs/log-nobody")

    expect(page.get_by_text("Job not found")).to_be_visible()
    expect(page.get_by_text("titan jobs")).to_have_count(0)  # what helps on a command line
    page.get_by_role("main").get_by_role("link", name="DAG Pipelines").click()
    page.wait_for_url(re.compile("/dags$"))


def test_a_name_means_the_job_of_the_run_that_is_asked_for(console: Console, pages: Pages, script: Script) -> None:
    for run in ("LOG_RUN_1", "LOG_RUN_2"):
        job = TitanJob(
            "log-of-run", script("log_of_run.py", "import os; print('I am of', os.environ['TITAN_AGENT_RUN_ID'])")
        )
        console.client.wait(console.client.submit_dag(f"{run}_STAGE", [job], agent_run_id=run))

    page = pages.open(console, "/logs/log-of-run?run=LOG_RUN_1")
    expect(page.get_by_text("I am of LOG_RUN_1")).to_be_visible()

    page.goto("/logs/log-of-run?run=LOG_RUN_3")
    expect(page.get_by_text("Job not found in this run")).to_be_visible()
    expect(page.get_by_text("I am of")).to_have_count(0)


def test_a_job_took_the_same_on_each_page(console: Console, pages: Pages, script: Script) -> None:
    _run(console, "log-took", script("log_took.py", "import time; time.sleep(0.35)"))
    page = pages.open(console, "/logs/log-took")
    took = page.locator(".log-header").get_by_text(re.compile(r"^[0-9.]+ m?s$"))
    expect(took).to_be_visible()
    measured = took.inner_text()

    page.locator(".log-header").get_by_role("link", name="log-took").click()

    facts = page.get_by_role("complementary", name="Job log-took").locator(".panel-facts")
    expect(facts.locator("div", has_text=re.compile("^Duration"))).to_contain_text(measured)


def test_a_job_that_runs_again_counts_from_its_latest_attempt(console: Console, pages: Pages, script: Script) -> None:
    job = TitanJob("log-again", script("log_again.py", "import time; time.sleep(600)"))
    console.client.submit_dag("log-again", [job])
    page = pages.open(console)

    def tried_before(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "started_at": "2020-01-01T00:00:00Z"})

    page.route(re.compile("/api/jobs/[^/?]*$"), tried_before)
    page.goto("/logs/log-again")

    header = page.locator(".log-header")
    expect(header.get_by_text(re.compile(r"^[0-9.]+ m?s$"))).to_be_visible()
    console.client.cancel("log-again")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(
    console: Console,
    pages: Pages,
    script: Script,
    assert_accessible: Callable[[Page], None],
    scheme: Literal["light", "dark"],
) -> None:
    program = r"print(*(f'\x1b[{n}m colour {n} \x1b[0m' for n in (*range(30, 48), *range(90, 98))), sep='\n')"
    _run(console, "log-access", script("log_access.py", program))

    page = pages.open(console, "/logs/log-access?q=colour&line=3", scheme=scheme)

    expect(page.locator(".log-row[data-chosen]")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="26 lines")).to_be_visible()
    assert_accessible(page)


def _run(console: Console, name: str, path: str) -> None:
    console.client.submit_dag(name, [TitanJob(name, path)])
    console.client.wait(name)


def _rows(page: Page) -> Locator:
    return page.locator(".log-row")
