"""Counts the modules of ours that one OTLP span runs through: `python -m benchmarks.span_path`.

A server runs in this process, so that a profile function sees all of its threads: the event loop, the recorder's and
the store's writer. Each of ROUNDS spans is posted to /v1/traces; the first is not measured, for it fills caches. The
server answers once the span's row is committed; until the answer is complete, each module of ours (`titan`,
`titan_sdk`) in which a function is called is noted. Printed are the modules that ran in every round, in the order of
their first call, and how many they are. A timer may run in one round, but hardly in all.

Large requests are prepared in a process of their own (`titan.recorder.preprocess`); one span is not large.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from types import FrameType
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from benchmarks.sending import post_spans
from benchmarks.titan_server import BenchmarkFailed
from titan.main import UpSettings, up

ROUNDS: Final = 6
START_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.3  # between two rounds: what follows a commit is over by then
OURS: Final = re.compile(r"titan(_\w+)?(\.|$)")
_ATTRIBUTES: Final[Mapping[str, AnyValue]] = {
    "gen_ai.operation.name": AnyValue(string_value="chat"),
    "gen_ai.provider.name": AnyValue(string_value="openai"),
    "gen_ai.request.model": AnyValue(string_value="gpt-4o-mini"),
    "gen_ai.response.model": AnyValue(string_value="gpt-4o-mini"),
    "gen_ai.usage.input_tokens": AnyValue(int_value=31),
    "gen_ai.usage.output_tokens": AnyValue(int_value=9),
    "gen_ai.input.messages": AnyValue(
        string_value='[{"role": "user", "parts": [{"type": "text", "content": "Which colour has the sky?"}]}]'
    ),
    "gen_ai.output.messages": AnyValue(
        string_value='[{"role": "assistant", "parts": [{"type": "text", "content": "Blue."}]}]'
    ),
}


class CalledModules:
    """Notes the modules of ours whose functions are called, in whichever thread, while it is open."""

    def __init__(self) -> None:
        self._found: dict[str, None] | None = None

    def install(self) -> None:
        """Watch this thread and all that are started from now on."""
        threading.setprofile(self._on_event)
        sys.setprofile(self._on_event)

    def open(self) -> None:
        """Begin to note."""
        self._found = {}

    def close(self) -> list[str]:
        """Stop; return the modules in the order of their first call."""
        found, self._found = self._found, None
        return list(found or ())

    def _on_event(self, frame: FrameType, event: str, _argument: object) -> None:
        found = self._found
        if found is None or event != "call" or frame.f_code.co_name == "<module>":
            return
        module = frame.f_globals.get("__name__", "")
        if module not in found and OURS.match(module):
            found[module] = None


def measured(folder: Path) -> list[str]:
    """Return the modules that every measured span ran through, in the order of their first call."""
    called, rounds, url = CalledModules(), list[list[str]](), list[str]()
    is_up = threading.Event()

    def say(greeting: str) -> None:
        url.extend(re.findall(r"http://127\.0\.0\.1:(\d+)", greeting))
        is_up.set()

    def post() -> None:
        sys.setprofile(None)  # this thread is the client
        try:
            if is_up.wait(START_SECONDS):
                rounds.extend(_post_each(called, int(url[-1])))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    called.install()
    client = threading.Thread(target=post)
    client.start()
    up(UpSettings(home=folder / "home", port=0, sdk_port=0, offers={}, model="none", log_format="text"), say=say)
    client.join()
    sys.setprofile(None)
    threading.setprofile(None)
    return in_all(rounds)


def in_all(rounds: Sequence[Iterable[str]]) -> list[str]:
    """Return what is in each of the lists, in the order of the first."""
    return [one for one in rounds[0] if all(one in other for other in map(set, rounds[1:]))] if rounds else []


def main() -> int:
    """Measure and print; return 0, or 1 where the server was not up in time."""
    with tempfile.TemporaryDirectory() as folder:
        modules = measured(Path(folder))
    for module in modules:
        print(f"  {module}")
    print(f"{len(modules)} modules of ours between the request and the stored row")
    return 0 if modules else 1


def _post_each(called: CalledModules, port: int) -> list[list[str]]:
    """Return the modules of each round but the first.

    Raises:
        BenchmarkFailed: a span was not acknowledged, or is not stored though it was.
    """
    rounds = []
    connection = HTTPConnection("127.0.0.1", port)
    for _ in range(ROUNDS):
        trace_id = secrets.token_bytes(16)
        body = _a_request(trace_id).SerializeToString()
        time.sleep(PAUSE_SECONDS)
        called.open()
        post_spans(connection, body)
        rounds.append(called.close())
        _check_stored(connection, trace_id.hex())
    connection.close()
    return rounds[1:]


def _check_stored(connection: HTTPConnection, run_id: str) -> None:
    connection.request("GET", f"/api/v1/runs/{run_id}")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise BenchmarkFailed(
            f"GET /api/v1/runs/{run_id}: expected 200, for its span was acknowledged; {answer.status}"
        )


def _a_request(trace_id: bytes) -> ExportTraceServiceRequest:
    """Return a request with one call of a model."""
    now_ns = time.time_ns()
    span = Span(
        trace_id=trace_id,
        span_id=secrets.token_bytes(8),
        name="chat gpt-4o-mini",
        start_time_unix_nano=now_ns - 10**9,
        end_time_unix_nano=now_ns,
        attributes=[KeyValue(key=key, value=value) for key, value in _ATTRIBUTES.items()],
    )
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])


if __name__ == "__main__":
    sys.exit(main())
