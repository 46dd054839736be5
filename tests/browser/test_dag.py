"""The visualizer: one submission as a graph, its jobs, their logs, files and gates, as a person walks through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Console, Pages
from tests.support.waiting import wait_until
from titan_sdk import TitanGate, TitanJob

Script = Callable[..., str]

PLAN = r"""
print("\x1b[32mthe plan\x1b[0m is made")
open("plan.json", "w").write('{"topics": ["HNSW", "IVF"]}')
"""
REPORT = """
open("report.md", "w").write("# Vector databases\\n\\n- first\\n\\n<b>bold</b>\\n")
open("rows.csv", "w").write('name,score\\n"a, b",3\\n')
open("large.log", "w").write("a line of it\\n" * 100_000)
"""
TICKING = """
import time
for tick in range(600):
    print("tick", tick, flush=True)
    time.sleep(0.2)
"""
SECOND_TRY = """
import pathlib
tried = pathlib.Path("tried-before")
if not tried.exists():
    tried.touch()
    raise SystemExit(3)
"""

SCORES = """
import os
from titan_sdk import TitanClient
job = os.environ["TITAN_JOB_NAME"]
open(f"{job}.txt", "w").write("left by " + job)
open("scores.csv", "w").write("job,score\\n" + job + ",3\\n")
with TitanClient() as client:
    client.publish_artifact(f"scores:{job}", "scores.csv")
"""


def a_node(page: Page, name: str) -> Locator:
    return page.locator(".dag-graph").get_by_role("button").filter(has=page.get_by_text(name, exact=True))


def test_a_stage_is_drawn_live_until_it_ends(pages: Pages, console: Console, script: Script) -> None:
    dag = console.client.submit_dag(
        "graph_live",
        [
            TitanJob("plan", script("plan.py", PLAN)),
            TitanJob("check", script("check.py", "print('looks bad'); raise SystemExit(3)"), parents=["plan"]),
            TitanJob("publish", script("publish.py"), parents=["check"]),
        ],
    )
    page = pages.open(console, "/dags/DAG-graph_live")

    expect(a_node(page, "plan")).to_contain_text("Completed")
    expect(a_node(page, "check")).to_contain_text("Failed")
    expect(a_node(page, "publish")).to_contain_text("Cancelled")
    expect(page.locator(".dag-title")).to_contain_text("Partial")
    console.client.wait(dag)


def test_a_failed_job_shows_why_and_can_be_tried_again(pages: Pages, console: Console, script: Script) -> None:
    flag = script("flag.txt", "no")
    source = f"import sys; print('\\x1b[31mno flag\\x1b[0m'); sys.exit(0 if 'yes' in open({flag!r}).read() else 3)"
    console.client.wait(console.client.submit_dag("job_panel", [TitanJob("flaky", script("flaky.py", source))]))
    page = pages.open(console, "/dags/job_panel")

    a_node(page, "flaky").click()
    panel = page.get_by_role("complementary", name="Job flaky")
    expect(panel.get_by_text("exit code 3").first).to_be_visible()
    expect(panel.get_by_role("log")).to_contain_text("no flag")
    expect(page).to_have_url(re.compile(r"job="))
    script("flag.txt", "yes")
    panel.get_by_role("button", name="Retry").click()

    expect(panel.locator(".panel-head")).to_contain_text("Completed")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_a_running_jobs_log_is_followed_and_the_job_can_be_cancelled(
    pages: Pages, console: Console, script: Script
) -> None:
    console.client.submit_dag("ticking", [TitanJob("clock", script("clock.py", TICKING))])
    page = pages.open(console, "/dags/DAG-ticking")
    a_node(page, "clock").click()
    panel = page.get_by_role("complementary", name="Job clock")

    expect(panel.get_by_role("log")).to_contain_text("tick 5")
    panel.get_by_role("button", name="Cancel …").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()

    expect(panel.locator(".panel-head")).to_contain_text("Cancelled")


def test_a_jobs_log_continues_after_the_server_was_restarted(
    pages: Pages, new_console: Callable[..., Console], script: Script, tmp_path: Path
) -> None:
    """A server that stops ends the answer as if the log had ended."""
    flag = tmp_path / "flag"
    source = f"""
        import pathlib, time
        print("before", flush=True)
        while not pathlib.Path({str(flag)!r}).exists():
            time.sleep(0.05)
        print("behind", flush=True)
    """
    console = new_console()
    console.client.submit_dag("stopped", [TitanJob("patient", script("patient.py", source))])
    page = pages.open(console, "/dags/DAG-stopped")
    a_node(page, "patient").click()
    log = page.get_by_role("complementary", name="Job patient").get_by_role("log")
    expect(log).to_have_text("before")

    console.titan.terminate()
    expect(log).to_contain_text("The server does not respond")
    console.titan.start_again()
    flag.touch()

    # The server gave the job back when it was told to end, so that it began again.
    expect(log.locator(".logtail-line")).to_have_text(["before", "before", "behind"])
    expect(log).not_to_contain_text("The server does not respond")


def test_a_result_that_is_set_again_is_shown(pages: Pages, console: Console, script: Script, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    source = f"""
        import pathlib, time, titan_sdk
        titan_sdk.set_result({{"step": "first"}})
        while not pathlib.Path({str(flag)!r}).exists():
            time.sleep(0.05)
        titan_sdk.set_result({{"step": "second"}})
    """
    dag = console.client.submit_dag("result_again", [TitanJob("thinker", script("thinker.py", source))])
    wait_until(lambda: console.client.result("thinker") is not None, "the job set its first result")
    page = pages.open(console, "/dags/DAG-result_again")
    a_node(page, "thinker").click()
    shown = page.get_by_role("region", name="Result of thinker")
    expect(shown).to_contain_text("first")

    flag.touch()
    console.client.wait(dag)

    expect(shown).to_contain_text("second")


def test_the_files_of_a_stage_are_looked_at_and_downloaded(pages: Pages, console: Console, script: Script) -> None:
    dag = console.client.submit_dag("files_here", [TitanJob("write", script("write.py", REPORT))])
    console.client.wait(dag)
    page = pages.open(console, "/dags/DAG-files_here?view=files")

    page.get_by_role("row").filter(has_text="report.md").click()
    preview = page.get_by_role("complementary", name="Preview of report.md")
    expect(preview.get_by_role("heading", name="Vector databases")).to_be_visible()
    expect(preview.locator("b")).to_have_count(0)  # markup of a job's is no markup of ours
    with page.expect_download() as download:
        preview.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().startswith("# Vector databases")
    page.get_by_role("row").filter(has_text="rows.csv").click()
    expect(page.get_by_role("cell", name="a, b")).to_be_visible()
    page.get_by_role("row").filter(has_text="large.log").click()
    expect(page.get_by_text("The first 1.0 MiB of 1.2 MiB")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("cell", name="a, b")).to_be_visible()


def test_artifacts_are_listed_beside_the_files_job_by_job(pages: Pages, console: Console, script: Script) -> None:
    jobs = [
        TitanJob("zeta", script("zeta.py", SCORES)),
        TitanJob("alpha", script("alpha.py", SCORES), parents=["zeta"]),
    ]
    console.client.wait(console.client.submit_dag("artifacts_here", jobs))
    page = pages.open(console, "/dags/DAG-artifacts_here?view=files")
    rows = page.get_by_role("row").filter(has=page.get_by_role("link", name="Download"))

    expect(rows).to_have_text(
        [
            re.compile(r"^scores\.csv artifactzeta"),
            re.compile(r"^zeta\.txt zeta"),
            re.compile(r"^alpha\.txt alpha"),
            re.compile(r"^scores\.csv artifactalpha"),  # left, too, but that is the same file
        ]
    )
    rows.nth(0).click()
    preview = page.get_by_role("complementary", name="Preview of scores.csv")
    expect(preview.get_by_role("cell", name="zeta")).to_be_visible()
    with page.expect_download() as download:
        preview.get_by_role("link", name="Download").click()
    assert download.value.path().read_text() == "job,score\nzeta,3\n"
    page.get_by_role("searchbox").fill("artifact")
    expect(rows).to_have_count(2)


def test_files_of_one_name_are_opened_from_their_own_job_and_gate(
    pages: Pages, console: Console, script: Script
) -> None:
    jobs = [
        TitanJob("zeta", script("zeta.py", SCORES)),
        TitanJob("alpha", script("alpha.py", SCORES), parents=["zeta"], hitl_message="Publish the scores?"),
    ]
    console.client.submit_dag("same_names", jobs)
    page = pages.open(console, "/dags/DAG-same_names")
    preview = page.get_by_role("complementary", name="Preview of scores.csv")

    page.get_by_role("article").get_by_role("button", name="scores.csv").click()
    expect(preview.get_by_role("cell", name="alpha")).to_be_visible()

    for job in ("zeta", "alpha"):
        page.goto("/dags/DAG-same_names")
        a_node(page, job).click()
        page.get_by_role("complementary", name=f"Job {job}").get_by_role("button", name="scores.csv").click()
        expect(preview.get_by_role("cell", name=job)).to_be_visible()


def test_a_gate_is_approved_on_a_phone(pages: Pages, console: Console, script: Script) -> None:
    jobs = [
        TitanJob("draft", script("draft.py", REPORT), hitl_message="Publish the draft?"),
        TitanJob("publish", script("publish.py"), parents=["draft"]),
    ]
    dag = console.client.submit_dag("gate_phone", jobs)
    page = pages.open(console, "/dags/DAG-gate_phone", width=390)
    gate = page.get_by_role("article").filter(has_text="Publish the draft?")

    expect(gate).to_contain_text("1 job behind it: publish")
    expect(gate.get_by_role("button", name="report.md")).to_be_visible()
    gate.get_by_label("Comment").fill("read it, fine")
    gate.get_by_role("button", name="Approve").click()

    expect(gate).to_be_hidden()
    assert console.client.wait(dag) == "COMPLETED"
    page.get_by_role("tab", name="History").click()
    expect(page.get_by_text("read it, fine")).to_be_visible()


def test_a_decision_with_another_comment_is_another_change(pages: Pages, console: Console) -> None:
    console.client.submit_dag("gate_again", [TitanGate("gate-again", "Once more?", parents=[])])
    page = pages.open(console, "/dags/DAG-gate_again")
    gate = page.get_by_role("article").filter(has_text="Once more?")
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.abort()

    page.route("**/api/gates/*/approve", lose)
    for comment in ("fine", "fine", "fine, on second thoughts"):
        gate.get_by_label("Comment").fill(comment)
        with page.expect_event("requestfailed", lambda request: request.url.endswith("/approve")):
            gate.get_by_role("button", name="Approve").click()

    assert keys[0] == keys[1] != keys[2]


def test_rejecting_a_gate_asks_for_confirmation_and_cancels_its_jobs(
    pages: Pages, console: Console, script: Script
) -> None:
    jobs = [
        TitanJob("draft", script("draft.py"), hitl_message="Send it?"),
        TitanJob("send", script("send.py"), parents=["draft"]),
    ]
    console.client.submit_dag("gate_rejected", jobs)
    page = pages.open(console, "/dags/DAG-gate_rejected")

    page.get_by_role("button", name="Reject …").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 job behind it will be cancelled")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()

    expect(a_node(page, "send")).to_contain_text("Cancelled")
    expect(page.locator(".dag-gate")).to_contain_text("Rejected")


def test_equal_siblings_are_one_node_that_opens(pages: Pages, console: Console, script: Script) -> None:
    worker = script("worker.py")
    names = [f"worker-{index}" for index in range(45)]
    jobs = [
        TitanJob("plan", script("plan.py"), requirement="NOBODY"),
        *(TitanJob(name, worker, parents=["plan"]) for name in names),
        TitanJob("write", script("write.py"), parents=names),
    ]
    console.client.submit_dag("siblings", jobs)
    page = pages.open(console, "/dags/DAG-siblings")
    nodes = page.locator(".dag-graph [data-node]")

    expect(nodes).to_have_count(3)
    expect(page.get_by_text("×45")).to_be_visible()
    page.locator(".dag-group").click()
    expect(nodes).to_have_count(47)
    page.go_back()
    expect(nodes).to_have_count(3)


def test_the_graph_is_walked_with_the_keyboard(pages: Pages, console: Console, script: Script) -> None:
    plan, work = script("plan.py"), script("work.py")
    jobs = [TitanJob("plan", plan), *(TitanJob(name, work, parents=["plan"]) for name in ("left", "right"))]
    console.client.wait(console.client.submit_dag("keyboard", jobs))
    page = pages.open(console, "/dags/DAG-keyboard")

    a_node(page, "plan").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.get_by_role("complementary", name="Job right")).to_be_visible()


def test_the_timeline_shows_attempts_by_job_and_by_worker(pages: Pages, console: Console, script: Script) -> None:
    jobs = [TitanJob("twice", script("twice.py", SECOND_TRY), retries=1), TitanJob("once", script("once.py"))]
    console.client.wait(console.client.submit_dag("timeline", jobs))
    page = pages.open(console, "/dags/DAG-timeline?view=timeline")
    bars = page.get_by_role("group", name="Attempts").get_by_role("button")

    expect(bars).to_have_count(3)
    expect(bars.filter(has_text="✕")).to_have_count(1)
    bars.first.focus()
    expect(page.locator(".timeline-detail")).to_contain_text("twice")
    page.get_by_role("button", name="By worker").click()
    expect(page.get_by_text("slot 1")).to_be_visible()


def test_a_retried_job_shows_its_duration_with_retries(pages: Pages, console: Console, script: Script) -> None:
    jobs = [TitanJob("twice", script("twice.py", SECOND_TRY), retries=1), TitanJob("once", script("once.py"))]
    console.client.wait(console.client.submit_dag("in_all", jobs))
    page = pages.open(console, "/dags/DAG-in_all")

    a_node(page, "twice").click()
    panel = page.get_by_role("complementary", name="Job twice")
    expect(panel.get_by_text("With retries")).to_be_visible()
    a_node(page, "once").click()
    panel = page.get_by_role("complementary", name="Job once")
    expect(panel.get_by_text("Duration", exact=True)).to_be_visible()
    expect(panel.get_by_text("With retries")).to_have_count(0)


def test_a_redeployed_dag_is_a_submission_of_its_own_and_the_earlier_ones_are_listed(
    pages: Pages, console: Console, script: Script
) -> None:
    console.client.wait(console.client.submit_dag("again", [TitanJob("only", script("only.py"))]))
    page = pages.open(console, "/dags/DAG-again")

    page.get_by_role("button", name="Redeploy").click()
    submissions = page.get_by_role("button", name="2 submissions")
    expect(submissions).to_be_visible()
    expect(page.get_by_role("link", name="Newer submission")).to_have_count(0)  # the page went to that one
    submissions.click()

    menu = page.get_by_role("list", name="Submissions of again")
    expect(menu.get_by_role("link")).to_have_count(2)
    menu.get_by_role("link").last.click()
    expect(page.get_by_role("link", name="Newer submission")).to_be_visible()


def test_a_dag_that_is_not_there_yet_appears_when_it_is_submitted(
    pages: Pages, console: Console, script: Script
) -> None:
    page = pages.open(console, "/dags/DAG-later_on")
    expect(page.get_by_text("DAG not found")).to_be_visible()

    console.client.submit_dag("later_on", [TitanJob("only", script("only.py"))])

    expect(a_node(page, "only")).to_contain_text("Completed")


def test_the_page_is_accessible_in_both_themes(
    pages: Pages, console: Console, script: Script, assert_accessible: Callable[[Page], None]
) -> None:
    jobs = [
        TitanJob("draft", script("draft.py", REPORT), hitl_message="Publish the draft?"),
        TitanJob("publish", script("publish.py"), parents=["draft"]),
    ]
    console.client.submit_dag("accessible", jobs)
    for scheme in ("light", "dark"):
        page = pages.open(console, "/dags/DAG-accessible", scheme=scheme)
        expect(page.get_by_role("article")).to_be_visible()
        a_node(page, "draft").click()
        expect(page.get_by_role("complementary", name="Job draft")).to_be_visible()
        page.get_by_role("button", name="Critical path").click()
        for view in ("Graph", "Timeline", "Files", "History"):
            page.get_by_role("tab", name=view).click()
            expect(page.get_by_role("tabpanel", name=view)).to_be_visible()
            assert_accessible(page)
