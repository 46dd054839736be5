"""Measure how a log of 1,000,000 lines and 200 MB opens, scrolls, is searched and followed in a real Chromium.

    python -m benchmarks.console_log

The server must hold the built console (`make console`).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import CDPSession, Page, expect

from benchmarks.chromium import WINDOW, Measure, chromium
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, end_cleanly_when_told_to, running_titan
from titan_sdk import TitanJob

LINES: Final = 1_000_000
FOLLOW_SECONDS: Final = 10.0
FOLLOW_LINES_A_SECOND: Final = 1000
WHEEL_STEPS: Final = 120
PATIENCE_MS: Final = 180_000

PROGRAM: Final = """
    import sys, time
    from pathlib import Path

    lines, seconds, a_second = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    levels = ("\\x1b[32mINFO\\x1b[0m", "\\x1b[33mWARN\\x1b[0m", "\\x1b[36mDEBUG\\x1b[0m", "\\x1b[1;31mERROR\\x1b[0m")
    tail = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore "

    def line(number):
        return f"2026-11-21T17:00:00.{number % 1000:03d} {levels[number % 97 % 4]} step {number} {(tail * 3)[:150]}"

    for begin in range(0, lines, 5000):
        print("\\n".join(map(line, range(begin, begin + 5000))))
    sys.stdout.flush()
    while seconds and not Path(sys.argv[4]).exists():
        time.sleep(0.05)
    for tenth in range(int(seconds * 10)):
        first = lines + tenth * a_second // 10
        print("\\n".join(map(line, range(first, first + a_second // 10))), flush=True)
        time.sleep(0.1)
"""


def main(arguments: Sequence[str]) -> int:
    """Measure and print every step; return 0 when no task was longer than the target."""
    end_cleanly_when_told_to()
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--lines", type=int, default=LINES)
    lines: int = options.parse_args(arguments).lines
    with tempfile.TemporaryDirectory(prefix="titan-bench-") as folder, running_titan(Path(folder)) as titan:
        try:
            return _measure(titan, Path(folder), lines=lines).verdict()
        except BenchmarkFailed as failure:
            print(failure, file=sys.stderr)
            return 1


def _measure(titan: RunningTitan, folder: Path, *, lines: int) -> Measure:
    program, go = folder / "million.py", folder / "go"
    program.write_text(textwrap.dedent(PROGRAM))
    with titan.client() as client:
        client.submit_dag("done", [TitanJob("done", str(program), args=[str(lines), "0", "0", "-"])])
        client.wait("done")
        live = [str(lines), str(FOLLOW_SECONDS), str(FOLLOW_LINES_A_SECOND), str(go)]
        client.submit_dag("live", [TitanJob("live", str(program), args=live)])
    with chromium() as browser:
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        measure = Measure(browser, page)
        url = f"http://127.0.0.1:{titan.port}"
        _open_and_read(page, measure, url, lines)
        _follow(page, measure, url, lines, start=go.touch)
        _tell_memory(page.context.new_cdp_session(page))
    return measure


def _open_and_read(page: Page, measure: Measure, url: str, lines: int) -> None:
    with measure.step("open: until the first lines stand there"):
        page.goto(f"{url}/logs/done")
        page.wait_for_selector(".log-row")
    with measure.step("load: until every line is there"):
        _wait_for_lines(page, lines)
    page.mouse.move(700, 500)
    for name, step in {"wheel": 100, "fast wheel": 3000}.items():
        with measure.step(f"{name}: {WHEEL_STEPS} steps of {step} px"):
            _wheel(page, step)
    with measure.step("scroll bar dragged from end to end, 200 places"):
        page.evaluate(_DRAG)
    with measure.step("End, Home, 40 times Page Down"):
        page.focus(".log-scroller")
        for key in ["End", "Home", *["PageDown"] * 40]:
            page.keyboard.press(key)
    with measure.step(f"search: one line of {lines:,}"):
        page.fill("[data-search]", f"step {lines - 77} ")
        page.wait_for_selector(f".log-row[data-hit][data-line='{lines - 77}']")
    with measure.step("search: a quarter of all lines, until all are found"):
        page.fill("[data-search]", "error")
        expect(page.locator(".log-count")).to_have_text(re.compile(r"^[\d,]+ of \d[\d,]{3,} lines$"))
    with measure.step("20 times the next match"):
        for _ in range(20):
            page.keyboard.press("Enter")
    with measure.step(f"wrapped: {WHEEL_STEPS} wheel steps of 300 px"):
        page.get_by_role("button", name="Wrap").click()
        page.mouse.move(700, 500)
        _wheel(page, 300)


def _follow(page: Page, measure: Measure, url: str, lines: int, *, start: Callable[[], None]) -> None:
    with measure.step("open a running job's log, at its end"):
        page.goto(f"{url}/logs/live")
        _wait_for_lines(page, lines)
    with measure.step(f"follow {FOLLOW_LINES_A_SECOND} lines a second behind them"):
        start()
        _wait_for_lines(page, lines + int(FOLLOW_SECONDS * FOLLOW_LINES_A_SECOND))
    last = page.evaluate("Number([...document.querySelectorAll('.log-row')].at(-1).dataset.line)")
    if last < lines:
        raise BenchmarkFailed(f"the page did not follow: its last line is {last}")


_DRAG: Final = """async () => {
    const scroller = document.querySelector('.log-scroller');
    for (let step = 0; step <= 200; step += 1) {
      scroller.scrollTop = (scroller.scrollHeight - scroller.clientHeight) * step / 200;
      await new Promise(requestAnimationFrame);
    }
}"""


def _wheel(page: Page, px: int) -> None:
    for _ in range(WHEEL_STEPS):
        page.mouse.wheel(0, px)


def _wait_for_lines(page: Page, lines: int) -> None:
    expect(page.locator(".log-foot")).to_have_text(re.compile(f"^{lines:,} lines"))


def _tell_memory(devtools: CDPSession) -> None:
    devtools.send("HeapProfiler.collectGarbage")
    used = devtools.send("Runtime.getHeapUsage")["usedSize"]
    print(f"the page's own heap holds {used / 2**20:.1f} MiB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
