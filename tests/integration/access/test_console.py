"""A browser is given the console without a token; what the console asks for needs one."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.raw_http import ask, request, said
from tests.support.token_holder import Holder

BROWSER = {"Accept": "text/html,*/*;q=0.8"}
IMAGE = b"\x89PNG\r\n\x1a\n"


def test_a_page_needs_no_token(nobody: Holder) -> None:
    page = ask(nobody.port, "GET", "/runs/RESEARCH_1", b"", BROWSER)

    assert page.status in (200, 503)  # built or not
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_requests_that_no_browser_makes_still_need_a_token(nobody: Holder) -> None:
    assert ask(nobody.port, "GET", "/runs/RESEARCH_1").refusal == (401, "Unauthorized")
    assert ask(nobody.port, "GET", "/api/v1/runs", b"", BROWSER).refusal == (401, "Unauthorized")


def test_head_is_answered_as_get_without_a_body(nobody: Holder) -> None:
    with said(nobody.port, request("HEAD", "/", b"", BROWSER)) as connection:
        answer = connection.makefile("rb").read()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: text/html; charset=utf-8" in head
    assert body == b""


def test_an_image_is_shown_and_runs_nothing(admin: Holder) -> None:
    digest = hashlib.sha256(IMAGE).hexdigest()
    assert admin.ask("PUT", "/api/files/plot.png", IMAGE).status == 201

    shown = admin.ask("GET", f"/api/blobs/{digest}?name=plot.png&inline=true")
    saved = admin.ask("GET", f"/api/blobs/{digest}?name=plot.png")

    assert (shown.body, shown.headers["content-type"]) == (IMAGE, "image/png")
    assert "content-disposition" not in shown.headers
    assert shown.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert saved.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["page.html", "plot.svg", "notes.txt", ""])
def test_nothing_but_images_is_shown(admin: Holder, name: str) -> None:
    digest = hashlib.sha256(IMAGE).hexdigest()
    admin.ask("PUT", "/api/files/plot.png", IMAGE)

    refused = admin.ask("GET", f"/api/blobs/{digest}?name={name}&inline=true")

    assert refused.refusal == (400, "InvalidInput")
