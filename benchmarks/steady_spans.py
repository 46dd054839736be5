"""Sends OTLP spans at a steady rate, in its own process: `python -m benchmarks.steady_spans PORT SPANS_PER_SECOND`.

Each line of standard input is a number of seconds. Requests for so long are made and serialised first, then `ready` is
printed; after one more line they are sent, each when it is due, and the spans acknowledged a second are printed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import islice
from typing import Final

from benchmarks.conversations import otlp_requests
from benchmarks.report import ROOT
from benchmarks.sending import post_spans, send_each
from benchmarks.titan_server import BenchmarkFailed

SPANS: Final = 512  # of a request: what OpenTelemetry's batch processor sends at most
CONNECTIONS: Final = 4  # enough that a request which takes half a second delays none behind it


class SteadySpans:
    """A running sender."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @contextmanager
    def sending(self, seconds: float) -> Iterator[list[float]]:
        """Send during the block, or for `seconds` if that is longer; afterwards the list has the spans a second."""
        self._say(f"{seconds}")
        self._expect("ready")
        self._say("send")
        rate: list[float] = []
        yield rate
        rate.append(float(self._heard()))

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _expect(self, line: str) -> None:
        found = self._heard()
        if found != line:
            raise BenchmarkFailed(f"the sender of spans: expected {line!r}; found {found!r}")

    def _heard(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkFailed(f"the sender of spans ended with {self._process.wait(60)}")
        return line.strip()


@contextmanager
def steady_spans(port: int, *, spans_per_second: int) -> Iterator[SteadySpans]:
    """Start a sender, and end it."""
    command = [sys.executable, "-m", "benchmarks.steady_spans", str(port), str(spans_per_second)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield SteadySpans(process)


def main(port: int, spans_per_second: int) -> None:
    """Answer the lines of standard input until there are no more."""
    requests = otlp_requests(spans=SPANS, seed=11)
    while line := sys.stdin.readline():
        bodies = list(islice(requests, max(1, round(float(line) * spans_per_second / SPANS))))
        print("ready", flush=True)
        sys.stdin.readline()
        print(_rate_of_sending(port, bodies, apart_seconds=SPANS / spans_per_second), flush=True)


def _rate_of_sending(port: int, bodies: Sequence[bytes], *, apart_seconds: float) -> float:
    """Send each body when it is due; return the spans acknowledged a second, until the last one was."""
    began = time.monotonic()

    def connected() -> Callable[[tuple[int, bytes]], None]:
        connection = HTTPConnection("127.0.0.1", port)

        def send(due: tuple[int, bytes]) -> None:
            number, body = due
            time.sleep(max(0.0, began + number * apart_seconds - time.monotonic()))
            post_spans(connection, body)

        return send

    send_each(enumerate(bodies), connected, senders=CONNECTIONS)
    return len(bodies) * SPANS / max(time.monotonic() - began, len(bodies) * apart_seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
