"""What was told of a run beside its words, on its page."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ReportedRun
from tests.support.raw_http import ask, ask_json

REPLAY = {
    "status": "partial",
    "actions_replayed": 3,
    "actions_total": 4,
    "divergences_detected": 1,
    "divergences": [
        {
            "type": "input_mismatch",
            "action": "find_order",
            "expected_inputs": {"order": 7},
            "actual_inputs": {"order": 8},
            "index": 2,
        }
    ],
    "cost_savings": 0.0421,
}


def traced(console: Console, run: str, **resource: str) -> None:
    """Tell of a run by OpenTelemetry, with attributes of its resource; `_` stands for a dot."""
    values = {"titan.agent_run_id": run, **{name.replace("_", "."): value for name, value in resource.items()}}
    attributes = [{"key": name, "value": {"stringValue": value}} for name, value in values.items()]
    at = 1_772_366_400_000_000_000
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "invoke_agent shop",
        "startTimeUnixNano": str(at),
        "endTimeUnixNano": str(at + 10**9),
    }
    body = {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}]}
    headers = {"content-type": "application/json"}
    assert ask(console.titan.sdk_port, "POST", "/v1/traces", json.dumps(body).encode(), headers).status == 200


def details(page: Page) -> None:
    page.get_by_role("button", name="Details").click()


def test_the_resource_of_a_traced_run_is_shown(pages: Pages, console: Console) -> None:
    traced(console, "details-traced", service_name="shop", deployment_environment="production", team="checkout")
    page = pages.open(console, "/runs/details-traced")

    details(page)

    told = page.get_by_role("dialog", name="Details of this run")
    expect(told.get_by_role("region", name="Resource")).to_contain_text("deployment.environment")
    expect(told.get_by_role("region", name="Resource")).to_contain_text("production")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_result_of_a_replay_is_shown_with_the_run_that_was_replayed(
    pages: Pages, console: Console, width: int
) -> None:
    run = ReportedRun(console, f"details-replayed-{width}")
    run.action("one", "find_order")
    run.end()
    path = f"/api/v1/replay/{run.id}/results"
    assert ask_json(console.titan.sdk_port, "POST", path, REPLAY).status == 201
    page = pages.open(console, f"/runs/{run.id}:replay", width=width)

    details(page)
    told = page.get_by_role("dialog", name="Details of this run")
    expect(told.get_by_role("region", name="Result of the replay")).to_contain_text("input_mismatch")
    told.get_by_role("link", name=run.id).click()

    expect(page.get_by_role("heading", name=run.id, exact=True)).to_be_visible()
    expect(told).to_have_count(0)
    expect(page.get_by_role("button", name="Details")).to_have_count(0)  # nothing more was told of that one
