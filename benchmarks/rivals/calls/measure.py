"""One server, filled and asked: everything that a row of the table says."""

from __future__ import annotations

import os
import statistics
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.machine import describe_machine
from benchmarks.rivals.calls.asking import NotMeasured, send_all
from benchmarks.rivals.calls.catalogue import Contestant
from benchmarks.rivals.calls.corpus import (
    DEEP_TRACE,
    DIALECTS,
    Request,
    corpus_of,
    deep_requests,
    requests_of,
)
from benchmarks.rivals.calls.results import Answered, Measured
from benchmarks.rivals.calls.server import POLL_SECONDS, Question, Server, Wanted, version_of
from benchmarks.rivals.environments import interpreter, make_environment
from benchmarks.rivals.measure import driver_environment
from benchmarks.rivals.protocol import running_driver
from benchmarks.rivals.services import postgres

QUESTIONS: Final = (
    "newest",
    "with an error",
    "longest first",
    "last 24 h",
    "a rare word",
    "a frequent word",
    "a trace",
)
SDK: Final = "opentelemetry"  # the name of its lock
PARTS: Final = 4  # of the corpus; each is a sample
ASKED: Final = 20  # times, each question
ASKING_SECONDS: Final = 60.0  # of one question; it is not asked again after them
STALLED_SECONDS: Final = 120.0  # without one more span


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is sent, and how long that may take."""

    spans: int
    seconds: float  #: no part of the corpus is begun later


def measure_contestant(contestant: Contestant, folder: Path, sizes: Sizes) -> Measured:
    """Return what was found of one server.

    Raises:
        CannotInstall: there are no packages of it for this machine.
        ServiceFailed: its database did not start.
        DriverFailed: OpenTelemetry's SDK could not send to it.
        NotMeasured: it did not start, refused spans, or lost some.
    """
    python, its_version = _environment(contestant)
    middle = datetime.now(UTC) - timedelta(days=1)
    corpus, dialect = corpus_of(sizes.spans, middle=middle), DIALECTS[contestant.dialect]
    wanted = Wanted(since_ms=int(middle.timestamp()) * 1000, rare=corpus.rare, trace_id=DEEP_TRACE.hex())
    warm_up, requests = requests_of(corpus.warm_up, dialect), requests_of(corpus.conversations, dialect)
    deep, by_sdk = deep_requests(corpus.deep, dialect), requests_of(corpus.by_sdk, dialect)
    machine = {**describe_machine(folder)}
    with _store(contestant, folder) as store:
        with contestant.running(folder, python, store) as server:
            _fill(server, warm_up)
            filled = list(_filled(server, requests, sizes.seconds))
            _fill(server, deep)
            sdk_rate = _by_sdk(server, folder, by_sdk)
            answered, memory_mib = _answered(server, wanted), server.memory_mib()
        spans = _spans((*warm_up, *requests[: len(filled) * _part(requests)], *deep, *by_sdk))
        return Measured(
            version=its_version,
            machine=machine,
            load_after=round(os.getloadavg()[0], 1),
            spans=spans,
            bytes_of_span=sum(len(request.body) for request in requests) / _spans(requests),
            spans_per_s=filled,
            sdk_spans_per_s=sdk_rate,
            answered=answered,
            disk_bytes_per_span=_disk_bytes(server.data, store) / spans,
            memory_mib=memory_mib,
        )


def _environment(contestant: Contestant) -> tuple[Path, str]:
    """Return the interpreter that runs a server, and the server's version."""
    if contestant.lock is None:
        return Path(sys.executable), version("titan")
    environment = make_environment(contestant.lock)
    return interpreter(environment), version_of(environment, contestant.package)


@contextmanager
def _store(contestant: Contestant, folder: Path) -> Iterator[str | None]:
    """Keep the PostgreSQL that a contestant wants and yield its database; None where a file will do."""
    if contestant.database is None:
        yield None
        return
    with postgres(folder) as url:
        yield f"{url}/{contestant.database}"


def _filled(server: Server, requests: Sequence[Request], seconds: float) -> Iterator[float]:
    """Send the corpus part by part, until the time is up; yield the spans a second of each."""
    began = time.monotonic()
    for at in range(0, len(requests), _part(requests)):
        if at and time.monotonic() - began > seconds:
            print(f"    the time was up after {at / len(requests):.0%} of the spans", flush=True)
            return
        part = requests[at : at + _part(requests)]
        rate = _spans(part) / _fill(server, part)
        print(f"    {rate:,.0f} spans/s", flush=True)
        yield rate


def _part(requests: Sequence[Request]) -> int:
    """Return how many requests make a part: the last may have fewer."""
    return -(-len(requests) // PARTS)


def _spans(requests: Sequence[Request]) -> int:
    return sum(request.spans for request in requests)


def _counted(server: Server, requests: Sequence[Request]) -> int:
    """Return by how many a server's count grows with these requests."""
    return _spans(requests) if server.counts_agents else sum(request.calls for request in requests)


def _fill(server: Server, requests: Sequence[Request]) -> float:
    """Return the seconds from the first request until the server counts all that they hold."""
    expected = server.count() + _counted(server, requests)
    began = time.perf_counter()
    send_all(server.port, server.path, [request.body for request in requests], server.headers)
    _wait_for(server, expected)
    return time.perf_counter() - began


def _wait_for(server: Server, expected: int) -> None:
    heard, found = time.monotonic(), server.count()
    while found < expected:
        if time.monotonic() - heard > STALLED_SECONDS:
            raise NotMeasured(f"expected {expected} spans; found {found}, and none more in {STALLED_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
        before, found = found, server.count()
        heard = time.monotonic() if found > before else heard


def _by_sdk(server: Server, folder: Path, requests: Sequence[Request]) -> float:
    """Return the spans a second of OpenTelemetry's SDK, from the first that it makes until the last is counted."""
    file = folder / "spans-of-sdk"
    file.write_bytes(b"".join(struct.pack(">I", len(request.body)) + request.body for request in requests))
    command = [str(interpreter(make_environment(SDK))), "-m", "benchmarks.rivals.drivers.stock_sdk_driver"]
    services = {
        "endpoint": f"http://127.0.0.1:{server.port}{server.path}",
        "bodies": str(file),
        **server.headers,
    }
    with running_driver(SDK, command, folder=folder, environment=driver_environment(folder)) as driver:
        driver.start(slots=1, folder=folder, script=file, services=services)
        expected = server.count() + _counted(server, requests)
        began = time.perf_counter()
        driver.seconds("sdk", "wide", _spans(requests))
        _wait_for(server, expected)
        return _spans(requests) / (time.perf_counter() - began)


def _disk_bytes(data: Path, store: str | None) -> int:
    """Return what a server left on the disk when it ended: SQLite has written its log into the database by then."""
    if store is None:
        return sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    with psycopg.connect(store, autocommit=True) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _answered(server: Server, wanted: Wanted) -> dict[str, Answered]:
    questions: Mapping[str, Question] = server.questions(wanted)
    return {name: _asked(server, questions[name]) for name in QUESTIONS if name in questions}


def _asked(server: Server, question: Question) -> Answered:
    """Ask some times; the first is not counted unless it took so long that it is the only one."""
    began = time.perf_counter()
    try:
        rows = question.rows(server.caller.ask_json(question.ask))
        took_ms: list[float] = []
        while (spent := time.perf_counter() - began) < ASKING_SECONDS and len(took_ms) < ASKED:
            server.caller.ask(question.ask)
            took_ms.append((time.perf_counter() - began - spent) * 1000)
    except NotMeasured as refusal:
        print(f"    {refusal}", flush=True)
        return Answered(took_ms=[(time.perf_counter() - began) * 1000], rows=0, refusal=str(refusal))
    took_ms = took_ms or [spent * 1000]
    print(f"    {question.ask.path[:60]}: {statistics.median(took_ms):,.1f} ms, {rows} rows", flush=True)
    return Answered(took_ms=took_ms, rows=rows)
