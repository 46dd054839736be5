"""Beside a server that is busy or hangs: what is in flight may arrive, and nobody waits twice for the same silence."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard
from tests.unit.titan_sdk.test_recording_delivery import kept_entries, told
from titan_sdk import action, run
from titan_sdk.recording.delivery import ANSWER_SECONDS, PROBE_SECONDS, Answer, Delivery, Verdict, post_to
from titan_sdk.recording.process import recording_to
from titan_sdk.recording.recorder import Recorder
from titan_sdk.recording.spool import Spool
from titan_sdk.transport import Transport

LARGE = "y" * 3_000_000  # below the 4 MiB that are recorded whole


class WatchedSpool(Spool):
    """A folder that says when something comes in."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.has_kept = threading.Event()

    def add(self, body: bytes, *, entries: int = 1) -> bool:
        is_kept = super().add(body, entries=entries)
        self.has_kept.set()
        return is_kept


class Busy(Heard):
    """A server that answers to a body with `word` in it only when it is let go on."""

    def __init__(self, word: bytes, goes_on: threading.Event) -> None:
        super().__init__()
        self.word = word
        self.is_asked = threading.Event()
        self.goes_on = goes_on

    def post(self, body: bytes, within_seconds: float) -> Answer:
        if self.word in body:
            self.is_asked.set()
            self.goes_on.wait(FLUSH_SECONDS)
        return super().post(body, within_seconds)


@action
def show(text: str) -> int:
    return len(text)


def ends(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["end"] for entry in entries if "end" in entry]


def test_an_exit_lets_a_large_call_in_flight_arrive_and_the_end_of_its_run_after_it(tmp_path: Path) -> None:
    spool, said = WatchedSpool(tmp_path), list[str]()
    busy = Busy(b"yyy", spool.has_kept)  # so it takes longer than the exit waits without keeping the rest
    delivery = Delivery(busy.post, spool, say=said.append)
    recorder = Recorder(lambda: delivery)
    with recording_to(recorder), run("A", "A_1"):
        show(LARGE)
        assert busy.is_asked.wait(FLUSH_SECONDS)

    recorder.close(FLUSH_SECONDS)

    entries = busy.entries()
    assert ends(entries) == ["completed"]
    assert [entry["outputs"] for entry in entries if entry.get("name") == "show"] == [3_000_000]
    assert (kept_entries(tmp_path), said) == ([], [])


def test_what_was_sent_and_not_answered_at_an_exit_is_kept_and_not_lost(tmp_path: Path) -> None:
    said, busy = list[str](), Busy(b"yyy", threading.Event())
    delivery = Delivery(busy.post, Spool(str(tmp_path)), say=said.append)
    recorder = Recorder(lambda: delivery, keep_seconds=0)
    with recording_to(recorder), run("A", "A_1"):
        show("yyy")
        assert busy.is_asked.wait(FLUSH_SECONDS)

    recorder.close(0.7)
    kept = kept_entries(tmp_path)
    busy.goes_on.set()

    assert ends(kept) == ["completed"]
    assert [entry["name"] for entry in kept if entry["type"] == "action"] == ["show"]
    assert ["wait in" in line for line in said] == [True]


def test_the_end_of_a_run_goes_before_what_is_large_in_it() -> None:
    busy = Busy(b"first", threading.Event())
    with recording_to(busy.recorder):
        with run("A", "A_1"):
            show("first")
            assert busy.is_asked.wait(FLUSH_SECONDS)
            show(LARGE)
        busy.goes_on.set()

        entries = busy.entries()
    busy.recorder.close(FLUSH_SECONDS)

    assert ends(entries) == ["completed"]
    assert [entry["inputs"]["text"] == LARGE for entry in entries if entry["type"] == "action"] == [False, True]
    assert entries[-1]["outputs"] == 3_000_000


def test_a_large_body_has_longer_to_arrive() -> None:
    waits: list[float] = []

    def post(_body: bytes, within_seconds: float) -> Answer:
        waits.append(within_seconds)
        return Answer(Verdict.TAKEN)

    delivery = Delivery(post, None)

    delivery.give(told("a"))
    delivery.give(told("b"))
    delivery.give(told("c", inputs=f'"{"y" * 2 * 2**20}"'))

    assert [round(seconds, 2) for seconds in waits] == [PROBE_SECONDS, ANSWER_SECONDS, ANSWER_SECONDS + 2]


@pytest.mark.parametrize(
    ("seconds", "why"),
    [(1.25, "the server at {} did not answer within 1.2 s"), (0.01, "there was no time to bring them to {};")],
    ids=["slow", "hardly asked"],
)
def test_a_server_that_listens_and_does_not_answer_in_time_is_not_said_to_be_away(
    seconds: float, why: str, tmp_path: Path
) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        post = post_to(Transport("127.0.0.1", port, retry_for_seconds=0))
        delivery = Delivery(post, Spool(str(tmp_path)), say=said.append, where=f"127.0.0.1:{port}")

        delivery.give(told("a"), within_seconds=seconds)
        delivery.say_what_is_left()

    assert f"titan_sdk: 1 recorded entry waits in {tmp_path}: {why.format(f'127.0.0.1:{port}')}" in said[0]
    assert delivery.is_silent


def test_forks_beside_a_server_that_hangs_wait_for_it_once() -> None:
    busy = Busy(b"first", threading.Event())
    with recording_to(busy.recorder), run("A", "A_1"):
        show("first")
        assert busy.is_asked.wait(FLUSH_SECONDS)
        began = time.monotonic()

        for _ in range(200):  # of 0.1 s each, were it not for the first
            busy.recorder.step_aside()

        took = time.monotonic() - began
        busy.goes_on.set()
    busy.recorder.close(FLUSH_SECONDS)
    assert took < 10
    assert ends(busy.entries()) == ["completed"]
