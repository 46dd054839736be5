"""The Determinism tab of a run, its score in the lists of runs, and an agent's versions before and after."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages, Scheme
from tests.browser.recorded import a_call, record, tell
from tests.support.raw_http import ask, ask_json
from tests.support.waiting import wait_until

AT_NS = 1_735_396_200_000_000_000  # 2024-12-28T14:30:00Z
SEEDS, FLOWING, CLEAN, BARE = "determ-seed", "determ-flowing", "determ-clean", "determ-bare"
SOURCE = """from datetime import datetime


def generate_report(data):
    return {"at": datetime.now().isoformat(), "data": data}
"""


@pytest.fixture(scope="module", autouse=True)
def runs(console: Console) -> None:
    """The run of the seed's example, one whose id flows on, one without an issue, one without content."""
    if ask(console.titan.sdk_port, "GET", f"/api/v1/runs/{BARE}").status == 200:
        return  # tests that other files' tests were in between: said twice, actions would have taken a minute
    call = {"type": "action", "kind": "call", "outcome": "success", "started_at_ns": AT_NS, "ended_at_ns": AT_NS + 10}
    report = {**call, "id": "a1", "name": "generate_report", "inputs": {"topic": "agents"}}
    entries = [
        {"type": "run", "at_ns": AT_NS, "agent_id": "determ-seeds"},
        {**report, "outputs": {"generated_at": "2024-12-28T14:30:00Z"}},
        {"type": "run", "at_ns": AT_NS + 20, "end": "completed"},
    ]
    tell(console, SEEDS, entries)
    made = "0b0f3c3e-8d3a-4c8e-9d53-51d2a5a9f001"
    flowing = [
        a_call("make_id", inputs={}, outputs={"id": made}),
        a_call("save_report", inputs={"id": made, "idempotency_key": "k1"}, outputs={"saved": True}),
    ]
    record(console, FLOWING, flowing, agent="determ-flows")
    record(console, CLEAN, [a_call("add", inputs={"a": 1}, outputs=3)] * 1, agent="determ-cleans")
    record(console, BARE, [a_call("nothing")], agent="determ-bares")


def measure(console: Console, run: str, score: int, *, changes: tuple[str, ...] = ()) -> None:
    """Report what five executions of a run's program showed, as `titan replay` does."""
    execution = {"command": "python agent.py", "score": score, "executions": 5, "differing": 2}
    report = {
        "metrics": {"calls": 1, "divergences": 0, "match_rate": 1.0},
        "comparison": {"verdict": "the same as recorded", "divergences": [], "rows": [], "has_more_rows": False},
        "re_execution": {**execution, "cause": None, "statement": None, "changes": list(changes)},
    }
    body = {"level": "re_execute", "report": report}
    assert ask_json(console.titan.sdk_port, "POST", f"/api/v1/runs/{run}/replays", body).status == 202


def a_version(console: Console, run: str, source: str, *, is_stable: bool) -> None:
    """Record a run whose program reports its code."""
    file = {"path": "report.py", "sha256": hashlib.sha256(source.encode()).hexdigest(), "text": source}
    program = {"interpreter": "CPython 3.11.7", "packages": {"httpx": "0.28"}, "files": [file]}
    told: dict[str, Any] = {"process": {"command": ["python", "report.py"], "script": "report.py"}, "program": program}
    outputs = {"data": "x"} if is_stable else {"now": "today"}
    record(
        console, run, [a_call("generate_report", inputs={"data": "x"}, outputs=outputs)], agent="determ-agent", **told
    )


def issues(page: Page) -> Locator:
    return page.get_by_role("article")


def facts(card: Locator) -> dict[str, str]:
    """Return what a card says, by its terms."""
    expect(card).to_be_visible()
    names = [one.inner_text() for one in card.locator("dt").all()]
    return dict(zip(names, (one.inner_text() for one in card.locator("dd").all()), strict=True))


def test_the_seeds_example_comes_out_as_it_is_printed_there(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{SEEDS}?tab=determinism")

    expect(page.get_by_role("tab", selected=True)).to_have_text("Determinism")
    expect(issues(page)).to_have_count(1)
    expect(issues(page).get_by_role("heading")).to_have_text("Issue: Timestamp in output")
    said = facts(issues(page))
    assert said["Action"] == "generate_report"
    assert said["Severity"].endswith("High")
    assert (
        said["Description"] == 'Output contains current timestamp ("2024-12-28T14:30:00Z") which will differ on replay.'
    )
    assert said["Recommendation"].startswith("Pass timestamp as input parameter instead.")
    meter = page.get_by_role("meter", name="Determinism score")
    expect(meter).to_have_attribute("aria-valuetext", "40 of 100: Highly non-deterministic")
    expect(page.locator(".determinism-head")).to_contain_text("0–49 · predicted")
    expect(page.locator(".determinism")).to_contain_text("Automated analysis may miss issues")
    page.get_by_role("button", name="generate_report").click()
    expect(page.get_by_role("complementary", name="Operation generate_report")).to_be_visible()


@pytest.mark.parametrize(("score", "color"), [(95, "green"), (75, "yellow"), (55, "orange"), (10, "red")])
def test_each_band_has_the_colour_of_the_seed(pages: Pages, console: Console, score: int, color: str) -> None:
    run = f"determ-band-{color}"
    record(console, run, [a_call("add", inputs={"a": 1}, outputs=3)], agent="determ-bands")
    measure(console, run, score)

    page = pages.open(console, f"/runs/{run}?tab=determinism")

    expect(page.locator(".determinism-head")).to_have_attribute("data-band", color)
    expect(page.locator(".determinism-head")).to_contain_text("measured")


def test_predicted_and_measured_are_separate_with_their_sources(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{CLEAN}?tab=determinism")
    predicted, measured = (page.locator(".determinism-sources > div").nth(at) for at in range(2))
    expect(predicted).to_contain_text("From 1 call, without source code")
    expect(measured).to_contain_text(f"titan determinism {CLEAN} --runs 10 -- python agent.py")
    expect(page.get_by_role("heading", name="No issues found")).to_be_visible()

    measure(console, CLEAN, 60)
    page.reload()

    expect(measured).to_contain_text("in 5 executions, 95 % interval 23–88")
    expect(predicted.locator(".determinism-score")).to_contain_text("100")
    expect(page.locator(".determinism-head")).to_contain_text("60 of 100")
    measured.get_by_role("button", name="Open replay").click()
    expect(page.get_by_role("tab", selected=True)).to_have_text("Simulation")
    expect(page.get_by_role("heading", name="Re-execute")).to_be_visible()


def test_a_measurement_of_other_code_says_that_it_does_not_count(pages: Pages, console: Console) -> None:
    run = "determ-mended"
    record(console, run, [a_call("add", inputs={"a": 1}, outputs=3)], agent="determ-mended")
    measure(console, run, 20, changes=("the code differs from the recording's in agent.py",))

    page = pages.open(console, f"/runs/{run}?tab=determinism")

    expect(page.locator(".determinism-head")).to_contain_text("100 of 100")
    expect(page.locator(".determinism-uncounted")).to_contain_text("the code differs from the recording's in agent.py")


def test_a_value_that_flows_on_links_to_where_it_goes(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{FLOWING}?tab=determinism")
    card = issues(page).filter(has_text="Generated id in output")

    assert facts(card)["Flows to"] == "save_report $.id"
    card.get_by_role("button", name="save_report").click()

    expect(page.get_by_role("complementary", name="Operation save_report")).to_be_visible()


def test_an_issue_is_accepted_with_a_reason_and_that_is_withdrawn(pages: Pages, console: Console) -> None:
    run = "determ-accepted"
    record(console, run, [a_call("report", inputs={}, outputs={"today": "Monday"})], agent="determ-accepts")
    page = pages.open(console, f"/runs/{run}?tab=determinism")
    expect(page.locator(".determinism-head")).to_contain_text("40 of 100")

    page.get_by_role("button", name="Accept …").click()
    page.get_by_label("Reason").fill("only a <b>log</b>")
    page.get_by_role("dialog").get_by_role("button", name="Accept", exact=True).click()

    expect(page.locator(".determinism-accepted")).to_contain_text("only a <b>log</b>")
    expect(page.locator(".determinism-accepted")).to_contain_text("Accepted by")
    expect(page.locator(".determinism-head")).to_contain_text("100 of 100")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".determinism-head")).to_contain_text("40 of 100")


def test_without_a_score_the_page_says_why(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{BARE}?tab=determinism")

    expect(page.get_by_role("heading", name="No determinism score")).to_be_visible()
    expect(page.locator(".determinism")).to_contain_text("The inputs and outputs of its calls are not stored.")


def test_keys_and_links_lead_to_the_tab_to_simulation_and_to_help(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{SEEDS}")
    expect(page.get_by_role("tab")).to_have_text(["Trace", "Telemetry", "Simulation", "Determinism"])

    page.keyboard.press("d")
    expect(page.get_by_role("tab", selected=True)).to_have_text("Determinism")
    page.get_by_role("button", name="Check divergences in Simulation").click()
    expect(page.get_by_role("tab", selected=True)).to_have_text("Simulation")
    page.go_back()
    page.get_by_role("link", name="Score seems wrong?").click()

    expect(page.get_by_role("heading", name="Determinism score seems wrong")).to_be_in_viewport()
    page.go_back()
    page.get_by_role("link", name="timestamp").click()
    expect(page).to_have_url(re.compile("/help/determinism#timestamp"))
    expect(page.get_by_role("heading", name="Best practices")).to_be_visible()


def test_the_report_is_downloaded_as_html_and_json(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{SEEDS}?tab=determinism")

    with page.expect_download() as html:
        page.get_by_role("link", name="Report", exact=True).click()
    with page.expect_download() as document:
        page.get_by_role("link", name="Report as JSON").click()

    assert html.value.suggested_filename == f"reproducibility-{SEEDS}.html"
    assert json.loads(document.value.path().read_bytes())["determinism"]["score"] == 40
    context = pages.open(console, "/help")
    context.set_content(html.value.path().read_text("utf-8"))
    expect(context.get_by_role("heading", name="Reproducibility report")).to_be_visible()
    expect(context.get_by_role("heading", name="Timestamp in output")).to_be_visible()


# --- lists ---


def scores(console: Console, agent: str) -> list[int | None]:
    found: dict[str, Any] = ask(console.titan.sdk_port, "GET", f"/api/v1/runs?window=all&agent_id={quote(agent)}").value
    return [run["determinism"] for run in found["data"]]


@pytest.fixture(scope="module")
def listed(console: Console) -> str:
    """An agent with runs of the scores 100, 60 and 40."""
    agent = "determ-listed"
    for name, outputs in (("good", {"a": 1}), ("bad", {"today": "Monday"}), ("middle", {"a": 2})):
        record(console, f"determ-list-{name}", [a_call("report", inputs={}, outputs=outputs)], agent=agent)
    measure(console, "determ-list-middle", 60)
    wait_until(lambda: sorted(one or 0 for one in scores(console, agent)) == [40, 60, 100], "the scores of all runs")
    return agent


def names(page: Page) -> list[str | None]:
    return [
        row.locator(".runs-id a").get_attribute("title")
        for row in page.get_by_role("table", name="Runs").locator(".rowlist-row").all()
    ]


def test_runs_show_their_score_and_are_filtered_and_sorted_by_it(pages: Pages, console: Console, listed: str) -> None:
    page = pages.open(console, f"/runs?agent_id={listed}")
    rows = page.get_by_role("table", name="Runs").locator(".rowlist-row")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="determ-list-good").locator(".determinism-score")).to_have_attribute(
        "title", "Highly deterministic (90–100)"
    )

    page.get_by_role("button", name="Determinism").click()
    expect(rows.first).to_contain_text("determ-list-good")
    page.get_by_role("button", name="Determinism").click()
    expect(rows.first).to_contain_text("determ-list-bad")
    page.get_by_label("Determinism below").fill("70")

    expect(rows).to_have_count(2)
    expect(page).to_have_url(re.compile("determinism_below=70"))
    assert names(page) == ["determ-list-bad", "determ-list-middle"]
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_label("Determinism below").fill("seventy")
    expect(page.get_by_role("alert")).to_contain_text("is not a score")


def test_an_agents_versions_are_compared_before_and_after(pages: Pages, console: Console) -> None:
    mended = SOURCE.replace("datetime.now().isoformat()", "data")
    for number in range(3):
        a_version(console, f"determ-v1-{number}", SOURCE, is_stable=False)
    for number in range(3):
        a_version(console, f"determ-v2-{number}", mended, is_stable=True)
    wait_until(
        lambda: sorted(one or 0 for one in scores(console, "determ-agent")) == [40] * 3 + [100] * 3, "six scores"
    )

    page = pages.open(console, "/registry/determ-agent")

    section = page.get_by_role("region", name="Determinism by code version")
    expect(section.locator("tbody tr")).to_have_count(2)
    expect(section.get_by_role("status")).to_contain_text("up (+60.0)")
    expect(section.get_by_role("status")).to_contain_text("40 of 100 on average, then 100")
    expect(section.locator("tbody tr").last).to_contain_text("40–40")
    before = section.locator("tbody tr").first.get_by_label(re.compile("as before"))
    after = section.locator("tbody tr").last.get_by_label(re.compile("as after"))
    for choice in (before, after):  # what is chosen stands in the address, and is shown once that has changed
        choice.click()
        expect(choice).to_be_checked()
    expect(section.get_by_role("status")).to_contain_text("down (-60.0)")
    expect(page).to_have_url(re.compile("before=[0-9a-f]{12}&after=[0-9a-f]{12}"))
    page.goto("/runs/determ-v1-0?tab=determinism")
    expect(issues(page)).to_contain_text("report.py:5 in generate_report")
    expect(issues(page).locator("[data-side=after]")).to_contain_text("def generate_report(data, *, as_of):")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
@pytest.mark.parametrize("path", [f"/runs/{FLOWING}?tab=determinism", "/help/determinism", "/registry/determ-flows"])
def test_it_is_accessible(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], path: str, width: int, scheme: Scheme
) -> None:
    page = pages.open(console, path, width=width, scheme=scheme)
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    expect(page.get_by_text("Loading …")).to_have_count(0)

    assert_accessible(page)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (1024, "light"), (390, "light")])
def test_the_list_with_scores_is_accessible_in_any_width(
    pages: Pages, console: Console, assert_accessible: Callable[[Page], None], listed: str, width: int, scheme: Scheme
) -> None:
    page = pages.open(console, f"/runs?agent_id={listed}", width=width, scheme=scheme)
    expect(page.locator(".determinism-score").first).to_be_visible()

    assert_accessible(page)
