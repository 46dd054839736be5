"""Agent Runs: what a person sees and does, with real runs under it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.support.programs import run_program
from tests.support.research_script import SUBTOPICS, write_script
from tests.support.sources import ROOT
from titan_sdk import TitanGate, TitanJob

Script = Callable[..., str]
AGENT = ROOT / "examples" / "research_agent" / "research_agent.py"


def row_of(page: Page, run: str) -> Locator:
    return page.get_by_role("row").filter(has_text=run).first


def stages_of(page: Page, run: str) -> Locator:
    return page.get_by_role("list", name=f"Stages of {run}", exact=True).get_by_role("link")


def submit(console: Console, run: str, stage: str, *jobs: TitanJob | TitanGate) -> str:
    return console.client.submit_dag(f"{run}_{stage}", list(jobs), agent_run_id=run).dag_id


def complete(console: Console, run: str, stage: str, *jobs: TitanJob | TitanGate) -> None:
    console.client.wait(console.client.submit_dag(f"{run}_{stage}", list(jobs), agent_run_id=run), timeout=60)


def test_where_no_agent_ran_the_page_gives_the_snippet_that_makes_one_appear(
    new_console: Callable[..., Console], pages: Pages, assert_accessible: Callable[[Page], None]
) -> None:
    page = pages.open(new_console(offers=()), "/agents")

    expect(page.get_by_role("heading", name="No agent runs yet")).to_be_visible()
    expect(page.get_by_text("agent_run_id=run_id")).to_be_visible()
    assert_accessible(page)


def test_a_run_appears_with_its_first_stage_and_grows_without_a_reload(
    page: Page, console: Console, script: Script
) -> None:
    page.goto("/agents")
    run = "GROWING_1a9ac3"

    complete(console, run, "PLAN", TitanJob("planner", script("ok.py")))
    expect(stages_of(page, run)).to_have_text([re.compile("PLAN, Completed")])
    complete(console, run, "ITER1", *(TitanJob(f"worker-{n}", script("ok.py")) for n in range(3)))
    submit(console, run, "EVAL1", TitanGate("ok", "Go deeper?"))

    expect(stages_of(page, run)).to_have_text(
        [re.compile("PLAN, Completed"), re.compile("ITER1, Completed, 3 of 3 jobs"), re.compile("EVAL1, Running")]
    )
    expect(row_of(page, run)).to_contain_text("iteration 1")
    expect(row_of(page, run)).to_contain_text("Running")


def test_each_of_the_five_statuses_has_its_glyph_its_word_and_its_colour(
    page: Page, console: Console, script: Script
) -> None:
    run = "STATUSES_000001"
    good, bad = script("good.py"), script("bad.py", "raise SystemExit(3)")
    complete(console, run, "DONE", TitanJob("a", good))
    complete(console, run, "MIXED", TitanJob("a", good), TitanJob("b", bad))
    complete(console, run, "BROKEN", TitanJob("a", bad))
    submit(console, run, "HELD", TitanGate("gate", "Go on?"))
    submit(console, run, "LATER", TitanJob("a", good, requirement="NOBODY"))

    page.goto("/agents")

    looks = [("DONE", "✓", "Completed"), ("MIXED", "◐", "Partial"), ("BROKEN", "✕", "Failed")]
    looks += [("HELD", "⟳", "Running"), ("LATER", "…", "Waiting")]
    boxes = stages_of(page, run)
    expect(boxes).to_have_text([re.compile(f"^{glyph}{label}, {word}") for label, glyph, word in looks])
    colours = boxes.evaluate_all("boxes => boxes.map(box => getComputedStyle(box).backgroundColor)")
    assert len(set(colours)) == len(looks)


def test_a_cancelled_stage_says_by_whom_in_grey_and_a_running_one_how_many_failed_in_red(
    page: Page, console: Console, script: Script, assert_accessible: Callable[[Page], None]
) -> None:
    run = "BOXES_1a9ac3"
    bad = TitanJob("bad", script("bad.py", "raise SystemExit(3)"))
    stopped = submit(console, run, "STOPPED", TitanGate("gate", "Go on?"))
    submit(console, run, "FAILING", bad, TitanGate("gate", "Go on?"))
    console.client.cancel(stopped)

    page.goto(f"/agents?q={run}")

    cancelled, failing = stages_of(page, run).nth(0), stages_of(page, run).nth(1)
    expect(cancelled).to_contain_text("Cancelled by somebody without a token")
    expect(cancelled).to_have_attribute("data-status", "FAILED")
    expect(cancelled).to_have_class(re.compile("tone-grey"))
    expect(failing.locator(".chain-failed")).to_have_text("1 failed")
    expect(failing).to_have_class(re.compile("tone-amber"))
    label, by = cancelled.locator(".chain-label").bounding_box(), cancelled.locator(".chain-by").bounding_box()
    around = cancelled.bounding_box()
    assert label is not None
    assert by is not None
    assert around is not None
    assert label["x"] + label["width"] <= by["x"]  # neither lies over the other, nor leaves the box
    assert by["x"] + by["width"] <= around["x"] + around["width"]
    tones = [box.evaluate("box => getComputedStyle(box).color") for box in (failing, failing.locator(".chain-failed"))]
    assert tones[0] != tones[1]
    assert_accessible(page)


def test_a_click_on_a_stage_opens_that_very_submission(page: Page, console: Console, script: Script) -> None:
    file = script("ok.py")
    first = console.client.submit_dag("PLAN", [TitanJob("plan", file)], agent_run_id="TWIN_a").dag_id
    second = console.client.submit_dag("PLAN", [TitanJob("plan", file)], agent_run_id="TWIN_b").dag_id
    opened = {}

    for run in ("TWIN_a", "TWIN_b"):
        page.goto("/agents")
        stages_of(page, run).first.click()
        page.wait_for_url("**/dags/DAG-PLAN?*")
        opened[run] = parse_qs(urlsplit(page.url).query)["id"]

    assert opened == {"TWIN_a": [first], "TWIN_b": [second]}


def test_filters_are_in_the_address_and_their_results_are_live(page: Page, console: Console, script: Script) -> None:
    submit(console, "FILTER_held", "WAIT", TitanGate("gate", "Go on?"))
    complete(console, "FILTER_done", "WORK", TitanJob("a", script("ok.py")))
    page.goto("/agents?q=filter_&status=failed")
    expect(page.get_by_role("heading", name="No matching runs")).to_be_visible()

    page.get_by_role("button", name="Failed").click()
    page.get_by_label("Run or agent").fill("FILTER_held")
    expect(page).to_have_url(re.compile(r"q=FILTER_held$"))
    expect(row_of(page, "FILTER_held")).to_be_visible()
    expect(page.get_by_role("table").get_by_text("FILTER_done", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Cancelled").click()
    expect(page.get_by_role("heading", name="No matching runs")).to_be_visible()
    console.client.cancel_run("FILTER_held")

    expect(row_of(page, "FILTER_held")).to_contain_text("Cancelled")
    page.reload()
    expect(row_of(page, "FILTER_held")).to_contain_text("Cancelled")


def test_a_row_unfolds_to_its_jobs_by_keyboard_and_leads_to_their_logs(
    page: Page, console: Console, script: Script, assert_accessible: Callable[[Page], None]
) -> None:
    run = "KEYS_000001"
    complete(console, run, "WORK", TitanJob("worker-1", script("ok.py")), TitanJob("worker-2", script("ok.py")))
    page.goto(f"/agents?q={run}")
    expect(row_of(page, run)).to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("x")

    stage = page.get_by_role("region", name=f"{run}_WORK")
    expect(stage.get_by_role("link", name="worker-2", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"open={run}"))
    assert_accessible(page)
    stage.get_by_role("link", name="Log of worker-2").click()
    page.wait_for_url("**/logs/*")
    page.go_back()
    expect(stage).to_be_visible()


def test_a_run_is_cancelled_after_asking(page: Page, console: Console, script: Script) -> None:
    run = "STOP_000001"
    submit(console, run, "LONG", TitanJob("sleeper", script("sleep.py", "import time\ntime.sleep(600)")))
    page.goto(f"/agents?q={run}")

    page.get_by_role("button", name=f"Cancel {run}").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep running").click()
    expect(row_of(page, run)).to_contain_text("Running")
    page.get_by_role("button", name=f"Cancel {run}").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()

    expect(row_of(page, run)).to_contain_text("Cancelled")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_run_of_a_program_outside_says_how_to_resume_it(
    page: Page, console: Console, script: Script, tmp_path: Path
) -> None:
    bad = script("bad.py", "raise SystemExit(3)")
    program = f"""
    import sys
    from titan_sdk import TitanClient, TitanJob

    client = TitanClient()
    client.wait(client.submit_dag("OUTSIDE_1_WORK", [TitanJob("a", {bad!r})], agent_run_id="OUTSIDE_1"))
    sys.exit(1)
    """
    run_program(Path(script("agent.py", program)), cwd=tmp_path, env=console.titan.environment)
    page.goto("/agents?q=OUTSIDE_1")

    page.get_by_role("button", name="Resume OUTSIDE_1").click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Completed stages return their stored results")
    expect(dialog.get_by_text(re.compile(r"^titan runs resume OUTSIDE_1"))).to_be_visible()
    expect(dialog).to_contain_text("agent.py")
    expect(dialog).to_contain_text(str(tmp_path))
    expect(dialog.get_by_role("button", name="Resume", exact=True)).to_have_count(0)


def test_a_run_whose_orchestrator_is_a_job_is_resumed_by_a_click(page: Page, console: Console, script: Script) -> None:
    program = """
    import os
    from titan_sdk import TitanClient, TitanJob

    client = TitanClient()
    client.wait(client.submit_dag("INSIDE_1_WORK", [TitanJob("a", "work.py")], agent_run_id="INSIDE_1"))
    raise SystemExit(0 if os.path.exists({flag!r}) else 1)
    """
    work = Path(script("work.py"))
    flag = work.parent / "mended"
    text = program.format(flag=str(flag)).replace('"work.py"', repr(str(work)))
    complete(console, "INSIDE_1", "LEAD", TitanJob("leader", script("lead.py", text)))
    page.goto("/agents?q=INSIDE_1")
    expect(stages_of(page, "INSIDE_1").first).to_have_text(re.compile("LEAD, Failed"))
    flag.touch()

    page.get_by_role("button", name="Resume INSIDE_1").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()

    expect(stages_of(page, "INSIDE_1").first).to_have_text(re.compile("LEAD, Completed"))


def test_a_pinned_run_stays_pinned(page: Page, console: Console, script: Script) -> None:
    complete(console, "PIN_000001", "WORK", TitanJob("a", script("ok.py")))
    page.goto("/agents?q=PIN_000001")

    page.get_by_role("button", name="Pin PIN_000001").click()

    pin = page.get_by_role("button", name="Pin PIN_000001")
    expect(pin).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(pin).to_have_attribute("aria-pressed", "true")


def test_fifty_stages_stay_readable_and_hide_no_failure(page: Page, console: Console, script: Script) -> None:
    run = "LOOP_000001"
    good, bad = script("good.py"), script("bad.py", "raise SystemExit(3)")
    for number in range(1, 51):
        complete(console, run, f"ITER{number}", TitanJob("a", bad if number == 21 else good))
    page.goto(f"/agents?q={run}")

    expect(stages_of(page, run).filter(has_text="ITER21")).to_contain_text("Failed")
    expect(stages_of(page, run).filter(has_text="ITER30")).to_have_count(0)
    page.get_by_role("button", name="18 more completed stages").click()

    expect(stages_of(page, run)).to_have_count(50)
    box = stages_of(page, run).last.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] < 1440


def test_the_page_is_accessible_in_any_width_and_scrolls_one_way_only(
    pages: Pages,
    console: Console,
    script: Script,
    assert_accessible_in_any_width: Callable[[Page], None],
) -> None:
    run = "LOOKS"
    complete(console, run, "PLAN", TitanJob("a", script("ok.py")))
    submit(console, run, "REVIEW", TitanGate("gate", "Go on?"))

    page = pages.open(console, f"/agents?open={run}")

    expect(stages_of(page, run)).to_have_count(2)
    assert_accessible_in_any_width(page)


def test_the_page_recovers_when_the_server_is_killed_and_restarted(
    new_console: Callable[..., Console], pages: Pages, script: Script
) -> None:
    console = new_console()
    complete(console, "RESTART_1", "BEFORE", TitanJob("a", script("ok.py")))
    page = pages.open(console, "/agents")
    expect(stages_of(page, "RESTART_1")).to_have_count(1)

    console.titan.kill()
    expect(page.get_by_role("alert")).to_contain_text("The server does not respond")
    console.titan.start_again()
    complete(console, "RESTART_1", "AFTER", TitanJob("a", script("ok.py")))

    expect(stages_of(page, "RESTART_1")).to_have_text([re.compile("BEFORE"), re.compile("AFTER, Completed")])
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_research_agents_row_grows_stage_by_stage(
    new_console: Callable[..., Console], pages: Pages, tmp_path: Path
) -> None:
    query = "What are the key tradeoffs in using vector databases for RAG?"
    answers = tmp_path / "answers.json"
    write_script(answers, complete=[], deepen_once=[query])
    console = new_console(model=f"scripted:{answers}")
    page = pages.open(console, "/agents")
    expect(page.get_by_role("heading", name="No agent runs yet")).to_be_visible()

    run_program(
        AGENT, query, "--max-iter", "2", cwd=tmp_path, env={**console.titan.environment, "TMPDIR": str(tmp_path)}
    )

    boxes = page.get_by_role("list", name=re.compile("^Stages of RESEARCH_")).get_by_role("link")
    names = ["PLAN", "ITER1", "EVAL1", "ITER2", "EVAL2", "SYNTH"]
    expect(boxes).to_have_text([re.compile(f"{name}, Completed") for name in names])
    page.get_by_role("button", name=re.compile("^Jobs of RESEARCH_")).click()
    expect(page.get_by_role("link", name=re.compile("^Log of researcher-1-"))).to_have_count(len(SUBTOPICS))
    boxes.nth(1).click()
    page.wait_for_url(re.compile(r"/dags/DAG-RESEARCH_\w+_ITER1\?id="))
