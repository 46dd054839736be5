"""A page shows one project, which its address names: lists, links, live events and downloads stay within it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.support.raw_http import ask_json
from tests.support.replayed import a_call
from tests.support.token_holder import Holder
from titan_sdk import TitanClient, TitanJob

Script = Callable[..., str]
SHOP = "Crème/brûlée"


def client_of(console: Console, project: str) -> TitanClient:
    return TitanClient(port=console.titan.sdk_port, project=project, announce=lambda _: None)


def record(console: Console, run: str, project: str) -> None:
    body = {"run_id": run, "agent_id": "ann", "entries": [a_call("a", project=project, inputs={"q": project})]}
    assert ask_json(console.titan.sdk_port, "POST", "/api/v1/actions", body).status == 200


def test_the_menu_leads_to_the_same_place_in_another_project(new_console: Callable[..., Console], pages: Pages) -> None:
    console = new_console(offers=())
    page = pages.open(console, "/runs?window=all")
    expect(page.get_by_role("link", name="Home", exact=True)).to_be_visible()
    expect(page.get_by_label("Project", exact=True)).to_have_count(0)

    record(console, "of-default", "default")
    record(console, "of-finance", "finance")
    record(console, "of-shop", SHOP)
    page.reload()
    expect(page.get_by_text("of-default")).to_be_visible()
    expect(page.get_by_text("of-finance")).to_have_count(0)
    page.get_by_label("Project", exact=True).select_option("finance")

    expect(page).to_have_url(re.compile("/p/finance/runs$"))
    page.goto("/p/finance/runs?window=all")
    expect(page.get_by_text("of-finance")).to_be_visible()
    expect(page.get_by_text("of-default")).to_have_count(0)
    page.get_by_role("link", name="of-finance").first.click()
    expect(page).to_have_url(re.compile("/p/finance/runs/of-finance"))

    page.get_by_label("Project", exact=True).select_option(SHOP)
    expect(page.get_by_label("Project", exact=True)).to_have_value(SHOP)
    page.get_by_label("Project", exact=True).select_option("default")
    expect(page).to_have_url(re.compile(r":\d+/runs$"))


def test_pages_of_a_project_receive_its_events_alone_and_link_within_it(
    new_console: Callable[..., Console], pages: Pages, script: Script
) -> None:
    console = new_console()
    page = pages.open(console, "/p/finance/dags")
    job = TitanJob("main", script("a.py", "print('done')"))

    client_of(console, "default").submit_dag("elsewhere", [job])
    client_of(console, "finance").submit_dag("nightly", [job])

    expect(page.get_by_role("link", name="nightly")).to_be_visible()
    expect(page.get_by_role("link", name="elsewhere")).to_have_count(0)
    page.get_by_role("link", name="nightly").first.click()
    expect(page).to_have_url(re.compile("/p/finance/dags/DAG-nightly"))
    page.goto("/workers")
    page.get_by_role("button", name="Details of").click()
    page.get_by_role("table", name="Last jobs").get_by_role("link", name="Log of main").first.click()
    expect(page.get_by_text("done")).to_be_visible()


def test_an_export_of_a_project_holds_its_runs_alone(
    new_console: Callable[..., Console], pages: Pages, tmp_path: Path
) -> None:
    console = new_console(offers=())
    record(console, "same", "default")
    record(console, "same", "finance")
    page = pages.open(console, "/p/finance/runs/same")

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("JSON Lines|jsonl", re.IGNORECASE)).click()
    download.value.save_as(tmp_path / "same.jsonl")

    lines = [json.loads(line) for line in (tmp_path / "same.jsonl").read_text().splitlines()]
    assert "finance" in json.dumps(lines)
    assert "default" not in json.dumps(lines)


def test_whoever_has_a_token_of_a_project_sees_it_without_choosing(
    new_console: Callable[..., Console], pages: Pages
) -> None:
    console = new_console(offers=(), options=("--require-token",))
    admin = Holder(console.titan.sdk_port, console.titan.home_token)
    inside = admin.make(project="finance")
    body = {"run_id": "R_1", "agent_id": "ann", "entries": [a_call("a")]}
    assert inside.ask_json("POST", "/api/v1/actions", body).status == 200
    page = pages.open(console, "/runs?window=all")

    page.get_by_label("Token").fill(inside.token or "")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("link", name="R_1").first).to_be_visible()
    expect(page.get_by_label("Project", exact=True)).to_have_count(0)
    page.goto("/settings")
    page.get_by_role("button", name="Create a token …").click()
    expect(page.get_by_label("Project that it can access")).to_have_value("finance")
