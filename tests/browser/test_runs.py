"""Runs: the registry of recorded runs, what needs attention in it, two runs side by side, and their agents."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded import a_call, a_failed_call, finish, forget, record, say, unmute

Check = Callable[[Page], None]


# What the list below a field says before anything but promises was done about the text.
SAID_AT_ONCE = """async (field, text) => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", {bubbles: true}));
    for (let turn = 0; turn < 20; turn += 1) await null;
    return document.getElementById(field.getAttribute("aria-controls")).textContent;
}"""


def row_of(page: Page, run: str) -> Locator:
    """Return the row of a run in the registry."""
    return page.get_by_role("table", name="Runs").get_by_role("row").filter(has=page.get_by_title(run, exact=True))


def expect_ids(page: Page, *ids: str) -> None:
    """Wait until these are the runs of the registry, from top to bottom."""
    links = page.get_by_role("table", name="Runs").locator(".runs-id a")
    expect(links).to_have_count(len(ids))
    for at, run in enumerate(ids):
        expect(links.nth(at)).to_have_attribute("title", run)


def test_where_nothing_was_recorded_the_page_gives_three_ways(
    new_console: Callable[..., Console], pages: Pages, assert_accessible: Check
) -> None:
    page = pages.open(new_console(offers=()), "/runs")

    expect(page.get_by_text("@titan_sdk.action")).to_be_visible()
    expect(page.get_by_text("OTEL_EXPORTER_OTLP_ENDPOINT=")).to_be_visible()
    expect(page.get_by_text("OPENAI_BASE_URL=")).to_be_visible()
    assert_accessible(page)


def test_all_filters_are_in_one_line_if_there_is_room(page: Page) -> None:
    page.goto("/runs")
    filters = page.get_by_role("search", name="Filters")
    first = filters.get_by_role("button", name="Running").bounding_box()
    last = filters.get_by_role("button", name="Archived too").bounding_box()

    assert first is not None
    assert last is not None
    assert (first["y"], first["height"]) == (last["y"], last["height"])


def test_a_run_appears_with_its_first_call_and_is_kept_true(page: Page, console: Console) -> None:
    page.goto("/runs?agent_id=lively")
    expect(page.get_by_text("No matching runs")).to_be_visible()

    record(console, "lively-1", [a_call("search", cost_usd="0.25"), a_call("write")], agent="lively", end=None)
    row = row_of(page, "lively-1")
    expect(row).to_contain_text("Running")
    expect(row).to_contain_text("$0.25")
    expect(row).to_contain_text("100 %")
    finish(console, "lively-1", "failed", "out of luck")

    # First, for it goes by itself.
    expect(page.get_by_role("alert").filter(has_text="lively-1 failed.")).to_be_visible()
    expect(row).to_contain_text("Failed")


def test_prevented_cost_is_not_spent_cost(page: Page, console: Console) -> None:
    calls = [a_call("pay", cost_usd="0.03"), a_call("pay", outcome="blocked", cost_usd="1.03")]
    record(console, "prevented-1", calls, agent="payer")

    page.goto("/runs?agent_id=payer")

    row = row_of(page, "prevented-1")
    expect(row).to_contain_text("$0.03")
    expect(row).to_contain_text("$1.03 prevented")
    expect(row).to_contain_text("50.0 %")


def test_an_unknown_cost_is_not_zero(page: Page, console: Console) -> None:
    unknown = [a_call("chat", kind="model", use={"model": "our-own"}) for _ in range(3)]
    record(console, "unpriced-1", unknown, agent="thrifty")
    record(console, "unpriced-2", [a_call("chat", kind="model", cost_usd="0.12"), *unknown], agent="thrifty")
    page.goto("/runs?agent_id=thrifty")

    expect(row_of(page, "unpriced-1").locator(".costs")).to_have_text("3 unpriced")
    expect(row_of(page, "unpriced-2").locator(".costs")).to_have_text("$0.12 + 3 unpriced")
    page.goto("/registry/thrifty")
    expect(page.locator(".registry-figures")).to_contain_text("$0.12 + 6 unpriced")
    page.goto("/runs/unpriced-1")
    figure = page.locator(".run-facts").get_by_title("the cost of 3 model calls is not known").first
    expect(figure).to_have_text("3 unpriced")


def test_costs_computed_from_tokens_are_marked_in_every_sum(page: Page, console: Console) -> None:
    tokens = {"model": "gpt-4o", "provider": "openai", "input_tokens": 100_000, "output_tokens": 10_000}
    record(console, "computed-1", [a_call("chat", kind="model", use=tokens)], agent="roughly")
    record(console, "computed-2", [a_call("chat", kind="model", cost_usd="0.25")], agent="exactly")
    page.goto("/runs?q=computed-")

    expect(row_of(page, "computed-1").locator(".cost")).to_have_text("≈ $0.35")
    expect(row_of(page, "computed-2").locator(".cost")).to_have_text("$0.25")
    page.goto("/runs/computed-1")
    expect(page.locator(".run-facts .spent")).to_have_text("≈ $0.35")
    page.goto("/registry?q=roughly")
    expect(page.locator(".spent")).to_have_text("≈ $0.35")
    page.goto("/registry/roughly")
    expect(page.locator(".registry-figures .spent")).to_have_text("≈ $0.35")
    page.goto("/runs/compare?a=computed-2&b=computed-1")
    costs = page.locator(".compare-figures tr").filter(has=page.get_by_role("rowheader", name="Cost"))
    expect(costs.locator("td")).to_have_text(["$0.25", "≈ $0.35", "≈ +$0.10"])


def test_runs_are_filtered_by_the_agent_that_is_typed_and_chosen(page: Page, console: Console) -> None:
    record(console, "chosen-1", [a_call("x")], agent="chosen-agent")
    record(console, "other-1", [a_call("x")], agent="other-agent")
    page.goto("/runs")
    expect(row_of(page, "other-1")).to_be_visible()

    page.get_by_role("combobox", name="Agent").fill("hosen-a")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_have_text(re.compile("chosen-agent"))
    page.keyboard.press("Enter")

    expect(row_of(page, "chosen-1")).to_be_visible()
    expect(row_of(page, "other-1")).to_have_count(0)
    assert parse_qs(urlsplit(page.url).query) == {"agent_id": ["chosen-agent"]}


def test_runs_are_sorted_by_cost_and_filtered_from_a_cost_on(page: Page, console: Console) -> None:
    for name, cost in (("cheap", "0.5"), ("dear", "20"), ("middle", "9.75")):
        record(console, f"cost-{name}", [a_call("x", cost_usd=cost)], agent="spender")
    page.goto("/runs?agent_id=spender")

    page.get_by_role("button", name="Cost").click()
    expect_ids(page, "cost-dear", "cost-middle", "cost-cheap")
    page.get_by_label("Min cost in US dollars").fill("9,75")

    expect_ids(page, "cost-dear", "cost-middle")


def test_a_critical_intercept_leads_to_the_call_that_failed(page: Page, console: Console) -> None:
    calls = [a_call("plan"), a_failed_call("search", "ValueError", "nope")]
    record(console, "broken-1", calls, agent="breaker", end="failed")
    page.goto("/runs?agent_id=breaker")

    section = page.get_by_role("region", name="Critical intercepts")
    expect(section).to_contain_text("ValueError: nope")
    rule = re.compile("Blocked calls: 3 or more, and 20 % or more of a run's actions")
    expect(section.get_by_role("link", name="Thresholds")).to_have_attribute("title", rule)
    section.get_by_role("link", name="broken-1").click()

    page.wait_for_url("**/runs/broken-1?*")
    assert parse_qs(urlsplit(page.url).query) == {"tab": ["telemetry"], "action": ["broken-1-2"]}


def test_a_run_that_lost_entries_says_so_in_its_row_and_is_an_intercept(page: Page, console: Console) -> None:
    lost = a_call("titan.entries_lost", kind="event", outcome="error", details={"attributes": {"count": 1200}})
    record(console, "lossy-1", [a_call("plan"), lost], agent="loser")
    page.goto("/runs?agent_id=loser")

    expect(row_of(page, "lossy-1")).to_contain_text("1,200 lost")
    section = page.get_by_role("region", name="Critical intercepts")
    expect(section.get_by_role("listitem")).to_contain_text("Lost1,200 entries were not recorded")


def test_a_critical_intercept_is_acknowledged_with_a_reason(page: Page, console: Console) -> None:
    record(console, "known-1", [a_failed_call("search", "ValueError", "nope")], agent="acknowledger", end="failed")
    page.goto("/runs?agent_id=acknowledger")
    section = page.get_by_role("region", name="Critical intercepts")

    section.get_by_role("button", name="Acknowledge…").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_role("button", name="Acknowledge")).to_be_disabled()
    asked.get_by_label("Reason").fill("the site was down")
    asked.get_by_role("button", name="Acknowledge").click()

    expect(section.get_by_text("None in")).to_be_visible()
    section.get_by_label("Acknowledged and muted too").check()
    expect(section.get_by_role("listitem")).to_contain_text("the site was down")
    expect(section.get_by_role("button", name="Acknowledge…")).to_have_count(0)


def test_a_critical_intercept_is_muted_for_good_until_somebody_unmutes_it(page: Page, console: Console) -> None:
    calls = [a_failed_call("search", "ValueError", "nope")]
    record(console, "muted-1", calls, agent="muter", end="failed")
    page.goto("/runs?agent_id=muter")
    section = page.get_by_role("region", name="Critical intercepts")

    section.get_by_role("button", name="Acknowledge…").click()
    asked = page.get_by_role("dialog")
    asked.get_by_label("Reason").fill("a rehearsal")
    asked.get_by_label("Mute permanently").check()
    asked.get_by_role("button", name="Mute").click()
    expect(section.get_by_text("None in")).to_be_visible()

    record(console, "muted-1", [*calls, a_failed_call("send", "OSError", "gone")], agent="muter", end="failed")
    page.reload()
    expect(section.get_by_text("None in")).to_be_visible()
    section.get_by_label("Acknowledged and muted too").check()
    expect(section.get_by_role("listitem")).to_contain_text("Muted: a rehearsal")

    section.get_by_role("button", name="Unmute").click()
    page.get_by_role("dialog").get_by_role("button", name="Unmute it").click()
    expect(section.get_by_role("button", name="Acknowledge…")).to_be_visible()
    section.get_by_label("Acknowledged and muted too").uncheck()
    expect(section.get_by_role("listitem")).to_contain_text("muted-1")


def test_all_muting_notes_of_a_run_are_removed_at_once_and_the_page_shows_its_state(
    page: Page, console: Console
) -> None:
    record(console, "muted-2", [a_failed_call("search", "ValueError", "nope")], agent="twice muted", end="failed")
    say(console, "muted-2", text="seen", acknowledges=True)
    for text in ("a rehearsal", "and another"):
        say(console, "muted-2", text=text, mutes=True)
    page.goto("/runs?agent_id=twice%20muted")
    section = page.get_by_role("region", name="Critical intercepts")
    section.get_by_label("Acknowledged and muted too").check()

    section.get_by_role("button", name="Unmute").click()
    page.get_by_role("dialog").get_by_role("button", name="Unmute it").click()

    expect(page.get_by_text("Unmuted. It is still acknowledged.")).to_be_visible()
    expect(section.get_by_role("listitem")).to_contain_text("✓ seen")
    expect(section.get_by_role("button", name="Unmute")).to_have_count(0)


def test_muting_and_unmuting_elsewhere_is_shown_at_once(page: Page, console: Console) -> None:
    record(console, "muted-3", [a_failed_call("search", "ValueError", "nope")], agent="muted elsewhere", end="failed")
    page.goto("/runs?agent_id=muted%20elsewhere")
    section = page.get_by_role("region", name="Critical intercepts")
    expect(section.get_by_role("listitem")).to_contain_text("muted-3")

    say(console, "muted-3", text="a rehearsal", mutes=True)
    expect(section.get_by_text("None in")).to_be_visible()

    unmute(console, "muted-3")
    expect(section.get_by_role("listitem")).to_contain_text("muted-3")


def test_a_refused_import_says_in_its_dialog_which_files_can_be_imported(
    page: Page, console: Console, tmp_path: Path
) -> None:
    (tmp_path / "runs.csv").write_text("run_id,agent_id\n")
    page.goto("/runs")

    page.get_by_role("button", name="Import").click()
    page.get_by_label("JSONL file").set_input_files(tmp_path / "runs.csv")
    page.get_by_role("dialog").get_by_role("button", name="Import").click()

    expect(page.get_by_role("dialog")).to_contain_text("Import the JSONL export")


def test_the_whole_runs_of_a_cut_off_file_can_be_imported(page: Page, console: Console, tmp_path: Path) -> None:
    record(console, "cut-1", [a_call("x"), a_call("y")], agent="cutter")
    page.goto("/runs?agent_id=cutter")
    whole = page.request.get("/api/v1/runs/export?format=jsonl&agent_id=cutter").text().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(whole[:2]) + whole[2][:40])
    forget(console, "cut-1")

    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("JSONL file").set_input_files(tmp_path / "cut.jsonl")
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The file is truncated")
    expect(dialog.get_by_role("alert")).not_to_contain_text("titan runs import")
    expect(page.locator(".toast")).to_have_count(0)
    dialog.get_by_role("checkbox", name="Accept a truncated file").check()
    dialog.get_by_role("button", name="Import").click()

    expect(dialog).to_contain_text("1 run: ")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(row_of(page, "cut-1").locator("[data-unit]").first).to_have_text("1")


def test_ignored_filters_are_named_in_words(page: Page, console: Console) -> None:
    record(console, "words-1", [a_call("x")], agent="wordy")

    page.goto("/runs?agent_id=wordy&status=wat&sort=foo&window=5y")
    expect(row_of(page, "words-1")).to_be_visible()
    expect(page.get_by_text("status=wat, window=5y, sort=foo")).to_be_visible()
    page.get_by_label("Min cost").fill("abc")

    expect(page.get_by_text("“abc” is not an amount")).to_be_visible()


def test_an_agent_nobody_knows_leaves_no_run_and_offers_those_called_alike(page: Page, console: Console) -> None:
    record(console, "alike-1", [a_call("x")], agent="gardener")
    page.goto("/runs?q=alike-1")
    expect(row_of(page, "alike-1")).to_be_visible()

    page.get_by_label("Agent", exact=True).fill("gardenerr")
    expect(page.get_by_text("No matching agent")).to_be_visible()
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="gardener", exact=True)).to_be_visible()


def test_an_agent_that_was_not_asked_for_yet_is_not_said_to_be_unknown(page: Page, console: Console) -> None:
    record(console, "unasked-1", [a_call("x")], agent="unasked")
    page.goto("/runs")
    field = page.get_by_role("combobox", name="Agent")
    field.fill("unask")
    expect(page.get_by_role("option")).to_have_text("unasked")

    assert field.evaluate(SAID_AT_ONCE, "nobody") == "Loading …"

    expect(page.get_by_text("No matching agent")).to_be_visible()


def test_a_failed_run_is_shown_at_home(page: Page, console: Console) -> None:
    record(console, "home-1", [a_failed_call("search", "KeyError", "gone")], agent="at-home", end="failed")

    page.goto("/")

    concern = page.get_by_role("listitem").filter(has_text="home-1")
    expect(concern).to_contain_text("KeyError: gone")
    expect(concern.get_by_role("link", name="Open")).to_have_attribute("href", re.compile("action=home-1-1"))


def test_a_filter_that_finds_nothing_offers_all_time(page: Page, console: Console) -> None:
    record(console, "old-1", [a_call("x")], agent="elder", days_ago=40)
    page.goto("/runs?agent_id=elder")

    page.get_by_role("button", name="Show all time: 1 run").click()

    expect(row_of(page, "old-1")).to_be_visible()


def test_an_agent_that_is_misspelt_is_offered_by_its_name(page: Page, console: Console) -> None:
    record(console, "spelt-1", [a_call("x")], agent="crossword-solver")
    page.goto("/runs?agent_id=croswords-solver")

    page.get_by_role("button", name="crossword-solver").click()

    expect(row_of(page, "spelt-1")).to_be_visible()


def test_two_runs_are_chosen_with_keys_and_compared_call_by_call(
    page: Page, console: Console, assert_accessible: Check
) -> None:
    record(console, "pair-1", [a_call("plan"), a_call("write", cost_usd="0.10")], agent="pair")
    calls = [a_call("plan"), a_call("search"), a_call("write", cost_usd="0.50")]
    record(console, "pair-2", calls, agent="pair")
    page.goto("/runs?agent_id=pair")
    expect(row_of(page, "pair-1")).to_be_visible()
    expect(row_of(page, "pair-2")).to_be_visible()

    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("link", name="Compare", exact=True).click()

    expect(page.get_by_role("heading", name="2 differences in 3 actions")).to_be_visible()
    rows = page.get_by_role("table", name="Actions of both runs").get_by_role("row")
    expect(rows.filter(has_text="search")).to_contain_text("not called")
    expect(rows.filter(has_text="write")).to_contain_text("cost")
    assert_accessible(page)
    page.get_by_role("button", name="Only differences").click()
    expect(rows.filter(has_text="plan")).to_have_count(0)


def test_an_export_names_its_filters(page: Page, console: Console) -> None:
    record(console, "told-1", [a_call("x")], agent="exporter")
    page.goto("/runs?agent_id=exporter&window=30d")
    expect(row_of(page, "told-1")).to_be_visible()

    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("^CSV For")).check()

    expect(dialog).to_contain_text("1 run with all their actions")
    expect(dialog).to_contain_text("of exporter, in the last 30 days")
    link = dialog.get_by_role("link", name="Download")
    expect(link).to_have_attribute("href", re.compile("format=csv"))
    query = parse_qs(urlsplit(str(link.get_attribute("href"))).query)
    assert (query["format"], query["agent_id"], query["window"]) == (["csv"], ["exporter"], ["30d"])


def test_an_exported_and_deleted_run_is_restored_by_an_import(page: Page, console: Console, tmp_path: Path) -> None:
    record(console, "back-1", [a_call("x", cost_usd="0.75")], agent="returner")
    say(console, "back-1", text="keep an eye on it", name="care", score=0.25, author="ann")
    page.goto("/runs?agent_id=returner")
    expect(row_of(page, "back-1")).to_be_visible()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "runs.jsonl")
    forget(console, "back-1")
    page.reload()
    expect(row_of(page, "back-1")).to_have_count(0)

    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("JSONL file").set_input_files(tmp_path / "runs.jsonl")
    dialog.get_by_role("button", name="Import").click()

    expect(dialog).to_contain_text("1 run: 3 entries and 1 note were new.")
    expect(row_of(page, "back-1")).to_contain_text("$0.75")
    dialog.get_by_role("button", name="Close").click()
    row_of(page, "back-1").get_by_role("link", name="back-1").click()
    page.get_by_role("button", name="Notes 1").click()
    expect(page.get_by_role("dialog")).to_contain_text("keep an eye on it")


def test_a_run_with_a_comma_in_its_id_is_exported_from_its_page(page: Page, console: Console, tmp_path: Path) -> None:
    record(console, "menu,1", [a_call("x")], agent="menu")
    page.goto("/runs/menu%2C1")

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    download.value.save_as(tmp_path / "run.jsonl")

    assert '"run_id":"menu,1"' in (tmp_path / "run.jsonl").read_text()


def test_a_run_that_is_deleted_leaves_the_list_it_was_opened_from(page: Page, console: Console) -> None:
    record(console, "leaver-1", [a_call("x")], agent="leaver")
    record(console, "leaver-2", [a_call("x")], agent="leaver")
    page.goto("/runs?agent_id=leaver")
    row_of(page, "leaver-1").get_by_role("link", name="leaver-1").click()

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete permanently").click()
    page.wait_for_url("**/runs")

    expect(row_of(page, "leaver-2")).to_be_visible()
    expect(row_of(page, "leaver-1")).to_have_count(0)


def test_an_agent_is_discovered_from_its_runs(page: Page, console: Console, assert_accessible: Check) -> None:
    record(console, "found-1", [a_failed_call("search", "TimeoutError", "late")], agent="found-out", end="failed")
    page.goto("/runs?agent_id=found-out")

    row_of(page, "found-1").get_by_role("link", name="found-out").click()

    expect(page.get_by_role("heading", name="found-out")).to_be_visible()
    expect(page.get_by_text("not enough data").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="TimeoutError")).to_contain_text("new")
    assert_accessible(page)


def test_the_list_is_a_pile_of_cards_on_a_phone(pages: Pages, console: Console, assert_accessible: Check) -> None:
    record(console, "phone-1", [a_call("x", cost_usd="0.5")], agent="phone", name="A long name " * 20)
    page = pages.open(console, "/runs?agent_id=phone", width=390)

    expect(row_of(page, "phone-1")).to_contain_text("$0.50")

    assert page.evaluate("document.querySelector('main').scrollWidth <= window.innerWidth")
    assert_accessible(page)
