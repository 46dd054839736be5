"""What the programs of `tests/acceptance/clients` said to a Titan, captured once, and said again byte for byte.

`python -m tests.support.capturing [NAME …]` captures anew: all of them, or those of these names.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time_ns
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.captured import (
    CapturedRequest,
    Exchange,
    content_of,
    read_exchanges,
    with_secret,
    with_words,
    write_exchanges,
)
from tests.support.fake_endpoint import fake_endpoint
from tests.support.foreign_programs import PROGRAMS, Conversation, Program, converse, priced
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import ROOT

CAPTURED: Final = ROOT / "tests/acceptance/captured"
#: Where programs run while they are captured, for clients tell of paths: the same on every machine.
NEUTRAL_FOLDER: Final = Path("/tmp/agent")
CHAT: Final = "/v1/chat/completions"
#: What the model's answers have that is another each time.
OF_ONE_ANSWER: Final = ("id", "created", "titan")
#: Settings of a server that hears them again: the runs are as old as their capture.
KEPT_FOR_EVER: Final = {"TITAN_KEEP_CALLS_DAYS": "0", "TITAN_ARCHIVE_CALLS_DAYS": "0"}


def captured(program: Program) -> Conversation:
    """Return what was captured of a program."""
    printed = (CAPTURED / f"{program.name}.txt").read_text("utf-8")
    return Conversation(printed=printed, exchanges=read_exchanges(CAPTURED / f"{program.name}.jsonl"))


def say_again(program: Program, port: int, *, token: str | None) -> Conversation:
    """Say to the server at a port what was captured of a program; return that.

    Fails where an answer is another than the program got: then what it printed holds no more. Only the model's have
    ids and times of their own; what is said of such an answer later is said of the one that came now, as of now.
    """
    conversation, now = captured(program), dict[bytes, bytes]()
    for exchange in conversation.exchanges:
        asked = with_words(exchange.request, now)
        if program.asks_titan and asked.path == "/v1/traces":
            asked = of_now(asked)
        answer = ask(port, asked.method, asked.path, asked.body, with_secret(asked.headers, token))
        if asked.path == CHAT and answer.status == 200:
            was, found = json.loads(exchange.answer), json.loads(answer.body)
            now[was["id"].encode()] = found["id"].encode()
            assert {**found, **{name: was[name] for name in OF_ONE_ANSWER}} == was
            continue
        assert (answer.status, answer.body) == (exchange.status, exchange.answer), (
            f"{asked.method} {asked.path} is answered in another way than the client was; where that is meant: "
            f"python -m tests.support.capturing {program.name}"
        )
    return conversation


def of_now(request: CapturedRequest) -> CapturedRequest:
    """Return a request to /v1/traces whose last span ends now; what was between its times still is."""
    message = ExportTraceServiceRequest.FromString(content_of(request))
    spans = [span for one in message.resource_spans for scope in one.scope_spans for span in scope.spans]
    later_ns = time_ns() - max(span.end_time_unix_nano for span in spans)
    for span in spans:
        span.start_time_unix_nano += later_ns
        span.end_time_unix_nano += later_ns
        for event in span.events:
            event.time_unix_nano += later_ns
    headers = {name: value for name, value in request.headers.items() if name != "content-encoding"}
    return replace(request, headers=headers, body=message.SerializeToString())


@contextmanager
def server_for(program: Program, folder: Path) -> Iterator[tuple[RunningTitan, str | None]]:
    """Run a Titan as a program needs it, with its home in `folder`, for a `with` block; with the token it wants."""
    options = ("--require-token",) if program.shows_token else ()
    with fake_endpoint() as endpoint:
        model = "none"
        if program.asks_titan:
            endpoint.replies.extend(priced(program))
            model = f"{endpoint.url}#gpt-4o-mini"
        home = folder / "home"
        with running_titan(home, offers=(), options=options, environment=KEPT_FOR_EVER, model=model) as titan:
            yield titan, titan.home_token if program.shows_token else None


def capture(program: Program) -> None:
    """Run a program beside a Titan, and write what was said to its files in CAPTURED."""
    NEUTRAL_FOLDER.mkdir()  # fails where there is one: it is somebody's
    try:
        with tempfile.TemporaryDirectory() as home, server_for(program, Path(home)) as (titan, token):
            conversation = converse(program, titan.sdk_port, token=token, folder=NEUTRAL_FOLDER)
    finally:
        shutil.rmtree(NEUTRAL_FOLDER)
    for exchange in conversation.exchanges:
        _require_neutral(program, exchange, token)
    CAPTURED.mkdir(exist_ok=True)
    write_exchanges(CAPTURED / f"{program.name}.jsonl", conversation.exchanges)
    (CAPTURED / f"{program.name}.txt").write_text(conversation.printed, "utf-8")


def _require_neutral(program: Program, exchange: Exchange, token: str | None) -> None:
    """Fail where an exchange tells of the machine it was captured on, or a secret."""
    asked = exchange.request
    content = b"\n".join((asked.path.encode(), str(asked.headers).encode(), content_of(asked), exchange.answer))
    private = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix, token or ""} - {"", "/"}
    found = sorted(word for word in private if word.encode() in content)
    assert not found, f"{program.name}: {asked.method} {asked.path} tells of this machine: {found}"


if __name__ == "__main__":
    for wanted in sys.argv[1:] or PROGRAMS:
        capture(PROGRAMS[wanted])
