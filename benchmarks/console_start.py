"""How soon the console stands there: first paint, what is loaded before it, and that nothing leaves the host.

    python -m benchmarks.console_start

A real server with the built console (`make console`) and a real Chromium, with a fresh profile for each opening.
Counted are the bytes on the wire, compressed as the server sends them, of everything the page loads that is not data.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Request

from benchmarks.chromium import WINDOW, chromium, tell_load
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, end_cleanly_when_told_to, running_titan
from titan_sdk import TitanJob

FIRST_PAINT_MS: Final = 1000.0  # issue 4
FIRST_KILOBYTES: Final = 250.0  # issue 4, gzip
ROUTES: Final = (
    *("/", "/agents", "/dags", "/dags/DAG-FIRST", "/logs/first", "/workers", "/approvals", "/store", "/settings"),
    "/help",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One opening of a page."""

    paint_ms: float  #: from the navigation to the first contentful paint
    before_data: int  #: bytes on the wire before the route's data is asked for, headers included
    foreign: list[str]  #: addresses of other hosts that were asked


def main(arguments: Sequence[str]) -> int:
    """Measure and print; return 0 when every route is within the targets."""
    end_cleanly_when_told_to()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="openings of each route, of which the median counts")
    rounds: int = parser.parse_args(arguments).rounds
    tell_load()
    is_good = True
    with tempfile.TemporaryDirectory(prefix="titan-bench-") as folder, running_titan(Path(folder)) as titan:
        client = titan.client()
        client.wait(client.submit_dag("FIRST", [TitanJob("first", "job.py", script_content="print('hello')")]))
        with chromium() as browser:
            _open(browser, titan, "/")  # the browser's and the server's own first time
            for route in ROUTES:
                opened = [_open(browser, titan, route) for _ in range(rounds)]
                is_good &= _tell(route, opened)
    return 0 if is_good else 1


def _open(browser: Browser, titan: RunningTitan, route: str) -> Opened:
    context = browser.new_context(viewport=WINDOW)
    page = context.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"http://127.0.0.1:{titan.port}{route}")
    page.locator("main h1").first.wait_for()
    page.wait_for_load_state("load")
    paint: Any = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
    page.wait_for_timeout(500)
    if paint is None:
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    files = [request for request in asked if not urlsplit(request.url).path.startswith("/api/")]
    if not files:
        raise BenchmarkFailed(f"{route}: the browser asked for nothing")
    size = sum(request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"] for request in files)
    foreign = [request.url for request in asked if urlsplit(request.url).hostname != "127.0.0.1"]
    context.close()
    return Opened(paint_ms=float(paint), before_data=size, foreign=foreign)


def _tell(route: str, opened: Sequence[Opened]) -> bool:
    paint_ms = statistics.median(one.paint_ms for one in opened)
    kilobytes = max(one.before_data for one in opened) / 1000
    foreign = sorted({address for one in opened for address in one.foreign})
    print(
        f"{route:<16} first paint {paint_ms:4.0f} ms, {kilobytes:4.0f} KB, other hosts: {', '.join(foreign) or 'none'}"
    )
    return paint_ms <= FIRST_PAINT_MS and kilobytes <= FIRST_KILOBYTES and not foreign


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
