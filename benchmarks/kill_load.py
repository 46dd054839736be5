"""Programs that tell a server of what they do while it is killed under them, and what of it was acknowledged.

Whoever uses it kills the server and starts it again at the same port; afterwards `lost` asks by HTTP for all that any
answer acknowledged, and names what is not there.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import count, islice
from random import Random
from typing import Final, Protocol
from urllib.parse import quote

from benchmarks.conversations import conversations, request_of, spans_of
from benchmarks.titan_server import BenchmarkFailed

PROGRAMS: Final = 3
LARGE_SPANS: Final = 512  # over 64 KiB: read by the process beside the server
SMALL_SPANS: Final = 16  # read by a thread of it
BATCH: Final = 20  # actions of a request of the SDK
LONGEST_MOMENT: Final = 0.3  # seconds from an acknowledgement to the kill: as long as a commit, and some more
AWAY_SECONDS: Final = 0.02  # between two tries of a program whose server is away
ANSWER_SECONDS: Final = 60.0
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
JSON: Final = {"Content-Type": "application/json"}


class Killable(Protocol):
    """A server that can be killed, and started on the same home and port."""

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""

    def start_again(self) -> None:
        """Start it; return when it answers."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one request tells: run → ids of actions."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    told: Mapping[str, frozenset[str]]


class KillLoad:
    """Three programs: two with OpenTelemetry's protocol in large and in small requests, one with the SDK's own."""

    def __init__(self, port: int, *, seed: int) -> None:
        self._port = port
        self._acknowledged: dict[str, set[str]] = {}
        self._refused: str | None = None
        self._told = threading.Condition()
        self._is_over = threading.Event()
        streams = (otlp(LARGE_SPANS, seed=seed), otlp(SMALL_SPANS, seed=seed + 1), sdk(f"sdk-{seed}"))
        self._answers = [0] * len(streams)
        self._programs = [threading.Thread(target=self._tell, args=each) for each in enumerate(streams)]

    @property
    def acknowledged(self) -> int:
        """How many actions were acknowledged so far."""
        with self._told:
            return sum(map(len, self._acknowledged.values()))

    def begin(self) -> None:
        """Start the programs."""
        for program in self._programs:
            program.start()

    def wait_for(self, requests: int, *, program: int) -> None:
        """Return as soon as so many more requests of a program were acknowledged."""
        with self._told:
            enough = self._answers[program] + requests
            self._told.wait_for(lambda: self._answers[program] >= enough or self._refused is not None)
            if self._refused is not None:
                raise BenchmarkFailed(self._refused)

    def end(self) -> None:
        """Have each program end with the request it is about."""
        self._is_over.set()
        for program in self._programs:
            if program.ident is not None:
                program.join()

    def lost(self) -> dict[str, set[str]]:
        """Return what was acknowledged and is not there: run → ids. The programs have ended."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            missing = {run: ids - _stored(connection, run) for run, ids in self._acknowledged.items()}
        finally:
            connection.close()
        return {run: ids for run, ids in missing.items() if ids}

    def _tell(self, program: int, requests: Iterator[Request]) -> None:
        """Send one request after the other; one that is not acknowledged is given up, for it may or may not be kept."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        while not self._is_over.is_set():
            request = next(requests)
            try:
                connection.request("POST", request.path, request.body, dict(request.headers))
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, HTTPException):
                connection.close()
                time.sleep(AWAY_SECONDS)
                continue
            self._note(program, request, answer.status, said)
        connection.close()

    def _note(self, program: int, request: Request, status: int, said: bytes) -> None:
        with self._told:
            if status == 200:
                self._answers[program] += 1
                for run, ids in request.told.items():
                    self._acknowledged.setdefault(run, set()).update(ids)
            elif status != 503:  # a server that ends, or asks for a pause, has kept nothing
                self._refused = f"POST {request.path}: expected 200; found {status} {said[:300]!r}"
            self._told.notify_all()


@contextmanager
def loaded(port: int, *, seed: int) -> Iterator[KillLoad]:
    """Run the programs during the block."""
    load = KillLoad(port, seed=seed)
    load.begin()
    try:
        yield load
    finally:
        load.end()


def kill_at_random(titan: Killable, load: KillLoad, chance: Random, *, kills: int) -> None:
    """Kill the server so often while it takes in what is told, and start it again each time.

    About every other time it has just acknowledged something, which one that does so too soon has not kept yet.
    """
    for number in range(kills):
        load.wait_for(chance.randint(1, 6), program=number % PROGRAMS)
        time.sleep(chance.choice((0, chance.uniform(0, LONGEST_MOMENT))))
        titan.kill()
        titan.start_again()
    for program in range(PROGRAMS):
        load.wait_for(1, program=program)


def otlp(spans: int, *, seed: int) -> Iterator[Request]:
    """Yield requests of so many spans for ever."""
    stream = (span for conversation in conversations(seed=seed) for span in spans_of(conversation))
    while True:
        batch = list(islice(stream, spans))
        told: dict[str, set[str]] = {}
        for span in batch:
            told.setdefault(span.trace_id.hex(), set()).add(span.span_id.hex())
        yield Request("/v1/traces", PROTOBUF, request_of(batch).SerializeToString(), _frozen(told))


def sdk(prefix: str) -> Iterator[Request]:
    """Yield requests as the SDK sends them, each of one run, which the next nine tell of too."""
    for number in count():
        run = f"{prefix}-{number // 10}"
        ids = [f"{number}-{at}" for at in range(BATCH)]
        body = {"run_id": run, "agent_id": "killed", "entries": [_entry(id) for id in ids]}
        yield Request("/api/v1/actions", JSON, json.dumps(body).encode(), {run: frozenset(ids)})


def _entry(id: str) -> dict[str, object]:
    now = time.time_ns()
    times = {"started_at_ns": now, "ended_at_ns": now + 1_000_000}
    return {"type": "action", "id": id, "name": "step", "inputs": {"text": f"of {id} " * 40}, "outputs": [id], **times}


def _frozen(told: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {run: frozenset(ids) for run, ids in told.items()}


def _stored(connection: HTTPConnection, run: str) -> set[str]:
    path = f"/api/v1/runs/{quote(run, safe='')}/skeleton"
    connection.request("GET", path)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status == 404:
        return set()
    if answer.status != 200:
        raise BenchmarkFailed(f"GET {path}: expected 200; found {answer.status} {said[:300]!r}")
    return set(json.loads(said)["id"])
