"""What a browser is given: the bundle's files by their paths, its page for every other, under a strict policy."""

import gzip
from pathlib import Path

import pytest

from titan.server.http.console import FOR_EVER, Console, Page

BROWSER = {b"accept": "text/html,application/xhtml+xml,*/*;q=0.8", b"accept-encoding": "gzip, deflate, br"}
SCRIPT = b"console.log('hello')\n" * 50


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a console of four files; of the script there is a compressed one."""
    (tmp_path / "secret.txt").write_bytes(b"not of the bundle")
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_bytes(b"<!doctype html>")
    (web / "icon.svg").write_bytes(b"<svg/>")
    (web / "assets" / "index-1a.js").write_bytes(SCRIPT)
    (web / "assets" / "index-1a.js.gz").write_bytes(gzip.compress(SCRIPT))
    (web / "assets" / "index-2b.css").write_bytes(b"a{}")
    (web / "digest").write_bytes(b"of the sources")
    return Console(web)


def given(console: Console, path: str, headers: dict[bytes, str] = BROWSER) -> Page:
    page = console.answer(path, headers)
    assert page is not None, path
    return page


@pytest.mark.parametrize("path", ["/", "/runs", "/dags/DAG-nightly", "/logs/d1.00000", "/index.html", "/apis"])
def test_a_browser_gets_the_page_for_every_path_that_is_no_file(console: Console, path: str) -> None:
    page = given(console, path)

    assert (page.status, page.body) == (200, b"<!doctype html>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/api/nothing", "/v1/models", "/schema/openapi.json", "/metrics", "/api"])
def test_requests_of_programs_are_left_to_the_routes(console: Console, path: str) -> None:
    assert console.answer(path, BROWSER) is None


def test_a_client_that_is_no_browser_gets_no_page(console: Console) -> None:
    assert console.answer("/", {b"accept": "*/*"}) is None
    assert console.answer("/runs", {}) is None


def test_an_asset_is_kept_for_ever_and_comes_compressed_to_who_takes_it(console: Console) -> None:
    zipped = given(console, "/assets/index-1a.js")
    plain = given(console, "/assets/index-1a.js", {b"accept-encoding": "gzip;q=0, br"})

    assert gzip.decompress(zipped.body) == plain.body == SCRIPT
    assert (zipped.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
    assert zipped.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert zipped.headers["cache-control"] == FOR_EVER
    assert zipped.headers["content-type"] == "text/javascript; charset=utf-8"


def test_an_uncompressed_file_is_sent_unchanged(console: Console) -> None:
    page = given(console, "/assets/index-2b.css")

    assert (page.body, page.headers["content-type"]) == (b"a{}", "text/css; charset=utf-8")
    assert "vary" not in page.headers


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/assets/",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/index-1a.js.gz",
    ],
)
def test_there_is_nothing_but_the_files_of_the_bundle(console: Console, path: str) -> None:
    assert given(console, path).status == 404


def test_internal_files_of_the_bundle_are_no_pages(console: Console) -> None:
    assert console.answer("/digest", {}) is None
    assert console.answer("/../secret.txt", {}) is None


def test_a_page_that_did_not_change_is_not_sent_again(console: Console) -> None:
    tag = given(console, "/icon.svg").headers["etag"]

    assert given(console, "/icon.svg", {b"if-none-match": tag}).status == 304


@pytest.mark.parametrize("path", ["/", "/assets/index-1a.js", "/assets/gone.js", "/icon.svg"])
def test_every_answer_carries_the_policy(console: Console, path: str) -> None:
    headers = given(console, path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_without_a_bundle_a_browser_gets_the_command_to_build_it(tmp_path: Path) -> None:
    page = given(Console(tmp_path / "missing"), "/")

    assert page.status == 503
    assert b"make console" in page.body
