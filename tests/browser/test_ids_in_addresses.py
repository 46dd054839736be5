"""Runs and agents are opened whatever their ids hold, by their links and by their addresses."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.support.raw_http import ask_json

CALL = {"id": "e1", "action": "find_order", "outcome": "success", "duration_ms": 5}


@pytest.mark.parametrize("sign", ["%2F", "%252F", "/", "%", "?#"])
def test_a_run_and_its_agent_open_with_any_characters_in_their_ids(console: Console, pages: Pages, sign: str) -> None:
    run, agent = f"nightly{sign}7", f"ann{sign}bob"
    told = {"run_id": run, "agent_id": agent, "entries": [{**CALL, "id": run}]}
    assert ask_json(console.titan.sdk_port, "POST", "/api/v1/ingest", told).status == 202

    page = pages.open(console, f"/runs/{quote(run, safe='')}")
    expect(page.get_by_role("heading", name=run, exact=True, level=1)).to_be_visible()
    expect(page.get_by_text("find_order").first).to_be_visible()
    page.get_by_role("link", name=agent, exact=True).first.click()
    expect(page.get_by_role("heading", name=agent, exact=True, level=1)).to_be_visible()
    page.get_by_role("link", name=run).first.click()

    expect(page.get_by_role("heading", name=run, exact=True, level=1)).to_be_visible()
    expect(page.get_by_text("find_order").first).to_be_visible()
