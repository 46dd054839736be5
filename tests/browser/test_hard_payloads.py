"""Payloads that break careless pages, each opened in the inspector: all of it is shown as what it is."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Pages
from tests.browser.recorded_run import ReportedRun
from tests.support.hard_payloads import CARD, DEEP, HARD, KEY

RUN = "hard-payloads"
#: What the inspector must show of each.
SHOWN = {
    "large": ("of 1.4 MiB", "word word word"),
    "control": (r"\u0000\u0001\u001b",),
    "nan": ("float nan", "float inf", "float -inf"),
    "numbers": ("123456789012345678901234567890",),
    "half-pair": (r"a\ud800b",),
    "secrets": ("Secrets were redacted before storage", "⊘ password", "⊘ card", "⊘ aws_key_id"),
    "empty-text": ('""',),
    "empty-object": ("{}",),
    "empty-list": ("[]",),
    "many-keys": ("key0", "key12"),
    "deep": ("[",),
}


@pytest.fixture(scope="module", autouse=True)
def told(console: Console) -> None:
    """A run with one action for each, as a foreign client tells of them."""
    payloads = {name: payload.text for name, payload in HARD.items()} | {"deep": DEEP}
    entries = [
        b'{"id":"%b","action":"%b","outcome":"success","payload":{"inputs":{},"outputs":%b}}'
        % (name.encode(), name.encode(), text)
        for name, text in payloads.items()
    ]
    body = b'{"run_id":"%b","agent_id":"hard","entries":[%b]}' % (RUN.encode(), b",".join(entries))
    url = f"http://127.0.0.1:{console.titan.sdk_port}/api/v1/ingest"
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
        assert json.load(answer).get("refused", []) == []


def inspector(page: Page, name: str) -> Locator:
    return page.get_by_role("complementary", name=f"Operation {name}")


@pytest.mark.parametrize("name", SHOWN)
def test_the_inspector_shows_each_payload_by_its_type(pages: Pages, console: Console, name: str) -> None:
    page = pages.open(console, f"/runs/{RUN}?action={name}")

    panel = inspector(page, name)
    for part in SHOWN[name]:
        expect(panel).to_contain_text(part)
    text = panel.inner_text()
    assert CARD not in text
    assert KEY not in text


def test_a_redaction_names_its_rule(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{RUN}?action=secrets")

    for rule in ("password", "card", "aws_key_id"):
        chip = inspector(page, "secrets").get_by_title(f"Redacted before storage by the rule {rule}")
        expect(chip.first).to_have_text(f"⊘ {rule}")


def test_all_of_them_unfold_at_once_in_the_list(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{RUN}")
    calls = page.get_by_role("table", name="Actions")
    expect(calls).to_contain_text("many-keys")

    page.get_by_role("button", name="Expand all").click()

    expect(calls).to_contain_text("float nan")


def test_the_whole_of_a_large_one_is_downloaded(pages: Pages, console: Console) -> None:
    page = pages.open(console, f"/runs/{RUN}?action=large")

    with page.expect_download() as started:
        inspector(page, "large").get_by_role("link", name="Download all").click()

    assert json.loads(started.value.path().read_text()) == HARD["large"].value


def test_no_comma_is_on_a_line_of_its_own_below_bytes(pages: Pages, console: Console) -> None:
    run = ReportedRun(console, "hard-bytes")
    run.action("pack", "pack", inputs=[b"abc", 3, 4], outputs={"raw": b"abc", "n": 1})
    page = pages.open(console, f"/runs/{run.id}?tab=telemetry&action=pack")

    lines = inspector(page, "pack").get_by_role("region", name="Inputs").locator(".json-line")

    expect(lines).to_have_text([re.compile("61 62 63 +abc$"), "3,", "4"])
