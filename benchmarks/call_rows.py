"""Recorded calls: how fast they are taken in, what they take on the disk, and how fast lists and runs are read then."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw
import psutil

from benchmarks.conversations import otlp_requests
from benchmarks.rows import Better, Row, at_least, at_most, percentile
from benchmarks.sending import post_spans, send_each
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, running_titan
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.system import SystemClock

SPANS: Final = 512  # of a request: what OpenTelemetry's batch processor sends at most
SENDERS: Final = 4
ASKED: Final = 20  # times, each list
DEEP_RUNS: Final = (1_000, 10_000)  # actions
DEEP_TARGETS_MS: Final = {1_000: 60.0, 10_000: 300.0}
MIB: Final = 1024 * 1024

#: The ten lists that issue 5 names, over all time: the corpus is older than a day.
LISTS: Final = {
    "newest": "runs?window=all",
    "status": "runs?window=all&status=failed",
    "agent": "runs?window=all&agent_id=researcher",
    "min cost": "runs?window=all&min_cost=0.01",
    "24 h": "runs?window=24h",
    "agent + status": "runs?window=all&agent_id=researcher&status=completed",
    "cost descending": "runs?window=all&sort=cost",
    "duration descending": "runs?window=all&sort=duration",
    "ledger by action": "ledger?action_name=search_web",
    "ledger by outcome and date": "ledger?outcome=error&start_date=2026-03-01T12:00:00Z",
}
FULL_TEXT: Final = {"a rare word": "ledger?search=catalytic", "two frequent words": "ledger?search=weather%20forecast"}


def measure_calls(folder: Path, *, actions: int) -> Iterator[Row]:
    """Yield the rows about recorded calls, in a store that `actions` spans were sent to."""
    with running_titan(folder / "calls") as titan:
        rates = list(_filled(titan, actions))
        yield Row(
            what=f"OTLP spans of 2 KB, pre-serialised, until queryable; {actions:,} in all",
            unit="spans/s",
            better=Better.HIGHER,
            titan=rates,
            target=at_least(8000, "≥ 8,000 spans/s"),
        )
        yield _size("bytes an action on the disk, before runs are packed", _bytes_on_disk(titan) / actions, "B", 1500)
        yield _size("memory of the server and its reading process", _memory_mib(titan), "MiB", 250)
        for name, path in LISTS.items():
            yield _list(titan, name, path, 30.0)
        for name, path in FULL_TEXT.items():
            yield _list(titan, f"full text, {name}", path, 50.0)
        for count in DEEP_RUNS:
            yield _deep_run(titan, count)
    yield _size("bytes an action on the disk, when runs are packed", _packed_bytes(titan.home / "calls.db"), "B", 1500)


def _packed_bytes(path: Path) -> float:
    """Pack every run that is over, as the server does five minutes after; return bytes an action without free pages."""
    clock = SystemClock()
    store = SqliteCallStore(path, clock=clock)
    while store.pack(before=clock.now() + timedelta(days=1), limit=100):
        pass
    store.close()
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    pages, free, size, actions = (
        int(str(database.execute(asked).fetchall()[0][0]))
        for asked in ("pragma page_count", "pragma freelist_count", "pragma page_size", "select count(*) from actions")
    )
    database.close()
    return (pages - free) * size / actions


def _filled(titan: RunningTitan, actions: int) -> Iterator[float]:
    """Send the corpus in ten parts; yield each part's spans a second."""
    requests = otlp_requests(spans=SPANS, seed=5)
    parts = 10
    for _ in range(parts):
        bodies = list(islice(requests, max(1, actions // SPANS // parts)))
        began = time.perf_counter()
        _send(titan, bodies)
        yield len(bodies) * SPANS / (time.perf_counter() - began)


def _send(titan: RunningTitan, bodies: Sequence[bytes]) -> None:
    """Post all bodies over a few connections; what is acknowledged is committed, and so can be asked for."""
    send_each(bodies, lambda: partial(post_spans, http.client.HTTPConnection("127.0.0.1", titan.port)), senders=SENDERS)


def _list(titan: RunningTitan, name: str, path: str, most_ms: float) -> Row:
    took = _asked(titan, f"/api/v1/{path}")
    return Row(
        what=f"list: {name}, p95",
        unit="ms",
        better=Better.LOWER,
        titan=[percentile(took, 95)],
        target=at_most(most_ms, f"≤ {most_ms:.0f} ms"),
    )


def _deep_run(titan: RunningTitan, count: int) -> Row:
    """Record one run of so many actions and open it: the skeleton that its page is drawn from."""
    run = f"deep-{count}"
    now = time.time_ns()
    for start in range(0, count, 1000):
        entries = [
            {
                "type": "action",
                "id": f"{number}",
                "name": f"tool-{number % 20}",
                "kind": "tool",
                "started_at_ns": now + number * 1_000_000,
                "ended_at_ns": now + number * 1_000_000 + 500_000,
                "parent_id": f"{number // 10}" if number else None,
                "inputs": {"number": number},
                "outputs": [number],
            }
            for number in range(start, min(count, start + 1000))
        ]
        _post(titan, "/api/v1/actions", {"run_id": run, "agent_id": "deep", "entries": entries})
    took = _asked(titan, f"/api/v1/runs/{quote(run)}/skeleton")
    most = DEEP_TARGETS_MS[count]
    return Row(
        what=f"open a run of {count:,} actions (skeleton), p95",
        unit="ms",
        better=Better.LOWER,
        titan=[percentile(took, 95)],
        target=at_most(most, f"≤ {most:.0f} ms"),
    )


def _asked(titan: RunningTitan, path: str) -> list[float]:
    """Return how long each of some answers took, in ms; the first is not counted."""
    connection = http.client.HTTPConnection("127.0.0.1", titan.port)
    took: list[float] = []
    for _ in range(ASKED + 1):
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise BenchmarkFailed(f"GET {path}: expected 200; found {answer.status} {said[:300]!r}")
    connection.close()
    return took[1:]


def _post(titan: RunningTitan, path: str, body: object) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", titan.port)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status != 200:
        raise BenchmarkFailed(f"POST {path}: expected 200; found {answer.status} {said[:300]!r}")


def _size(what: str, figure: float, unit: str, most: float) -> Row:
    return Row(what=what, unit=unit, better=Better.LOWER, titan=[figure], target=at_most(most, f"≤ {most:,.0f} {unit}"))


def _bytes_on_disk(titan: RunningTitan) -> float:
    return sum(path.stat().st_size for path in titan.home.glob("calls.db*") if not path.name.endswith("-shm"))


def _memory_mib(titan: RunningTitan) -> float:
    server = psutil.Process(titan.pid)
    reading = [child for child in server.children() if "spawn_main" in " ".join(child.cmdline())]
    return sum(process.memory_info().rss for process in (server, *reading)) / MIB
