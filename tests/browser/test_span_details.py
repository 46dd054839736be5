"""What OpenTelemetry says of a call beside its failure, in the inspector; and a run whose id is dots alone."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Console, Pages
from tests.support.raw_http import ask_json
from tests.support.telemetry import STARTED_NS

TRACE, SPAN = "a5" * 16, "c5" * 8


def test_the_inspector_shows_the_exceptions_a_call_got_over_and_its_links(pages: Pages, console: Console) -> None:
    exception = {"key": "exception.type", "value": {"stringValue": "httpx.ReadTimeout"}}
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "fetch",
        "startTimeUnixNano": str(STARTED_NS),
        "endTimeUnixNano": str(STARTED_NS + 10**9),
        "attributes": [{"key": "gen_ai.tool.name", "value": {"stringValue": "fetch"}}],
        "events": [{"name": "exception", "timeUnixNano": str(STARTED_NS + 1), "attributes": [exception]}],
        "links": [{"traceId": "ef" * 16, "spanId": SPAN}],
        "status": {"message": "the second try succeeded"},
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    told = ask_json(console.titan.sdk_port, "POST", "/v1/traces", body, {"Content-Type": "application/json"})

    page = pages.open(console, f"/runs/{TRACE}?action={SPAN}")

    assert told.status == 200
    panel = page.get_by_role("complementary", name="Operation fetch")
    expect(panel.get_by_role("region", name="Status")).to_contain_text("the second try succeeded")
    expect(panel.get_by_role("region", name="Events")).to_contain_text("httpx.ReadTimeout")
    panel.get_by_text("Links to other spans").click()
    expect(panel.get_by_role("region", name="Links to other spans")).to_contain_text("ef" * 16)
