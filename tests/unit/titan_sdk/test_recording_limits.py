"""What is lost where there is no room or no time, and that runs and failures are not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard
from tests.unit.titan_sdk.test_recording_delivery import kept_entries
from titan_sdk import action, progress, run
from titan_sdk.recording.delivery import Answer, Delivery, Verdict
from titan_sdk.recording.leaving import Leftovers
from titan_sdk.recording.process import recording_to
from titan_sdk.recording.recorder import LONGEST_QUEUE, Recorder
from titan_sdk.recording.spool import Spool
from titan_sdk.recording.entry import Lost, Entry

LARGE = "y" * 100_000  # where what was told is large, fewer notes may wait


class Hanging(Heard):
    """A server that answers nobody until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.goes_on = threading.Event()

    def post(self, body: bytes, within_seconds: float) -> Answer:
        self.is_asked.set()
        self.goes_on.wait(FLUSH_SECONDS)
        return super().post(body, within_seconds)


class Slow(Heard):
    """A server that takes 0.1 s for each request."""

    def post(self, body: bytes, within_seconds: float) -> Answer:
        threading.Event().wait(0.1)
        return super().post(body, within_seconds)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    heard = Hanging()
    with recording_to(heard.recorder):
        yield heard
        heard.goes_on.set()
        heard.recorder.close(FLUSH_SECONDS)


@action
def call(number: int) -> int:
    return number


def by_id(entries: list[dict[str, Any]], run_id: str) -> dict[str, dict[str, Any]]:
    """Return what all entries together say of each call of a run."""
    known: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["type"] == "action" and entry["run_id"] == run_id and entry["kind"] != "event":
            known.setdefault(entry["id"], {}).update(entry)
    return known


def test_where_too_many_wait_whole_calls_are_lost_and_no_run_and_no_end(hanging: Hanging) -> None:
    with suppress(ValueError), run("A", "A_1"), action("long") as long:
        long.set_input(LARGE)
        assert hanging.is_asked.wait(FLUSH_SECONDS)
        for number in range(LONGEST_QUEUE + 500):
            call(number)
        progress(1)
        with run("B", "B_1"):
            call(1)
        raise ValueError("no")
    hanging.goes_on.set()

    entries = hanging.entries()
    ends = {each["run_id"]: (each["end"], each.get("reason")) for each in hanging.runs() if "end" in each}
    calls = by_id(entries, "A_1")
    lost = {
        each["run_id"]: each["details"]["attributes"]["count"]
        for each in entries
        if each.get("name") == "titan.entries_lost"
    }
    assert ends == {"A_1": ("failed", "ValueError: no"), "B_1": ("completed", None)}
    assert all("ended_at_ns" in each for each in calls.values())
    assert len(calls) + lost["A_1"] == LONGEST_QUEUE + 500 + len(["long", "progress"])
    assert (lost["A_1"] >= 400, lost["B_1"]) == (True, 1)
    assert [each.get("name") for each in entries].count("titan.entries_lost") == len(lost)
    assert len(hanging.said) == 1


def test_more_small_calls_than_large_ones_may_wait(hanging: Hanging) -> None:
    with run("A", "A_1"), action("small"):
        assert hanging.is_asked.wait(FLUSH_SECONDS)
        for number in range(LONGEST_QUEUE + 5_000):
            call(number)
        hanging.goes_on.set()

    calls = by_id(hanging.entries(), "A_1")
    assert len(calls) == LONGEST_QUEUE + 5_000 + len(["small"])
    assert hanging.said == []


def test_an_exit_beside_a_slow_server_sends_some_and_keeps_the_rest(tmp_path: Path) -> None:
    slow, said = Slow(), list[str]()
    delivery = Delivery(slow.post, Spool(str(tmp_path)), say=said.append)
    recorder = Recorder(lambda: delivery)
    with recording_to(recorder), run("A", "A_1"):
        for number in range(10_000):
            call(number)
    began = time.monotonic()

    recorder.close()

    took = time.monotonic() - began
    sent = [entry for body in slow.bodies for entry in json.loads(body)["entries"]]
    kept = kept_entries(tmp_path)
    assert (len(sent) > 0, len(kept) > 0) == (True, True)
    assert len(by_id([*sent, *kept], "A_1")) == 10_000
    assert ["wait in" in line for line in said] == [True]
    assert took < 20  # 2 s; a machine that others use takes its time


def test_an_event_says_to_its_run_how_many_entries_were_lost_and_does_not_reopen_it() -> None:
    heard = Heard()
    with recording_to(heard.recorder):
        with run("A", "A_1"):
            assert heard.recorder.flush(FLUSH_SECONDS)
            heard.verdicts.extend([Verdict.REFUSED] * 2)  # of the two together, and of the first alone
            with action("refused"):
                pass
        heard.recorder.close(FLUSH_SECONDS)

    [event] = [each for each in heard.actions() if each["name"] == "titan.entries_lost"]
    ended = heard.runs()[-1]
    assert (event["run_id"], event["outputs"]) == ("A_1", "1 entry of this run was not recorded")
    assert event["started_at_ns"] <= ended["at_ns"]


def test_what_is_called_within_a_call_that_was_lost_stands_below_its_parent(hanging: Hanging) -> None:
    with run("A", "A_1"), action("root") as root:
        root.set_input(LARGE)
        assert hanging.is_asked.wait(FLUSH_SECONDS)
        for number in range(LONGEST_QUEUE + 100):
            call(number)
        with action("lost"):
            hanging.goes_on.set()
            assert hanging.recorder.flush(FLUSH_SECONDS)
            call(-1)

    calls = {each["name"]: each for each in by_id(hanging.entries(), "A_1").values()}
    assert "lost" not in calls
    assert calls["call"]["inputs"] == {"number": -1}
    assert calls["call"]["parent_id"] == calls["root"]["id"]


def burst_beside_a_hung_server(folder: Path, *, exit_seconds: float, keep_seconds: float) -> list[str]:
    """Fill the queue while the server hangs, and end; return what was said."""
    heard, said = Hanging(), list[str]()
    delivery = Delivery(heard.post, Spool(str(folder)), say=said.append)
    recorder = Recorder(lambda: delivery, keep_seconds=keep_seconds)
    with recording_to(recorder), suppress(ValueError), run("A", "A_1"):
        call(-1)
        assert heard.is_asked.wait(FLUSH_SECONDS)
        for number in range(LONGEST_QUEUE - 10):
            call(number)
        raise ValueError("no")
    recorder.close(exit_seconds)
    heard.goes_on.set()
    return said


def test_an_exit_beside_a_server_that_hangs_keeps_a_whole_burst(tmp_path: Path) -> None:
    said = burst_beside_a_hung_server(tmp_path, exit_seconds=0.5, keep_seconds=600)  # a minute where others compute

    entries = kept_entries(tmp_path)
    assert [each["end"] for each in entries if "end" in each] == ["failed"]
    assert len(by_id(entries, "A_1")) == LONGEST_QUEUE - 9
    assert ["wait in" in line for line in said] == [True]


def test_an_exit_beside_a_server_that_hangs_keeps_what_there_is_time_for_and_counts_the_rest(tmp_path: Path) -> None:
    began = time.monotonic()

    said = burst_beside_a_hung_server(tmp_path, exit_seconds=0.6, keep_seconds=0)

    took = time.monotonic() - began
    entries = kept_entries(tmp_path)
    calls = by_id(entries, "A_1")
    [lost] = [each for each in entries if each.get("name") == "titan.entries_lost"]
    assert [each["end"] for each in entries if "end" in each] == ["failed"]
    assert len(calls) > 0
    assert len(calls) + lost["details"]["attributes"]["count"] == LONGEST_QUEUE - 9
    assert ["lost" in said[0], "wait in" in said[1]] == [True, True]
    assert took < 60  # half a second, and what the calls themselves take


class Note:
    """A note that is told at once."""

    def __init__(self, name: str, *, is_vital: bool = False) -> None:
        self.name = name
        self.is_vital = is_vital
        self.lost = Lost(name, 1)

    def told(self) -> list[Entry]:
        return [an_entry(self.name)]


def an_entry(name: str, size_bytes: int = 0) -> Entry:
    told = Entry({"type": "action", "id": name, "name": name, "run_id": name, "started_at_ns": 1})
    told.size_bytes = size_bytes
    return told


def test_of_what_is_left_runs_and_failures_go_first_and_what_is_too_large_for_the_time_is_lost() -> None:
    notes = [Note("a"), Note("end", is_vital=True), Note("b")]
    left = Leftovers(notes, [an_entry("in hand"), an_entry("large", size_bytes=10**9)])
    delivered: list[object] = []

    lost = left.deliver(
        lambda note: note.told(), lambda piece: delivered.extend(each.name for each in piece), until=in_a_while()
    )

    assert delivered == ["end", "in hand", "a", "b"]
    assert lost == [Lost("large", 1)]


def test_what_there_is_no_time_for_is_all_counted() -> None:
    left = Leftovers([Note("a"), Note("end", is_vital=True)], [an_entry("in hand")])

    lost = left.deliver(lambda note: note.told(), lambda _piece: None, until=time.monotonic())

    assert sorted(each.run_id or "" for each in lost) == ["a", "end", "in hand"]


def in_a_while() -> float:
    return time.monotonic() + FLUSH_SECONDS
