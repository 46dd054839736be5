"""From an acknowledged call to the screen: how soon the page of a run draws what the server has just committed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Final

from playwright.sync_api import Page

from benchmarks.chromium import WINDOW, chromium
from benchmarks.rows import REPORTED, Better, Row, Target, at_most, percentile
from benchmarks.titan_server import BenchmarkFailed, running_titan

RUN: Final = "on-the-screen"
NAME: Final = "step-"
APART_SECONDS: Final = (0.04, 0.16)  # ten calls a second, in no step with frames or readings
PATIENCE_MS: Final = 10_000.0  # for the last one
WARM: Final = 20  # calls, before any counts

#: Notes when the frame with a new call was painted, in ms since 1970: name → time.
PROBE: Final = """
(() => {
  const drawn = (window.__drawn = {});
  let isDue = false;
  function painted() {
    isDue = false;
    const at = performance.timeOrigin + performance.now();
    for (const { title } of document.querySelectorAll('[title^="step-"]')) drawn[title] ??= at;
  }
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      if (isDue) return;
      isDue = true;
      // The frame after the change is under way; what is posted within it runs once it is painted.
      requestAnimationFrame(() => setTimeout(painted));
    }).observe(document.body, { subtree: true, childList: true });
  });
})();
"""


def measure_screen(folder: Path, *, rounds: int, calls: int) -> Iterator[Row]:
    """Yield the rows about the page of a run that so many calls are told of, one by one, in each round."""
    delays: list[list[float]] = []
    with running_titan(folder / "screen") as titan, chromium() as browser:
        source = _Teller(titan.port)
        source.tell(WARM)
        page = browser.new_page(viewport=WINDOW)
        page.add_init_script(PROBE)
        page.goto(f"http://127.0.0.1:{titan.port}/runs/{RUN}?order=desc")
        page.locator(f'[title="{NAME}{WARM - 1}"]').wait_for()
        delays = [_delays(page, source, calls) for _ in range(rounds)]
        source.close()
    targets: Mapping[int, Target] = {50: REPORTED, 95: at_most(100, "≤ 100 ms")}
    for percent, target in targets.items():
        yield Row(
            what=f"an acknowledged call until the open page of its run has drawn it, p{percent}",
            unit="ms",
            better=Better.LOWER,
            titan=[percentile(samples, percent) for samples in delays],
            target=target,
        )


def _delays(page: Page, source: _Teller, calls: int) -> list[float]:
    """Return how many milliseconds after its acknowledgement each of some calls stood on the screen."""
    acknowledged = source.tell(calls)
    last = max(acknowledged, key=acknowledged.__getitem__)
    page.wait_for_function("name => name in __drawn", arg=last, timeout=PATIENCE_MS)
    drawn: dict[str, float] = page.evaluate("__drawn")
    missing = acknowledged.keys() - drawn.keys()
    if missing:
        raise BenchmarkFailed(f"{len(missing)} of {calls} calls were never drawn: {sorted(missing)[:3]}")
    return [drawn[name] - at for name, at in acknowledged.items()]


class _Teller:
    """Tells of one call after another of one run."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._chance = Random(7)
        self._told = 0

    def tell(self, calls: int) -> dict[str, float]:
        """Tell of so many; return when each was acknowledged, in ms since 1970."""
        found: dict[str, float] = {}
        for _ in range(calls):
            time.sleep(self._chance.uniform(*APART_SECONDS))
            name = f"{NAME}{self._told}"
            self._told += 1
            self._post({"run_id": RUN, "agent_id": "bench", "entries": [_entry(name)]})
            found[name] = time.time() * 1000
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _post(self, body: object) -> None:
        self._connection.request("POST", "/api/v1/actions", json.dumps(body), {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise BenchmarkFailed(f"POST /api/v1/actions: expected 200; found {answer.status} {said[:300]!r}")


def _entry(name: str) -> dict[str, object]:
    now = time.time_ns()
    times = {"started_at_ns": now - 1_000_000, "ended_at_ns": now}
    return {"type": "action", "id": name, "name": name, "inputs": {"of": name}, "outputs": ["done"], **times}
